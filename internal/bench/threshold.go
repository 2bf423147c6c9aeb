package bench

import (
	"fmt"
	"math"
	"sort"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// Threshold is a limit on one route of a phase or on all of it. It is judged as
// the p99 of a phase is: so many samples may be over, by the exact binomial bound.
type Threshold struct {
	Route string        // or a group of routes; "" = every route of the phase
	Share float64       // of the samples that may be over: 0.01 for a p99, 0.5 for a p50, the rate itself for errors
	Limit time.Duration // 0: only a failure is over
	// Turns, if set, limits the DB turns of a request instead.
	Turns TurnLimit
	Most  int // with TurnsAtMost: more turns are over
}

// TurnLimit says how the DB turns of requests are limited.
type TurnLimit string

// The limits on turns. A request that was answered well and does not state its
// turns is on neither side: the threshold neither passes nor fails because of it.
const (
	// TurnFree: a request that takes a turn, or fails, is over.
	TurnFree TurnLimit = "turn_free"
	// TurnsAtMost: a request that takes more than Most turns is over. One that failed
	// without stating its turns does not count.
	TurnsAtMost TurnLimit = "max_db_turns"
)

// What names the kind of the threshold: "p99", "p50", "error_rate", "turn_free" or
// "max_db_turns".
func (t Threshold) What() string {
	switch {
	case t.Turns != "":
		return string(t.Turns)
	case t.Limit == 0:
		return "error_rate"
	}
	return fmt.Sprintf("p%g", math.Round((1-t.Share)*10000)/100)
}

// about reports whether the threshold is about a request.
func (t Threshold) about(s Shot) bool {
	return t.Route == "" || t.Route == s.Route || t.Route == s.Group
}

// holds reports whether the threshold may be claimed at 95%. A share of zero
// asks for no failure at all, which is counted and not claimed of what was not seen.
func (t Threshold) holds(n, over int) bool {
	if t.Share == 0 {
		return n > 0 && over == 0
	}
	return n > 0 && stats.BinomialCDF(over, n, t.Share) <= stats.Risk
}

// refuted reports the opposite bound.
func (t Threshold) refuted(n, over int) bool {
	if t.Share == 0 {
		return over > 0
	}
	return n > 0 && over > 0 && 1-stats.BinomialCDF(over-1, n, t.Share) <= stats.Risk
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
	return max(1, int(math.Ceil(math.Log(stats.Risk)/math.Log1p(-t.Share)-1e-9)))
}

// watches counts exactly what each threshold is about.
type watches []watch

type watch struct {
	Threshold
	n, over int
	unknown int              // of n: answered well, without stating the turns that are limited
	most    int              // turns of one request
	figures *stats.Histogram // of a limit on latency, for what is reported
}

func newWatches(of []Threshold) watches {
	var w watches
	for _, t := range of {
		w = append(w, watch{Threshold: t, figures: stats.NewHistogram()})
	}
	return w
}

func (w watches) observe(s Sample, latency time.Duration) {
	for i := range w {
		t := &w[i]
		if !t.about(s.Shot) {
			continue
		}
		if t.Turns != "" {
			t.observeTurns(s)
			continue
		}
		t.n++
		if s.Failed() || (t.Limit > 0 && latency > t.Limit) {
			t.over++
		}
		t.figures.Record(latency)
	}
}

// observeTurns counts a sample for a limit on turns.
func (w *watch) observeTurns(s Sample) {
	stated := s.Reply.Turns >= 0
	if w.Turns == TurnsAtMost && s.Failed() && !stated {
		return
	}
	w.n++
	w.most = max(w.most, s.Reply.Turns)
	switch {
	case w.Turns == TurnFree && s.Failed(), s.Reply.Turns > w.Most:
		w.over++
	case !stated:
		w.unknown++
	}
}

// misplace counts a sample that is in no figure where it is over a limit: see
// tally.misplace.
func (w watches) misplace(s Sample) {
	for i := range w {
		t := &w[i]
		switch {
		case !t.about(s.Shot):
		case t.Turns != "":
			t.observeTurns(s)
		case t.Limit > 0 && s.Latency > t.Limit:
			t.n++
			t.over++
		}
	}
}

// ThresholdResult is what became of a threshold.
type ThresholdResult struct {
	Route       string   `json:"route,omitempty"` // or a group of routes; absent: every route
	What        string   `json:"what"`            // see Threshold.What
	Verdict     Verdict  `json:"verdict"`
	LimitMS     *float64 `json:"limit_ms,omitempty"`
	ActualMS    *float64 `json:"actual_ms,omitempty"`
	LimitShare  *float64 `json:"limit_share,omitempty"`  // of an error rate the most, of turn_free the least
	ActualShare *float64 `json:"actual_share,omitempty"` // of the requests that failed, or took no turn
	LimitTurns  *int     `json:"limit_turns,omitempty"`  // of max_db_turns
	ActualTurns *int     `json:"actual_turns,omitempty"` // the most that a request took
	Requests    int      `json:"requests"`
	Over        int      `json:"over"`               // slower than the limit, more turns than it, or failed; of an error rate: failed
	OverAllowed int      `json:"over_allowed"`       // -1: too few requests to claim it at all
	Unstated    int      `json:"unstated,omitempty"` // of the requests: those that do not state their turns
}

func (w watch) result() ThresholdResult {
	r := ThresholdResult{Route: w.Route, What: w.What(), Requests: w.n, Over: w.over, OverAllowed: w.allowed(w.n), Unstated: w.unknown}
	share := func(part int) *float64 {
		if w.n == 0 {
			return nil
		}
		v := float64(part) / float64(w.n)
		return &v
	}
	switch {
	case w.Turns == TurnFree:
		least := round(1 - w.Share)
		r.LimitShare, r.ActualShare = &least, share(w.n-w.over-w.unknown)
	case w.Turns == TurnsAtMost:
		r.LimitTurns = &w.Most
		if w.n > w.unknown {
			r.ActualTurns = &w.most
		}
	case w.Limit > 0:
		r.LimitMS, r.ActualMS = msp(w.Limit), quantileOf(w.figures, 1-w.Share)
	default:
		r.LimitShare, r.ActualShare = &w.Share, share(w.over)
	}
	switch {
	case w.holds(w.n, w.over+w.unknown): // whatever those took that do not state it
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
	switch {
	case r.LimitMS != nil:
		return figure(*r.LimitMS)
	case r.LimitTurns != nil:
		return turns(*r.LimitTurns)
	}
	return sharePct(deref(r.LimitShare))
}

// found is what was measured, "" if nothing was.
func (r ThresholdResult) found() string {
	switch {
	case r.ActualMS != nil:
		return figure(*r.ActualMS)
	case r.ActualTurns != nil:
		return turns(*r.ActualTurns)
	case r.ActualShare != nil:
		return sharePct(*r.ActualShare)
	}
	return ""
}

func turns(n int) string {
	if n == 1 {
		return "1 turn"
	}
	return fmt.Sprintf("%d turns", n)
}

// sharePct is a share in percent. One that is not whole is never rounded up to 100%.
func sharePct(v float64) string {
	const rounding = 1e-6
	if v > 0.5 {
		return fmt.Sprintf("%.4g%%", math.Floor(1e4*v+rounding)/100)
	}
	return fmt.Sprintf("%.3g%%", 100*v)
}

// claim is the verdict with what it rests on.
func (r ThresholdResult) claim() string {
	found := or(r.found(), "nothing was measured") + ", limit " + r.limit()
	claim := fmt.Sprintf("%s, n = %d, %d over", found, r.Requests, r.Over)
	if r.Unstated > 0 {
		claim += fmt.Sprintf(", %d do not state their turns", r.Unstated)
	}
	switch {
	case r.OverAllowed < 0 && r.Verdict == Fail:
		return claim + " (too many, few as the requests are)"
	case r.OverAllowed < 0:
		return claim + " (too few to claim it)"
	}
	return claim + fmt.Sprintf(" (%d allowed)", r.OverAllowed)
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
