package bench

// seriesKind is a series that can be made of two readings.
type seriesKind struct {
	name, title string
	source      string
	// of gives the value of the time between two readings that both have the
	// source, as a numerator and a denominator. NaN: it can't be told.
	of func(from, to instant) (n, d float64)
	// momentary is what requests under way use: the last reading, after the last
	// answer, says nothing of it.
	momentary bool
}

// The names of series that a limit is named from.
const (
	seriesPoolInUse     = "pool_in_use"
	seriesPoolMax       = "pool_max"
	seriesPoolWaited    = "pool_waited_per_s"
	seriesPoolTurns     = "pool_turns_per_request"
	seriesCPU           = "cpu_pct"
	seriesCores         = "cpu_cores"
	seriesPoolerWaiting = "pooler_cl_waiting"
	seriesPoolerIdle    = "pooler_sv_idle"
	seriesPoolerActive  = "pooler_sv_active"
	seriesExecPerCall   = "db_exec_ms_per_call"
	seriesDBBusy        = "db_exec_ms_per_s"
)

const mebibyte = 1 << 20

// seriesKinds lists every series, in the order of the reports.
func seriesKinds() []seriesKind {
	server := func(of func(from, to serverPage, s float64) (n, d float64)) func(from, to instant) (n, d float64) {
		return func(from, to instant) (n, d float64) {
			return of(*from.server, *to.server, (to.at - from.at).Seconds())
		}
	}
	pooler := func(of func(store instant) float64) func(from, to instant) (n, d float64) {
		return func(_, to instant) (n, d float64) { return of(to), 1 }
	}
	const lasting, momentary = false, true
	return []seriesKind{
		{"pool_acquire_ms", "pool: acquire, ms each", sourceServer, server(func(from, to serverPage, _ float64) (n, d float64) {
			return 1000 * gain(from.acquireSeconds, to.acquireSeconds), gain(from.acquires, to.acquires)
		}), lasting},
		{seriesPoolWaited, "pool: acquires that waited, /s", sourceServer, server(func(from, to serverPage, s float64) (n, d float64) {
			return gain(from.waited, to.waited), s
		}), lasting},
		{seriesPoolInUse, "pool: in use", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.inUse, 1 }), momentary},
		{"pool_idle", "pool: idle", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.idle, 1 }), momentary},
		{seriesPoolMax, "pool: the most", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.most, 1 }), lasting},
		{seriesPoolTurns, "pool: DB turns per request", sourceServer, func(from, to instant) (n, d float64) {
			return gain(from.server.turns, to.server.turns), float64(to.ended - from.ended)
		}, lasting},
		{"cache_hit_pct", "cache: hits of lists, %", sourceServer, server(func(from, to serverPage, _ float64) (n, d float64) {
			return 100 * gain(from.hits, to.hits), gain(from.lookups, to.lookups)
		}), lasting},
		{seriesCPU, "server: CPU, % of a core", sourceServer, server(func(from, to serverPage, s float64) (n, d float64) {
			return 100 * gain(from.cpuSeconds, to.cpuSeconds), s
		}), lasting},
		{seriesCores, "server: cores", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.cores, 1 }), lasting},
		{"memory_mib", "server: memory, MiB", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.memory / mebibyte, 1 }), lasting},
		{"goroutines", "server: goroutines", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.goroutines, 1 }), lasting},
		{"pooler_cl_active", "pooler: cl_active, idle too", sourcePooler, pooler(func(i instant) float64 { return float64(i.pools.ClientsActive) }), momentary},
		{seriesPoolerWaiting, "pooler: cl_waiting", sourcePooler, pooler(func(i instant) float64 { return float64(i.pools.ClientsWaiting) }), momentary},
		{seriesPoolerActive, "pooler: sv_active", sourcePooler, pooler(func(i instant) float64 { return float64(i.pools.ServersActive) }), momentary},
		{seriesPoolerIdle, "pooler: sv_idle, sv_used", sourcePooler, pooler(func(i instant) float64 { return float64(i.pools.ServersIdle) }), momentary},
		{"pooler_maxwait_ms", "pooler: maxwait, ms", sourcePooler, pooler(func(i instant) float64 { return i.pools.MaxWaitMS() }), momentary},
		{"db_calls_per_request", "database: calls per request", sourceDatabase, func(from, to instant) (n, d float64) {
			return float64(to.statements.Calls - from.statements.Calls), float64(to.ended - from.ended)
		}, lasting},
		{seriesExecPerCall, "database: execution, ms a call", sourceDatabase, func(from, to instant) (n, d float64) {
			return to.statements.ExecMS - from.statements.ExecMS, float64(to.statements.Calls - from.statements.Calls)
		}, lasting},
		{seriesDBBusy, "database: execution, ms a second", sourceDatabase, func(from, to instant) (n, d float64) {
			return to.statements.ExecMS - from.statements.ExecMS, (to.at - from.at).Seconds()
		}, lasting},
		{"redis_hit_pct", "Redis: hits of keys, %", sourceRedis, func(from, to instant) (n, d float64) {
			hits := gain(from.redis.hits, to.redis.hits)
			return 100 * hits, hits + gain(from.redis.misses, to.redis.misses)
		}, lasting},
		{"redis_memory_mib", "Redis: memory, MiB", sourceRedis, func(_, to instant) (n, d float64) { return to.redis.memory / mebibyte, 1 }, lasting},
		{"redis_evicted_per_s", "Redis: evicted keys, /s", sourceRedis, func(from, to instant) (n, d float64) {
			return gain(from.redis.evicted, to.redis.evicted), (to.at - from.at).Seconds()
		}, lasting},
		{"redis_clients", "Redis: clients", sourceRedis, func(_, to instant) (n, d float64) { return to.redis.clients, 1 }, lasting},
	}
}

// gain is what a counter counted between two readings; NaN when it began anew.
func gain(from, to float64) float64 {
	if to < from {
		return nan()
	}
	return to - from
}
