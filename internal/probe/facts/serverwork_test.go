package facts

import (
	"slices"
	"testing"
	"time"
)

// TestLateness counts a pause for the time that it takes, however few statements of a burst meet it.
func TestLateness(t *testing.T) {
	times := func(late time.Duration, n, quick int) (out []time.Duration) {
		for range n {
			out = append(append(out, slices.Repeat([]time.Duration{time.Millisecond}, quick)...), time.Millisecond+late)
		}
		return out
	}
	for _, c := range []struct {
		name  string
		times []time.Duration
		want  float64
	}{
		{"nothing is late", times(0, 15, 1), 0},
		{"each other one, by the network", times(60*time.Millisecond, 15, 1), 30},
		{"one of ten meets a pause", times(80*time.Millisecond, 3, 9), 25.397},
		{"one of many, by a little", times(10*time.Millisecond, 1, 29), 0.333},
		{"none was measured", nil, 0},
	} {
		s := &PGServer{Samples: c.times, Floor: time.Millisecond}
		if got := Round(s.LateMS()); got != c.want {
			t.Errorf("%s: %v ms late, want %v", c.name, got, c.want)
		}
	}
}
