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
const (
	FloorSamples = 15
	leastSamples = 3
	floorShare   = 2500 * time.Millisecond
)

// measureFloor makes round trips that ask the server for nothing, one after the other, and returns what each took.
// After the first that fails no more are made.
func measureFloor(ctx context.Context, ask func(context.Context) error) (samples []time.Duration, err error) {
	ends := time.Now().Add(floorShare)
	for len(samples) < FloorSamples && time.Now().Before(ends) {
		began := time.Now()
		if err := bound(ctx, queryTimeout, ask); err != nil {
			return samples, err
		}
		samples = append(samples, time.Since(began))
	}
	return samples, nil
}

// setFloor sets the floor and the jitter, the samples' median less it; fewer than leastSamples set none. It notes if
// there are fewer than were wanted.
func (e *Endpoint) setFloor(samples []time.Duration, wanted int) {
	e.FloorSamples = len(samples)
	few := fmt.Sprintf("there was time for %s of %d that make the floor", plural(len(samples), "round trip", "round trips"), wanted)
	if len(samples) < leastSamples {
		e.Notes = append(e.Notes, few+"; it is not known")
		return
	}
	if len(samples) < wanted {
		e.Notes = append(e.Notes, few)
	}
	floor := slices.Min(samples)
	e.FloorMS, e.JitterMS = ms(floor), ms(median(samples)-floor)
}

// queuedLeastMS is more than any distance: light takes 200 ms in fibre half around the earth and back, and the
// longest ways of the internet take twice that.
const queuedLeastMS = 500

// heldUp is by how much the quickest empty statement came back later than the pooler itself answers while it lets a
// client in, for which nobody queues; 0 where that may be a distance.
func (o *observation) heldUp() (extraMS float64) {
	s := o.pooler
	if !s.answered() || !s.pooled || len(s.samples) == 0 {
		return 0
	}
	own := turnOfConnecting(s.endpoint)
	if extraMS = ms(slices.Min(s.samples)) - own; own < 0 || extraMS < queuedLeastMS {
		return 0
	}
	return extraMS
}

// statementsQueue is poolerWait, unless every statement is held up for longer than its runs could tell.
func statementsQueue(o *observation) outcome {
	if extraMS := o.heldUp(); extraMS > 0 {
		s := o.pooler
		queue := ""
		if o.pools != nil {
			queue = fmt.Sprintf(" SHOW POOLS: %d waiting, %d servers busy, %d idle.", o.pools.ClientsWaiting, o.pools.ServersActive, o.pools.ServersIdle)
		}
		return found(hit{
			evidence: fmt.Sprintf("The pooler itself answers in %.1f ms, and the quickest of %s came back through it after %.0f ms: no distance takes that long, statements wait for a server connection.%s",
				turnOfConnecting(s.endpoint), plural(len(s.samples), "empty statement", "empty statements"), ms(slices.Min(s.samples)), queue),
			costMS: extraMS, severity: Critical,
		})
	}
	if why := o.missing(knowsWalls); why != "" {
		return notKnown("%s", why)
	}
	return poolerWait(o)
}
