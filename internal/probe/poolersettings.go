package probe

import "fmt"

// poolerSetting is one of PgBouncer's settings, the value that it should have, and whether another will do.
type poolerSetting struct {
	name, tuned, unit string
	holds             func(value int64) bool
	why               string
	// ends is set where the pooler closes the app's connection: the next request pays for a new one.
	ends bool
}

// The app's own limits, in seconds: a connection's longest life (DB_CONN_MAX_LIFETIME and a tenth), and how long
// a statement may take.
const (
	longestLife      = 1980
	longestStatement = 15
)

// poolerSettings are those of the lab, which is the replica of production (internal/lab, pooler.go); what
// that leaves out has PgBouncer's own default there.
func poolerSettings() []poolerSetting {
	atLeast := func(n int64) func(int64) bool { return func(v int64) bool { return v >= n } }
	neverBefore := func(n int64) func(int64) bool { return func(v int64) bool { return v == 0 || v >= n } }
	return []poolerSetting{
		{name: defaultPoolSize, tuned: fmt.Sprint(tunedPoolSize), holds: atLeast(tunedPoolSize), why: "one pod can have DB_MIN_IDLE_CONNS busy connections at once"},
		{name: "max_client_conn", tuned: "1000", holds: atLeast(1000), why: "each pod opens up to DB_MAX_CONNS, and a rollout doubles the number of pods"},
		{name: "server_idle_timeout", tuned: "600", unit: " s", holds: neverBefore(600), why: "idle server connections are closed, and the next statement waits for a new one"},
		{name: "server_lifetime", tuned: "3600", unit: " s", holds: atLeast(3600), why: "server connections are renewed more often, and each time a statement waits"},
		{name: "query_wait_timeout", tuned: "120", unit: " s", holds: func(v int64) bool { return v > 0 && v <= 120 }, why: "clients wait in the queue longer than users wait for a response"},
		{name: "server_reset_query_always", tuned: "0", holds: func(v int64) bool { return v == 0 }, why: "each transaction is followed by a DISCARD ALL"},
		{name: "server_login_retry", tuned: "15", unit: " s", holds: func(v int64) bool { return v <= 15 }, why: "statements keep failing for that long after Postgres is back"},
		{name: idleSetting, tuned: "0", unit: " s", holds: neverBefore(longestLife), ends: true, why: "an idle connection of the app is closed after that time"},
		{name: "query_timeout", tuned: "0", unit: " s", holds: neverBefore(longestStatement), ends: true, why: "a statement that takes that long fails, and its connection is closed"},
		{name: "idle_transaction_timeout", tuned: "0", unit: " s", holds: neverBefore(longestStatement), ends: true, why: "a transaction that is idle that long fails, and its connection is closed"},
		{name: "transaction_timeout", tuned: "0", unit: " s", holds: neverBefore(longestStatement), ends: true, why: "a transaction that takes that long fails, and its connection is closed"},
	}
}

// setPooler changes a setting until the pooler starts anew.
func setPooler(name, value string) string {
	return fmt.Sprintf(`psql "$PGBOUNCER_ADMIN_URL" -c "SET %s = '%s'"   # and in pgbouncer.ini, or the next restart reverts it`, name, value)
}

func poolerDrifted(o *observation) outcome {
	if why := o.noConsole(); why != "" {
		if h, seen := o.closesIdle(); seen {
			return found(h)
		}
		return notKnown("%s", why)
	}
	c := o.ways.console
	var hits []hit
	mode := c.settings["pool_mode"]
	if c.poolMode != "" {
		mode = c.poolMode // the database's own
	}
	if mode != "transaction" {
		hits = append(hits, hit{
			severity: Critical, remedy: setPooler("pool_mode", "transaction"),
			evidence: fmt.Sprintf("pool_mode is %s; the tuned value is transaction: otherwise each client keeps a server connection to itself.", shown(mode)),
		})
	}
	e := o.pooler.endpoint
	for _, s := range poolerSettings() {
		value, ok := c.settings[s.name]
		if !ok {
			continue // a version without it
		}
		name, n, remedy := s.name, c.settings.Number(s.name), setPooler(s.name, s.tuned)
		if s.name == defaultPoolSize {
			if n, name = c.declaredSize(); c.poolSize == 0 {
				continue // no limit
			}
			value, remedy = fmt.Sprint(n), c.resize(tunedPoolSize)
			if c.sizeZero() {
				value += fmt.Sprintf(" (one connection in PgBouncer %s)", c.version)
			}
		}
		if s.holds(n) {
			continue
		}
		h := hit{remedy: remedy, about: []string{s.name}, evidence: fmt.Sprintf("%s is %s%s; the tuned value is %s%s: %s.", name, value, s.unit, s.tuned, s.unit, s.why)}
		if s.ends {
			h.costMS = e.ConnectMS
			h.evidence = fmt.Sprintf("%s is %s%s; the tuned value is %s: %s; %s.", name, value, s.unit, s.tuned, s.why, e.connecting())
		}
		hits = append(hits, h)
	}
	return orPassed(hits, "pool_mode is transaction, and %d other settings have their tuned values.", len(poolerSettings()))
}

// connecting is the price of a connection that was closed.
func (e Endpoint) connecting() string {
	return fmt.Sprintf("the request that needs a new one waits %d turns (%.0f ms) for it", e.ConnectTurns, e.ConnectMS)
}

// idleSetting closes the connections of clients that are idle.
const idleSetting = "client_idle_timeout"

// closesIdle finds client_idle_timeout without the console: an idle connection of the probe was closed, or the running
// server has had its own closed.
func (o *observation) closesIdle() (hit, bool) {
	e := o.pooler.endpoint
	h := hit{costMS: e.ConnectMS, about: []string{idleSetting}, remedy: setPooler(idleSetting, "0")}
	switch {
	case o.ways.closedFor != "":
		h.evidence = fmt.Sprintf("%s closed a connection of the probe after at most %.1f s idle (%s); %s.", e.Address, o.ways.closedAfter.Seconds(), o.ways.closedFor, e.connecting())
	case o.target != nil && o.target.Metrics != nil && o.target.Metrics.Pool.IdleLimitS > 0:
		h.evidence = fmt.Sprintf("The running server's connections are closed after %.1f s idle (%s); %s.", o.target.Metrics.Pool.IdleLimitS, idleSetting, e.connecting())
	default:
		return hit{}, false
	}
	return h, true
}
