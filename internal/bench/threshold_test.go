package bench

import (
	"math"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// A p99 is judged as the gate judges it, and the other limits by the same bound with their own share.
func TestThresholdsAreJudgedByTheExactBound(t *testing.T) {
	p99 := Threshold{Share: 0.01, Limit: time.Second}
	for _, n := range []int{1, 298, 299, 472, 473, 1693, 5000} {
		for _, over := range []int{0, 1, 2, 10, 30, 80} {
			if over > n {
				continue
			}
			if p99.holds(n, over) != stats.ClaimHolds(n, over) || p99.refuted(n, over) != stats.ClaimRefuted(n, over) {
				t.Errorf("%d of %d: the threshold and the gate differ", over, n)
			}
		}
		if p99.allowed(n) != stats.OverAllowed(n) {
			t.Errorf("n = %d: %d allowed, the gate says %d", n, p99.allowed(n), stats.OverAllowed(n))
		}
	}
	if p99.Needed() != 299 || stats.SamplesNeeded(0) != 299 {
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

// A limit on turns counts what the server states, and nothing is taken for zero that it does not state.
func TestThresholdsLimitTurns(t *testing.T) {
	free := Threshold{Route: "board", Share: 0.03, Turns: TurnFree}
	most := Threshold{Turns: TurnsAtMost, Most: 1}
	if free.Needed() != 99 || free.What() != "turn_free" || most.Needed() != 1 || most.What() != "max_db_turns" {
		t.Errorf("%d and %d are needed", free.Needed(), most.Needed())
	}
	type answers struct{ free, one, two, failed, failedAfterOne, unstated int }
	for name, tc := range map[string]struct {
		answers
		free, most   Verdict
		n, over      int // of turn_free
		counted      int // by max_db_turns
		turns, share float64
	}{
		"all free":                          {answers{free: 99}, Pass, Pass, 99, 0, 99, 0, 1},
		"too few":                           {answers{free: 98}, Inconclusive, Pass, 98, 0, 98, 0, 1},
		"some take one":                     {answers{free: 490, one: 8}, Pass, Pass, 498, 8, 498, 1, 490. / 498},
		"more take one":                     {answers{free: 480, one: 20}, Inconclusive, Pass, 500, 20, 500, 1, 0.96},
		"many take one":                     {answers{free: 400, one: 100}, Fail, Pass, 500, 100, 500, 1, 0.8},
		"one takes two":                     {answers{free: 499, two: 1}, Pass, Fail, 500, 1, 500, 2, 0.998},
		"failures are not free":             {answers{free: 400, failed: 100}, Fail, Pass, 500, 100, 400, 0, 0.8},
		"a failure that states its turns":   {answers{free: 499, failedAfterOne: 1}, Pass, Pass, 500, 1, 500, 1, 0.998},
		"what is not stated proves nothing": {answers{free: 400, unstated: 100}, Inconclusive, Inconclusive, 500, 0, 500, 0, 0.8},
		"few that state nothing":            {answers{free: 495, unstated: 5}, Pass, Inconclusive, 500, 0, 500, 0, 0.99},
		"refuted whatever those took":       {answers{free: 100, one: 100, two: 1, unstated: 299}, Fail, Fail, 500, 101, 500, 2, 0.2},
		"nothing is stated":                 {answers{unstated: 500}, Inconclusive, Inconclusive, 500, 0, 500, -1, 0},
		"everything failed":                 {answers{failed: 500}, Fail, Inconclusive, 500, 500, 0, -1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatches([]Threshold{free, most})
			say := func(times, turns int, kind Kind) {
				for range times {
					w.observe(Sample{Shot: Shot{Route: "board"}, Kind: kind, Reply: Reply{Turns: turns}}, time.Millisecond)
				}
			}
			say(tc.answers.free, 0, KindNone)
			say(tc.one, 1, KindNone)
			say(tc.two, 2, KindNone)
			say(tc.failed, -1, KindTimeoutHeader)
			say(tc.failedAfterOne, 1, "500")
			say(tc.unstated, -1, KindNone)
			p := Phase{Verdict: Pass, Reasons: []string{}}.withThresholds(w)
			free, most := p.Thresholds[0], p.Thresholds[1]
			if free.Verdict != tc.free || free.Requests != tc.n || free.Over != tc.over || *free.LimitShare != 0.97 || *free.ActualShare != tc.share || free.Unstated != tc.unstated {
				t.Errorf("%s; %+v", free.claim(), free)
			}
			if most.Verdict != tc.most || most.Requests != tc.counted || *most.LimitTurns != 1 || most.Unstated != tc.unstated {
				t.Errorf("%s; %+v", most.claim(), most)
			}
			if stated := most.ActualTurns != nil; stated != (tc.turns >= 0) || stated && *most.ActualTurns != int(tc.turns) {
				t.Errorf("the most turns: %v", most.ActualTurns)
			}
		})
	}
	// The limit of a route takes no notice of another one, and all of them can be asked for.
	w := newWatches([]Threshold{free, {Share: 0, Turns: TurnFree}})
	w.observe(Sample{Shot: Shot{Route: "other"}, Reply: Reply{Turns: 1}}, time.Millisecond)
	if all := w[1].result(); w[0].n != 0 || all.Verdict != Fail || *all.LimitShare != 1 || all.OverAllowed != 0 {
		t.Errorf("%+v", all)
	}
	if none := w[0].result(); none.Verdict != Inconclusive || none.ActualShare != nil {
		t.Errorf("of nothing: %+v", none)
	}
}

// What is in no figure of a warm phase is in its limits on turns: a miss is what they are about.
func TestAMissIsInTheLimitsOnTurns(t *testing.T) {
	all := newTally(Warm, time.Minute, time.Minute)
	all.watched = newWatches([]Threshold{{Share: 0.03, Turns: TurnFree}, {Turns: TurnsAtMost, Most: 1}})
	all.observe(0, Sample{Reply: Reply{CacheStatus: "token; hit"}})
	all.observe(0, Sample{Reply: Reply{CacheStatus: "token; fwd=miss", Turns: 2}})
	if free, most := all.watched[0], all.watched[1]; free.n != 2 || free.over != 1 || most.n != 2 || most.over != 1 {
		t.Errorf("%d of %d took a turn, %d of %d more than one", free.over, free.n, most.over, most.n)
	}
}

func TestAShareIsNotRoundedUpToTheWhole(t *testing.T) {
	for v, want := range map[float64]string{1: "100%", 0.99999: "99.99%", 0.9975: "99.75%", 0.97: "97%", 0.57: "57%", 0.005: "0.5%", 0.00033: "0.033%", 0: "0%"} {
		if got := sharePct(v); got != want {
			t.Errorf("%v is shown as %s, want %s", v, got, want)
		}
	}
}
