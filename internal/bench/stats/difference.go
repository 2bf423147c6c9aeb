package stats

import (
	"fmt"
	"slices"
)

const (
	// DefaultMinEffect is the least change of a p99 that is called one: less is
	// nothing that a user or a release could care about.
	DefaultMinEffect = 0.05
	// MinSlices is the fewest slices of a side that bear a verdict: 5 of 5 on one
	// side have p = 0.008, and 3 of 3 could not come below 0.05 at all.
	MinSlices = 5
)

// Finding is what a comparison of two servers has shown.
type Finding string

// The findings.
const (
	Regression   Finding = "regression"
	Improvement  Finding = "improvement"
	NoDifference Finding = "no difference shown" // which is no proof that there is none: see the interval
	TooFew       Finding = "too few slices"
)

// Difference is the outcome of the tests on the p99s of the slices of two
// servers that took turns.
type Difference struct {
	Finding   Finding    `json:"finding"`
	Slices    int        `json:"slices"`      // of each side, as far as they count
	Effect    float64    `json:"effect"`      // median of the target's slice p99s over the baseline's, minus 1
	EffectCI  [2]float64 `json:"effect_ci95"` // by block bootstrap
	P         float64    `json:"p"`           // Mann-Whitney, two-sided
	U         float64    `json:"u"`
	MinEffect float64    `json:"min_effect"`
}

// Decide compares the slice p99s of a baseline and of a target, in the order in
// which they ran; values at one index ran next to each other. A regression (or
// an improvement) is claimed only when three things agree: the rank test has
// p < 0.05, the interval of the ratio of the medians excludes no change, and the
// change is larger than minEffect. Two equal servers then alarm in at most one
// comparison of twenty; "p99 changed by 10%" alarms in four of five.
func Decide(baseline, target []float64, minEffect float64, seed uint64) Difference {
	n := min(len(baseline), len(target))
	d := Difference{Finding: TooFew, Slices: n, P: 1, MinEffect: minEffect}
	if n < MinSlices {
		return d
	}
	d.U, d.P = MannWhitney(baseline[:n], target[:n])
	lo, hi := RatioInterval(baseline[:n], target[:n], seed)
	d.EffectCI = [2]float64{lo - 1, hi - 1}
	d.Effect = Median(slices.Clone(target[:n]))/Median(slices.Clone(baseline[:n])) - 1
	switch {
	case d.P < Risk && lo > 1 && d.Effect > minEffect:
		d.Finding = Regression
	case d.P < Risk && hi < 1 && d.Effect < -minEffect:
		d.Finding = Improvement
	default:
		d.Finding = NoDifference
	}
	return d
}

// String says the finding in one sentence, with what it rests on.
func (d Difference) String() string {
	if d.Finding == TooFew {
		return fmt.Sprintf("too few slices to say: %d of each side count, %d at least are needed", d.Slices, MinSlices)
	}
	return fmt.Sprintf("%s: the target's p99 is %+.1f%%, 95%% CI [%+.1f%%, %+.1f%%], p = %s (Mann-Whitney on %d slices of each side)",
		d.Finding, 100*d.Effect, 100*d.EffectCI[0], 100*d.EffectCI[1], chance(d.P), d.Slices)
}

// chance is a p-value as far as it means anything.
func chance(p float64) string {
	if p < 0.0001 {
		return "< 0.0001"
	}
	return fmt.Sprintf("%.4f", p)
}
