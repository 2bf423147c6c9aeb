package check

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// looks is an observation of some looks at the sessions.
func looks(samples ...facts.Activity) *facts.Observation {
	return watched(facts.ServerFacts{Samples: samples})
}

// TestLockChainsAreEndedOnlyWhileTheyStand: the remedy is about what the last look saw.
func TestLockChainsAreEndedOnlyWhileTheyStand(t *testing.T) {
	const now = 1_795_000_000_000_000 // 2026-11-18 11:06:40, in microseconds
	chain := func(root facts.PGSession, waits float64) facts.Activity {
		return facts.Activity{At: now, Sessions: []facts.PGSession{root, {PID: 2, Blockers: []int64{root.PID}, WaitsS: waits}}}
	}
	root := facts.PGSession{PID: 7, State: "active", XactS: 3.29, XactAt: now - 3_290_001}
	hit := func(o *facts.Observation) hit {
		t.Helper()
		got := LockChains(o)
		if len(got.Hits) != 1 {
			t.Fatalf("it finds %+v", got)
		}
		return got.Hits[0]
	}
	if h := hit(looks(facts.Activity{}, chain(root, 2))); !strings.Contains(h.Remedy, "pid = 7 AND xact_start = '2026-11-18 11:06:36.709999+00'\"") {
		t.Errorf("a chain that stands: %s", h.Remedy)
	}
	h := hit(looks(chain(root, 2), facts.Activity{}))
	if h.severity != facts.Warning || strings.Contains(h.Remedy, "terminate") || strings.Contains(h.Remedy, "7") || !strings.Contains(h.Evidence, "In the last sample this was over") {
		t.Errorf("a chain that is over: %+v", h)
	}
	other := facts.PGSession{PID: 9, State: "active", XactS: 1}
	if h := hit(looks(chain(root, 5), chain(other, 1))); !strings.Contains(h.Remedy, "pid = 9 ") {
		t.Errorf("an older chain hides the one that stands: %+v", h)
	}
	// Of a root that is hidden no more is known than that it began before the others waited.
	unseen := facts.Activity{At: now, Sessions: []facts.PGSession{{PID: 2, Blockers: []int64{7}, WaitsS: 1.5}}}
	if h := hit(looks(unseen)); !strings.Contains(h.Remedy, "pid = 7 AND xact_start < '2026-11-18 11:06:38.500000+00'\"") {
		t.Errorf("a hidden root: %+v", h)
	}
	prepared := facts.Activity{Sessions: []facts.PGSession{{PID: 2, Blockers: []int64{0}, WaitsS: 1}}}
	if h := hit(looks(prepared)); !strings.Contains(h.Remedy, "ROLLBACK PREPARED") || strings.Contains(h.Remedy, "terminate") {
		t.Errorf("a prepared transaction: %+v", h)
	}
}

func TestIdleAndLongAreEndedOnlyWhileTheyLast(t *testing.T) {
	o := looks(facts.Activity{Sessions: []facts.PGSession{
		{PID: 7, State: facts.IdleInTransaction, StateS: 5, XactS: 6.78, XactAt: 1_795_000_000_000_001},
		{PID: 8, State: "active", XactS: 20, XactAt: 1_794_999_999_000_000},
	}})
	if r := IdleTransactions(o).Hits[0].Remedy; !strings.Contains(r, "pid = 7 AND xact_start = '2026-11-18 11:06:40.000001+00' AND state LIKE 'idle in transaction%'") {
		t.Error(r)
	}
	if r := longTransactions(o).Hits[0].Remedy; !strings.Contains(r, "pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = 8 AND xact_start = '2026-11-18 11:06:39.000000+00'\"") {
		t.Error(r)
	}
}

