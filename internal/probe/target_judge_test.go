package probe

import (
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/api"
)

// TestTargetJudgements holds the limits of what a running server may take, on figures made up.
func TestTargetJudgements(t *testing.T) {
	turns := int64(1)
	read := func(change func(*TargetRead)) []TargetRead {
		r := TargetRead{Route: "task_board", Authed: true, Runs: 4, Status: 200, Explained: true, Turns: &turns, TurnsWarm: 1, WallMS: 3}
		change(&r)
		return []TargetRead{r}
	}
	lists := func(outcomes map[string]int64) Target {
		l := ListMetrics{List: "tasks", Outcomes: outcomes}
		for _, n := range outcomes {
			l.Reads += n
		}
		return Target{Metrics: &TargetMetrics{Lists: []ListMetrics{l, {List: "residences"}}}}
	}
	for _, c := range []struct {
		name   string
		run    func(*observation) outcome
		target Target
		want   Status
	}{
		{"the way is short", targetFar, Target{RoundTripMS: 2, Reads: read(func(*TargetRead) {})}, Pass},
		{"the way is most of it", targetFar, Target{RoundTripMS: 110, Reads: read(func(r *TargetRead) { r.WallMS = 118 })}, Warn},
		{"the way is long, the server longer", targetFar, Target{RoundTripMS: 110, Reads: read(func(r *TargetRead) { r.WallMS = 900 })}, Pass},
		{"the app is fast", targetAppSlow, Target{Reads: read(func(r *TargetRead) { r.AppLeastMS = 19 })}, Pass},
		{"the app is slow each time", targetAppSlow, Target{Reads: read(func(r *TargetRead) { r.AppLeastMS = 20 })}, Warn},
		{"the server tells nothing", targetAppSlow, Target{Reads: read(func(r *TargetRead) { r.Explained = false })}, Unknown},
		{"/livez disagrees", targetIngress, Target{RoundTripMS: 1, LiveMS: 2, Reads: read(func(r *TargetRead) { r.IngressMS = 50 })}, Pass},
		{"/livez agrees", targetIngress, Target{RoundTripMS: 1, LiveMS: 40, Reads: read(func(r *TargetRead) { r.IngressMS = 50 })}, Fail},
		{"half of the reads took a turn", targetWarmTurns, Target{Reads: read(func(r *TargetRead) { r.OverBudget = 2 })}, Pass},
		{"most of them did", targetWarmTurns, Target{Reads: read(func(r *TargetRead) { r.OverBudget = 3 })}, Warn},
		{"one wait for a connection", targetAcquires, Target{Reads: read(func(r *TargetRead) { r.AcquireMS, r.AcquireLeastMS = 80, 0.1 })}, Pass},
		{"each waits for a connection", targetAcquires, Target{Reads: read(func(r *TargetRead) { r.AcquireMS, r.AcquireLeastMS = 80, 60 })}, Fail},
		{"the pool waits, as it counts", targetAcquires, Target{Metrics: &TargetMetrics{Pool: PoolMetrics{Max: 5, Acquires: 50, AcquiresDuring: 12, WaitedDuring: 3, MeanDuringMS: 40}}}, Warn},
		{"the pool waited once, and does not now", targetAcquires, Target{Metrics: &TargetMetrics{Pool: PoolMetrics{Max: 5, Acquires: 9000, Waited: 800, MeanMS: 9, AcquiresDuring: 12, MeanDuringMS: 0.01}}}, Pass},
		{"nobody has borrowed meanwhile", targetAcquires, Target{Metrics: &TargetMetrics{Pool: PoolMetrics{Max: 5, Acquires: 9000, Waited: 800, MeanMS: 9}}}, Unknown},
		{"another pod reads the change log", targetRepairs, Target{Metrics: &TargetMetrics{Sweeps: 40, Repairs: 3}}, Unknown},
		{"this pod met nothing in it", targetRepairs, Target{Metrics: &TargetMetrics{Sweeps: 44, SweepsDuring: 4, Repairs: 3}}, Pass},
		{"this pod met a write in it", targetRepairs, Target{Metrics: &TargetMetrics{Sweeps: 44, SweepsDuring: 4, Repairs: 4, RepairsDuring: 1}}, Warn},
		{"few look-ups", targetHitRate, Target{Metrics: &TargetMetrics{Caches: []CacheMetrics{{"list", 199, 0}}}}, Unknown},
		{"few hits", targetHitRate, Target{Metrics: &TargetMetrics{Caches: []CacheMetrics{{"list", 200, 99}}}}, Warn},
		{"enough hits", targetHitRate, Target{Metrics: &TargetMetrics{Caches: []CacheMetrics{{"list", 200, 100}}}}, Pass},
		{"a server that does not count its misses", targetMisses, Target{Metrics: &TargetMetrics{}}, Unknown},
		{"few reads of lists", targetMisses, lists(map[string]int64{"hit": 99, "expired": 100}), Unknown},
		{"most misses by writes", targetMisses, lists(map[string]int64{"hit": 10, "remade": 10, "own_write": 400, "other_write": 300, "held": 100, "aged": 100, "cold": 100, "expired": 10}), Pass},
		{"one in ten has expired", targetMisses, lists(map[string]int64{"hit": 180, "expired": 20}), Warn},
		{"fewer have expired", targetMisses, lists(map[string]int64{"hit": 181, "expired": 19}), Pass},
		{"one in ten for several reasons", targetMisses, lists(map[string]int64{"hit": 180, "evicted": 4, "reset": 4, "other_kind": 4, "no_lease": 4, "unreached": 4}), Warn},
		{"outcomes of a newer server", targetMisses, lists(map[string]int64{"hit": 180, "another": 500}), Pass},
		{"a read answers 429", targetReadFails, Target{Reads: []TargetRead{{Route: "task_board", Status: 429}}}, Unknown},
		{"a read answers 503", targetReadFails, Target{Reads: []TargetRead{{Route: "task_board", Status: 503}}}, Warn},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &observation{target: &c.target, targetServer: &targetServer{}}
			results, _ := judge([]check{{code: "X", severity: Warning, run: c.run}}, o, nil, nil)
			if got := results[0]; got.Status != c.want {
				t.Errorf("it is %s, want %s: %s", got.Status, c.want, got.Why)
			}
		})
	}
}

// TestSplitAddsUp: whatever the server says, the terms of a read add up to its wall, and no turn costs more than the
// server waited.
func TestSplitAddsUp(t *testing.T) {
	a := answer{wall: 250 * time.Millisecond, ttfb: 240 * time.Millisecond, tcp: 10 * time.Millisecond, header: map[string][]string{
		"Server-Timing": {`acquire;dur=20, db;dur=150;desc="1 turn", redis;dur=2;desc="1 trip", app;dur=3`}, "X-Db-Turns": {"1"},
	}}
	for floor, want := range map[float64][2]float64{110: {110, 40}, 200: {150, 0}, 0: {0, 150}} {
		var r TargetRead
		r.split(a, 12)
		r.settle(floor)
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
	if p := after.since(before).Pool; p.AcquiresDuring != 12 || p.WaitedDuring != 3 || p.MeanDuringMS != 40 {
		t.Errorf("12 borrowings of 40 ms, 3 of which waited, are %+v", p)
	}
}
