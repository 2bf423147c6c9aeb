package collect

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
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
	plan := &facts.Plan{PlanningMS: 0.4, ExecutionMS: 0.6}
	h := account("board", store.Subject{Label: "median"},
		measured{wall: 115 * time.Millisecond, control: 111 * time.Millisecond, turns: 1, runs: 3, waiting: -1}, facts.Explained{Plan: plan, Analyzed: true})
	h.Split(110)
	sum := h.NetworkMS + h.PlanningMS + h.ExecutionMS + h.ResidualMS
	if math.Abs(sum-h.WallMS) > 0.002 || h.ResidualMS != 4 {
		t.Errorf("%+v adds up to %v", h, sum)
	}
	if h.S14.Status != facts.Pass || h.ResidualName != "" {
		t.Errorf("S14 is %+v, residual name %q", h.S14, h.ResidualName)
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
			pace: newPace(time.Millisecond, 1), control: &controlQuery{server: &pgClient{PGServer: &facts.PGServer{}}}, runs: 1, cut: map[string]bool{},
			until: time.Now().Add(time.Minute), ends: time.Now().Add(time.Minute),
		}
		sql := fmt.Sprintf(`DO $$ BEGIN RAISE NOTICE '%s'; PERFORM pg_sleep(0.05); END $$`, message)
		m := a.measure(t.Context(), db, timed{query: store.Query{Name: "raise", SQL: sql, Sample: func(store.Subject) []any { return nil }}})
		if m.runs != 1 || m.waiting != waiting {
			t.Errorf("after %q: %d runs (%v), %d waiting, want %d", message, m.runs, m.failed, m.waiting, waiting)
		}
		h := account("raise", store.Subject{}, m, facts.Explained{})
		if h.Split(1); (h.ResidualName != "") != (waiting > 0) {
			t.Errorf("after %q: the residual is %q", message, h.ResidualName)
		}
	}
}
