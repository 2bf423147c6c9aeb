package bench

import (
	"math/rand/v2"
	"testing"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

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
	verdict := func(failing, apart, more float64) (Verdict, stats.Finding) {
		var c Comparison
		a, b := simulated(dice, slicesOfEach, 1)
		c.Difference = stats.Decide(a, b, stats.DefaultMinEffect, dice.Uint64())
		var sides [2][]stats.Tallied
		for range slicesOfEach {
			sides[0] = append(sides[0], stats.Tallied{Requests: requests, Failed: binomial(failing), Apart: binomial(apart)})
			sides[1] = append(sides[1], stats.Tallied{Requests: requests, Failed: binomial(failing + more), Apart: binomial(apart)})
		}
		c.shares(sides[0], sides[1])
		v, _ := c.judge("", false)
		return v, c.Finding
	}
	alarms := 0
	for range pairs {
		if v, finding := verdict(0.004, 0.02, 0); v != Pass || finding == stats.Improvement {
			alarms++
		}
	}
	if limit := int(pairs * stats.Risk); alarms > limit {
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
