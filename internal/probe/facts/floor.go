package facts

import (
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
	LeastSamples = 3
	FloorShare   = 2500 * time.Millisecond
	SamplePause  = 5 * time.Millisecond
)

// SetFloor sets the floor and the jitter, the samples' median less it; fewer than leastSamples set none. It notes if
// there are fewer than were wanted. Of others it is only the least that counts: whatever they may have waited for as well, none
// was quicker than the distance.
func (e *Endpoint) SetFloor(samples []time.Duration, wanted int, others ...time.Duration) {
	e.FloorSamples = len(samples)
	few := fmt.Sprintf("there was time for only %s of the %d that the minimum RTT needs", Plural(len(samples), "round trip", "round trips"), wanted)
	if len(samples) < LeastSamples {
		e.Notes = append(e.Notes, few+"; the minimum RTT is unknown")
		return
	}
	if len(samples) < wanted {
		e.Notes = append(e.Notes, few)
	}
	floor := slices.Min(slices.Concat(samples, others))
	e.FloorSamples, e.JitterSamples = e.FloorSamples+len(others), len(samples)
	e.FloorMS, e.JitterMS = MS(floor), MS(Median(samples)-floor)
}

// QueuedLeastMS is more than any distance: light takes 200 ms in fibre half around the earth and back, and the
// longest paths of the internet take twice that.
const QueuedLeastMS = 500

// AcquireWaitMS is by how much statements that need a server connection come back later than those that have one, at the
// median; 0 where that may be chance: at least half of them have to be later than nine tenths of the others by more than
// a residual that is worth naming.
func (s *PGServer) AcquireWaitMS() float64 {
	if len(s.Acquired) < LeastSamples || len(s.Samples) < LeastSamples {
		return 0
	}
	owned := slices.Sorted(slices.Values(s.Samples))
	limit := MS(owned[len(owned)*9/10]) + residualLimit(MS(owned[0]))
	late := 0
	for _, took := range s.Acquired {
		if MS(took) > limit {
			late++
		}
	}
	if 2*late < len(s.Acquired) {
		return 0
	}
	return MS(Median(s.Acquired) - Median(owned))
}
