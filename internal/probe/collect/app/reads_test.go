package app

import (
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestSplitAddsUp: whatever the server says, the terms of a read add up to its wall, and no turn costs more than the
// server waited.
func TestSplitAddsUp(t *testing.T) {
	a := dial.Answer{Wall: 250 * time.Millisecond, Ttfb: 240 * time.Millisecond, TCP: 10 * time.Millisecond, Header: map[string][]string{
		"Server-Timing": {`acquire;dur=20, db;dur=150;desc="1 turn", redis;dur=2;desc="1 trip", app;dur=3`}, "X-Db-Turns": {"1"},
	}}
	for floor, want := range map[float64][2]float64{110: {110, 40}, 200: {150, 0}, 0: {0, 150}} {
		var r facts.TargetRead
		split(&r, a, 12)
		r.Settle(floor)
		if r.TurnsMS != want[0] || r.DBRestMS != want[1] {
			t.Errorf("with a floor of %v the turn costs %v and the rest %v, want %v", floor, r.TurnsMS, r.DBRestMS, want)
		}
		if sum := r.ClientNetworkMS + r.IngressMS + r.AppMS + r.AcquireMS + r.TurnsMS + r.DBRestMS + r.RedisMS; sum != r.WallMS || r.WallMS != 240 {
			t.Errorf("the terms add up to %v, the wall is %v, want 240", sum, r.WallMS)
		}
		if r.ClientNetworkMS != 22 || r.IngressMS != 43 {
			t.Errorf("client network %v and ingress %v, want 22 and 43", r.ClientNetworkMS, r.IngressMS)
		}
	}
}

// TestPoolMeanOfTheWindow: of a pool that has lent a million times, the mean of the last dozen is theirs.
func TestPoolMeanOfTheWindow(t *testing.T) {
	before := newTargetMetrics("", api.Metrics{PoolAcquires: 1_000_000, PoolWaited: 800, PoolAcquireSeconds: 9000.49})
	after := newTargetMetrics("", api.Metrics{PoolAcquires: 1_000_012, PoolWaited: 803, PoolAcquireSeconds: 9000.49 + 0.48})
	if p := after.Since(before).Pool; p.AcquiresDuring != 12 || p.WaitedDuring != 3 || p.MeanDuringMS != 40 {
		t.Errorf("12 borrowings of 40 ms, 3 of which waited, are %+v", p)
	}
}
