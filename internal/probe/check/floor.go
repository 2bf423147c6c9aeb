package check

import (
	"fmt"
	"slices"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// heldUp is by how much statements that need a server connection come back later than those that have one or, where none of
// those came back, than the pooler itself answers while it accepts a client; 0 where that is less than queuedLeastMS, which
// the statements' own runs can tell.
func heldUp(o *facts.Observation) (extraMS float64) {
	s := o.Pooler
	switch {
	case !s.Answered() || !s.Pooled || len(s.Acquired) == 0:
		return 0
	case len(s.Samples) > 0:
		extraMS = s.AcquireWaitMS()
	default:
		own := TurnOfConnecting(s.Endpoint)
		if extraMS = facts.MS(slices.Min(s.Acquired)) - own; own < 0 {
			return 0
		}
	}
	if extraMS < facts.QueuedLeastMS {
		return 0
	}
	return extraMS
}

// assignedMS is an answer for which nobody waits in the pooler.
func assignedMS(s *facts.PGServer) float64 {
	if len(s.Samples) > 0 {
		return facts.MS(facts.Median(s.Samples))
	}
	return TurnOfConnecting(s.Endpoint)
}

// statementsQueue is poolerWait, unless statements that need a server connection are held up for longer than their runs could
// tell, or nothing else tells: the console is not asked, or no statement was run.
func statementsQueue(o *facts.Observation) Outcome {
	if extraMS := heldUp(o); extraMS > 0 {
		return found(latecomers(o, extraMS))
	}
	out := notKnown("%s", o.Missing(facts.KnowsWalls))
	if out.Why == "" {
		out = poolerWait(o)
	}
	if len(out.Hits) == 0 && (out.Unknown || o.NoConsole() != "") {
		if extraMS := o.Pooler.AcquireWaitMS(); extraMS > 0 {
			return found(latecomers(o, extraMS))
		}
	}
	return out
}

// latecomers are statements that have to wait for a server connection.
func latecomers(o *facts.Observation, extraMS float64) hit {
	s := o.Pooler
	queue := ""
	if o.Pools != nil {
		queue = fmt.Sprintf(" SHOW POOLS: %d waiting, %d servers busy, %d idle.", o.Pools.ClientsWaiting, o.Pools.ServersActive, o.Pools.ServersIdle)
	}
	return hit{
		Evidence: fmt.Sprintf("A response that needs no queue takes %.1f ms, but %s outside a transaction took %.0f ms (median): statements wait for a server connection.%s",
			assignedMS(s), facts.Plural(len(s.Acquired), "statement", "statements"), facts.MS(facts.Median(s.Acquired)), queue),
		CostMS: extraMS,
	}
}
