package probe_test

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestTheEndGetsItsTime: where the time is short, statements are run less often, and no check is unknown for it.
func TestTheEndGetsItsTime(t *testing.T) {
	env := labtest.Database(t, prepare)
	for _, c := range []struct {
		name     string
		rtt      time.Duration
		timeout  time.Duration
		mostRuns int
	}{
		{"an ocean away, in an incident's time", 110 * time.Millisecond, facts.DefaultTimeout, 3},
		{"in little time", 50 * time.Millisecond, 7 * time.Second, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bed{env: env, config: config(env)}
			b.config.Timeout = c.timeout
			b.distance(t, link.Model{RTT: c.rtt})
			r := run(t, b.config)
			for _, one := range r.Checks {
				if one.Status == facts.Unknown && unknownInTheLab()[one.Code] == "" {
					t.Errorf("after %.1f s %s is unknown: %s", r.DurationMS/1000, one.Code, one.Why)
				}
			}
			for _, h := range r.HotPaths {
				if h.Runs < 1 || h.Runs > c.mostRuns {
					t.Errorf("%s for the %s user was run %d times, want 1 to %d", h.Name, h.Subject, h.Runs, c.mostRuns)
				}
			}
			if took := r.DurationMS / 1000; took > 2*c.timeout.Seconds() { // a busy machine takes some of it
				t.Errorf("it took %.1f s, and was given %v", took, c.timeout)
			}
			t.Logf("%.1f s, %d runs, %s", r.DurationMS/1000, r.HotPaths[0].Runs, strings.TrimSpace(r.Verdict))
		})
	}
}
