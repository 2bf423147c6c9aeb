package bench

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// nan is no number: what was not told.
func nan() float64 { return math.NaN() }

// ServerTimeline is a phase as the parts behind the target told of it, reading by
// reading. All series have a value for each reading after the first, null where
// it could not be told.
type ServerTimeline struct {
	AtMS   []float64    `json:"at_ms"` // of the readings, from the start of the phase
	Series []Series     `json:"series"`
	Cost   SamplingCost `json:"sampling_cost"`
}

// Series is one thing over time. Counters are told as what they gained since the
// reading before, gauges as they were.
type Series struct {
	Name   string `json:"name"` // with its unit; see seriesKinds
	Source string `json:"source"`
	// Mean is over the whole phase: of a share or a rate, that of the sums.
	Mean   *float64   `json:"mean"`
	Max    *float64   `json:"max"`
	Values []*float64 `json:"values"`
}

// SamplingCost is what the readings themselves have cost.
type SamplingCost struct {
	Readings int     `json:"readings"`
	Turns    int64   `json:"turns"` // round trips to all sources together
	MS       float64 `json:"ms"`    // that the readings took
}

// seriesKind is a series that can be made of two readings.
type seriesKind struct {
	name, title string
	source      string
	// of gives the value of the time between two readings that both have the
	// source, as a numerator and a denominator. NaN: it can't be told.
	of func(from, to instant) (n, d float64)
}

// The names of series that a limit is named from.
const (
	seriesPoolInUse     = "pool_in_use"
	seriesPoolMax       = "pool_max"
	seriesPoolWaited    = "pool_waited_per_s"
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
	return []seriesKind{
		{"pool_acquire_ms", "pool: acquire, ms each", sourceServer, server(func(from, to serverPage, _ float64) (n, d float64) {
			return 1000 * gain(from.acquireSeconds, to.acquireSeconds), gain(from.acquires, to.acquires)
		})},
		{seriesPoolWaited, "pool: acquires that waited, /s", sourceServer, server(func(from, to serverPage, s float64) (n, d float64) {
			return gain(from.waited, to.waited), s
		})},
		{seriesPoolInUse, "pool: in use", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.inUse, 1 })},
		{"pool_idle", "pool: idle", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.idle, 1 })},
		{seriesPoolMax, "pool: the most", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.most, 1 })},
		{"cache_hit_pct", "cache: hits of lists, %", sourceServer, server(func(from, to serverPage, _ float64) (n, d float64) {
			return 100 * gain(from.hits, to.hits), gain(from.lookups, to.lookups)
		})},
		{seriesCPU, "server: CPU, % of a core", sourceServer, server(func(from, to serverPage, s float64) (n, d float64) {
			return 100 * gain(from.cpuSeconds, to.cpuSeconds), s
		})},
		{seriesCores, "server: cores", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.cores, 1 })},
		{"memory_mib", "server: memory, MiB", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.memory / mebibyte, 1 })},
		{"goroutines", "server: goroutines", sourceServer, server(func(_, to serverPage, _ float64) (n, d float64) { return to.goroutines, 1 })},
		{"pooler_cl_active", "pooler: cl_active", sourcePooler, pooler(func(i instant) float64 { return float64(i.pools.ClientsActive) })},
		{seriesPoolerWaiting, "pooler: cl_waiting", sourcePooler, pooler(func(i instant) float64 { return float64(i.pools.ClientsWaiting) })},
		{seriesPoolerActive, "pooler: sv_active", sourcePooler, pooler(func(i instant) float64 { return float64(i.pools.ServersActive) })},
		{seriesPoolerIdle, "pooler: sv_idle", sourcePooler, pooler(func(i instant) float64 { return float64(i.pools.ServersIdle) })},
		{"pooler_maxwait_ms", "pooler: maxwait, ms", sourcePooler, pooler(func(i instant) float64 { return i.pools.MaxWaitMS() })},
		{"db_calls_per_request", "database: calls per request", sourceDatabase, func(from, to instant) (n, d float64) {
			return float64(to.statements.Calls - from.statements.Calls), float64(to.ended - from.ended)
		}},
		{seriesExecPerCall, "database: execution, ms a call", sourceDatabase, func(from, to instant) (n, d float64) {
			return to.statements.ExecMS - from.statements.ExecMS, float64(to.statements.Calls - from.statements.Calls)
		}},
		{seriesDBBusy, "database: execution, ms a second", sourceDatabase, func(from, to instant) (n, d float64) {
			return to.statements.ExecMS - from.statements.ExecMS, (to.at - from.at).Seconds()
		}},
		{"redis_hit_pct", "Redis: hits of keys, %", sourceRedis, func(from, to instant) (n, d float64) {
			hits := gain(from.redis.hits, to.redis.hits)
			return 100 * hits, hits + gain(from.redis.misses, to.redis.misses)
		}},
		{"redis_memory_mib", "Redis: memory, MiB", sourceRedis, func(_, to instant) (n, d float64) { return to.redis.memory / mebibyte, 1 }},
		{"redis_evicted_per_s", "Redis: evicted keys, /s", sourceRedis, func(from, to instant) (n, d float64) {
			return gain(from.redis.evicted, to.redis.evicted), (to.at - from.at).Seconds()
		}},
		{"redis_clients", "Redis: clients", sourceRedis, func(_, to instant) (n, d float64) { return to.redis.clients, 1 }},
	}
}

