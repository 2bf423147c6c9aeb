package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longest is the greatest duration a histogram keeps apart from longer ones.
const longest = time.Hour

// Histogram counts durations with three digits: every figure read from it is
// within 0.1% of the exact one, and its size does not grow with the samples.
// It is not safe for concurrent use.
type Histogram struct {
	h *hdrhistogram.Histogram
}

// NewHistogram returns an empty histogram with a resolution of one nanosecond.
func NewHistogram() *Histogram {
	return &Histogram{h: hdrhistogram.New(1, int64(longest), 3)}
}

// Record counts one duration. Below zero counts as zero, above an hour as an hour.
func (h *Histogram) Record(d time.Duration) {
	// The bounds make the only error (out of range) impossible.
	_ = h.h.RecordValue(int64(min(max(d, 0), longest)))
}

// Merge adds every duration of o.
func (h *Histogram) Merge(o *Histogram) { h.h.Merge(o.h) }

// Count is the number of durations recorded.
func (h *Histogram) Count() int { return int(h.h.TotalCount()) }

// Quantile is the duration that the share q (0 to 1) of all samples does not
// exceed: the nearest-rank quantile. It is 0 when nothing was recorded.
func (h *Histogram) Quantile(q float64) time.Duration {
	return time.Duration(h.h.ValueAtPercentile(q * 100))
}

// Max is the longest duration recorded.
func (h *Histogram) Max() time.Duration { return time.Duration(h.h.Max()) }

// AtRank is the duration of the rank-th fastest sample; rank counts from 1.
// It is 0 for a rank that does not exist.
func (h *Histogram) AtRank(rank int) time.Duration {
	if rank < 1 || rank > h.Count() {
		return 0
	}
	seen := int64(0)
	for _, bar := range h.h.Distribution() {
		if seen += bar.Count; seen >= int64(rank) {
			return time.Duration(bar.To)
		}
	}
	return h.Max()
}
