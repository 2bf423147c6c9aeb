package check

import (
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestTargetJudgements holds the limits of what a running server may take, on figures made up.
func TestTargetJudgements(t *testing.T) {
	turns := int64(1)
	read := func(change func(*facts.TargetRead)) []facts.TargetRead {
		r := facts.TargetRead{Route: "task_board", Authed: true, Runs: 4, Status: 200, Explained: true, Turns: &turns, TurnsWarm: 1, WallMS: 3}
		change(&r)
		return []facts.TargetRead{r}
	}
	lists := func(outcomes map[string]int64) facts.Target {
		l := facts.ListMetrics{List: "tasks", Outcomes: outcomes}
		for _, n := range outcomes {
			l.Reads += n
		}
		return facts.Target{Metrics: &facts.TargetMetrics{Lists: []facts.ListMetrics{l, {List: "residences"}}}}
	}
	for _, c := range []struct {
		name   string
		run    func(*facts.Observation) Outcome
		target facts.Target
		want   facts.Status
	}{
		{"the way is short", targetFar, facts.Target{RoundTripMS: 2, Reads: read(func(*facts.TargetRead) {})}, facts.Pass},
		{"the way is most of it", targetFar, facts.Target{RoundTripMS: 110, Reads: read(func(r *facts.TargetRead) { r.WallMS = 118 })}, facts.Warn},
		{"the way is long, the server longer", targetFar, facts.Target{RoundTripMS: 110, Reads: read(func(r *facts.TargetRead) { r.WallMS = 900 })}, facts.Pass},
		{"the app is fast", targetAppSlow, facts.Target{Reads: read(func(r *facts.TargetRead) { r.AppLeastMS = 19 })}, facts.Pass},
		{"the app is slow each time", targetAppSlow, facts.Target{Reads: read(func(r *facts.TargetRead) { r.AppLeastMS = 20 })}, facts.Warn},
		{"the server tells nothing", targetAppSlow, facts.Target{Reads: read(func(r *facts.TargetRead) { r.Explained = false })}, facts.Unknown},
		{"/livez disagrees", targetIngress, facts.Target{RoundTripMS: 1, LiveMS: 2, Reads: read(func(r *facts.TargetRead) { r.IngressMS = 50 })}, facts.Pass},
		{"/livez agrees", targetIngress, facts.Target{RoundTripMS: 1, LiveMS: 40, Reads: read(func(r *facts.TargetRead) { r.IngressMS = 50 })}, facts.Fail},
		{"half of the reads took a turn", targetWarmTurns, facts.Target{Reads: read(func(r *facts.TargetRead) { r.OverBudget = 2 })}, facts.Pass},
		{"most of them did", targetWarmTurns, facts.Target{Reads: read(func(r *facts.TargetRead) { r.OverBudget = 3 })}, facts.Warn},
		{"one wait for a connection", targetAcquires, facts.Target{Reads: read(func(r *facts.TargetRead) { r.AcquireMS, r.AcquireLeastMS = 80, 0.1 })}, facts.Pass},
		{"each waits for a connection", targetAcquires, facts.Target{Reads: read(func(r *facts.TargetRead) { r.AcquireMS, r.AcquireLeastMS = 80, 60 })}, facts.Fail},
		{"the pool waits, as it counts", targetAcquires, facts.Target{Metrics: &facts.TargetMetrics{Pool: facts.PoolMetrics{Max: 5, Acquires: 50, AcquiresDuring: 12, WaitedDuring: 3, MeanDuringMS: 40}}}, facts.Warn},
		{"the pool waited once, and does not now", targetAcquires, facts.Target{Metrics: &facts.TargetMetrics{Pool: facts.PoolMetrics{Max: 5, Acquires: 9000, Waited: 800, MeanMS: 9, AcquiresDuring: 12, MeanDuringMS: 0.01}}}, facts.Pass},
		{"nobody has borrowed meanwhile", targetAcquires, facts.Target{Metrics: &facts.TargetMetrics{Pool: facts.PoolMetrics{Max: 5, Acquires: 9000, Waited: 800, MeanMS: 9}}}, facts.Unknown},
		{"another pod reads the change log", targetRepairs, facts.Target{Metrics: &facts.TargetMetrics{Sweeps: 40, Repairs: 3}}, facts.Unknown},
		{"this pod met nothing in it", targetRepairs, facts.Target{Metrics: &facts.TargetMetrics{Sweeps: 44, SweepsDuring: 4, Repairs: 3}}, facts.Pass},
		{"this pod met a write in it", targetRepairs, facts.Target{Metrics: &facts.TargetMetrics{Sweeps: 44, SweepsDuring: 4, Repairs: 4, RepairsDuring: 1}}, facts.Warn},
		{"few look-ups", targetHitRate, facts.Target{Metrics: &facts.TargetMetrics{Caches: []facts.CacheMetrics{{Cache: "list", Asked: 199, Hits: 0}}}}, facts.Unknown},
		{"few hits", targetHitRate, facts.Target{Metrics: &facts.TargetMetrics{Caches: []facts.CacheMetrics{{Cache: "list", Asked: 200, Hits: 99}}}}, facts.Warn},
		{"enough hits", targetHitRate, facts.Target{Metrics: &facts.TargetMetrics{Caches: []facts.CacheMetrics{{Cache: "list", Asked: 200, Hits: 100}}}}, facts.Pass},
		{"a server that does not count its misses", targetMisses, facts.Target{Metrics: &facts.TargetMetrics{}}, facts.Unknown},
		{"few reads of lists", targetMisses, lists(map[string]int64{"hit": 99, "expired": 100}), facts.Unknown},
		{"most misses by writes", targetMisses, lists(map[string]int64{"hit": 10, "remade": 10, "own_write": 400, "other_write": 300, "held": 100, "aged": 100, "cold": 100, "expired": 10}), facts.Pass},
		{"one in ten has expired", targetMisses, lists(map[string]int64{"hit": 180, "expired": 20}), facts.Warn},
		{"fewer have expired", targetMisses, lists(map[string]int64{"hit": 181, "expired": 19}), facts.Pass},
		{"one in ten for several reasons", targetMisses, lists(map[string]int64{"hit": 180, "evicted": 4, "reset": 4, "other_kind": 4, "no_lease": 4, "unreached": 4}), facts.Warn},
		{"outcomes of a newer server", targetMisses, lists(map[string]int64{"hit": 180, "another": 500}), facts.Pass},
		{"a read answers 429", targetReadFails, facts.Target{Reads: []facts.TargetRead{{Route: "task_board", Status: 429}}}, facts.Unknown},
		{"a read answers 503", targetReadFails, facts.Target{Reads: []facts.TargetRead{{Route: "task_board", Status: 503}}}, facts.Warn},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &facts.Observation{Target: &c.target, TargetServer: &facts.TargetServer{}}
			results, _ := Judge([]Check{{Code: "X", severity: facts.Warning, run: c.run}}, o, nil, nil)
			if got := results[0]; got.Status != c.want {
				t.Errorf("it is %s, want %s: %s", got.Status, c.want, got.Why)
			}
		})
	}
}
