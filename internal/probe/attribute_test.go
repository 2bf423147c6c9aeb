package probe

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

func TestRunsFitIntoTheTime(t *testing.T) {
	for _, c := range []struct {
		floor      time.Duration
		statements int
		want       int
	}{
		{110 * time.Millisecond, 5, 3},
		{110 * time.Millisecond, 15, 3},
		{50 * time.Millisecond, 5, 7},
		{time.Millisecond, 15, 9},
		{400 * time.Millisecond, 15, 3},
		{0, 15, 3},
		{time.Millisecond, 0, 3},
	} {
		if got := runsFor(c.floor, c.statements, attributionShare); got != c.want {
			t.Errorf("runsFor(%s, %d) = %d, want %d", c.floor, c.statements, got, c.want)
		}
	}
	if got := runsFor(110*time.Millisecond, 15, 2*time.Second); got != 1 {
		t.Errorf("in 2 s each is run %d times, want once", got)
	}
}

func TestAccountAddsUp(t *testing.T) {
	plan := &Plan{PlanningMS: 0.4, ExecutionMS: 0.6}
	h := account("board", store.Subject{Label: "median"},
		measured{wall: 115 * time.Millisecond, control: 111 * time.Millisecond, turns: 1, runs: 3, waiting: -1}, explained{plan: plan, analyzed: true})
	h.split(110)
	sum := h.NetworkMS + h.PlanningMS + h.ExecutionMS + h.ResidualMS
	if math.Abs(sum-h.WallMS) > 0.002 || h.ResidualMS != 4 {
		t.Errorf("%+v adds up to %v", h, sum)
	}
	if h.S14.Status != Pass || h.ResidualName != "" {
		t.Errorf("S14 is %+v, residual name %q", h.S14, h.ResidualName)
	}
}

// TestPoolerWaitNeedsEvidence: a residual is named only if something else agrees.
func TestPoolerWaitNeedsEvidence(t *testing.T) {
	for _, c := range []struct {
		name              string
		residual, control float64
		waiting           int64
		want              bool
	}{
		{"small", 8, 200, 5, false},
		{"large, and the empty query is quick", 500, 111, -1, false},
		{"large, and the empty query is slow too", 500, 400, -1, true},
		{"large, and SHOW POOLS shows a queue", 500, 111, 3, true},
		{"large, and SHOW POOLS shows none", 500, 111, 0, false},
		{"large, both are slow, and SHOW POOLS shows no queue", 500, 400, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := waits(HotPath{ResidualMS: c.residual, ControlMS: c.control, waiting: c.waiting}, 110); got != c.want {
				t.Errorf("waits = %v, want %v", got, c.want)
			}
		})
	}
}

func TestS14Limit(t *testing.T) {
	board, lookup := &Plan{Root: Node{Relation: "tasks"}}, &Plan{Root: Node{Relation: "users"}}
	for _, c := range []struct {
		label string
		tasks int64
		plan  *Plan
		want  float64
	}{
		{"median", 5000, board, 1},
		{"empty", 0, board, 1},
		{"heavy", 12, board, 8},
		{"heavy", 200, board, 8},
		{"heavy", 2000, board, 80},
		{"heavy", 2000, lookup, 8},
		{"median", 2000, lookup, 1},
		{"heavy", 2000, nil, 8},
	} {
		if got := s14Limit(store.Subject{Label: c.label, Tasks: c.tasks}, c.plan); got != c.want {
			t.Errorf("the limit of a %s user with %d tasks is %v, want %v", c.label, c.tasks, got, c.want)
		}
	}
}

func TestS14IsUnknownWithoutARun(t *testing.T) {
	for _, e := range []explained{{}, {plan: &Plan{}, why: "it was not run"}, {failed: &failure{kind: kindTimeout}}} {
		if v := judgeS14(store.Subject{Label: "median"}, e); v.Status != Unknown || v.Why == "" {
			t.Errorf("%+v gives %+v", e, v)
		}
	}
}

