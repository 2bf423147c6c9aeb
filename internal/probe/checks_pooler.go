package probe

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// noConsole says why the pooler's console told nothing, or nothing if it did.
func (o *observation) noConsole() string {
	switch c := o.ways.console; {
	case !o.pooler.pooled && o.pooler.failed == nil:
		return "There is no pooler."
	case o.config.AdminURL == "":
		return "PGBOUNCER_ADMIN_URL is not set."
	case c == nil:
		return fmt.Sprintf("The pooler's console can't be used: %s.", failureText(o.ways.consoleFailed))
	case c.failed != nil:
		return fmt.Sprintf("The pooler's console does not answer: %s.", c.failed)
	}
	return ""
}

// clientsRefused tells a pooler at one of its limits of clients from one that is broken. PgBouncer has one SQLSTATE for
// every refusal, so that the message has to name the limit, or the console to show it.
func clientsRefused(o *observation) outcome {
	var pg *pgconn.PgError
	if !errors.As(o.pooler.err(), &pg) || pg.Code != "08P01" {
		return passed("It accepted this client.")
	}
	limits := (&poolerFacts{}).clientLimits()
	if c := o.ways.console; c != nil {
		limits = c.clientLimits()
	}
	at := slices.IndexFunc(limits, func(l poolerLimit) bool { return strings.Contains(pg.Message, l.setting) })
	if at < 0 {
		at = slices.IndexFunc(limits, poolerLimit.reached)
	}
	if at < 0 {
		return passed("It refuses clients for another reason.")
	}
	l := limits[at]
	evidence := fmt.Sprintf("%s refuses new clients: %s is reached", o.pooler.endpoint.Address, l.setting)
	if l.reached() {
		evidence += fmt.Sprintf(" (%d of %d clients)", l.used, l.limit)
	}
	return found(hit{
		evidence: evidence + ".",
		remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW CLIENTS'   # which clients hold them? Then raise ` + l.setting + ` in pgbouncer.ini and RELOAD`,
	})
}

func parameterRefused(o *observation) outcome {
	s := o.ways.startup
	switch {
	case len(s.ofURL) > 0:
		return found(hit{evidence: fmt.Sprintf("DATABASE_URL has %s, which %s refuses or does not support; without it, the connection works.", strings.Join(s.ofURL, " and "), o.pooler.endpoint.Address)})
	case o.pooler.failed != nil:
		return passed("The connection fails for another reason.")
	case len(s.tried) == 0:
		return notKnown("No startup parameter could be tested.")
	}
	var says []string
	if len(s.refused) > 0 {
		says = append(says, "refuses "+strings.Join(s.refused, " and "))
	}
	if len(s.ignored) > 0 {
		says = append(says, "accepts but ignores "+strings.Join(s.ignored, " and "))
	}
	if len(says) == 0 {
		says = append(says, "applies "+strings.Join(s.tried, " and "))
	}
	return passed("The app's endpoint %s; DATABASE_URL has no parameter that it refuses.", strings.Join(says, ", "))
}

func mixedAnswers(o *observation) outcome {
	i := o.ways.isolation
	switch {
	case i.notRun != "":
		return notKnown("The self-test was not run, because %s.", i.notRun)
	case i.wrong > 0:
		return found(hit{evidence: fmt.Sprintf("Two clients requested tagged rows in mode %s: %d of %d responses belonged to the other client.", i.mode, i.wrong, i.answers+i.collided), wrong: true})
	case i.collided > 0:
		return found(hit{evidence: fmt.Sprintf("Two clients requested tagged rows in mode %s: %d of %d calls hit another client's statement and failed.", i.mode, i.collided, i.answers+i.collided)})
	case i.cutOff != "":
		return notKnown("The self-test stopped after %s, all correct: %s.", plural(i.answers, "answer", "answers"), i.cutOff)
	}
	return passed("Two clients requested tagged rows in mode %s: all %d responses were their own.", i.mode, i.answers)
}

func preparedLost(o *observation) outcome {
	p := o.ways.prepared
	said := ""
	if c := o.ways.console; c != nil {
		if n, ok := c.settings["max_prepared_statements"]; ok {
			said = fmt.Sprintf(" SHOW CONFIG: max_prepared_statements is %s.", n)
		}
	}
	switch {
	case !o.pooler.pooled:
		return passed("There is no pooler.")
	case !p.known && o.config.ExecMode != "cache_statement":
		return passed("Mode %s needs no prepared statements; whether the pooler supports them is unknown: %s.%s", o.config.ExecMode, p.how, said)
	case !p.known:
		return notKnown("It could not be tested: %s.%s", p.how, said)
	case p.carried:
		return passed("Prepared statements are supported: %s.%s", p.how, said)
	case o.config.ExecMode == "cache_statement":
		return found(hit{evidence: fmt.Sprintf("DB_EXEC_MODE is cache_statement, and %s.%s", p.how, said)})
	}
	return passed("Prepared statements are not supported (%s), but mode %s needs none.%s", p.how, o.config.ExecMode, said)
}

// fullShare is how much of a limit may be used: beyond four fifths, waiting grows faster than the load
// (an M/M/1 queue waits four times as long at 0.8 as at 0.5).
const fullShare = 0.8

// What of the pooler has little left.
const (
	serverConnections   = "the pool's server connections"
	databaseConnections = "the database's connections"
)

func poolerFull(o *observation) outcome {
	if why := o.noConsole(); why != "" {
		return notKnown("%s", why)
	}
	c := o.ways.console
	if o.pools == nil || !c.hasPool {
		return notKnown("SHOW POOLS does not list the app's database.")
	}
	var hits []hit
	// The probe's own transactions come and go. In a small pool they may be there both times, but not in most of the looks.
	if busy := min(c.first.ServersActive, o.pools.ServersActive); c.poolSize > 0 && min(float64(busy), c.meanLinked()) >= fullShare*float64(c.poolSize) {
		hits = append(hits, hit{
			evidence: fmt.Sprintf("%s were busy in both readings of SHOW POOLS, %.1f on average in %d readings of SHOW SERVERS; %d clients wait.",
				c.ofPool(busy), c.meanLinked(), 2+len(c.linked), o.pools.ClientsWaiting),
			about: []string{serverConnections},
		})
	}
	for _, l := range c.serverLimits() {
		if l.nearly() {
			hits = append(hits, hit{evidence: fmt.Sprintf("%d of the %d connections that the pooler may open to the database are open (%s).", l.used, l.limit, l.setting), about: []string{databaseConnections}})
		}
	}
	for _, l := range c.clientLimits() {
		if l.nearly() {
			hits = append(hits, hit{evidence: fmt.Sprintf("%d of %d clients are connected (%s).", l.used, l.limit, l.setting)})
		}
	}
	return orPassed(hits, "%s are busy, %d idle.", c.ofPool(o.pools.ServersActive), o.pools.ServersIdle)
}
