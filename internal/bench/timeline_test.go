package bench

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// phaseOf runs samples, each due at its own moment, through a tally.
func phaseOf(name string, target time.Duration, due []time.Duration, samples []Sample) Phase {
	t := newTally(Warm, target, DefaultTimeout)
	took := time.Duration(0)
	for i, s := range samples {
		t.observe(due[i], s)
		took = max(took, due[i]+s.Latency)
	}
	r := &run{Config: Config{Hitter: &Hitter{}}}
	return r.figures(PhasePlan{Name: name, Target: target}, t, 1, took)
}

// Whatever is merged: the slices of a timeline add up to the phase, and are never more than the most.
func TestTimelineAddsUpToThePhase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		horizon := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "horizon")
		n := rapid.IntRange(0, 300).Draw(t, "samples")
		due, samples := make([]time.Duration, n), make([]Sample, n)
		for i := range samples {
			due[i] = time.Duration(rapid.Int64Range(0, int64(horizon)).Draw(t, "due"))
			s := Sample{Latency: time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "latency"))}
			s.Reply.CacheStatus = rapid.SampledFrom([]string{"", "token; hit", "token; fwd=miss"}).Draw(t, "state")
			s.Kind = rapid.SampledFrom([]Kind{KindNone, KindNone, KindNone, "503"}).Draw(t, "kind")
			samples[i] = s
		}
		p := phaseOf(PhaseWarm, time.Second, due, samples)

		tl := p.Timeline
		if len(tl.Slices) > maxSlices {
			t.Fatalf("%d slices", len(tl.Slices))
		}
		if doublings := math.Log2(tl.Length().Seconds()); doublings < 0 || doublings != math.Trunc(doublings) {
			t.Fatalf("slices of %v", tl.Length())
		}
		var sum Slice
		all := stats.NewPacked()
		for i, s := range tl.Slices {
			if s.AtMS != float64(i)*tl.SliceMS {
				t.Fatalf("slice %d begins at %v ms", i, s.AtMS)
			}
			sum.Requests += s.Requests
			sum.Ended += s.Ended
			sum.Errors += s.Errors
			sum.Over += s.Over
			if inBuckets := total(s.Buckets); inBuckets != s.Requests {
				t.Fatalf("slice %d: %d requests, and %d in its buckets", i, s.Requests, inBuckets)
			}
			if (s.MaxMS == nil) != (s.Requests == 0) {
				t.Fatalf("slice %d: %d requests and a maximum of %v", i, s.Requests, s.MaxMS)
			}
			if s.latency != nil {
				all.Merge(s.latency)
			}
		}
		if sum.Requests != p.Requests || sum.Ended != p.Requests || sum.Errors != p.Errors || sum.Over != p.Over {
			t.Fatalf("the slices add up to %+v, the phase has %d requests, %d errors, %d over", sum, p.Requests, p.Errors, p.Over)
		}
		for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999, 1} {
			if got, want := all.Quantile(q), p.latency.Quantile(q); got != want {
				t.Fatalf("quantile %v of the slices together is %v, of the phase %v", q, got, want)
			}
		}
	})
}

func total(counts []int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// A request stands where it was due, its answer where it came: a stall is a hole in one and a slope in the other.
func TestTimelineTellsDueFromEnded(t *testing.T) {
	tl := newTimeline()
	for i := range 40 { // ten each second; the server answers nothing from second 1 to second 3
		due := time.Duration(i) * 100 * time.Millisecond
		end := due + 10*time.Millisecond
		if due >= time.Second && due < 3*time.Second {
			end = 3 * time.Second
		}
		tl.observe(due, end, end-due, false, end-due > time.Second)
	}
	var requests, ended, over []int
	for _, s := range tl.figures().Slices {
		requests, ended, over = append(requests, s.Requests), append(ended, s.Ended), append(over, s.Over)
	}
	for name, got := range map[string][2][]int{
		"requests": {requests, {10, 10, 10, 10}}, "ended": {ended, {10, 0, 0, 30}}, "over": {over, {0, 10, 0, 0}},
	} {
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%s: %v, not %v", name, got[0], got[1])
		}
	}
}

func TestTimelineMergesNeighbours(t *testing.T) {
	tl := newTimeline()
	for i := range maxSlices {
		tl.observe(time.Duration(i)*time.Second, time.Duration(i)*time.Second, time.Duration(i)*time.Millisecond, i%10 == 0, i%2 == 0)
	}
	if got := tl.figures(); got.SliceMS != 1000 || len(got.Slices) != maxSlices {
		t.Fatalf("%d slices of %v ms", len(got.Slices), got.SliceMS)
	}
	tl.observe(maxSlices*time.Second, maxSlices*time.Second, 0, false, false)
	got := tl.figures()
	if got.SliceMS != 2000 || len(got.Slices) != maxSlices/2+1 {
		t.Fatalf("%d slices of %v ms", len(got.Slices), got.SliceMS)
	}
	if s := got.Slices[5]; s.Requests != 2 || s.Errors != 1 || s.Over != 1 || s.AtMS != 10_000 || *s.MaxMS < 11 || *s.P50MS > 10.1 {
		t.Errorf("seconds 10 and 11 together: %+v", s)
	}
	tl.observe(24*time.Hour, 24*time.Hour, 0, false, false)
	if got := tl.figures(); len(got.Slices) > maxSlices || got.SliceMS != 256_000 {
		t.Errorf("after a day: %d slices of %v ms", len(got.Slices), got.SliceMS)
	}
}

// A second of many requests takes no more than its distinct durations do.
func TestTimelineMemoryIsBounded(t *testing.T) {
	tl := newTimeline()
	const each = 20_000
	for i := range each {
		// Spread over the three decades that a busy server shows.
		latency := time.Duration(float64(time.Millisecond) * math.Pow(1000, float64(i)/each))
		tl.observe(0, latency, latency, false, false)
	}
	// 3 decades are 10 doublings of 1,024 values; 4 bytes for the value and 1 or 2 for the count.
	if size, most := tl.slices[0].latency.H.Populated(), int32(10*1024+1); size > most {
		t.Errorf("%d values are kept, more than the %d that can be told apart", size, most)
	}
}

// What a timeline costs a request.
func BenchmarkTimelineObserve(b *testing.B) {
	tl := newTimeline()
	for i := range b.N {
		due := time.Duration(i) * 50 * time.Microsecond // 20,000 a second
		latency := time.Duration(100_000 + scatter(uint64(i))%5_000_000)
		tl.observe(due, due+latency, latency, false, false)
	}
}
