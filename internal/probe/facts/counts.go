package facts

import (
	"fmt"
	"maps"
)

// Recently is what transactions waited in the pooler's last minute, if that is known.
func (s PoolerStats) Recently() string {
	if s.RecentWaitMS < 0 {
		return ""
	}
	return fmt.Sprintf(", in the last minute %.1f ms", s.RecentWaitMS)
}

// ExecutedMS is how long queries executed in all, lastedMS how long transactions had a server connection.
func (s PoolerStats) ExecutedMS() float64 { return max(0, s.QueryMS-s.WaitMS) }

// LastedMS is for how long transactions lasted, without their waits for a server connection.
func (s PoolerStats) LastedMS() float64 { return max(0, s.TransactionMS-s.WaitMS) }

// Moved is how many server connections went, and how many came, between the two moments.
func (f *PoolerFacts) Moved() (gone, fresh int) {
	all := map[string]bool{}
	for _, seen := range []map[string]bool{f.Before.Servers, f.Between, f.After.Servers} {
		maps.Copy(all, seen)
	}
	for id := range all {
		if !f.After.Servers[id] {
			gone++
		}
		if !f.Before.Servers[id] {
			fresh++
		}
	}
	return gone, fresh
}

// Counts are the differences between two moments of the console.
type Counts struct {
	PoolerStats
	WindowMS float64
	Own      int64 // how many of the waits were the probe's, at most
}

// Counted gives what the pooler counted while the statements were measured, or why it can't be told.
func (o *Observation) Counted() (Counts, string) {
	if why := o.NoConsole(); why != "" {
		return Counts{}, why
	}
	before, after := o.Ways.Console.Before, o.Ways.Console.After
	if !before.Known || !after.Known || after.At <= before.At {
		return Counts{}, "SHOW STATS and SHOW SERVERS could not be read twice."
	}
	d := Counts{PoolerStats: after.Stats, WindowMS: after.At - before.At, Own: o.Ways.OwnTurns}
	d.Transactions -= before.Stats.Transactions
	d.Queries -= before.Stats.Queries
	d.Waits -= before.Stats.Waits
	d.TransactionMS -= before.Stats.TransactionMS
	d.QueryMS -= before.Stats.QueryMS
	d.WaitMS -= before.Stats.WaitMS
	return d, ""
}
