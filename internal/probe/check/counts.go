package check

import (
	"fmt"

	"github.com/honeydue/honeydue/internal/probe/facts"
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
func haveWaited(o *facts.Observation) Outcome {
	d, why := o.Counted()
	if why != "" {
		return notKnown("%s", why)
	}
	mean := MeanWaitMS(d)
	_, fresh := o.Ways.Console.Moved()
	longest := 0.0
	if o.Pools != nil {
		longest = o.Pools.MaxWaitMS()
	}
	switch {
	case longest >= maxWaitMS || mean >= waitLeastMS && fresh == 0:
		return found(hit{Evidence: fmt.Sprintf("%d transactions waited in the pooler for %.0f ms on average, and the longest wait is %.0f ms (SHOW STATS, SHOW POOLS).", d.Waits, mean, longest), CostMS: mean})
	case fresh > 0:
		return passed("Transactions waited %.1f ms on average while %s opened%s.", mean, facts.Plural(fresh, "server connection was", "server connections were"), d.Recently())
	}
	return passed("Transactions waited %.1f ms on average%s.", mean, d.Recently())
}

// MeanWaitMS is how long a transaction waited for a server connection, 0 where too few of others were counted, or fewer than of
// the probe, which uses several connections at a time: in a small pool its own transactions wait for each other.
func MeanWaitMS(d facts.Counts) float64 {
	if d.Waits-d.Own < max(leastWaits, d.Own) {
		return 0
	}
	return d.WaitMS / float64(d.Waits)
}

// waitedMS is what a request pays for whatever makes the pool's connections scarce: what HD-P04 and
// HD-P10 call their own.
func waitedMS(o *facts.Observation, d facts.Counts) float64 {
	return max(MeanWaitMS(d), facts.Median(poolerWaits(o)))
}

// idleShare of the pool, a tenth, is held all the time by transactions that do nothing.
const idleShare = 0.1

// IdleInPool judges HD-P11: server connections that are held by transactions in which nothing is executed.
func IdleInPool(o *facts.Observation) Outcome {
	d, why := o.Counted()
	if why != "" {
		return notKnown("%s", why)
	}
	// A transaction is counted when it ends, with all that it took since it began: no more than the connections that
	// had a client and executed nothing can have been held meanwhile.
	// The probe's own transactions, which think of nothing, are left out.
	c := o.Ways.Console
	held := max(0, min(d.LastedMS(), c.MeanLinked()*d.WindowMS)-d.ExecutedMS()-o.Ways.OwnMS) / d.WindowMS
	size := c.PoolSize
	if size == 0 {
		size = facts.TunedPoolSize // a pool without a limit
	}
	if held >= idleShare*float64(size) {
		n := float64(max(d.Transactions, 1))
		return found(hit{CostMS: waitedMS(o, d), Evidence: fmt.Sprintf("Idle transactions held %.1f of %d server connections on average: %d transactions kept a connection for %.0f ms on average but executed for only %.0f ms.",
			held, size, d.Transactions, d.LastedMS()/n, d.ExecutedMS()/n)})
	}
	return passed("Finished transactions held %.1f of %d server connections on average while idle. HD-D05 reports transactions that never end.", held, size)
}

// A pool of 20 whose connections live their hour (server_lifetime) replaces one in three minutes; ten in
// one are a fault. Fewer than three seen are chance.
const (
	churnPerMinute = 10
	churnMin       = 3
)

func churn(o *facts.Observation) Outcome {
	d, why := o.Counted()
	if why != "" {
		return notKnown("%s", why)
	}
	gone, fresh := o.Ways.Console.Moved()
	replaced := min(gone, fresh)
	rate := float64(replaced) / d.WindowMS * 60000
	if replaced >= churnMin && rate >= churnPerMinute {
		return found(hit{CostMS: waitedMS(o, d), Evidence: fmt.Sprintf("%d server connections were replaced within %.1f s, %.0f per minute. Each new connection delays the statement that waits for it.", replaced, d.WindowMS/1000, rate)})
	}
	return passed("%d server connections were replaced within %.1f s.", replaced, d.WindowMS/1000)
}
