package probe

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// The floor is the least of FloorSamples round trips, or of those that floorShare leaves time for: a server that takes
// a second for each would otherwise leave none for anything else. Fewer than leastSamples have no median that means
// anything.
// samplePause is how far apart round trips begin at least: what comes and goes would otherwise show in all of them or in none.
const (
	FloorSamples = 15
	leastSamples = 3
	floorShare   = 2500 * time.Millisecond
	samplePause  = 5 * time.Millisecond
)

// measureFloor asks the server for nothing, so many times and one after the other, and returns what each took. After the
// first that fails there are no more. The caller bounds each.
func measureFloor(ctx context.Context, times int, ask func(context.Context) error) (samples []time.Duration, err error) {
	ends := time.Now().Add(floorShare)
	for len(samples) < times && time.Now().Before(ends) {
		began := time.Now()
		next := time.After(samplePause)
		if err := ask(ctx); err != nil {
			return samples, err
		}
		samples = append(samples, time.Since(began))
		select {
		case <-ctx.Done():
		case <-next:
		}
	}
	return samples, nil
}

// setFloor sets the floor and the jitter, the samples' median less it; fewer than leastSamples set none. It notes if
// there are fewer than were wanted. Of others it is only the least that counts: whatever they may have waited for as well, none
// was quicker than the distance.
func (e *Endpoint) setFloor(samples []time.Duration, wanted int, others ...time.Duration) {
	e.FloorSamples = len(samples)
	few := fmt.Sprintf("there was time for only %s of the %d that the minimum RTT needs", plural(len(samples), "round trip", "round trips"), wanted)
	if len(samples) < leastSamples {
		e.Notes = append(e.Notes, few+"; the minimum RTT is unknown")
		return
	}
	if len(samples) < wanted {
		e.Notes = append(e.Notes, few)
	}
	floor := slices.Min(slices.Concat(samples, others))
	e.FloorSamples, e.jitterSamples = e.FloorSamples+len(others), len(samples)
	e.FloorMS, e.JitterMS = ms(floor), ms(median(samples)-floor)
}

// queuedLeastMS is more than any distance: light takes 200 ms in fibre half around the earth and back, and the
// longest paths of the internet take twice that.
const queuedLeastMS = 500

// heldUp is by how much statements that need a server connection come back later than those that have one or, where none of
// those came back, than the pooler itself answers while it accepts a client; 0 where that is less than queuedLeastMS, which
// the statements' own runs can tell.
func (o *observation) heldUp() (extraMS float64) {
	s := o.pooler
	switch {
	case !s.answered() || !s.pooled || len(s.acquired) == 0:
		return 0
	case len(s.samples) > 0:
		extraMS = s.acquireWaitMS()
	default:
		own := turnOfConnecting(s.endpoint)
		if extraMS = ms(slices.Min(s.acquired)) - own; own < 0 {
			return 0
		}
	}
	if extraMS < queuedLeastMS {
		return 0
	}
	return extraMS
}

// assignedMS is an answer for which nobody waits in the pooler.
func (s *pgServer) assignedMS() float64 {
	if len(s.samples) > 0 {
		return ms(median(s.samples))
	}
	return turnOfConnecting(s.endpoint)
}

// acquireWaitMS is by how much statements that need a server connection come back later than those that have one, at the
// median; 0 where that may be chance: at least half of them have to be later than nine tenths of the others by more than
// a residual that is worth naming.
func (s *pgServer) acquireWaitMS() float64 {
	if len(s.acquired) < leastSamples || len(s.samples) < leastSamples {
		return 0
	}
	owned := slices.Sorted(slices.Values(s.samples))
	limit := ms(owned[len(owned)*9/10]) + residualLimit(ms(owned[0]))
	late := 0
	for _, took := range s.acquired {
		if ms(took) > limit {
			late++
		}
	}
	if 2*late < len(s.acquired) {
		return 0
	}
	return ms(median(s.acquired) - median(owned))
}

// statementsQueue is poolerWait, unless statements that need a server connection are held up for longer than their runs could
// tell, or nothing else tells: the console is not asked, or no statement was run.
func statementsQueue(o *observation) outcome {
	if extraMS := o.heldUp(); extraMS > 0 {
		return found(o.latecomers(extraMS))
	}
	out := notKnown("%s", o.missing(knowsWalls))
	if out.why == "" {
		out = poolerWait(o)
	}
	if len(out.hits) == 0 && (out.unknown || o.noConsole() != "") {
		if extraMS := o.pooler.acquireWaitMS(); extraMS > 0 {
			return found(o.latecomers(extraMS))
		}
	}
	return out
}

// latecomers are statements that have to wait for a server connection.
func (o *observation) latecomers(extraMS float64) hit {
	s := o.pooler
	queue := ""
	if o.pools != nil {
		queue = fmt.Sprintf(" SHOW POOLS: %d waiting, %d servers busy, %d idle.", o.pools.ClientsWaiting, o.pools.ServersActive, o.pools.ServersIdle)
	}
	return hit{
		evidence: fmt.Sprintf("A response that needs no queue takes %.1f ms, but %s outside a transaction took %.0f ms (median): statements wait for a server connection.%s",
			s.assignedMS(), plural(len(s.acquired), "statement", "statements"), ms(median(s.acquired)), queue),
		costMS: extraMS,
	}
}
