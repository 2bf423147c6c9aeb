package probe

import (
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// TestDistanceAndVariation: two ways are told apart only where round trips are steady; where both vary, that
// is the finding, whoever seems to queue.
func TestDistanceAndVariation(t *testing.T) {
	at := func(floor, jitter float64) Endpoint { return Endpoint{FloorMS: floor, JitterMS: jitter} }
	for _, c := range []struct {
		name           string
		pooler, direct Endpoint
		queue          int64
		far, varies    bool
	}{
		{"steady, side by side", at(20, 1), at(19, 1), 0, false, false},
		{"steady, the pooler elsewhere", at(60, 1), at(19, 1), 0, true, false},
		{"both vary", at(60, 50), at(19, 50), 0, false, true},
		{"both vary, and somebody queues", at(60, 50), at(19, 50), 3, false, true},
		{"the pooler's way alone varies", at(20, 50), at(19, 1), 0, false, false},
		{"it alone varies, and somebody queues", at(20, 50), at(19, 1), 3, false, false},
	} {
		c.pooler.Name, c.direct.Name = "pooler", "direct"
		o := &observation{pooler: &pgServer{endpoint: c.pooler}, direct: &pgServer{endpoint: c.direct}, pools: &store.Pools{ClientsWaiting: c.queue, MaxWait: time.Duration(c.queue) * waitLeastMS * time.Millisecond}}
		if got := len(farAway(o).hits) > 0; got != c.far {
			t.Errorf("%s: far is %v, want %v", c.name, got, c.far)
		}
		if got := jitters(o); len(got.hits) > 0 != c.varies {
			t.Errorf("%s: it varies: %v, want %v: %s", c.name, len(got.hits) > 0, c.varies, got.why)
		}
	}
}
