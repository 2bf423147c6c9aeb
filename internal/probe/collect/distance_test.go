package collect

import (
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestAMinimumIsComparedWithAMinimum: neither jitter nor a wait makes a distance of a round trip whose least is the baseline's.
func TestAMinimumIsComparedWithAMinimum(t *testing.T) {
	baseline := &facts.Result{Endpoints: []facts.Endpoint{{Name: "pooler", FloorMS: 20, JitterMS: 1, FloorSamples: 25}}}
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
		s := &facts.PGServer{Pooled: true, Endpoint: facts.Endpoint{Name: "pooler", Phases: []facts.Phase{{Name: "tcp", Turns: 1, MS: 2}, {Name: "startup", Turns: 1, MS: 500}}}}
		for _, n := range c.now {
			s.Samples = append(s.Samples, time.Duration(n)*time.Millisecond)
		}
		for _, n := range c.wait {
			s.Acquired = append(s.Acquired, time.Duration(n)*time.Millisecond)
		}
		(&pgClient{PGServer: s}).settle()
		got := check.FarAway(&facts.Observation{Config: facts.Config{Baseline: baseline}, Pooler: s})
		if (len(got.Hits) > 0) != c.far {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
