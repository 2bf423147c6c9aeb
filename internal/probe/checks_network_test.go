package probe

import (
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// TestDistanceAndVariation: where round trips vary, two paths are told apart only by more than that, whoever seems to queue.
func TestDistanceAndVariation(t *testing.T) {
	at := func(floor, jitter float64) Endpoint {
		return Endpoint{FloorMS: floor, JitterMS: jitter, FloorSamples: FloorSamples}
	}
	few := func(e Endpoint) Endpoint { e.FloorSamples = 5; return e }
	for _, c := range []struct {
		name           string
		pooler, direct Endpoint
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
		o := &observation{pooler: &pgServer{endpoint: c.pooler}, direct: &pgServer{endpoint: c.direct}, pools: &store.Pools{ClientsWaiting: c.queue, MaxWait: time.Duration(c.queue) * waitLeastMS * time.Millisecond}}
		if got := len(farAway(o).hits) > 0; got != c.far {
			t.Errorf("%s: far is %v, want %v", c.name, got, c.far)
		}
		if got := jitters(o); len(got.hits) > 0 != c.varies {
			t.Errorf("%s: it varies: %v, want %v: %s", c.name, len(got.hits) > 0, c.varies, got.why)
		}
	}
}

// TestAMinimumIsComparedWithAMinimum: neither jitter nor a wait makes a distance of a round trip whose least is the baseline's.
func TestAMinimumIsComparedWithAMinimum(t *testing.T) {
	baseline := &Result{Endpoints: []Endpoint{{Name: "pooler", FloorMS: 20, JitterMS: 1, FloorSamples: 25}}}
	for _, c := range []struct {
		name      string
		now, wait []int // ms of statements with a server connection, and of those that needed one
		far       bool
	}{
		{"as it was", []int{20, 21, 20, 22}, []int{20, 21}, false},
		{"most round trips are late", []int{21, 90, 110, 70}, []int{120, 99}, false},
		{"only a statement that needed a connection was quick", []int{60, 90, 110, 70}, []int{21, 99}, false},
		{"each waits in the pooler", []int{20, 21, 20, 22}, []int{180, 220}, false},
		{"all are late", []int{81, 80, 82, 80}, []int{80, 81}, true},
		{"all are late, and some wait", []int{81, 80, 82, 80}, []int{200, 181}, true},
	} {
		s := &pgServer{pooled: true, endpoint: Endpoint{Name: "pooler", Phases: []Phase{{"tcp", 1, 2}, {"startup", 1, 500}}}}
		for _, n := range c.now {
			s.samples = append(s.samples, time.Duration(n)*time.Millisecond)
		}
		for _, n := range c.wait {
			s.acquired = append(s.acquired, time.Duration(n)*time.Millisecond)
		}
		(&pgClient{pgServer: s}).settle()
		got := farAway(&observation{config: Config{Baseline: baseline}, pooler: s})
		if (len(got.hits) > 0) != c.far {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
