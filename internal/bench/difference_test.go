package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// simulated are two servers whose slice p99s are lognormal around 160 ms. Each
// slice has a noise of its own (8%: what the p99 of 500 requests scatters by),
// and both servers share a machine whose mood (6%) lasts over several slices: an
// autoregressive process with the coefficient 0.7 over the slices in the order
// in which they run, in pairs of a random order.
func simulated(dice *rand.Rand, slicesOfEach int, slower float64) (baseline, target []float64) {
	const own, shared, carries = 0.08, 0.06, 0.7
	mood := shared * dice.NormFloat64()
	slice := func(factor float64) float64 {
		mood = carries*mood + shared*math.Sqrt(1-carries*carries)*dice.NormFloat64()
		return 160 * factor * math.Exp(mood+own*dice.NormFloat64())
	}
	for range slicesOfEach {
		if dice.IntN(2) == 0 {
			baseline = append(baseline, slice(1))
			target = append(target, slice(slower))
		} else {
			target = append(target, slice(slower))
			baseline = append(baseline, slice(1))
		}
	}
	return baseline, target
}

func count(pairs int, slower float64, seed uint64) (found map[stats.Finding]int, covered int) {
	found = make(map[stats.Finding]int)
	dice := rand.New(rand.NewPCG(seed, 7))
	for i := range pairs {
		a, b := simulated(dice, 10, slower)
		d := stats.Decide(a, b, stats.DefaultMinEffect, uint64(i))
		found[d.Finding]++
		if d.EffectCI[0] <= slower-1 && slower-1 <= d.EffectCI[1] {
			covered++
		}
	}
	return found, covered
}

// The self-test of the comparison: two equal servers give at most 5% false
// alarms, a true regression of 20% is found nine times in ten at least. The
// shares are asserted within what chance allows: if the true share of alarms
// were 5%, 2,000 pairs would show more than 5% + 3 standard errors once in 700.
func TestSelfTestOfTheComparison(t *testing.T) {
	const pairs = 2000
	equal, _ := count(pairs, 1, 1)
	alarms := equal[stats.Regression] + equal[stats.Improvement]
	if limit := int(pairs*0.05 + 3*math.Sqrt(pairs*0.05*0.95)); alarms > limit {
		t.Errorf("%d of %d pairs of equal servers alarmed, more than %d", alarms, pairs, limit)
	}
	slower, _ := count(pairs/4, 1.2, 2)
	if slower[stats.Regression] < pairs/4*9/10 {
		t.Errorf("a regression of 20%% was found in %d of %d pairs", slower[stats.Regression], pairs/4)
	}
	if slower[stats.Improvement] != 0 {
		t.Errorf("a regression was taken for an improvement %d times", slower[stats.Improvement])
	}
	faster, _ := count(pairs/4, 1/1.2, 3)
	if faster[stats.Improvement] < pairs/4*9/10 || faster[stats.Regression] != 0 {
		t.Errorf("an improvement: %v", faster)
	}
	t.Logf("equal: %d alarms in %d; 20%% slower: %v; 20%% faster: %v", alarms, pairs, slower, faster)
}

// What the comparison is there to replace: "the p99 of B is more than 10% above
// or below A's", of one slice each, alarms again and again on the same pairs.
func TestNaiveComparisonAlarmsOnEqualServers(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 7))
	const pairs = 2000
	alarms := 0
	for range pairs {
		a, b := simulated(dice, 1, 1)
		if math.Abs(b[0]/a[0]-1) > 0.10 {
			alarms++
		}
	}
	if alarms < pairs/4 {
		t.Errorf("the naive comparison alarmed in %d of %d pairs: the simulation is too quiet to prove anything", alarms, pairs)
	}
	t.Logf("%d of %d", alarms, pairs)
}

