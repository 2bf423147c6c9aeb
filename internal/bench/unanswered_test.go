package bench

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/report"
)

func TestUnansweredIsOnlyWhatNeverConnected(t *testing.T) {
	down := Phase{Requests: 100, Errors: 100, ErrorKinds: map[string]int{"connect": 60, "timeout_dial": 30, "timeout_queue": 10}}
	answered := down
	answered.Errors, answered.ErrorKinds = 99, map[string]int{"connect": 99}
	reset := down
	reset.ErrorKinds = map[string]int{"connect": 99, "reset": 1}
	known := down
	known.Apart = map[string]int{"warm": 1}
	for name, tc := range map[string]struct {
		phases []Phase
		kind   Kind
		n      int
	}{
		"down":            {[]Phase{down, down}, KindConnect, 200},
		"one answered":    {[]Phase{down, answered}, KindNone, 0},
		"one connected":   {[]Phase{reset}, KindNone, 0},
		"one apart":       {[]Phase{known}, KindNone, 0},
		"nothing sent":    {[]Phase{{}}, KindNone, 0},
		"no phase at all": {nil, KindNone, 0},
	} {
		if kind, n := (Result{Phases: tc.phases}).Unanswered(); kind != tc.kind || n != tc.n {
			t.Errorf("%s: %d requests, %q; want %d, %q", name, n, kind, tc.n, tc.kind)
		}
	}
}

// A second cold run with the same users finds them known: nothing is measured, and nothing is told as if it were.
func TestAPhaseWithoutSamplesShowsNoFigures(t *testing.T) {
	s := newStandIn(t)
	cold := coldPhase(t, 320)
	cold.Goals = []goal{quantileGoal("p50 <= 1 s", 0.5, time.Second)}
	cold.Thresholds = []Threshold{{Share: 0.01, Limit: time.Second}, {Share: 0.01}}
	var r Result
	for range 2 {
		var err error
		if r, err = testRun(t, s, Plan{Phases: []PhasePlan{cold}}, testUsers(320), nil); err != nil {
			t.Fatal(err)
		}
	}
	p := r.Phases[0]
	if p.Requests != 0 || p.Latency.P99 != nil || p.Latency.P999 != nil || p.Service.P99 != nil || len(p.Goals) != 0 || p.Verdict != Inconclusive {
		t.Errorf("%+v", p)
	}
	if why := "cold: 320 of 320 users were known to the server already: " + otherUsers; !slices.Contains(r.Reasons, why) {
		t.Errorf("reasons %q do not have %q", r.Reasons, why)
	}
	table := render(t, r)[report.FormatTable]
	before, _, _ := strings.Cut(table, "Conditions")
	if strings.Contains(before, " 0 ms") || strings.Contains(before, " 0%") || !strings.Contains(before, "nothing was measured, n = 0") {
		t.Errorf("figures of nothing:\n%s", table)
	}
	if claim := (Phase{Restarts: &Restarts{Planned: 20}}).claim(); claim != "no first request was measured, of 20 planned" {
		t.Errorf("first: %s", claim)
	}
}

// What fails on few requests says so, and not that they are too few to say anything.
func TestAFailOfFewRequestsIsNoContradiction(t *testing.T) {
	v := 5000.0
	p := Phase{Verdict: Fail, Requests: 100, Over: 100, OverAllowed: -1, Latency: Latency{P99: &v}}
	of := ThresholdResult{Verdict: Fail, Requests: 100, Over: 100, OverAllowed: -1, LimitMS: &v, ActualMS: &v}
	for _, claim := range []string{p.claim(), of.claim()} {
		if !strings.HasSuffix(claim, "100 over (too many, few as the requests are)") {
			t.Errorf("the claim of a fail: %s", claim)
		}
	}
	if p.Verdict = Inconclusive; !strings.HasSuffix(p.claim(), "(too few to claim a p99)") {
		t.Errorf("inconclusive: %s", p.claim())
	}
}

// Two runs ask as the same users or as others, never as some of the same; and all of the users stay.
func TestSpreadIsByRun(t *testing.T) {
	plan := Plan{Phases: []PhasePlan{coldPhase(t, 320)}}
	users := testUsers(1000) // three runs' and 40
	starts := make(map[int64]bool)
	for i := range byte(6) {
		h := &Hitter{run: RunID{1, 7: i}}
		got := h.Spread(plan, users)
		starts[got[0].ID] = true
		if again := h.Spread(plan, users); !slices.Equal(got, again) {
			t.Errorf("run %d begins at user %d and at %d", i, got[0].ID, again[0].ID)
		}
		seen := make(map[int64]bool)
		for _, u := range got {
			seen[u.ID] = true
		}
		if len(got) != len(users) || len(seen) != len(users) {
			t.Errorf("run %d has %d users, %d different ones", i, len(got), len(seen))
		}
	}
	if len(starts) != 3 {
		t.Errorf("six runs begin at %d places: %v", len(starts), starts)
	}
	for a := range starts {
		for b := range starts {
			if a != b && max(a, b)-min(a, b) < 320 {
				t.Errorf("runs that begin at users %d and %d share some", a, b)
			}
		}
	}
	if got := (&Hitter{run: RunID{1, 7: 1}}).Spread(plan, users[:500]); !slices.Equal(got, users[:500]) {
		t.Error("too few for two runs, and yet moved")
	}
}