// gain is what a counter counted between two readings; NaN when it began anew.
func gain(from, to float64) float64 {
	if to < from {
		return nan()
	}
	return to - from
}

// has reports whether a source answered at this moment.
func (i instant) has(source string) bool {
	switch source {
	case sourceServer:
		return i.server != nil
	case sourcePooler:
		return i.pools != nil
	case sourceDatabase:
		return i.statements != nil
	}
	return i.redis != nil
}

// serverTimeline is the plain data of readings. A series without any value is
// left out. What is missing between two readings of a source is in the value of
// the later one.
func serverTimeline(instants []instant, cost SamplingCost) *ServerTimeline {
	out := &ServerTimeline{AtMS: []float64{}, Series: []Series{}, Cost: cost}
	for _, i := range instants[min(1, len(instants)):] {
		out.AtMS = append(out.AtMS, ms(i.at))
	}
	for _, kind := range seriesKinds() {
		s := Series{Name: kind.name, Source: kind.source, Values: make([]*float64, len(out.AtMS))}
		sum, over := 0.0, 0.0
		last := -1
		for at, to := range instants {
			if !to.has(kind.source) {
				continue
			}
			from := last
			if last = at; from < 0 || at == 0 {
				continue
			}
			n, d := kind.of(instants[from], to)
			if math.IsNaN(n) || math.IsNaN(d) || n < 0 || d < 0 {
				continue
			}
			sum, over = sum+n, over+d
			if d > 0 {
				v := round(n / d)
				s.Values[at-1] = &v
				if s.Max == nil || v > *s.Max {
					s.Max = &v
				}
			}
		}
		if over > 0 {
			mean := round(sum / over)
			s.Mean = &mean
			out.Series = append(out.Series, s)
		}
	}
	return out
}

// named is a series by its name, nil if it was not seen.
func (t *ServerTimeline) named(name string) *Series {
	if t == nil {
		return nil
	}
	for i := range t.Series {
		if t.Series[i].Name == name {
			return &t.Series[i]
		}
	}
	return nil
}

// check says what is wrong with a timeline that was read from a file.
func (t *ServerTimeline) check() error {
	if t == nil {
		return nil
	}
	for i, at := range t.AtMS {
		if !(at >= 0 && at < float64(math.MaxInt64)/1e6) || i > 0 && at < t.AtMS[i-1] {
			return errors.New("the readings of the server's side are in no order")
		}
	}
	for _, s := range t.Series {
		if len(s.Values) != len(t.AtMS) {
			return fmt.Errorf("series %.60q has %d values of %d", s.Name, len(s.Values), len(t.AtMS))
		}
	}
	return nil
}

// middle is the middle of the time that value i tells of.
func (t *ServerTimeline) middle(i int) time.Duration {
	from := 0.0
	if i > 0 {
		from = t.AtMS[i-1]
	}
	return time.Duration((from + t.AtMS[i]) / 2 * float64(time.Millisecond))
}
