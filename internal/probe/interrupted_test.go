package probe_test

import (
	"context"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestInterrupted ends a probe half-way: it still reports, and its report is no all-clear.
func TestInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	c := config(labtest.Database(t, prepare))
	c.Progress = func(what string) {
		if strings.HasPrefix(what, "explaining") {
			interrupt()
		}
	}
	r, err := probe.Run(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted || !r.Inconclusive() || !strings.HasPrefix(r.Verdict, "Interrupted after ") {
		t.Errorf("interrupted %v, inconclusive %v: %s", r.Interrupted, r.Inconclusive(), r.Verdict)
	}
	if got := checkOf(t, r, "HD-N01"); got.Status == facts.Unknown {
		t.Errorf("what was measured before is %s: %s", got.Status, got.Why)
	}
	lookForSecrets(t, c, r)
}
