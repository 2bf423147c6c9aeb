package api

import (
	"maps"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/link"
)

// TestServerTimingOfAnAnnouncedWait: what the pooler has announced stands beside db, of which it is part.
func TestServerTimingOfAnAnnouncedWait(t *testing.T) {
	_, tally := link.WithTally(t.Context())
	x := &exchange{tally: tally}
	tally.AddDB(8 * time.Second)
	for _, wait := range []time.Duration{0, 5 * time.Second, 1500 * time.Millisecond} {
		want := map[string]float64{"acquire_ms": 0, "db_ms": 8000, "redis_ms": 0, "app_ms": 1000}
		if wait > 0 {
			tally.AddPoolerWait(wait)
			sum, _ := tally.PoolerWait()
			want["pooler-wait_ms"] = float64(sum.Milliseconds())
		}
		header := x.serverTiming(9 * time.Second)
		if got := ParseServerTiming(header); !maps.Equal(got, want) || !serverTiming.MatchString(header) {
			t.Errorf("after %s: %q", wait, header)
		}
	}
}
