package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramIsWithinATenthOfAPercent(t *testing.T) {
	const n = 100_000
	shapes := map[string]func(*rand.Rand) float64{
		// The case that turns a t-digest's verdict round: 99% at 120 ms, 1% at 700 ms.
		"bimodal": func(r *rand.Rand) float64 {
			if r.Float64() < 0.01 {
				return 700e6 + r.NormFloat64()*20e6
			}
			return 120e6 + r.NormFloat64()*2e6
		},
		"lognormal": func(r *rand.Rand) float64 { return 5e6 * math.Exp(r.NormFloat64()) },
		"tiny":      func(r *rand.Rand) float64 { return 50e3 + r.Float64()*100e3 },
	}
	for name, draw := range shapes {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			h, other := NewHistogram(), NewHistogram()
			exact := make([]time.Duration, n)
			for i := range exact {
				exact[i] = time.Duration(max(0, draw(r)))
				if i%2 == 0 {
					h.Record(exact[i])
				} else {
					other.Record(exact[i])
				}
			}
			h.Merge(other)
			slices.Sort(exact)
			for _, q := range []float64{0.5, 0.9, 0.99, 0.999} {
				checkNear(t, q, h.Quantile(q), exact[int(math.Ceil(q*n))-1])
			}
			for _, rank := range []int{1, 500, n/2 + 1, 98_935, n} {
				checkNear(t, float64(rank), h.AtRank(rank), exact[rank-1])
			}
			if h.Count() != n {
				t.Errorf("Count() = %d, want %d", h.Count(), n)
			}
		})
	}
}

func checkNear(t *testing.T, at float64, got, want time.Duration) {
	t.Helper()
	if off := math.Abs(float64(got-want)) / float64(want); off > 0.001 {
		t.Errorf("at %v: %v, exact %v: off by %.3f%%", at, got, want, off*100)
	}
}

func TestHistogramEdges(t *testing.T) {
	h := NewHistogram()
	if h.Quantile(0.99) != 0 || h.AtRank(1) != 0 || h.Max() != 0 {
		t.Error("an empty histogram must read zero")
	}
	h.Record(-time.Second)
	h.Record(100 * time.Hour)
	if h.Count() != 2 {
		t.Errorf("Count() = %d, want 2: nothing may be dropped", h.Count())
	}
	if h.AtRank(3) != 0 || h.AtRank(0) != 0 {
		t.Error("a rank that does not exist must read zero")
	}
}

// Every percentile is the one at rank ceil(q*n), also where hdrhistogram-go's own
// would be one rank lower: n mod 100 from 51 to 99 for the p99.
func TestQuantilesTakeTheRankAbove(t *testing.T) {
	for n := 1; n <= 400; n++ {
		dense, small := NewHistogram(), newPacked()
		exact := make([]time.Duration, n) // sorted, each in a bucket of its own
		for i := range exact {
			exact[i] = time.Duration(1000 + i)
			dense.Record(exact[i])
			small.record(exact[i])
		}
		for _, pct := range []int{1, 7, 50, 90, 95, 99, 100} {
			q, want := float64(pct)/100, exact[(pct*n+99)/100-1]
			if got := dense.Quantile(q); got != want {
				t.Fatalf("n = %d, p%d: %v, want %v", n, pct, got, want)
			}
			if got := small.quantile(q); got != want {
				t.Fatalf("packed, n = %d, p%d: %v, want %v", n, pct, got, want)
			}
			if got := p99Of(floats(exact)); pct == 99 && got != float64(want) {
				t.Fatalf("of samples, n = %d: %v, want %v", n, got, want)
			}
		}
	}
	for _, n := range []int{51_049, 999_951, 10_000_077} {
		if got, want := rankOf(0.99, n), (99*n+99)/100; got != want {
			t.Errorf("rank of the p99 of %d: %d, want %d", n, got, want)
		}
	}
}

func floats(d []time.Duration) []float64 {
	out := make([]float64, len(d))
	for i := range d {
		out[i] = float64(d[i])
	}
	return out
}

// The share of samples that are at most the reported percentile is never below the
// percentile, in each place that reports one.
func TestEveryReportedPercentileCoversItsShare(t *testing.T) {
	const n = 360 // of which hdrhistogram-go's p99 covers 356, and 357 are 99%
	var due []time.Duration
	var samples []Sample
	for i := range n {
		due = append(due, time.Duration(i)*time.Millisecond)
		samples = append(samples, Sample{Latency: time.Duration(i+1) * time.Millisecond, Shot: Shot{Route: "a"}})
	}
	p99 := ms(357 * time.Millisecond)
	near := func(got float64) bool { return math.Abs(got-p99) < 0.001*p99 && got >= p99 }

	tally := newTally(AnyState, time.Second, time.Second)
	tally.watched = newWatches([]Threshold{{Share: 0.01, Limit: time.Second}})
	for i, s := range samples {
		tally.observe(due[i], s)
	}
	if got := tally.watched[0].result(); !near(*got.ActualMS) {
		t.Errorf("threshold: %v, want %v", *got.ActualMS, p99)
	}
	p := phaseOf(PhaseGet, time.Second, due, samples)
	for place, got := range map[string]float64{
		"phase": *p.Latency.P99, "route": p.Routes[0].P99MS, "slice": *p.Timeline.Slices[0].P99MS,
	} {
		if !near(got) {
			t.Errorf("%s: %v, want %v", place, got, p99)
		}
	}
}
