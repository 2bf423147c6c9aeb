package stats

import (
	"math"
	"strings"
	"testing"
)

func TestFisher(t *testing.T) {
	for _, tc := range []struct {
		foundA, ofA, foundB, ofB int
		want                     float64
	}{
		{1, 4, 3, 4, 17.0 / 70}, // the lady tasting tea: (16 + 1) of 70
		{0, 4, 4, 4, 1.0 / 70},
		{0, 500, 1, 500, 0.5},
		{0, 500, 0, 500, 1},
		{0, 10, 2, 10, 45.0 / 190},
		{3, 5, 0, 5, 1},
		{0, 0, 0, 0, 1},
	} {
		if got := fisher(tc.foundA, tc.ofA, tc.foundB, tc.ofB); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%+v: p = %v", tc, got)
		}
	}
}

// spread deals so many of each slice of 500 to slices of one side.
func spread(perSlice ...int) []Tallied {
	var out []Tallied
	for _, n := range perSlice {
		out = append(out, Tallied{Requests: 500, Failed: n})
	}
	return out
}

func TestSharesAreCompared(t *testing.T) {
	none := spread(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for name, tc := range map[string]struct {
		baseline, target []Tallied
		higher, lasting  bool
	}{
		"none":                      {none, none, false, false},
		"one":                       {none, spread(1, 0, 0, 0, 0, 0, 0, 0, 0, 0), false, false},
		"eight of 1000, everywhere": {none, spread(4, 4, 4, 4, 4, 4, 4, 4, 4, 4), true, true},
		"as many in one slice":      {none, spread(0, 0, 0, 40, 0, 0, 0, 0, 0, 0), true, false},
		"the baseline's":            {spread(4, 4, 4, 4, 4, 4, 4, 4, 4, 4), none, false, false},
		"both":                      {spread(4, 4, 4, 4, 4, 4, 4, 4, 4, 4), spread(4, 5, 4, 4, 4, 5, 4, 4, 4, 5), false, false},
		"less than the least":       {none, spread(1, 1, 1, 1, 1, 1, 1, 1, 0, 0), false, false},
	} {
		s := DecideShares(tc.baseline, tc.target, func(one Tallied) int { return one.Failed })
		if s.Higher != tc.higher || s.Lasting != tc.lasting {
			t.Errorf("%s: %+v", name, s)
		}
		if burst := strings.Contains(s.Says("failed"), "in few slices"); burst == s.Lasting {
			t.Errorf("%s: %s", name, s.Says("failed"))
		}
	}
}
