package bench

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The mixed phase takes both states into one p99, counts what proved which, and needs its new users to prove cold.
func TestMixedPhase(t *testing.T) {
	s := schedule(t, 400, time.Second)
	plan := Plan{Profile: "test", Phases: []PhasePlan{
		{Name: PhaseMixed, State: Mixed, Schedule: s, Users: newUsers(s), Target: 10 * time.Second},
	}}
	if plan.UsersNeeded() != 1+20 {
		t.Fatalf("it needs %d users", plan.UsersNeeded())
	}
	r, err := testRun(t, newStandIn(t), plan, testUsers(40), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := r.Phases[0]
	if p.Verdict != Pass || p.Requests != 400 || len(p.Apart) != 0 || p.States["cold"] != 20 || p.States["warm"] != 380 {
		t.Errorf("verdict %s because of %q: %d requests, %v", p.Verdict, p.Reasons, p.Requests, p.States)
	}

	// Users that the server knows already prove nothing.
	known := newStandIn(t)
	if _, err := testRun(t, known, plan, testUsers(40), nil); err != nil {
		t.Fatal(err)
	}
	if r, err = testRun(t, known, plan, testUsers(40), nil); err != nil {
		t.Fatal(err)
	}
	if p := r.Phases[0]; p.Verdict != Inconclusive || !strings.Contains(strings.Join(p.Reasons, "\n"), "only 0 of 20 requests of new users were cold") {
		t.Errorf("verdict %s because of %q: %v", p.Verdict, p.Reasons, p.States)
	}
}

// Known users who have turned cold prove nothing of the new ones, and a phase that ended early is judged by the new ones
// that came.
func TestOnlyNewUsersProveCold(t *testing.T) {
	const warm, cold = "token; hit", "token; fwd=miss"
	tally := func(requests uint64, fresh, known string) (Verdict, string) {
		all := newTally(Mixed, time.Second, time.Second)
		for seq := range requests {
			s := Sample{Seq: seq, Reply: Reply{CacheStatus: known}}
			if seq%mixedEvery == mixedEvery/2 {
				s.Reply.CacheStatus = fresh
			}
			all.observe(0, s)
		}
		r := &run{Config: Config{Hitter: newHitter(t, HitterConfig{Base: parsed(t, "http://127.0.0.1")})}}
		p := r.judged(PhasePlan{Name: PhaseMixed, State: Mixed, Users: 20, Target: time.Second}, all, Ran{}, effort{}, "")
		return p.Verdict, strings.Join(p.Reasons, "\n")
	}
	if v, why := tally(400, cold, warm); v != Pass {
		t.Errorf("20 of 20: %s because of %q", v, why)
	}
	if v, why := tally(400, warm, cold); v != Inconclusive || !strings.Contains(why, "only 0 of 20") {
		t.Errorf("known users who turned cold: %s because of %q", v, why)
	}
	if v, why := tally(320, cold, warm); v != Pass {
		t.Errorf("16 of the 16 that came of 20: %s because of %q", v, why)
	}
}

func TestMixedPhaseOfAProfile(t *testing.T) {
	plan, err := NewPlan(PlanOptions{Profile: "release", Phases: []string{"mixed", "warm"}, LinkRTT: 110 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	mixed := plan.Phases[1]
	if mixed.Name != PhaseMixed || mixed.Target != TargetMixed || mixed.Users != 150 || mixed.Goals[0].limit != 160*time.Millisecond || plan.UsersNeeded() != 1+150 {
		t.Errorf("%+v needs %d users", mixed, plan.UsersNeeded())
	}
	if plan, err = NewPlan(PlanOptions{Profile: "release"}); err != nil || slices.ContainsFunc(plan.Phases, func(p PhasePlan) bool { return p.Name == PhaseMixed }) {
		t.Errorf("the release profile runs it unasked: %v", err)
	}
}