func TestIntervalCoversTheTrueRatio(t *testing.T) {
	const pairs = 500
	for _, slower := range []float64{1, 1.2} {
		_, covered := count(pairs, slower, 5)
		t.Logf("factor %v: the 95%% interval covered it in %d of %d", slower, covered, pairs)
		// A percentile bootstrap of so few slices is a little narrow (90 to 95%).
		if covered < pairs*88/100 {
			t.Errorf("factor %v: the 95%% interval covered it in %d of %d", slower, covered, pairs)
		}
	}
}

func TestDecideNeedsAllThree(t *testing.T) {
	around := func(center, step float64) []float64 {
		var v []float64
		for i := range 10 {
			v = append(v, center+step*float64(i-5))
		}
		return v
	}
	for _, tc := range []struct {
		name             string
		baseline, target []float64
		want             stats.Finding
	}{
		{"nothing", nil, nil, stats.TooFew},
		{"four of each", around(100, 1)[:4], around(200, 1)[:4], stats.TooFew},
		{"five of each", around(100, 1)[:5], around(200, 1)[:5], stats.Regression},
		{"the same", around(100, 1), around(100, 1), stats.NoDifference},
		{"clear and large", around(100, 1), around(120, 1), stats.Regression},
		{"clear and large, downwards", around(120, 1), around(100, 1), stats.Improvement},
		{"clear and small", around(100, 0.1), around(104, 0.1), stats.NoDifference},
		{"large and not clear", around(100, 20), around(112, 20), stats.NoDifference},
	} {
		if d := stats.Decide(tc.baseline, tc.target, stats.DefaultMinEffect, 1); d.Finding != tc.want {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
}

func TestRatioInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(1, 1000), 1, 30)
		a := values.Draw(t, "a")
		b := rapid.SliceOfN(rapid.Float64Range(1, 1000), len(a), len(a)).Draw(t, "b")
		seed := rapid.Uint64().Draw(t, "seed")
		keptA, keptB := slices.Clone(a), slices.Clone(b)
		lo, hi := stats.RatioInterval(a, b, seed)
		if again, end := stats.RatioInterval(a, b, seed); again != lo || end != hi {
			t.Fatal("another interval for the same seed")
		}
		if !slices.Equal(a, keptA) || !slices.Equal(b, keptB) {
			t.Fatal("the samples were changed")
		}
		if least, most := slices.Min(b)/slices.Max(a), slices.Max(b)/slices.Min(a); lo > hi || lo < least || hi > most {
			t.Fatalf("[%v, %v] is not within [%v, %v]", lo, hi, least, most)
		}
		// A target that is the baseline times a factor has that ratio in each draw.
		for i := range b {
			b[i] = 3 * a[i]
		}
		if lo, hi := stats.RatioInterval(a, b, seed); math.Abs(lo-3) > 1e-9 || math.Abs(hi-3) > 1e-9 {
			t.Fatalf("three times: [%v, %v]", lo, hi)
		}
	})
	if lo, hi := stats.RatioInterval(nil, nil, 1); lo != 0 || !math.IsInf(hi, 1) {
		t.Errorf("nothing: [%v, %v]", lo, hi)
	}
}

// The spread of the bootstrap of a median is the known one: for 101 independent
// normal values the standard error is 1.2533 sigma/sqrt(n).
func TestRatioIntervalHasTheWidthOfTheClosedForm(t *testing.T) {
	dice := rand.New(rand.NewPCG(4, 4))
	width := 0.0
	const runs, n = 60, 101
	for i := range runs {
		var a, b []float64
		for range n {
			a = append(a, 100)
			b = append(b, 100+10*dice.NormFloat64())
		}
		lo, hi := stats.RatioInterval(a, b, uint64(i))
		width += (hi - lo) / runs
	}
	want := 2 * 1.96 * 1.2533 * 0.1 / math.Sqrt(n)
	if width < 0.85*want || width > 1.15*want {
		t.Errorf("mean width %.4f, want about %.4f", width, want)
	}
}
