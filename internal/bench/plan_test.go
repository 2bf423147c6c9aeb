package bench

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestEveryProfileCanEndInAVerdict(t *testing.T) {
	for _, name := range Profiles() {
		p, err := NewPlan(PlanOptions{Profile: name, LinkRTT: 110 * time.Millisecond})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := p.Check(p.UsersNeeded(), true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.CheckRate(false, 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	release, err := NewPlan(PlanOptions{Profile: "release"})
	if err != nil {
		t.Fatal(err)
	}
	if got := release.UsersNeeded(); got != 1+650+20 {
		t.Errorf("the release profile needs %d users", got)
	}
	for i, want := range []time.Duration{TargetWarm, TargetCold, TargetFirst, TargetEvening} {
		if got := release.Phases[i].Target; got != want {
			t.Errorf("phase %s has the target %v, want %v", release.Phases[i].Name, got, want)
		}
	}
}

func TestPlanIsJudgedBeforeTheRun(t *testing.T) {
	tests := []struct {
		name  string
		o     PlanOptions
		users int
		can   bool
		want  string
	}{
		{"too few requests", PlanOptions{Get: true, Rate: 20, Duration: 10 * time.Second}, 0, false, "200 requests cannot claim a p99: 299 at least"},
		{"an unknown profile", PlanOptions{Profile: "marathon"}, 0, false, `there is no profile "marathon"`},
		{"an unknown phase", PlanOptions{Profile: "soak", Phases: []string{"cold"}}, 1, false, `profile soak has no phase "cold"`},
		{"too few users", PlanOptions{Profile: "release"}, 100, true, "the plan needs 671 users"},
		{"no restart", PlanOptions{Profile: "release"}, 5000, false, "nothing was given to restart it with"},
		{"too long", PlanOptions{Profile: "soak", Duration: 48 * time.Hour}, 1, false, "would take 48h0m0s"},
		{"a rate that hurts", PlanOptions{Get: true, Rate: 5000}, 0, false, "5000 requests/s is more than the 1000"},
		{"fine", PlanOptions{Profile: "release", Phases: []string{"cold", "warm"}}, 651, false, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			p, err := NewPlan(tc.o)
			if err == nil {
				err = errors.Join(p.Check(tc.users, tc.can), p.CheckRate(false, 0))
			}
			if tc.want == "" {
				if err != nil {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want %q", err, tc.want)
			}
			var plan *PlanError
			if !errors.As(err, &plan) || plan.Hint() == "" {
				t.Errorf("error %v says nothing about what to do", err)
			}
		})
	}
}

// A rate has a ceiling only where the server is on another machine.
func TestThisMachineHasNoRateCeiling(t *testing.T) {
	p, err := NewPlan(PlanOptions{Get: true, Rate: 200_000, Duration: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckRate(true, 0); err != nil {
		t.Errorf("on this machine: %v", err)
	}
	if err := p.CheckRate(false, 0); err == nil {
		t.Error("on another machine it is not refused")
	}
}

func TestPhasesThatAreLeftOutAreNamed(t *testing.T) {
	p, err := NewPlan(PlanOptions{Profile: "release", Phases: []string{"warm"}})
	if err != nil {
		t.Fatal(err)
	}
	if p = p.Without(PhaseFirst, "no restart"); len(p.Phases) != 1 || len(p.Skipped) != 3 || p.Skipped[0].Phase != PhaseCold || p.Skipped[1].Phase != PhaseFirst || p.Skipped[2].Phase != PhaseEvening {
		t.Errorf("%+v", p)
	}
	if p, err = NewPlan(PlanOptions{Profile: "smoke"}); err != nil || len(p.Without(PhaseFirst, "no restart").Skipped) != 0 {
		t.Errorf("the smoke profile has no such phase: %+v, %v", p, err)
	}
}

func TestWithoutKeepsTheReason(t *testing.T) {
	p, err := NewPlan(PlanOptions{Profile: "release"})
	if err != nil {
		t.Fatal(err)
	}
	less := p.Without(PhaseFirst, "no restart")
	if len(less.Phases) != 3 || len(less.Skipped) != 1 || less.Skipped[0] != (Skipped{PhaseFirst, "no restart"}) {
		t.Errorf("%+v", less)
	}
	if len(p.Phases) != 4 || len(p.Skipped) != 0 {
		t.Errorf("the plan that it came from has changed: %+v", p)
	}
}
