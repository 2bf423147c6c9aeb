package facts

import (
	"slices"
)

// tooManyUnknown is the share of the checks that were asked for from which on nothing is called well.
const tooManyUnknown = 1.0 / 3

// Gaps counts the checks that passed, and those that are unknown, with the reason that most of them have. A third of
// what was asked for, or more, is unknown if wide is set; what nobody named counts as not asked for.
func (r Result) Gaps() (passes, unknown int, wide bool, why string) {
	reasons := map[string]int{}
	asked := len(r.Checks)
	for _, c := range r.Checks {
		switch {
		case c.Status == Pass:
			passes++
		case c.Status == Unknown && c.Unasked:
			unknown++
			asked--
		case c.Status == Unknown:
			unknown++
			reasons[c.Why]++
		}
	}
	for _, c := range r.Checks { // in the registry's order, so that equals are told the same way each time
		if c.Status == Unknown && (why == "" || reasons[c.Why] > reasons[why]) {
			why = c.Why
		}
	}
	missed := 0
	for _, n := range reasons {
		missed += n
	}
	return passes, unknown, missed > 0 && float64(missed) >= tooManyUnknown*float64(asked), why
}

// Unmeasured says why nothing could be measured: no check passed or found anything, but for those that the settings are
// enough for. It is empty otherwise.
func (r Result) Unmeasured() string {
	known := func(c CheckResult) bool { return c.Status != Unknown && (c.Status != Pass || !c.Given) }
	_, unknown, _, why := r.Gaps()
	if unknown == 0 || slices.ContainsFunc(r.Checks, known) {
		return ""
	}
	return why
}

// Inconclusive reports that what was measured is too little to say that all is well: the probe was interrupted, a third
// of the checks or more is unknown, or a hot path or the cache could not be judged at all.
func (r Result) Inconclusive() bool {
	_, _, wide, _ := r.Gaps()
	return r.Interrupted || wide || len(r.Unjudged) > 0
}