func TestProxyBetween(t *testing.T) {
	for _, c := range []struct {
		name  string
		tcp   float64
		next  float64
		floor float64
		want  bool
	}{
		{"an honest link", 111, 111, 110, false},
		{"a proxy that passes its cost on", 0.2, 221, 110, true},
		{"a proxy that stands near", 2, 111, 110, true},
		{"everything near", 0.1, 0.2, 0.3, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := Endpoint{FloorMS: c.floor, Phases: []Phase{{"dns", 0, 0}, {"tcp", 1, c.tcp}, {"ssl_request", 1, c.next}}}
			e.judgeProxy(nil)
			if e.ProxyBetween != c.want || c.want != (len(e.Notes) == 1) {
				t.Errorf("proxy %v with notes %v, want %v", e.ProxyBetween, e.Notes, c.want)
			}
		})
	}
}

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
		o := &observation{}
		for i := range c.timed + c.notRun {
			h := HotPath{Runs: 3, ResidualMS: 60, ControlMS: 170}
			if i < c.waiting {
				h.ResidualName = "pooler wait"
			}
			if i >= c.timed {
				h.Runs = 0
			}
			o.hot = append(o.hot, h)
		}
		got := poolerWait(o)
		if found := len(got.hits) > 0; found != c.found {
			t.Errorf("%+v: found is %t", c, found)
		}
		// Who waited is told, found or not.
		if alone := c.waiting > 0 && !c.found && c.notRun == 0; alone != strings.Contains(got.why, fmt.Sprintf("%d of %d timed hot paths waited", c.waiting, c.timed)) {
			t.Errorf("%+v: %q", c, got.why)
		}
	}
}

// TestThePoolersAnnouncementIsProof: PgBouncer of 1.25 and newer tells a client by a notice that it waits. Here a statement raises
// that notice, which every version passes on: the wait is known without the console.
func TestThePoolersAnnouncementIsProof(t *testing.T) {
	env := labtest.Database(t, nil)
	db, err := store.Open(t.Context(), store.Config{URL: env.DatabaseURL, MaxConns: 1, MinIdleConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for message, waiting := range map[string]int64{"No server connection available in postgres backend, client being queued": 1, "all is well": -1} {
		a := &attributor{
			pace: newPace(time.Millisecond, 1), control: &controlQuery{server: &pgClient{pgServer: &pgServer{}}}, runs: 1, cut: map[string]bool{},
			until: time.Now().Add(time.Minute), ends: time.Now().Add(time.Minute),
		}
		sql := fmt.Sprintf(`DO $$ BEGIN RAISE NOTICE '%s'; PERFORM pg_sleep(0.05); END $$`, message)
		m := a.measure(t.Context(), db, timed{query: store.Query{Name: "raise", SQL: sql, Sample: func(store.Subject) []any { return nil }}})
		if m.runs != 1 || m.waiting != waiting {
			t.Errorf("after %q: %d runs (%v), %d waiting, want %d", message, m.runs, m.failed, m.waiting, waiting)
		}
		h := account("raise", store.Subject{}, m, explained{})
		if h.split(1); (h.ResidualName != "") != (waiting > 0) {
			t.Errorf("after %q: the residual is %q", message, h.ResidualName)
		}
	}
}

// TestAnnouncementsToTheRunningServer: what its metrics counted while the probe looked is a queue, and what came before is none.
func TestAnnouncementsToTheRunningServer(t *testing.T) {
	for during, found := range map[int64]bool{0: false, 3: true} {
		o := &observation{target: &Target{Metrics: &TargetMetrics{Pool: PoolMetrics{Queued: 7, QueuedDuring: during}}}}
		if got := len(poolerWait(o).hits) > 0; got != found {
			t.Errorf("%d announcements meanwhile: found is %t, want %t", during, got, found)
		}
	}
}
