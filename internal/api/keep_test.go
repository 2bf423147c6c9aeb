package api

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// TestAFailureThatLastsIsLoggedOnceAMinute: the sweeps that meet it run four
// times a second.
func TestAFailureThatLastsIsLoggedOnceAMinute(t *testing.T) {
	now := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	p := newPod(t, labtest.Database(t, store.Migrate), func(c *Config) { c.Now = func() time.Time { return now } })
	failed := p.server.keepFailed(t.Context())
	no, down := errors.New("no right"), errors.New("down")
	for i, step := range []struct {
		after time.Duration
		err   error
		lines int
	}{
		{0, no, 1},
		{time.Second, no, 1},
		{keepLogPeriod - time.Second, no, 2},
		{time.Second, down, 3},
		{time.Second, down, 3},
		{time.Second, no, 4},
	} {
		now = now.Add(step.after)
		failed(step.err)
		if lines := strings.Count(p.log.String(), "\n"); lines != step.lines {
			t.Errorf("step %d: %d lines, want %d:\n%s", i, lines, step.lines, p.log)
		}
	}
}
