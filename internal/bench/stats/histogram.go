package stats

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Longest is the greatest duration a histogram keeps apart from longer ones.
const Longest = time.Hour

// Histogram counts durations with three digits: every figure read from it is
// within 0.1% of the exact one, and its size does not grow with the samples.
// It is not safe for concurrent use.
type Histogram struct {
	H *hdrhistogram.Histogram
}

// NewHistogram returns an empty histogram with a resolution of one nanosecond.
func NewHistogram() *Histogram {
	return &Histogram{H: hdrhistogram.New(1, int64(Longest), 3)}
}

// Record counts one duration. Below zero counts as zero, above an hour as an hour.
func (h *Histogram) Record(d time.Duration) {
	// The bounds make the only error (out of range) impossible.
	_ = h.H.RecordValue(int64(min(max(d, 0), Longest)))
}

// Merge adds every duration of o.
func (h *Histogram) Merge(o *Histogram) { h.H.Merge(o.H) }

// Count is the number of durations recorded.
func (h *Histogram) Count() int { return int(h.H.TotalCount()) }

// Quantile is the least recorded duration that at least the share q (0 to 1) of
// all samples does not exceed: see rankOf. It is 0 when nothing was recorded.
func (h *Histogram) Quantile(q float64) time.Duration { return h.AtRank(RankOf(q, h.Count())) }

// Max is the longest duration recorded.
func (h *Histogram) Max() time.Duration { return time.Duration(h.H.Max()) }

// AtRank is the duration of the rank-th fastest sample; rank counts from 1.
// It is 0 for a rank that does not exist.
func (h *Histogram) AtRank(rank int) time.Duration {
	if rank < 1 || rank > h.Count() {
		return 0
	}
	return time.Duration(h.H.ValueAtPercentile(percentileOfRank(rank, h.Count())))
}

// RankOf is the rank (1 = the fastest) of the q-quantile of n samples: the least
// rank that at least the share q of them does not exceed, ceil(q*n). Every
// percentile of a load test takes it, so that "p99 <= X" never means that fewer
// than 99% were. A q of 0 is the fastest; without samples it is 0.
func RankOf(q float64, n int) int {
	// q*n of a whole number may come out a little above it (0.07*100 is 7.000000000000001).
	const rounding = 1e-6
	return min(max(int(math.Ceil(q*float64(n)-rounding)), 1), n)
}

// percentileOfRank is the percentile for which hdrhistogram-go returns the value
// at a rank. It rounds percentile*n to the nearest rank and not up, so a
// percentile itself gives it too low a rank whenever n mod 100 is 51 to 99.
func percentileOfRank(rank, n int) float64 { return 100 * float64(rank) / float64(n) }

// MS is a duration in milliseconds, to the microsecond.
func MS(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}

// Has reports whether a figure is that quantile of the histogram. Runs that were
// stored before quantiles took the rank ceil(q*n) have the one at the nearest
// rank, which is lower by one for some n.
func (h *Histogram) Has(q, figureMS float64) bool {
	return MS(h.Quantile(q)) == figureMS || MS(h.AtRank(int(math.Round(q*float64(h.Count()))))) == figureMS
}
