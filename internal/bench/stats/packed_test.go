package stats

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBucketsHoldWhatTheirBoundsSay(t *testing.T) {
	bounds := BucketBounds()
	if len(bounds) != bucketCount-1 || bounds[0] != 0.1 || bounds[8] != 1 || bounds[40] != 10_000 || !slices.IsSorted(bounds) {
		t.Fatalf("bounds %v", bounds)
	}
	for _, tt := range []struct {
		latency time.Duration
		bucket  int
	}{
		{0, 0},
		{90 * time.Microsecond, 0},
		{110 * time.Microsecond, 1},
		{990 * time.Microsecond, 8},
		{1010 * time.Microsecond, 9},
		{9900 * time.Millisecond, 40},
		{11 * time.Second, 41},
		{time.Hour, 41},
	} {
		p := NewPacked()
		p.Record(tt.latency)
		if first, counts := p.Buckets(); first != tt.bucket || !slices.Equal(counts, []int{1}) {
			t.Errorf("%v is in bucket %d %v, not in %d", tt.latency, first, counts, tt.bucket)
		}
	}
	if first, counts := NewPacked().Buckets(); len(counts) != 0 {
		t.Errorf("nothing is in bucket %d: %v", first, counts)
	}
}

// The small histogram says what the large one says, before and after it was written down.
func TestPackedIsAHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		large, small := NewHistogram(), NewPacked()
		for range rapid.IntRange(0, 200).Draw(t, "n") {
			d := time.Duration(rapid.Int64Range(-1, int64(2*time.Hour)).Draw(t, "d"))
			large.Record(d)
			small.Record(d)
		}
		encodedLarge, err := large.Encode()
		if err != nil {
			t.Fatal(err)
		}
		encodedSmall, err := small.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeHistogram(encodedLarge)
		if err != nil {
			t.Fatal(err)
		}
		smallAgain, err := DecodePacked(encodedSmall)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
			want := large.Quantile(q)
			if small.Quantile(q) != want || again.Quantile(q) != want || smallAgain.Quantile(q) != want {
				t.Fatalf("quantile %v: %v, %v, %v, %v", q, want, small.Quantile(q), again.Quantile(q), smallAgain.Quantile(q))
			}
		}
		if small.Count() != large.Count() || small.Max() != large.Max() || again.Count() != large.Count() || smallAgain.Max() != large.Max() {
			t.Fatalf("%d and %d durations, up to %v and %v", small.Count(), large.Count(), small.Max(), large.Max())
		}
	})
}
