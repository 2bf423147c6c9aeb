package probe

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// noConsole says why the pooler's console told nothing, or nothing if it did.
func (o *observation) noConsole() string {
	switch c := o.ways.console; {
	case !o.pooler.pooled && o.pooler.failed == nil:
		return "There is no pooler in between."
	case o.config.AdminURL == "":
		return "PGBOUNCER_ADMIN_URL is not set."
	case c == nil:
		return fmt.Sprintf("The pooler's console can't be used: %s.", failureText(o.ways.consoleFailed))
	case c.failed != nil:
		return fmt.Sprintf("The pooler's console does not answer: %s.", c.failed)
	}
	return ""
}

// clientsRefused tells a pooler at its limit of clients from one that is broken. PgBouncer has one
// SQLSTATE for every refusal, so that its console has to say it, or the message that names the setting.
func clientsRefused(o *observation) outcome {
	var pg *pgconn.PgError
	if !errors.As(o.pooler.err(), &pg) || pg.Code != "08P01" {
		return passed("It takes this one.")
	}
	limit := int64(0)
	if c := o.ways.console; c != nil {
		limit = c.settings.Number("max_client_conn")
	}
	full := limit > 0 && o.ways.console.clients >= limit
	if !full && !strings.Contains(pg.Message, "max_client_conn") {
		return passed("It refuses for another reason.")
	}
	evidence := fmt.Sprintf("%s refuses a connection: max_client_conn is reached", o.pooler.endpoint.Address)
	if full {
		evidence += fmt.Sprintf(" (%d of %d clients)", o.ways.console.clients, limit)
	}
	return found(hit{evidence: evidence + "."})
}

// err is why the server can't be used, nil if it can.
func (s *pgServer) err() error {
	if s == nil || s.failed == nil {
		return nil
	}
	return s.failed
}

func parameterRefused(o *observation) outcome {
	s := o.ways.startup
	switch {
	case len(s.ofURL) > 0:
		return found(hit{evidence: fmt.Sprintf("DATABASE_URL sends %s, which %s refuses; without it connecting works.", strings.Join(s.ofURL, " and "), o.pooler.endpoint.Address)})
	case o.pooler.failed != nil:
		return passed("It fails for another reason.")
	case len(s.tried) == 0:
		return notKnown("No start-up parameter could be tried.")
	}
	var says []string
	if len(s.refused) > 0 {
		says = append(says, "refuses "+strings.Join(s.refused, " and "))
	}
	if len(s.ignored) > 0 {
		says = append(says, "takes "+strings.Join(s.ignored, " and ")+" and does nothing about it")
	}
	if len(says) == 0 {
		says = append(says, "honours "+strings.Join(s.tried, " and "))
	}
	return passed("The app's endpoint %s; DATABASE_URL sends none that it refuses.", strings.Join(says, ", "))
}

func mixedAnswers(o *observation) outcome {
	i := o.ways.isolation
	switch {
	case i.notRun != "":
		return notKnown("The self-test was not run, because %s.", i.notRun)
	case i.wrong > 0:
		return found(hit{evidence: fmt.Sprintf("Two clients asked for tagged rows in mode %s: %d of %d answers were the other client's.", i.mode, i.wrong, i.answers+i.collided)})
	case i.collided > 0:
		return found(hit{evidence: fmt.Sprintf("Two clients asked for tagged rows in mode %s: %d of %d calls met another client's statement and failed.", i.mode, i.collided, i.answers+i.collided)})
	}
	return passed("Two clients asked for tagged rows in mode %s: all %d answers were their own.", i.mode, i.answers)
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
		return passed("There is no pooler in between.")
	case !p.known && o.config.ExecMode != "cache_statement":
		return passed("Mode %s needs no prepared statements; whether they are carried could not be told: %s.%s", o.config.ExecMode, p.how, said)
	case !p.known:
		return notKnown("It could not be tried: %s.%s", p.how, said)
	case p.carried:
		return passed("Prepared statements are carried: %s.%s", p.how, said)
	case o.config.ExecMode == "cache_statement":
		return found(hit{evidence: fmt.Sprintf("DB_EXEC_MODE is cache_statement, and %s.%s", p.how, said)})
	}
	return passed("Prepared statements are not carried (%s), and mode %s needs none.%s", p.how, o.config.ExecMode, said)
}

