package probe_test

import (
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestHealthyRightAfterTheSeed: Postgres counts what a session has loaded and analyzed itself as changed
// since, and pages that nobody has read are not in memory. Neither is a fault.
func TestHealthyRightAfterTheSeed(t *testing.T) {
	env := labtest.Database(t, nil)
	if err := prepare(t.Context(), env.DirectURL); err != nil {
		t.Fatal(err)
	}
	for _, f := range undisturbed(t, config(env), healthy).Findings {
		if f.Severity != facts.Info {
			t.Errorf("right after the seed it finds %+v", f)
		}
	}
}
