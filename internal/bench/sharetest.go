package bench

import (
	"github.com/honeydue/honeydue/internal/bench/stats"
)

// shares compares what no p99 shows, slice by slice.
func (c *Comparison) shares(baseline, target []stats.Tallied) {
	c.Failed = stats.DecideShares(baseline, target, func(s stats.Tallied) int { return s.Failed })
	c.Apart = stats.DecideShares(baseline, target, func(s stats.Tallied) int { return s.Apart })
}

// unseen says what of the target is worse and shows in no p99, one sentence each.
func (c *Comparison) unseen() (why []string) {
	if c.Failed.Higher {
		why = append(why, c.Failed.Says("failed"))
	}
	if c.Apart.Higher {
		why = append(why, c.Apart.Says("missed a cache, and are in no p99"))
	}
	return why
}
