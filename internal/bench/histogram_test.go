package bench

import (
	"math"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// Every percentile is the one at rank ceil(q*n), also where hdrhistogram-go's own
// would be one rank lower: n mod 100 from 51 to 99 for the p99.
func TestQuantilesTakeTheRankAbove(t *testing.T) {
	for n := 1; n <= 400; n++ {
		dense, small := stats.NewHistogram(), stats.NewPacked()
		exact := make([]time.Duration, n) // sorted, each in a bucket of its own
		for i := range exact {
			exact[i] = time.Duration(1000 + i)
			dense.Record(exact[i])
			small.Record(exact[i])
		}
		for _, pct := range []int{1, 7, 50, 90, 95, 99, 100} {
			q, want := float64(pct)/100, exact[(pct*n+99)/100-1]
			if got := dense.Quantile(q); got != want {
				t.Fatalf("n = %d, p%d: %v, want %v", n, pct, got, want)
			}
			if got := small.Quantile(q); got != want {
				t.Fatalf("packed, n = %d, p%d: %v, want %v", n, pct, got, want)
			}
			if got := p99Of(floats(exact)); pct == 99 && got != float64(want) {
				t.Fatalf("of samples, n = %d: %v, want %v", n, got, want)
			}
		}
	}
	for _, n := range []int{51_049, 999_951, 10_000_077} {
		if got, want := stats.RankOf(0.99, n), (99*n+99)/100; got != want {
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
	p99 := stats.MS(357 * time.Millisecond)
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
