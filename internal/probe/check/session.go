package check

import (
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// refusesWrites judges the two ways in which a database takes reads and no write: the app's endpoint leads to a
// standby, or every transaction begins read-only.
func refusesWrites(o *facts.Observation) Outcome {
	if o.Pooler.Standby {
		h := hit{
			Evidence: fmt.Sprintf("%s points to a standby: pg_is_in_recovery() is true, and every write fails with 25006.", o.Pooler.Endpoint.Address),
			Remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW DATABASES'   # host and port there, or in DATABASE_URL, must be the primary's`,
			about:    []string{standbyEndpoint},
		}
		switch {
		case !o.Direct.Answered():
		case o.Direct.Standby:
			h.Evidence += fmt.Sprintf(" So does the direct endpoint %s.", o.Direct.Endpoint.Address)
			h.Remedy = `psql "$DATABASE_DIRECT_URL" -c 'SELECT pg_is_in_recovery(), pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()'   # if another server is the primary, DATABASE_URL, DATABASE_DIRECT_URL and the pooler must name it; if none is: SELECT pg_promote()`
		default:
			h.Evidence += fmt.Sprintf(" The direct endpoint %s points to a primary.", o.Direct.Endpoint.Address)
		}
		return found(h)
	}
	if why := o.Missing(facts.KnowsFacts); why != "" {
		return notKnown("%s", why)
	}
	s := o.Facts.Setting(facts.ReadOnlyDefault)
	switch {
	case s.Name == "":
		return notKnown("The server did not return %s.", facts.ReadOnlyDefault)
	case !facts.IsOn(s.Next()) && !facts.IsOn(s.Value):
		return passed("The app's endpoint points to a primary, and %s is off.", facts.ReadOnlyDefault)
	case !facts.IsOn(s.Next()):
		return found(hit{
			Evidence: fmt.Sprintf("Open sessions have %s = on, and every write in them fails with 25006; new sessions start with %s, %s.", facts.ReadOnlyDefault, s.Next(), s.Where()),
			Remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c RECONNECT`,
		})
	}
	h := hit{Evidence: fmt.Sprintf("%s is on, %s: every write in a session that starts with it fails with 25006.", facts.ReadOnlyDefault, s.Where()), Remedy: s.ResetOf()}
	if !facts.IsOn(s.Value) {
		h.Evidence += " The session that was checked is older and still has off."
	}
	return found(h)
}

// standbyEndpoint is what a finding about an endpoint that leads to a standby is about.
const standbyEndpoint = "a standby"

// shortTimeouts judges the time-outs of Postgres that end a statement before the app itself gives it up.
func shortTimeouts(o *facts.Observation) Outcome {
	limit := store.DefaultStatementTimeout
	slowest, which := 0.0, ""
	for _, h := range o.Hot {
		if took := h.PlanningMS + h.TookAtLeast(); took > slowest {
			slowest, which = took, h.Who()
		}
	}
	var hits []hit
	for _, c := range []struct{ name, does string }{
		{"statement_timeout", "cancels a statement (57014)"},
		{"transaction_timeout", "ends a transaction (25P04)"},
		{"lock_timeout", "cancels a statement that waits for a lock (55P03)"},
	} {
		s := o.Facts.Setting(c.name)
		d := s.Timeout()
		if d == 0 || d >= limit {
			continue
		}
		h := hit{
			Evidence: fmt.Sprintf("%s is %s, %s: it %s before the app's own limit of %s.", c.name, d, s.Where(), c.does, limit),
			Remedy:   s.ResetOf(),
			about:    []string{c.name},
		}
		if c.name != "lock_timeout" && slowest >= facts.MS(d) {
			h.severity = facts.Critical
			h.Evidence += fmt.Sprintf(" %s takes %.1f ms.", which, slowest)
		}
		hits = append(hits, h)
	}
	// The pooler closes its own idle connections after server_idle_timeout.
	s, rest := o.Facts.Setting("idle_session_timeout"), 600*time.Second
	if !o.Pooler.Answered() || !o.Pooler.Pooled {
		rest = facts.LongestLife * time.Second
	}
	if d := s.Timeout(); d > 0 && d < rest {
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("%s is %s, %s: it closes connections that are idle that long (57P05), and the next statement waits for a new one.", s.Name, d, s.Where()),
			Remedy:   s.ResetOf(), about: []string{s.Name},
		})
	}
	return orPassed(hits, "No database timeout is shorter than the app's own limit of %s.", limit)
}
