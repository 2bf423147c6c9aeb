package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// A queue meets whoever comes. One hot path of fifteen that waited has met a
// server connection that was being opened.
func TestOneThatWaitsAloneIsNoQueue(t *testing.T) {
	for _, c := range []struct {
		waiting, timed, notRun int
		found                  bool
	}{
		{1, 15, 0, false},
		{2, 15, 0, false},
		{3, 15, 0, true},
		{15, 15, 0, true},
		{2, 5, 10, true}, // of those that were timed at all
		{1, 2, 13, false},
		{0, 15, 0, false},
	} {
		o := &facts.Observation{}
		for i := range c.timed + c.notRun {
			h := facts.HotPath{Runs: 3, ResidualMS: 60, ControlMS: 170}
			if i < c.waiting {
				h.ResidualName = "pooler wait"
			}
			if i >= c.timed {
				h.Runs = 0
			}
			o.Hot = append(o.Hot, h)
		}
		got := poolerWait(o)
		if found := len(got.Hits) > 0; found != c.found {
			t.Errorf("%+v: found is %t", c, found)
		}
		// Who waited is told, found or not.
		if alone := c.waiting > 0 && !c.found && c.notRun == 0; alone != strings.Contains(got.Why, fmt.Sprintf("%d of %d timed hot paths waited", c.waiting, c.timed)) {
			t.Errorf("%+v: %q", c, got.Why)
		}
	}
}

// TestAnnouncementsToTheRunningServer: what its metrics counted while the probe looked is a queue, and what came before is none.
func TestAnnouncementsToTheRunningServer(t *testing.T) {
	for during, found := range map[int64]bool{0: false, 3: true} {
		o := &facts.Observation{Target: &facts.Target{Metrics: &facts.TargetMetrics{Pool: facts.PoolMetrics{Queued: 7, QueuedDuring: during}}}}
		if got := len(poolerWait(o).Hits) > 0; got != found {
			t.Errorf("%d announcements meanwhile: found is %t, want %t", during, got, found)
		}
	}
}