// fullShare is how much of a limit may be used: beyond four fifths, waiting grows faster than the load
// (an M/M/1 queue waits four times as long at 0.8 as at 0.5).
const fullShare = 0.8

func poolerFull(o *observation) outcome {
	if why := o.noConsole(); why != "" {
		return notKnown("%s", why)
	}
	c := o.ways.console
	if o.pools == nil || !c.hasPool {
		return notKnown("SHOW POOLS says nothing of the app's database.")
	}
	var hits []hit
	if busy := min(c.first.ServersActive, o.pools.ServersActive); c.poolSize > 0 && float64(busy) >= fullShare*float64(c.poolSize) {
		hits = append(hits, hit{evidence: fmt.Sprintf("%d of %d server connections were busy both times that SHOW POOLS was asked; %d clients wait.", busy, c.poolSize, o.pools.ClientsWaiting)})
	}
	if c.maxConnections > 0 && float64(c.connections) >= fullShare*float64(c.maxConnections) {
		hits = append(hits, hit{evidence: fmt.Sprintf("%d of %d connections that the pooler may have to the database are open (max_db_connections).", c.connections, c.maxConnections)})
	}
	if limit := c.settings.Number("max_client_conn"); limit > 0 && float64(c.clients) >= fullShare*float64(limit) {
		hits = append(hits, hit{evidence: fmt.Sprintf("%d of %d clients are connected (max_client_conn).", c.clients, limit)})
	}
	return orPassed(hits, "%d of %d server connections are busy, %d idle.", o.pools.ServersActive, c.poolSize, o.pools.ServersIdle)
}

// What the pooler's counts are judged by. A wait of waitLeastMS is more than the statement that it is for
// (S14 allows a hot one 8 ms at most); maxWaitMS is what its own log calls long.
const (
	waitLeastMS  = 10
	leastQueries = 20
	maxWaitMS    = 1000
	// settledQueries is how many a pooler has served before its averages of transactions mean something.
	settledQueries = 1000
)

// haveWaited is about the probe's own time; who waits at this moment is HD-P04's. The pooler's average of
// the last minute is told and not judged: after a start it is the wait for connections being opened.
func haveWaited(o *observation) outcome {
	d, why := o.counted()
	if why != "" {
		return notKnown("%s", why)
	}
	if o.queues() {
		return passed("Clients wait now: HD-P04.")
	}
	mean := d.meanWaitMS()
	_, fresh := o.ways.console.moved()
	longest := 0.0
	if o.pools != nil {
		longest = o.pools.MaxWaitMS()
	}
	switch {
	case longest >= maxWaitMS || mean >= waitLeastMS && fresh == 0:
		return found(hit{evidence: fmt.Sprintf("In the pooler %d statements waited %.0f ms on average, and the longest wait is %.0f ms (SHOW STATS, SHOW POOLS).", d.queries, mean, longest), costMS: mean})
	case fresh > 0:
		return passed("A statement waited %.1f ms on average while %s opened; avg_wait_time of the last minute is %.0f ms.", mean, plural(fresh, "server connection was", "server connections were"), d.avgMS)
	}
	return passed("A statement waited %.1f ms on average; avg_wait_time of the last minute is %.0f ms.", mean, d.avgMS)
}

// meanWaitMS is how long a statement waited for a server connection, 0 where too few were counted.
func (d counts) meanWaitMS() float64 {
	if d.queries < leastQueries {
		return 0
	}
	return d.waitMS / float64(d.queries)
}

