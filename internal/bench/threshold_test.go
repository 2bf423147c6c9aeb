package bench

import (
	"math"
	"testing"
	"time"
)

// A p99 is judged as the gate judges it, and the other limits by the same bound with their own share.
func TestThresholdsAreJudgedByTheExactBound(t *testing.T) {
	p99 := Threshold{Share: 0.01, Limit: time.Second}
	for _, n := range []int{1, 298, 299, 472, 473, 1693, 5000} {
		for _, over := range []int{0, 1, 2, 10, 30, 80} {
			if over > n {
				continue
			}
			if p99.holds(n, over) != ClaimHolds(n, over) || p99.refuted(n, over) != ClaimRefuted(n, over) {
				t.Errorf("%d of %d: the threshold and the gate differ", over, n)
			}
		}
		if p99.allowed(n) != OverAllowed(n) {
			t.Errorf("n = %d: %d allowed, the gate says %d", n, p99.allowed(n), OverAllowed(n))
		}
	}
	if p99.Needed() != 299 || SamplesNeeded(0) != 299 {
		t.Errorf("a p99 needs %d", p99.Needed())
	}
	p50 := Threshold{Share: 0.5, Limit: time.Second}
	if p50.Needed() != 5 || p50.What() != "p50" || p99.What() != "p99" { // 0.5^5 = 3.1%
		t.Errorf("a p50 needs %d", p50.Needed())
	}
	for n := 1; n < 60; n++ {
		for over := range n + 1 {
			// The symmetric binomial in whole numbers.
			sum, c := 0.0, 1.0
			for k := range over + 1 {
				sum += c
				c = c * float64(n-k) / float64(k+1)
			}
			if want := sum/math.Pow(2, float64(n)) <= 0.05; p50.holds(n, over) != want {
				t.Errorf("p50 with %d of %d over: %v", over, n, !want)
			}
		}
	}
	errs := Threshold{Share: 0.02}
	if errs.Needed() != 149 || errs.What() != "error_rate" || !errs.holds(149, 0) || errs.holds(148, 0) {
		t.Errorf("an error rate of 2%% needs %d", errs.Needed())
	}
	none := Threshold{}
	if none.Needed() != 1 || !none.holds(1, 0) || !none.refuted(10_000, 1) || none.allowed(500) != 0 {
		t.Error("an error rate of 0 allows none")
	}
}

func TestThresholdsCountTheirOwnRoute(t *testing.T) {
	w := newWatches([]Threshold{
		{Share: 0.5, Limit: 100 * time.Millisecond},
		{Route: "slow", Share: 0.5, Limit: 10 * time.Millisecond},
		{Route: "slow", Share: 0.1},
	})
	for i := range 40 {
		w.observe(Sample{Shot: Shot{Route: "fast"}}, time.Millisecond)
		s := Sample{Shot: Shot{Route: "slow"}}
		if i%2 == 0 {
			s.Kind = "503"
		}
		w.observe(s, 50*time.Millisecond)
	}
	p := Phase{Verdict: Pass, Reasons: []string{}}.withThresholds(w)
	if got := p.Thresholds; got[0].Over != 20 || got[0].Requests != 80 || got[0].Verdict != Pass ||
		got[1].Over != 40 || got[1].Requests != 40 || got[1].Verdict != Fail || math.Abs(*got[1].ActualMS-50) > 0.1 ||
		got[2].Over != 20 || got[2].Verdict != Fail || *got[2].ActualShare != 0.5 {
		t.Errorf("%+v", got)
	}
	if p.Verdict != Fail || len(p.Reasons) != 2 {
		t.Errorf("the phase: %s, %q", p.Verdict, p.Reasons)
	}
	// A phase that means nothing keeps that verdict, and so do its thresholds.
	if p := (Phase{Verdict: Invalid}).withThresholds(w); p.Verdict != Invalid || p.Thresholds[1].Verdict != Invalid || len(p.Reasons) != 0 {
		t.Errorf("invalid: %+v", p)
	}
}

// Whoever missed a warm phase's cache and waited for longer than a limit is over it, in the figures or not.
func TestAMissOverALimitIsOver(t *testing.T) {
	limit := Threshold{Route: "board", Share: 0.01, Limit: time.Second}
	all := newTally(Warm, time.Minute, time.Minute)
	all.watched = newWatches([]Threshold{limit, {Share: 0.01}})
	for _, s := range []Sample{
		{Shot: Shot{Route: "board"}, Reply: Reply{CacheStatus: "token; hit"}, Latency: time.Millisecond},
		{Shot: Shot{Route: "board"}, Reply: Reply{CacheStatus: "token; fwd=miss"}, Latency: 2 * time.Second},
		{Shot: Shot{Route: "board"}, Reply: Reply{CacheStatus: "token; fwd=miss"}, Latency: time.Millisecond},
		{Shot: Shot{Route: "me"}, Reply: Reply{CacheStatus: "token; fwd=miss"}, Latency: 2 * time.Second},
	} {
		all.observe(0, s)
	}
	if board, errors := all.watched[0], all.watched[1]; board.n != 2 || board.over != 1 || errors.n != 1 || errors.over != 0 {
		t.Errorf("%d of %d over the limit, %d of %d errors", board.over, board.n, errors.over, errors.n)
	}
}
