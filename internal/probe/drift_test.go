package probe_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestPlanDriftOnTheLab: with a baseline the change of a plan's shape is found, and without one nobody asks. What the
// change costs is measured, and on a busy machine it may be more than nothing: TestPlanDrift has the severities.
func TestPlanDriftOnTheLab(t *testing.T) {
	env := labtest.Database(t, prepare)
	before := run(t, config(env))
	for _, h := range before.HotPaths {
		if len(h.PlanHash) != 12 {
			t.Fatalf("%s for the %s user has the plan hash %q", h.Name, h.Subject, h.PlanHash)
		}
	}
	for _, c := range before.Checks {
		if c.Code == "HD-Q17" {
			t.Error("without a baseline the plans are compared with one")
		}
	}
	c := config(env)
	c.Baseline = &before
	if got := checkOf(t, run(t, c), "HD-Q17"); got.Status != "pass" {
		t.Errorf("nothing has changed, and HD-Q17 is %s: %s", got.Status, got.Why)
	}
	exec(t, env, ofDatabase("enable_bitmapscan = 'off'"))
	after := run(t, c)
	got, want := checkOf(t, after, "HD-Q17"), facts.Remark
	for _, f := range after.Findings {
		if f.Code == "HD-Q17" && f.CostMS > 0 {
			want = facts.Warn
		}
	}
	if got.Status != want {
		t.Errorf("the plans changed, and HD-Q17 is %s, want %s: %s", got.Status, want, got.Why)
	}
	named := false
	for _, h := range before.HotPaths {
		named = named || h.Name == "task_board" &&
			strings.Contains(got.Why, fmt.Sprintf("task_board for the %s user: the plan changed from %s", h.Subject, h.PlanHash))
	}
	if !named {
		t.Errorf("no user's former plan of the board is named: %s", got.Why)
	}
}