// waitedMS is what a request pays for whatever makes the pool's connections scarce: what HD-P04 and
// HD-P10 call their own.
func (o *observation) waitedMS(d counts) float64 {
	var residuals []float64
	for _, h := range o.hot {
		if h.ResidualName != "" {
			residuals = append(residuals, h.ResidualMS)
		}
	}
	return max(d.meanWaitMS(), median(residuals))
}

// Transactions that do nothing hold idleShare of the pool, a tenth, all the time, or each idleLeastMS,
// half a round trip across the Atlantic, in which the app thinks between two statements.
const (
	idleShare   = 0.1
	idleLeastMS = 50
)

func idleInPool(o *observation) outcome {
	d, why := o.counted()
	if why != "" {
		return notKnown("%s", why)
	}
	held := max(0, d.transactionMS-d.queryMS) / d.windowMS
	each := d.avgTransactionMS - d.avgQueryMS
	switch {
	case held >= idleShare*float64(max(o.ways.console.poolSize, 1)):
		return found(hit{costMS: o.waitedMS(d), evidence: fmt.Sprintf("Transactions that did nothing held %.1f of %d server connections on average, in %d transactions of %.0f ms that executed for %.0f ms.",
			held, o.ways.console.poolSize, d.transactions, d.transactionMS/float64(max(d.transactions, 1)), d.queryMS/float64(max(d.transactions, 1)))})
	case d.settled && each >= idleLeastMS && d.avgTransactionMS >= 2*d.avgQueryMS:
		return found(hit{costMS: o.waitedMS(d), evidence: fmt.Sprintf("SHOW STATS of the last minute: a transaction lasts %.0f ms, its statement %.0f ms.", d.avgTransactionMS, d.avgQueryMS)})
	}
	return passed("Transactions that did nothing held %.1f of %d server connections on average.", held, o.ways.console.poolSize)
}

// A pool of 20 whose connections live their hour (server_lifetime) replaces one in three minutes; ten in
// one are a fault. Fewer than three seen are chance.
const (
	churnPerMinute = 10
	churnMin       = 3
)

func churn(o *observation) outcome {
	d, why := o.counted()
	if why != "" {
		return notKnown("%s", why)
	}
	gone, fresh := o.ways.console.moved()
	replaced := min(gone, fresh)
	rate := float64(replaced) / d.windowMS * 60000
	if replaced >= churnMin && rate >= churnPerMinute {
		return found(hit{costMS: o.waitedMS(d), evidence: fmt.Sprintf("%d server connections were replaced within %.1f s, %.0f a minute: each start costs the statement that waits for it.", replaced, d.windowMS/1000, rate)})
	}
	return passed("%d server connections were replaced within %.1f s.", replaced, d.windowMS/1000)
}

// moved is how many server connections went, and how many came, between the two moments.
func (f *poolerFacts) moved() (gone, fresh int) {
	all := map[string]bool{}
	for _, seen := range []map[string]bool{f.before.servers, f.between, f.after.servers} {
		maps.Copy(all, seen)
	}
	for id := range all {
		if !f.after.servers[id] {
			gone++
		}
		if !f.before.servers[id] {
			fresh++
		}
	}
	return gone, fresh
}

// counts are the differences between two moments of the console; the averages are the pooler's own.
type counts struct {
	poolerStats
	windowMS float64
	// settled is whether the averages mean something.
	settled bool
}

// counted gives what the pooler counted while the statements were measured, or why it can't be told.
func (o *observation) counted() (counts, string) {
	if why := o.noConsole(); why != "" {
		return counts{}, why
	}
	before, after := o.ways.console.before, o.ways.console.after
	if !before.known || !after.known || after.at <= before.at {
		return counts{}, "SHOW STATS and SHOW SERVERS could not be read twice."
	}
	d := counts{poolerStats: after.stats, windowMS: after.at - before.at, settled: before.stats.queries >= settledQueries}
	d.transactions -= before.stats.transactions
	d.queries -= before.stats.queries
	d.transactionMS -= before.stats.transactionMS
	d.queryMS -= before.stats.queryMS
	d.waitMS -= before.stats.waitMS
	return d, ""
}
