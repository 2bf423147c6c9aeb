package bench

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func poisson(t *testing.T, rate float64, over time.Duration, seed uint64) Schedule {
	t.Helper()
	s, err := Poisson(rate, over, seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The moments are a pure function of seed and number, in whatever order they are asked for.
func TestPoissonIsPure(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		rate := rapid.Float64Range(5, 2000).Draw(r, "rate")
		seed := rapid.Uint64().Draw(r, "seed")
		over := time.Duration(rapid.Int64Range(int64(2*time.Second), int64(5*time.Second)).Draw(r, "over"))
		s, again := poisson(t, rate, over, seed), poisson(t, rate, over, seed)
		if s.Count() != again.Count() {
			r.Fatalf("the same seed gives %d and %d requests", s.Count(), again.Count())
		}
		last := time.Duration(-1)
		for seq := range s.Count() {
			at := s.At(seq)
			if at < last || at >= over {
				r.Fatalf("At(%d) = %v, after %v, of %v", seq, at, last, over)
			}
			last = at
		}
		if next := s.At(s.Count()); next < over {
			r.Fatalf("request %d would be due at %v, within %v", s.Count(), next, over)
		}
		n := rapid.Uint64Range(0, s.Count()-1).Draw(r, "n")
		if s.At(n) != again.At(n) {
			r.Fatalf("At(%d) = %v and %v", n, s.At(n), again.At(n))
		}
		if due := s.DueBy(s.At(n)); due < n+1 {
			r.Fatalf("DueBy(At(%d)) = %d", n, due)
		}
	})
}

// Against the closed forms of the process: the count of a time is Poisson, a gap is exponential, gaps do not
// depend on their neighbours. The seeds are fixed, so the test gives the same answer each time.
func TestPoissonIsPoisson(t *testing.T) {
	const rate, seconds = 200.0, 100
	s := poisson(t, rate, seconds*time.Second, 42)
	n, mean := float64(s.Count()), rate*seconds
	if math.Abs(n-mean) > 4*math.Sqrt(mean) {
		t.Errorf("%v requests; %v +- %v are expected", n, mean, math.Sqrt(mean))
	}

	gaps := make([]float64, s.Count())
	last := time.Duration(0)
	for seq := range s.Count() {
		gaps[seq], last = (s.At(seq) - last).Seconds(), s.At(seq)
	}
	product := 0.0
	for i := range gaps[1:] {
		product += (gaps[i]*rate - 1) * (gaps[i+1]*rate - 1)
	}
	// The correlation of neighbours has a deviation of 1/sqrt(n).
	if r := product / n; math.Abs(r) > 4/math.Sqrt(n) {
		t.Errorf("neighbouring gaps are correlated: %v", r)
	}
	slices.Sort(gaps)
	worst := 0.0
	for i, gap := range gaps {
		worst = max(worst, math.Abs(1-math.Exp(-gap*rate)-float64(i)/n))
	}
	// Kolmogorov and Smirnov: 1.63/sqrt(n) is passed by 1% of true samples.
	if worst > 1.63/math.Sqrt(n) {
		t.Errorf("the gaps are %v off the exponential distribution", worst)
	}

	// Counts of a second: variance equals mean. 100 seconds know the ratio to about 14%.
	counts := make([]float64, seconds)
	for seq := range s.Count() {
		counts[int(s.At(seq)/time.Second)]++
	}
	variance := 0.0
	for _, c := range counts {
		variance += (c - rate) * (c - rate) / seconds
	}
	if ratio := variance / rate; ratio < 0.5 || ratio > 1.6 {
		t.Errorf("the variance of a second's count is %v of its mean", ratio)
	}
}

func TestPoissonRefusesNonsense(t *testing.T) {
	for name, f := range map[string]func() (Schedule, error){
		"no rate":  func() (Schedule, error) { return Poisson(0, time.Second, 1) },
		"no time":  func() (Schedule, error) { return Poisson(5, 0, 1) },
		"too many": func() (Schedule, error) { return Poisson(1e6, time.Hour, 1) },
		"nothing":  func() (Schedule, error) { return Poisson(0.001, time.Millisecond, 1) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
