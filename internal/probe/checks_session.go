package probe

import (
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

const readOnlyDefault = "default_transaction_read_only"

// refusesWrites judges the two ways in which a database takes reads and no write: the app's endpoint leads to a
// standby, or every transaction begins read-only.
func refusesWrites(o *observation) outcome {
	if o.pooler.standby {
		h := hit{
			evidence: fmt.Sprintf("%s points to a standby: pg_is_in_recovery() is true, and every write fails with 25006.", o.pooler.endpoint.Address),
			remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW DATABASES'   # host and port there, or in DATABASE_URL, must be the primary's`,
			about:    []string{standbyEndpoint},
		}
		switch {
		case !o.direct.answered():
		case o.direct.standby:
			h.evidence += fmt.Sprintf(" So does the direct endpoint %s.", o.direct.endpoint.Address)
			h.remedy = `psql "$DATABASE_DIRECT_URL" -c 'SELECT pg_is_in_recovery(), pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()'   # if another server is the primary, DATABASE_URL, DATABASE_DIRECT_URL and the pooler must name it; if none is: SELECT pg_promote()`
		default:
			h.evidence += fmt.Sprintf(" The direct endpoint %s points to a primary.", o.direct.endpoint.Address)
		}
		return found(h)
	}
	if why := o.missing(knowsFacts); why != "" {
		return notKnown("%s", why)
	}
	s := o.facts.setting(readOnlyDefault)
	switch {
	case s.name == "":
		return notKnown("The server did not return %s.", readOnlyDefault)
	case !isOn(s.next()) && !isOn(s.value):
		return passed("The app's endpoint points to a primary, and %s is off.", readOnlyDefault)
	case !isOn(s.next()):
		return found(hit{
			evidence: fmt.Sprintf("Open sessions have %s = on, and every write in them fails with 25006; new sessions start with %s, %s.", readOnlyDefault, s.next(), s.where()),
			remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c RECONNECT`,
		})
	}
	h := hit{evidence: fmt.Sprintf("%s is on, %s: every write in a session that starts with it fails with 25006.", readOnlyDefault, s.where()), remedy: s.reset()}
	if !isOn(s.value) {
		h.evidence += " The session that was checked is older and still has off."
	}
	return found(h)
}

// standbyEndpoint is what a finding about an endpoint that leads to a standby is about.
const standbyEndpoint = "a standby"

// shortTimeouts judges the time-outs of Postgres that end a statement before the app itself gives it up.
func shortTimeouts(o *observation) outcome {
	limit := store.DefaultStatementTimeout
	slowest, which := 0.0, ""
	for _, h := range o.hot {
		if took := h.PlanningMS + h.tookAtLeast(); took > slowest {
			slowest, which = took, h.who()
		}
	}
	var hits []hit
	for _, c := range []struct{ name, does string }{
		{"statement_timeout", "cancels a statement (57014)"},
		{"transaction_timeout", "ends a transaction (25P04)"},
		{"lock_timeout", "cancels a statement that waits for a lock (55P03)"},
	} {
		s := o.facts.setting(c.name)
		d := s.timeout()
		if d == 0 || d >= limit {
			continue
		}
		h := hit{
			evidence: fmt.Sprintf("%s is %s, %s: it %s before the app's own limit of %s.", c.name, d, s.where(), c.does, limit),
			remedy:   s.reset(),
			about:    []string{c.name},
		}
		if c.name != "lock_timeout" && slowest >= ms(d) {
			h.severity = Critical
			h.evidence += fmt.Sprintf(" %s takes %.1f ms.", which, slowest)
		}
		hits = append(hits, h)
	}
	// The pooler closes its own idle connections after server_idle_timeout.
	s, rest := o.facts.setting("idle_session_timeout"), 600*time.Second
	if !o.pooler.answered() || !o.pooler.pooled {
		rest = longestLife * time.Second
	}
	if d := s.timeout(); d > 0 && d < rest {
		hits = append(hits, hit{
			evidence: fmt.Sprintf("%s is %s, %s: it closes connections that are idle that long (57P05), and the next statement waits for a new one.", s.name, d, s.where()),
			remedy:   s.reset(), about: []string{s.name},
		})
	}
	return orPassed(hits, "No database timeout is shorter than the app's own limit of %s.", limit)
}
