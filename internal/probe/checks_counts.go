package probe

import (
	"fmt"
	"maps"
)

// What the pooler's counts are judged by. A wait of waitLeastMS is more than the statement that it is for
// (S14 allows a hot one 8 ms at most); maxWaitMS is what its own log calls long.
const (
	waitLeastMS = 10
	leastWaits  = 20
	maxWaitMS   = 1000
)

// haveWaited is about the probe's own time, by the pooler's counts. The pooler's average of the last minute
// is shown and not judged: after a start it is the wait for connections being opened.
func haveWaited(o *observation) outcome {
	d, why := o.counted()
	if why != "" {
		return notKnown("%s", why)
	}
	mean := d.meanWaitMS()
	_, fresh := o.ways.console.moved()
	longest := 0.0
	if o.pools != nil {
		longest = o.pools.MaxWaitMS()
	}
	switch {
	case longest >= maxWaitMS || mean >= waitLeastMS && fresh == 0:
		return found(hit{evidence: fmt.Sprintf("%d transactions waited in the pooler for %.0f ms on average, and the longest wait is %.0f ms (SHOW STATS, SHOW POOLS).", d.waits, mean, longest), costMS: mean})
	case fresh > 0:
		return passed("Transactions waited %.1f ms on average while %s opened%s.", mean, plural(fresh, "server connection was", "server connections were"), d.recently())
	}
	return passed("Transactions waited %.1f ms on average%s.", mean, d.recently())
}

// recently is what transactions waited in the pooler's last minute, if that is known.
func (s poolerStats) recently() string {
	if s.recentWaitMS < 0 {
		return ""
	}
	return fmt.Sprintf(", in the last minute %.1f ms", s.recentWaitMS)
}

// meanWaitMS is how long a transaction waited for a server connection, 0 where too few of others were counted, or fewer than of
// the probe, which uses several connections at a time: in a small pool its own transactions wait for each other.
func (d counts) meanWaitMS() float64 {
	if d.waits-d.own < max(leastWaits, d.own) {
		return 0
	}
	return d.waitMS / float64(d.waits)
}

// executedMS is how long queries executed in all, lastedMS how long transactions had a server connection.
func (s poolerStats) executedMS() float64 { return max(0, s.queryMS-s.waitMS) }
func (s poolerStats) lastedMS() float64   { return max(0, s.transactionMS-s.waitMS) }

// waitedMS is what a request pays for whatever makes the pool's connections scarce: what HD-P04 and
// HD-P10 call their own.
func (o *observation) waitedMS(d counts) float64 {
	return max(d.meanWaitMS(), median(o.poolerWaits()))
}

// idleShare of the pool, a tenth, is held all the time by transactions that do nothing.
const idleShare = 0.1

func idleInPool(o *observation) outcome {
	d, why := o.counted()
	if why != "" {
		return notKnown("%s", why)
	}
	// A transaction is counted when it ends, with all that it took since it began: no more than the connections that
	// had a client and executed nothing can have been held meanwhile.
	// The probe's own transactions, which think of nothing, are left out.
	c := o.ways.console
	held := max(0, min(d.lastedMS(), c.meanLinked()*d.windowMS)-d.executedMS()-o.ways.ownMS) / d.windowMS
	size := c.poolSize
	if size == 0 {
		size = tunedPoolSize // a pool without a limit
	}
	if held >= idleShare*float64(size) {
		n := float64(max(d.transactions, 1))
		return found(hit{costMS: o.waitedMS(d), evidence: fmt.Sprintf("Idle transactions held %.1f of %d server connections on average: %d transactions kept a connection for %.0f ms on average but executed for only %.0f ms.",
			held, size, d.transactions, d.lastedMS()/n, d.executedMS()/n)})
	}
	return passed("Finished transactions held %.1f of %d server connections on average while idle. HD-D05 reports transactions that never end.", held, size)
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
		return found(hit{costMS: o.waitedMS(d), evidence: fmt.Sprintf("%d server connections were replaced within %.1f s, %.0f per minute. Each new connection delays the statement that waits for it.", replaced, d.windowMS/1000, rate)})
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

// counts are the differences between two moments of the console.
type counts struct {
	poolerStats
	windowMS float64
	own      int64 // how many of the waits were the probe's, at most
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
	d := counts{poolerStats: after.stats, windowMS: after.at - before.at, own: o.ways.ownTurns}
	d.transactions -= before.stats.transactions
	d.queries -= before.stats.queries
	d.waits -= before.stats.waits
	d.transactionMS -= before.stats.transactionMS
	d.queryMS -= before.stats.queryMS
	d.waitMS -= before.stats.waitMS
	return d, ""
}
