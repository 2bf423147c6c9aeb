package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// resamples of the bootstrap: the ends of a 95% interval then move by about a
// twentieth of its width from seed to seed.
const resamples = 2000

// RatioInterval is the 95% interval of median(b)/median(a) by a block bootstrap
// (circular blocks, percentile interval; Politis and Romano 1992). a[i] and b[i]
// are slices that ran next to each other: whole blocks of such pairs are drawn,
// so that what both servers felt at one time stays together and what lasts
// longer than a slice is not taken for chance. The same seed gives the same
// interval. The samples have to be of one length; without values it is [0, +Inf].
func RatioInterval(a, b []float64, seed uint64) (lo, hi float64) {
	n := min(len(a), len(b))
	if n == 0 {
		return 0, math.Inf(1)
	}
	dice := rand.New(rand.NewPCG(seed, uint64(n))) //nolint:gosec // the interval is to be the same for the same seed
	block := blockLength(n)
	drawnA, drawnB := make([]float64, 0, n+block), make([]float64, 0, n+block)
	ratios := make([]float64, resamples)
	for i := range ratios {
		drawnA, drawnB = drawnA[:0], drawnB[:0]
		for len(drawnA) < n {
			start := dice.IntN(n)
			for j := range block {
				drawnA, drawnB = append(drawnA, a[(start+j)%n]), append(drawnB, b[(start+j)%n])
			}
		}
		ratios[i] = Median(drawnB[:n]) / Median(drawnA[:n])
	}
	slices.Sort(ratios)
	const cut = int(resamples * Risk / 2)
	return ratios[cut], ratios[resamples-1-cut]
}

// blockLength is the usual cube root of the sample's size.
func blockLength(n int) int { return max(1, int(math.Round(math.Cbrt(float64(n))))) }

// Median sorts its argument.
func Median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}
