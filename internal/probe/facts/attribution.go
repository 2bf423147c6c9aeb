package facts

import (
	"time"
)

// Split splits the wall time: wall = turns x minimum RTT + planning + execution + residual.
func (h *HotPath) Split(floorMS float64) {
	if h.Runs == 0 {
		return
	}
	h.NetworkMS = Round(float64(h.Turns) * floorMS)
	h.ResidualMS = RoundSigned(h.WallMS - h.NetworkMS - h.PlanningMS - h.ExecutionMS)
	if waits(*h, floorMS) {
		h.ResidualName = "pooler wait"
	}
}

// SplitWalls splits all wall times by the floor that the report shows: samples that were taken after the statements are in it, too.
func (o *Observation) SplitWalls(floor time.Duration) {
	for i := range o.Hot {
		o.Hot[i].Split(MS(floor))
	}
	o.withdrawWaits()
}

// withdrawWaits takes the name off residuals that no console has confirmed, unless statements that need a server
// connection come back later than those that have one: where both are late, the network or the server is slow.
func (o *Observation) withdrawWaits() {
	if o.Pooler.Answered() && o.Pooler.AcquireWaitMS() > 0 {
		return
	}
	for i := range o.Hot {
		if o.Hot[i].Waiting <= 0 {
			o.Hot[i].ResidualName = ""
		}
	}
}

// residualLimit is what a residual has to exceed to be worth naming.
func residualLimit(floorMS float64) float64 {
	const leastMS, share = 10.0, 0.25
	return max(leastMS, share*floorMS)
}

// waits reports whether a residual may be called pooler wait: it is worth naming, and SHOW POOLS saw clients in the
// queue. Where the console was not asked (waiting below 0), an empty query at the same moment that rose by half of the
// residual has to do; where it was, its word goes first: a busy machine slows two queries as a queue does.
func waits(h HotPath, floorMS float64) bool {
	if h.ResidualMS < residualLimit(floorMS) {
		return false
	}
	if h.Waiting >= 0 {
		return h.Waiting > 0
	}
	return h.ControlMS-floorMS > h.ResidualMS/2
}
