package probe

import "fmt"

// poolerSetting is one of PgBouncer's settings, the value that it should have, and whether another will do.
type poolerSetting struct {
	name, tuned, unit string
	holds             func(value int64) bool
	why               string
}

// poolerSettings are those of the lab, which is the replica of production (internal/lab, pooler.go); what
// that leaves out has PgBouncer's own default there.
func poolerSettings() []poolerSetting {
	atLeast := func(n int64) func(int64) bool { return func(v int64) bool { return v >= n } }
	return []poolerSetting{
		{"default_pool_size", "20", "", atLeast(20), "DB_MIN_IDLE_CONNS connections of one pod can be busy at once"},
		{"max_client_conn", "1000", "", atLeast(1000), "each pod opens up to DB_MAX_CONNS, during a roll-out twice as many pods"},
		{"server_idle_timeout", "600", " s", func(v int64) bool { return v == 0 || v >= 600 }, "idle server connections are closed, and the next statement waits for a new one"},
		{"server_lifetime", "3600", " s", atLeast(3600), "server connections are renewed, and each time a statement waits for it"},
		{"query_wait_timeout", "120", " s", func(v int64) bool { return v > 0 && v <= 120 }, "whoever waits in the queue waits longer than anyone listens"},
		{"server_reset_query_always", "0", "", func(v int64) bool { return v == 0 }, "each transaction is followed by a DISCARD ALL"},
	}
}

// setPooler changes a setting until the pooler starts anew.
func setPooler(name, value string) string {
	return fmt.Sprintf(`psql "$PGBOUNCER_ADMIN_URL" -c "SET %s = '%s'"   # and in pgbouncer.ini, or its next start undoes it`, name, value)
}

func poolerDrifted(o *observation) outcome {
	if why := o.noConsole(); why != "" {
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
			evidence: fmt.Sprintf("pool_mode is %s, tuned is transaction: each client keeps a server connection for itself.", shown(mode)),
		})
	}
	for _, s := range poolerSettings() {
		value, ok := c.settings[s.name]
		if !ok {
			continue // a version without it
		}
		n := c.settings.Number(s.name)
		if s.name == "default_pool_size" && c.poolSize > 0 {
			n = c.poolSize // the database may have its own
			value = fmt.Sprint(n)
		}
		if !s.holds(n) {
			hits = append(hits, hit{
				remedy:   setPooler(s.name, s.tuned),
				evidence: fmt.Sprintf("%s is %s%s, tuned is %s%s: %s.", s.name, value, s.unit, s.tuned, s.unit, s.why),
			})
		}
	}
	return orPassed(hits, "pool_mode is transaction, and %d more settings have their values.", len(poolerSettings()))
}
