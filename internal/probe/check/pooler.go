package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// clientsRefused tells a pooler at one of its limits of clients from one that is broken. PgBouncer has one SQLSTATE for
// every refusal, so that the message has to name the limit, or the console to show it.
func clientsRefused(o *facts.Observation) Outcome {
	var pg *pgconn.PgError
	if !errors.As(o.Pooler.Err(), &pg) || pg.Code != "08P01" {
		return passed("It accepted this client.")
	}
	limits := (&facts.PoolerFacts{}).ClientLimits()
	if c := o.Ways.Console; c != nil {
		limits = c.ClientLimits()
	}
	at := slices.IndexFunc(limits, func(l facts.PoolerLimit) bool { return strings.Contains(pg.Message, l.Setting) })
	if at < 0 {
		at = slices.IndexFunc(limits, facts.PoolerLimit.Reached)
	}
	if at < 0 {
		return passed("It refuses clients for another reason.")
	}
	l := limits[at]
	evidence := fmt.Sprintf("%s refuses new clients: %s is reached", o.Pooler.Endpoint.Address, l.Setting)
	if l.Reached() {
		evidence += fmt.Sprintf(" (%d of %d clients)", l.Used, l.Limit)
	}
	return found(hit{
		Evidence: evidence + ".",
		Remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW CLIENTS'   # which clients hold them? Then raise ` + l.Setting + ` in pgbouncer.ini and RELOAD`,
	})
}

func parameterRefused(o *facts.Observation) Outcome {
	s := o.Ways.Startup
	switch {
	case len(s.OfURL) > 0:
		return found(hit{Evidence: fmt.Sprintf("DATABASE_URL has %s, which %s refuses or does not support; without it, the connection works.", strings.Join(s.OfURL, " and "), o.Pooler.Endpoint.Address)})
	case o.Pooler.Failed != nil:
		return passed("The connection fails for another reason.")
	case len(s.Tried) == 0:
		return notKnown("No startup parameter could be tested.")
	}
	var says []string
	if len(s.Refused) > 0 {
		says = append(says, "refuses "+strings.Join(s.Refused, " and "))
	}
	if len(s.Ignored) > 0 {
		says = append(says, "accepts but ignores "+strings.Join(s.Ignored, " and "))
	}
	if len(says) == 0 {
		says = append(says, "applies "+strings.Join(s.Tried, " and "))
	}
	return passed("The app's endpoint %s; DATABASE_URL has no parameter that it refuses.", strings.Join(says, ", "))
}

// MixedAnswers judges HD-P06: clients of the pooler that get each other's answers.
func MixedAnswers(o *facts.Observation) Outcome {
	i := o.Ways.Isolation
	switch {
	case i.NotRun != "":
		return notKnown("The self-test was not run, because %s.", i.NotRun)
	case i.Wrong > 0:
		return found(hit{Evidence: fmt.Sprintf("Two clients requested tagged rows in mode %s: %d of %d responses belonged to the other client.", i.Mode, i.Wrong, i.Answers+i.Collided), wrong: true})
	case i.Collided > 0:
		return found(hit{Evidence: fmt.Sprintf("Two clients requested tagged rows in mode %s: %d of %d calls hit another client's statement and failed.", i.Mode, i.Collided, i.Answers+i.Collided)})
	case i.CutOff != "":
		return notKnown("The self-test stopped after %s, all correct: %s.", facts.Plural(i.Answers, "answer", "answers"), i.CutOff)
	}
	return passed("Two clients requested tagged rows in mode %s: all %d responses were their own.", i.Mode, i.Answers)
}

func preparedLost(o *facts.Observation) Outcome {
	p := o.Ways.Prepared
	said := ""
	if c := o.Ways.Console; c != nil {
		if n, ok := c.Settings["max_prepared_statements"]; ok {
			said = fmt.Sprintf(" SHOW CONFIG: max_prepared_statements is %s.", n)
		}
	}
	switch {
	case !o.Pooler.Pooled:
		return passed("There is no pooler.")
	case !p.Known && o.Config.ExecMode != "cache_statement":
		return passed("Mode %s needs no prepared statements; whether the pooler supports them is unknown: %s.%s", o.Config.ExecMode, p.How, said)
	case !p.Known:
		return notKnown("It could not be tested: %s.%s", p.How, said)
	case p.Carried:
		return passed("Prepared statements are supported: %s.%s", p.How, said)
	case o.Config.ExecMode == "cache_statement":
		return found(hit{Evidence: fmt.Sprintf("DB_EXEC_MODE is cache_statement, and %s.%s", p.How, said)})
	}
	return passed("Prepared statements are not supported (%s), but mode %s needs none.%s", p.How, o.Config.ExecMode, said)
}

// fullShare is how much of a limit may be used: beyond four fifths, waiting grows faster than the load
// (an M/M/1 queue waits four times as long at 0.8 as at 0.5).
const fullShare = 0.8

// What of the pooler has little left.
const (
	serverConnections   = "the pool's server connections"
	databaseConnections = "the database's connections"
)

func poolerFull(o *facts.Observation) Outcome {
	if why := o.NoConsole(); why != "" {
		return notKnown("%s", why)
	}
	c := o.Ways.Console
	if o.Pools == nil || !c.HasPool {
		return notKnown("SHOW POOLS does not list the app's database.")
	}
	var hits []hit
	// The probe's own transactions come and go. In a small pool they may be there both times, but not in most of the looks.
	if busy := min(c.First.ServersActive, o.Pools.ServersActive); c.PoolSize > 0 && min(float64(busy), c.MeanLinked()) >= fullShare*float64(c.PoolSize) {
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("%s were busy in both readings of SHOW POOLS, %.1f on average in %d readings of SHOW SERVERS; %d clients wait.",
				c.OfPool(busy), c.MeanLinked(), 2+len(c.Linked), o.Pools.ClientsWaiting),
			about: []string{serverConnections},
		})
	}
	for _, l := range c.ServerLimits() {
		if nearly(l) {
			hits = append(hits, hit{Evidence: fmt.Sprintf("%d of the %d connections that the pooler may open to the database are open (%s).", l.Used, l.Limit, l.Setting), about: []string{databaseConnections}})
		}
	}
	for _, l := range c.ClientLimits() {
		if nearly(l) {
			hits = append(hits, hit{Evidence: fmt.Sprintf("%d of %d clients are connected (%s).", l.Used, l.Limit, l.Setting)})
		}
	}
	return orPassed(hits, "%s are busy, %d idle.", c.OfPool(o.Pools.ServersActive), o.Pools.ServersIdle)
}
