package stats

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Packed is a Histogram that takes memory only for the durations it has seen:
// a second of a load test sees few, and a timeline keeps hundreds of them. Its
// figures are those of a Histogram with the same durations. It is not safe for
// concurrent use.
type Packed struct {
	H *hdrhistogram.PackedHistogram
}

// NewPacked is an empty Packed.
func NewPacked() *Packed {
	return &Packed{H: hdrhistogram.NewPacked(1, int64(Longest), 3)}
}

// Record counts one duration, within the bounds of Histogram.Record.
func (p *Packed) Record(d time.Duration) {
	// The bounds make the only error (out of range) impossible.
	_ = p.H.RecordValue(int64(min(max(d, 0), Longest)))
}

// Merge adds every duration of o.
func (p *Packed) Merge(o *Packed) { p.H.Merge(o.H) }

// Count is the number of durations recorded.
func (p *Packed) Count() int { return int(p.H.TotalCount()) }

// Quantile is Histogram.Quantile.
func (p *Packed) Quantile(q float64) time.Duration {
	n := p.Count()
	if n == 0 {
		return 0
	}
	return time.Duration(p.H.ValueAtPercentile(percentileOfRank(RankOf(q, n), n)))
}

// Max is the longest duration recorded.
func (p *Packed) Max() time.Duration { return time.Duration(p.H.Max()) }

// Encode is the V2 compressed form in base64 that every HdrHistogram reads.
func (p *Packed) Encode() (string, error) {
	b, err := p.H.EncodeV2()
	return string(b), err
}

// DecodePacked reads what Encode has written.
func DecodePacked(encoded string) (*Packed, error) {
	h, err := hdrhistogram.DecodePacked([]byte(encoded))
	if err != nil {
		return nil, err
	}
	return &Packed{h}, nil
}

// Encode is the V2 compressed form in base64 that every HdrHistogram reads.
func (h *Histogram) Encode() (string, error) {
	b, err := h.H.EncodeV2()
	return string(b), err
}

// DecodeHistogram reads what Encode has written.
func DecodeHistogram(encoded string) (*Histogram, error) {
	h, err := hdrhistogram.Decode([]byte(encoded))
	if err != nil {
		return nil, err
	}
	return &Histogram{h}, nil
}

// The buckets of a heat map: eight to a factor of ten, from 0.1 ms to 10 s, and
// one for what is longer.
const (
	BucketsPerDecade = 8
	bucketCount      = 5*BucketsPerDecade + 2
	firstBucketMS    = 0.1
)

// Buckets counts the durations by the buckets of a heat map, from the first
// that holds any to the last.
func (p *Packed) Buckets() (first int, counts []int) {
	bounds := BucketBounds()
	var all [bucketCount]int
	i := 0
	for value, n := range p.H.ForEachBucket { // ascending
		for i < len(bounds) && float64(value) > bounds[i]*float64(time.Millisecond) {
			i++
		}
		all[i] += int(n)
	}
	from, to := 0, len(all)
	for from < to && all[from] == 0 {
		from++
	}
	for to > from && all[to-1] == 0 {
		to--
	}
	return from, append([]int{}, all[from:to]...)
}

// BucketBounds are the upper bounds in milliseconds of all buckets but the last,
// to three digits.
func BucketBounds() []float64 {
	bounds := make([]float64, bucketCount-1)
	for i := range bounds {
		v := firstBucketMS * math.Pow(10, float64(i)/BucketsPerDecade)
		digits := math.Pow(10, 2-math.Floor(math.Log10(v)+1e-9))
		bounds[i] = math.Round(v*digits) / digits
	}
	return bounds
}
