package probe_test

import (
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestPlanDriftOnTheLab: with a baseline the change of a plan's shape is found, and without one nobody asks.
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
	if got := check(t, run(t, c), "HD-Q17"); got.Status != "pass" {
		t.Errorf("nothing has changed, and HD-Q17 is %s: %s", got.Status, got.Why)
	}
	exec(t, env, ofDatabase("enable_bitmapscan = 'off'"))
	got := check(t, run(t, c), "HD-Q17")
	if got.Status != "info" {
		t.Errorf("the plans changed, and HD-Q17 is %s: %s", got.Status, got.Why)
	}
	contains(t, got.Why, "task_board for the heavy user: the plan was")
}
