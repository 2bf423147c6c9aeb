package bench

import (
	"math"
	"math/rand/v2"
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
func spread(perSlice ...int) []tallied {
	var out []tallied
	for _, n := range perSlice {
		out = append(out, tallied{requests: 500, failed: n})
	}
	return out
}

func TestSharesAreCompared(t *testing.T) {
	none := spread(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for name, tc := range map[string]struct {
		baseline, target []tallied
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
		s := decideShares(tc.baseline, tc.target, func(one tallied) int { return one.failed })
		if s.Higher != tc.higher || s.Lasting != tc.lasting {
			t.Errorf("%s: %+v", name, s)
		}
		if burst := strings.Contains(s.says("failed"), "in few slices"); burst == s.Lasting {
			t.Errorf("%s: %s", name, s.says("failed"))
		}
	}
}

// The self-test of the whole verdict: two equal servers, of whose requests the same few fail and the same few have missed
// a cache, pass at least 19 times in 20 (a claimed improvement counts as an alarm too). A target that fails as seldom as
// 8 times in 1,000 does not pass: its p99s do not show it.
func TestSelfTestOfTheVerdictOfAComparison(t *testing.T) {
	const pairs, slicesOfEach, requests = 1000, 10, 500
	dice := rand.New(rand.NewPCG(11, 7))
	binomial := func(p float64) (n int) {
		for range requests {
			if dice.Float64() < p {
				n++
			}
		}
		return n
	}
	verdict := func(failing, apart, more float64) (Verdict, Finding) {
		var c Comparison
		a, b := simulated(dice, slicesOfEach, 1)
		c.Difference = Decide(a, b, DefaultMinEffect, dice.Uint64())
		var sides [2][]tallied
		for range slicesOfEach {
			sides[0] = append(sides[0], tallied{requests, binomial(failing), binomial(apart)})
			sides[1] = append(sides[1], tallied{requests, binomial(failing + more), binomial(apart)})
		}
		c.shares(sides[0], sides[1])
		v, _ := c.judge("", false)
		return v, c.Finding
	}
	alarms := 0
	for range pairs {
		if v, finding := verdict(0.004, 0.02, 0); v != Pass || finding == Improvement {
			alarms++
		}
	}
	if limit := int(pairs * risk); alarms > limit {
		t.Errorf("%d of %d pairs of equal servers alarmed, more than %d", alarms, pairs, limit)
	}
	found := 0
	for range pairs / 10 {
		if v, _ := verdict(0, 0, 0.008); v == Fail {
			found++
		}
	}
	if found < pairs/10*9/10 {
		t.Errorf("8 failures in 1,000 were found in %d of %d pairs", found, pairs/10)
	}
	t.Logf("equal: %d alarms in %d; 8 failures in 1,000: %d of %d", alarms, pairs, found, pairs/10)
}
