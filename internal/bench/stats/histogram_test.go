package stats

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
