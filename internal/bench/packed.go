package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// packed is a Histogram that takes memory only for the durations it has seen:
// a second of a load test sees few, and a timeline keeps hundreds of them. Its
// figures are those of a Histogram with the same durations. It is not safe for
// concurrent use.
type packed struct {
	h *hdrhistogram.PackedHistogram
}

func newPacked() *packed {
	return &packed{h: hdrhistogram.NewPacked(1, int64(longest), 3)}
}

// record counts one duration, within the bounds of Histogram.Record.
func (p *packed) record(d time.Duration) {
	// The bounds make the only error (out of range) impossible.
	_ = p.h.RecordValue(int64(min(max(d, 0), longest)))
}

func (p *packed) merge(o *packed) { p.h.Merge(o.h) }

func (p *packed) count() int { return int(p.h.TotalCount()) }

// quantile is Histogram.Quantile.
func (p *packed) quantile(q float64) time.Duration {
	n := p.count()
	if n == 0 {
		return 0
	}
	return time.Duration(p.h.ValueAtPercentile(percentileOfRank(rankOf(q, n), n)))
}

func (p *packed) max() time.Duration { return time.Duration(p.h.Max()) }

// encode is the V2 compressed form in base64 that every HdrHistogram reads.
func (p *packed) encode() (string, error) {
	b, err := p.h.EncodeV2()
	return string(b), err
}

func decodePacked(encoded string) (*packed, error) {
	h, err := hdrhistogram.DecodePacked([]byte(encoded))
	if err != nil {
		return nil, err
	}
	return &packed{h}, nil
}

// encode is the V2 compressed form in base64 that every HdrHistogram reads.
func (h *Histogram) encode() (string, error) {
	b, err := h.h.EncodeV2()
	return string(b), err
}

func decodeHistogram(encoded string) (*Histogram, error) {
	h, err := hdrhistogram.Decode([]byte(encoded))
	if err != nil {
		return nil, err
	}
	return &Histogram{h}, nil
}