// TestNotMeasuredIsNoPass: what nothing was seen of is unknown.
func TestNotMeasuredIsNoPass(t *testing.T) {
	redis := func(f facts.RedisFacts) *facts.Observation {
		f.Refused = map[string]*facts.Failure{}
		return &facts.Observation{Redis: &facts.RedisServer{Facts: &f}}
	}
	monitor := func(threshold string) *facts.Observation {
		return redis(facts.RedisFacts{Config: map[string]string{"latency-monitor-threshold": threshold}})
	}
	held := func(gap time.Duration) *facts.Observation {
		return redis(facts.RedisFacts{Holds: facts.HeldStates{Looked: 3, First: map[string]string{cache.StateKey(cache.UserScope(1)): "x"}, Gap: gap}})
	}
	states := func(n int, all, used bool) *facts.Observation {
		return redis(facts.RedisFacts{Holds: facts.HeldStates{Looked: n, Copies: n}, Sample: facts.KeySample{Keys: 500_000, Whole: all, AllStates: all}, Shared: facts.SharedState{Used: used}})
	}
	for _, c := range []struct {
		name    string
		o       *facts.Observation
		check   func(*facts.Observation) Outcome
		unknown bool
	}{
		{"no sequence is hidden", watched(facts.ServerFacts{}), sequences, false},
		{"a sequence is hidden", watched(facts.ServerFacts{Limits: facts.LimitFacts{HiddenSequences: 1}}), sequences, true},
		{"no table was analysed", watched(facts.ServerFacts{Tables: []facts.TableSpace{{Name: "tasks", Bytes: 1 << 30}}}), bloat, true},
		{"one was", watched(facts.ServerFacts{Tables: []facts.TableSpace{{Name: "tasks"}, {Name: "users", Width: 40}}}), bloat, false},
		{"the latency monitor is off", monitor("0"), redisLatencyEvents, true},
		{"whether it is on was not told", monitor(""), redisLatencyEvents, true},
		{"it notes minutes only", monitor("60000"), redisLatencyEvents, true},
		{"it is on", monitor("50"), redisLatencyEvents, false},
		{"a part of the states was seen", states(statesFewest-1, false, true), holdsLinger, true},
		{"enough of them", states(statesFewest, false, true), holdsLinger, false},
		{"all of them, however few", states(0, true, true), holdsLinger, false},
		{"there can be none", states(0, false, false), holdsLinger, false},
		{"a part of the copies was seen", states(copiesFewest-1, false, true), statesMissing, true},
		{"enough of those", states(copiesFewest, false, true), statesMissing, false},
		{"all copies, however few", states(0, true, true), statesMissing, false},
		{"there can be no copies", states(0, false, false), statesMissing, false},
		{"held, and looked at briefly", held(time.Second), holdsLinger, true},
		{"held, but was watched for long", held(cache.Patience), holdsLinger, false},
	} {
		if got := c.check(c.o); got.Unknown != c.unknown || len(got.Hits) > 0 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// TestWorkMemHasACap: what would take gigabytes of a small server is mended in the statement.
func TestWorkMemHasACap(t *testing.T) {
	o := &facts.Observation{Facts: &facts.DatabaseFacts{SessionFacts: facts.SessionFacts{WorkMemKB: 4096}}}
	if r := moreWorkMem(o, "task_board", 16<<10); !strings.Contains(r, "SET work_mem = '64MB'") {
		t.Error(r)
	}
	if r := moreWorkMem(o, "task_board", 16<<10+1); strings.Contains(r, "SET work_mem") || !strings.Contains(r, `select(.name == "task_board")`) {
		t.Error(r)
	}
}

// TestNothingToLookUp: an address needs no resolver, and of a name that was never looked up nothing is known.
func TestNothingToLookUp(t *testing.T) {
	for address, unknown := range map[string]bool{"127.0.0.1:5432": false, "[::1]:5432": false, "db.example:5432": true} {
		o := &facts.Observation{Pooler: &facts.PGServer{Endpoint: facts.Endpoint{Name: "pooler", Address: address, FloorMS: 20}}}
		if got := slowNames(o); got.Unknown != unknown || len(got.Hits) > 0 {
			t.Errorf("%s: %+v, want unknown %v", address, got, unknown)
		}
	}
}

// TestColdLookUp: what only the first look-up pays is no finding, and a single one is a remark.
func TestColdLookUp(t *testing.T) {
	judge := func(times ...float64) []hit {
		o := &facts.Observation{Pooler: &facts.PGServer{Endpoint: facts.Endpoint{Name: "pooler", FloorMS: 20}}, Lookups: facts.Lookups{"pooler": times}}
		return slowNames(o).Hits
	}
	if got := judge(900, 0.4, 1); len(got) != 0 {
		t.Errorf("a cold look-up: %+v", got)
	}
	if got := judge(900, 300, 320); len(got) != 1 || !strings.Contains(got[0].Evidence, "took at least 300 ms in each of 3 lookups") || got[0].severity != "" {
		t.Errorf("each takes long: %+v", got)
	}
	if got := judge(900); len(got) != 1 || got[0].severity != facts.Info {
		t.Errorf("the only one: %+v", got)
	}
}
