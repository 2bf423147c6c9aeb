package facts

import (
	"testing"
)

func TestChains(t *testing.T) {
	a := Activity{Sessions: []PGSession{
		{PID: 1, State: "idle in transaction"},
		{PID: 2, Blockers: []int64{1}, WaitsS: 3},
		{PID: 3, Blockers: []int64{2, 1}, WaitsS: 2},
		{PID: 4, Blockers: []int64{9}, WaitsS: 1}, // of another database, or a prepared transaction
		{PID: 5, Blockers: []int64{6}, WaitsS: 0.1},
		{PID: 6, Blockers: []int64{5}, WaitsS: 0.1}, // a deadlock, which Postgres has not ended yet
	}}
	got := a.Chains()
	if len(got) < 3 {
		t.Fatalf("%d chains: %+v", len(got), got)
	}
	if c := got[0]; c.Root.PID != 1 || len(c.Waiting) != 2 || c.Longest != 3 || c.Deep != 2 || !c.Known {
		t.Errorf("the first chain is %+v", c)
	}
	if c := got[1]; c.Root.PID != 9 || c.Known {
		t.Errorf("the second chain is %+v", c)
	}
}

func TestWaitsAreAveraged(t *testing.T) {
	one := Activity{Sessions: []PGSession{
		{State: "active", WaitType: "IO", Wait: "DataFileRead"},
		{State: "active", WaitType: "IO", Wait: "DataFileRead"},
		{State: "active", WaitType: "Lock", Wait: "tuple"},
		{State: "active", WaitType: "Timeout", Wait: "PgSleep"},
		{State: "idle in transaction", WaitType: "Client", Wait: "ClientRead"},
	}}
	busy, events := SumWaits([]Activity{one, {}})
	if busy != 2 || len(events) != 1 || events[0] != (WaitShare{"IO:DataFileRead", 1}) {
		t.Errorf("%v sessions were busy, waiting for %+v", busy, events)
	}
}

func TestStatementsSince(t *testing.T) {
	before := StatementCounts{Ours: []CountedStatement{{"auth_lookup", 10, 5}, {"task_board", 90, 900}}, Others: CountedStatement{Calls: 5, MS: 50}}
	after := StatementCounts{Ours: []CountedStatement{{"auth_lookup", 30, 45}, {"task_board", 1, 1}}, Others: CountedStatement{Calls: 6, MS: 70}}
	got := after.Since(before)
	if len(got.Ours) != 1 || got.Ours[0] != (CountedStatement{"auth_lookup", 20, 40}) || got.Others.MS != 20 {
		t.Errorf("it counts %+v", got)
	}
}
