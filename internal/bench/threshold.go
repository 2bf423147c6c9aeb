package bench

import (
	"fmt"
	"math"
	"sort"
	"time"
)

// Threshold is a limit on one route of a phase or on all of it. It is judged as
// the p99 of a phase is: so many samples may be over, by the exact binomial bound.
type Threshold struct {
	Route string        // "" = every route of the phase
	Share float64       // of the samples that may be over: 0.01 for a p99, 0.5 for a p50, the rate itself for errors
	Limit time.Duration // 0: only a failure is over
}

// What names the kind of the threshold: "p99", "p50" or "error_rate".
func (t Threshold) What() string {
	if t.Limit == 0 {
		return "error_rate"
	}
	return fmt.Sprintf("p%g", math.Round((1-t.Share)*10000)/100)
}

// holds reports whether the threshold may be claimed at 95%. A share of zero
// asks for no failure at all, which is counted and not claimed of what was not seen.
func (t Threshold) holds(n, over int) bool {
	if t.Share == 0 {
		return n > 0 && over == 0
	}
	return n > 0 && binomialCDF(over, n, t.Share) <= risk
}

// refuted reports the opposite bound.
func (t Threshold) refuted(n, over int) bool {
	if t.Share == 0 {
		return over > 0
	}
	return n > 0 && over > 0 && 1-binomialCDF(over-1, n, t.Share) <= risk
}

// allowed is the most samples over the limit with which n may still claim it; -1: n is too few.
func (t Threshold) allowed(n int) int {
	return sort.Search(n+1, func(k int) bool { return !t.holds(n, k) }) - 1
}

// Needed is the least number of samples that may claim the threshold when none is over.
func (t Threshold) Needed() int {
	if t.Share == 0 {
		return 1
	}
	// (1-share)^n <= risk
	return max(1, int(math.Ceil(math.Log(risk)/math.Log1p(-t.Share)-1e-9)))
}

// watches counts exactly what each threshold is about.
type watches []watch

type watch struct {
	Threshold
	n, over int
	figures *Histogram // of a limit on latency, for what is reported
}

func newWatches(of []Threshold) watches {
	var w watches
	for _, t := range of {
		w = append(w, watch{Threshold: t, figures: NewHistogram()})
	}
	return w
}

func (w watches) observe(s Sample, latency time.Duration) {
	for i := range w {
		t := &w[i]
		if t.Route != "" && t.Route != s.Shot.Route {
			continue
		}
		t.n++
		if s.Failed() || (t.Limit > 0 && latency > t.Limit) {
			t.over++
		}
		t.figures.Record(latency)
	}
}

// misplace counts a sample that is in no figure where it is over a limit: see
// tally.misplace.
func (w watches) misplace(s Sample) {
	for i := range w {
		if t := &w[i]; (t.Route == "" || t.Route == s.Shot.Route) && t.Limit > 0 && s.Latency > t.Limit {
			t.n++
			t.over++
		}
	}
}

// ThresholdResult is what became of a threshold.
type ThresholdResult struct {
	Route       string   `json:"route,omitempty"` // absent: every route
	What        string   `json:"what"`            // p99, p50 or error_rate
	Verdict     Verdict  `json:"verdict"`
	LimitMS     *float64 `json:"limit_ms,omitempty"`
	ActualMS    *float64 `json:"actual_ms,omitempty"`
	LimitShare  *float64 `json:"limit_share,omitempty"`  // of an error rate
	ActualShare *float64 `json:"actual_share,omitempty"` // of an error rate
	Requests    int      `json:"requests"`
	Over        int      `json:"over"`         // slower than the limit or failed; of an error rate: failed
	OverAllowed int      `json:"over_allowed"` // -1: too few requests to claim it at all
}

func (w watch) result() ThresholdResult {
	r := ThresholdResult{Route: w.Route, What: w.What(), Requests: w.n, Over: w.over, OverAllowed: w.allowed(w.n)}
	if w.Limit > 0 {
		r.LimitMS, r.ActualMS = msp(w.Limit), quantileOf(w.figures, 1-w.Share)
	} else {
		share := w.Share
		r.LimitShare = &share
		if w.n > 0 {
			actual := float64(w.over) / float64(w.n)
			r.ActualShare = &actual
		}
	}
	switch {
	case w.holds(w.n, w.over):
		r.Verdict = Pass
	case w.refuted(w.n, w.over):
		r.Verdict = Fail
	default:
		r.Verdict = Inconclusive
	}
	return r
}

// subject is what the threshold is about, as a reader would say it.
func (r ThresholdResult) subject() string {
	of := r.Route
	if of == "" {
		of = "every route"
	}
	return r.What + " of " + of
}

// limit is the threshold's limit with its unit.
func (r ThresholdResult) limit() string {
	if r.LimitMS != nil {
		return figure(*r.LimitMS)
	}
	return fmt.Sprintf("%.3g%%", 100*deref(r.LimitShare))
}

// claim is the verdict with what it rests on.
func (r ThresholdResult) claim() string {
	var found string
	if r.LimitMS != nil {
		found = fmt.Sprintf("%s, limit %s", figure(deref(r.ActualMS)), r.limit())
	} else {
		found = fmt.Sprintf("%.3g%%, limit %s", 100*deref(r.ActualShare), r.limit())
	}
	if r.ActualMS == nil && r.ActualShare == nil {
		found = "nothing was measured, limit " + r.limit()
	}
	switch {
	case r.OverAllowed < 0 && r.Verdict == Fail:
		return fmt.Sprintf("%s, n = %d, %d over (too many, few as the requests are)", found, r.Requests, r.Over)
	case r.OverAllowed < 0:
		return fmt.Sprintf("%s, n = %d, %d over (too few to claim it)", found, r.Requests, r.Over)
	}
	return fmt.Sprintf("%s, n = %d, %d over (%d allowed)", found, r.Requests, r.Over, r.OverAllowed)
}

// withThresholds judges the thresholds of a phase; the phase takes the worst verdict.
func (p Phase) withThresholds(w watches) Phase {
	for _, one := range w {
		r := one.result()
		if p.Verdict == Invalid {
			r.Verdict = Invalid
		}
		p.Thresholds = append(p.Thresholds, r)
		if r.Verdict != Pass && r.Verdict != Invalid {
			p.Reasons = append(p.Reasons, r.subject()+": "+r.claim())
		}
		if r.Verdict.worseThan(p.Verdict) {
			p.Verdict = r.Verdict
		}
	}
	return p
}
