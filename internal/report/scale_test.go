package report

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func labels(s scale) []string {
	var out []string
	for _, t := range s.ticks {
		if s.holds(t.At) {
			out = append(out, t.Label)
		}
	}
	return out
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		axis   Axis
		lo, hi float64
		about  int
		want   []string
	}{
		{"from zero", Axis{}, 40, 187, 5, []string{"0", "50", "100", "150", "200"}},
		{"a fraction", Axis{}, 0, 0.9, 5, []string{"0", "0.2", "0.4", "0.6", "0.8", "1"}},
		{"whole", Axis{Whole: true}, 0, 2, 5, []string{"0", "1", "2"}},
		{"nothing", Axis{Whole: true}, 0, 0, 5, []string{"0", "1"}},
		{"thousands", Axis{}, 0, 20_000, 5, []string{"0", "5,000", "10,000", "15,000", "20,000"}},
		{"two decades", Axis{Log: true}, 12, 480, 5, []string{"10", "20", "50", "100", "200", "500"}},
		{"many decades", Axis{Log: true}, 0.3, 4000, 5, []string{"1", "10", "100", "1,000"}},
		{"one value", Axis{Log: true}, 100, 100, 5, []string{"100", "200"}},
		{"seconds", Axis{Time: true}, 0, 90, 8, []string{"0 s", "15 s", "30 s", "45 s", "60 s", "75 s", "90 s"}},
		{"minutes", Axis{Time: true}, 0, 240, 8, []string{"0", "30 s", "1 min", "1:30 min", "2 min", "2:30 min", "3 min", "3:30 min", "4 min"}},
		{"hours", Axis{Time: true}, 0, 5400, 8, []string{"0", "15 min", "30 min", "45 min", "1 h", "1:15 h", "1:30 h"}},
		{"its own", Axis{Ticks: []Tick{{1, "90 %"}, {2, "99 %"}, {9, "beyond"}}}, 0, 3, 5, []string{"90 %", "99 %"}},
	} {
		if got := labels(newScale(tt.axis, tt.lo, tt.hi, 0, 100, tt.about)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, not %q", tt.name, got, tt.want)
		}
	}
}

// A greater value never stands before a smaller one, and every value of the span stands in the plot, at both ends of
// a tick or between them.
func TestScaleKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Axis{Log: rapid.Bool().Draw(t, "log"), Time: rapid.Bool().Draw(t, "time")}
		v := rapid.SliceOfN(rapid.Float64Range(1e-6, 1e9), 2, 2).Draw(t, "values")
		lo, hi := min(v[0], v[1]), max(v[0], v[1])
		s := newScale(a, lo, hi, 300, 20, 5) // upwards, as the y axis is
		if !s.holds(lo) || !s.holds(hi) {
			t.Fatalf("[%v, %v] does not fit into [%v, %v]", lo, hi, s.lo, s.hi)
		}
		if low, high := s.at(lo), s.at(hi); low < high || high < 20 || low > 300 || math.IsNaN(low+high) {
			t.Fatalf("%v is at %v, %v at %v", lo, low, hi, high)
		}
		if n := len(s.ticks); n > 20 {
			t.Fatalf("%d ticks", n)
		}
	})
}

func TestNumeral(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.1: "0.1", 0.12345: "0.123", 5: "5", 12.34: "12.3", 99.99: "100", 100.4: "100", 1234.5: "1,235", -3.5: "-3.5"} {
		if got := numeral(v); got != want {
			t.Errorf("numeral(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestHeatLevels(t *testing.T) {
	for _, tt := range []struct{ n, most, want int }{{1, 1, 7}, {1, 1000, 0}, {1000, 1000, 7}, {32, 1000, 4}} {
		if got := heatLevel(tt.n, tt.most); got != tt.want {
			t.Errorf("%d of %d is level %d, not %d", tt.n, tt.most, got, tt.want)
		}
	}
}
