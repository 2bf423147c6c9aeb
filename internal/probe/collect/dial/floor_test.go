package dial

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestTheFloorHasItsShare: of a server that is slow fewer round trips are made, and of too few there is no floor.
func TestTheFloorHasItsShare(t *testing.T) {
	each := func(d time.Duration) func(context.Context) error {
		return func(context.Context) error { time.Sleep(d); return nil }
	}
	var quick, slow facts.Endpoint
	samples, err := MeasureFloor(t.Context(), facts.FloorSamples, each(time.Millisecond))
	quick.SetFloor(samples, facts.FloorSamples)
	if err != nil || quick.FloorSamples != facts.FloorSamples || quick.FloorMS < 1 || len(quick.Notes) > 0 {
		t.Errorf("of a quick one: %+v, %v", quick, err)
	}
	samples, err = MeasureFloor(t.Context(), facts.FloorSamples, each(facts.FloorShare*3/5))
	slow.SetFloor(samples, facts.FloorSamples)
	if n := len(samples); err != nil || n == 0 || n >= facts.LeastSamples || slow.FloorSamples != n || slow.FloorMS != 0 || slow.JitterMS != 0 {
		t.Errorf("of a slow one: %+v, %v", slow, err)
	}
	if notes := strings.Join(slow.Notes, ""); !strings.Contains(notes, "the minimum RTT is unknown") {
		t.Errorf("nothing says that there is no floor: %q", notes)
	}
}
