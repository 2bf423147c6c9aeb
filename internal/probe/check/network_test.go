package check

import (
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// TestDistanceAndVariation: where round trips vary, two paths are told apart only by more than that, whoever seems to queue.
func TestDistanceAndVariation(t *testing.T) {
	at := func(floor, jitter float64) facts.Endpoint {
		return facts.Endpoint{FloorMS: floor, JitterMS: jitter, FloorSamples: facts.FloorSamples}
	}
	few := func(e facts.Endpoint) facts.Endpoint { e.FloorSamples = 5; return e }
	for _, c := range []struct {
		name           string
		pooler, direct facts.Endpoint
		queue          int64
		far, varies    bool
	}{
		{"steady, side by side", at(20, 1), at(19, 1), 0, false, false},
		{"steady, the pooler elsewhere", at(60, 1), at(19, 1), 0, true, false},
		{"both vary", at(60, 50), at(19, 50), 0, false, true},
		{"both vary, and the pooler is elsewhere", at(160, 50), at(19, 50), 0, true, true},
		{"it would seem so, but by five round trips", few(at(160, 50)), few(at(19, 50)), 0, false, true},
		{"both vary, and somebody queues", at(60, 50), at(19, 50), 3, false, true},
		{"the pooler's path alone varies", at(20, 50), at(19, 1), 0, false, true},
		{"it alone varies, and somebody queues", at(20, 50), at(19, 1), 3, false, true},
		{"the direct path alone varies", at(20, 1), at(19, 50), 0, false, false},
	} {
		c.pooler.Name, c.direct.Name = "pooler", "direct"
		o := &facts.Observation{Pooler: &facts.PGServer{Endpoint: c.pooler}, Direct: &facts.PGServer{Endpoint: c.direct}, Pools: &store.Pools{ClientsWaiting: c.queue, MaxWait: time.Duration(c.queue) * waitLeastMS * time.Millisecond}}
		if got := len(FarAway(o).Hits) > 0; got != c.far {
			t.Errorf("%s: far is %v, want %v", c.name, got, c.far)
		}
		if got := jitters(o); len(got.Hits) > 0 != c.varies {
			t.Errorf("%s: it varies: %v, want %v: %s", c.name, len(got.Hits) > 0, c.varies, got.Why)
		}
	}
}
