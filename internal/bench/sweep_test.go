package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/honeydue/honeydue/internal/report"
)

// TestSweepValue: the server is restarted first, each user of the first request, the burst and the cold
// phase is asked once, and a server that does not start is a row.
func TestSweepValue(t *testing.T) {
	var mu sync.Mutex
	asked, restarts := map[string]int{}, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.Header.Get("Authorization")]++
		mu.Unlock()
		w.Header().Set("Cache-Status", "token; fwd=miss, list; fwd=miss; stored")
		w.Header().Set("X-DB-Turns", "1")
		fmt.Fprint(w, "{}")
	}))
	t.Cleanup(server.Close)
	base, err := ParseTarget(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	h := newHitter(t, HitterConfig{Base: base})
	mix, err := NewMix(MixRoute{ID: "small", Path: "/small", Weight: 1}, MixRoute{ID: "board", Path: "/board", Weight: 3})
	if err != nil {
		t.Fatal(err)
	}
	plan := Plan{Profile: "smoke", Phases: []PhasePlan{{Name: PhaseCold, State: Cold, Users: 300, Target: TargetCold}}}
	if plan.Phases[0].Schedule, err = NewSchedule(Piece{300, 300, 1e9}); err != nil {
		t.Fatal(err)
	}
	var users []User
	for i := range SweepUsers(plan) {
		users = append(users, User{ID: int64(i), Token: NewToken(fmt.Sprintf("t%d", i))})
	}
	c := Config{Hitter: h, Plan: plan, Mix: mix, Users: users, canaryFor: 1e8}
	row, err := SweepValue(t.Context(), "5", c, func(context.Context) error {
		restarts++
		if len(asked) != 0 {
			t.Error("it was asked before it was restarted")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if restarts != 1 || row.First.Requests != 1 || row.Burst.Requests != SweepBurst || row.Burst.Errors != 0 || row.Burst.TurnsMax != 1 {
		t.Errorf("%d restarts, %+v", restarts, row)
	}
	if row.Verdict != Pass || len(row.Phases) != 1 || row.Phases[0].Requests != 300 {
		t.Errorf("the cold phase: %s %v, %+v", row.Verdict, row.Reasons, row.Phases)
	}
	for token, n := range asked {
		if n != 1 {
			t.Errorf("%d requests of one user (%d)", n, len(token))
		}
	}
	if len(asked) != len(users) {
		t.Errorf("%d of %d users were asked", len(asked), len(users))
	}

	row, err = SweepValue(t.Context(), "-1", c, func(context.Context) error { return errors.New("DB_MAX_CONNS is too small") })
	if err != nil || row.Error != "DB_MAX_CONNS is too small" || row.Verdict != Invalid {
		t.Errorf("a server that does not start: %+v, %v", row, err)
	}
	c.Users = users[1:]
	if _, err := SweepValue(t.Context(), "5", c, nil); err == nil {
		t.Error("too few users were taken")
	}
}

// TestSweepDocument: each value has its row, the tuned one says so, and one that did not start says why.
func TestSweepDocument(t *testing.T) {
	p99 := 128.0
	s := Sweep{Setting: "DB_MAX_CONNS", Tuned: "25", LinkRTTMS: 110, NotMeasured: []string{"40"}, Rows: []SweepRow{
		{Value: "5", Beside: []string{"DB_MIN_IDLE_CONNS=5"}, Verdict: Pass},
		{Value: "25", ReadyMS: 921, Burst: SweepFigure{Requests: 25, P50MS: 207, MaxMS: 889}, Verdict: Pass, Phases: []Phase{{Name: "cold", Requests: 300, Latency: Latency{P50: 118, P99: &p99}, DBTurns: Turns{P50: 1, Max: 1}}}},
		{Value: "0", Error: "DB_MAX_CONNS must be at least 1", Verdict: Invalid},
	}}
	d := s.Document()
	var text strings.Builder
	if err := report.Write(&text, report.FormatTable, d, report.Options{}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text.String(), "\n")
	for _, want := range []string{"25 (tuned)", "did not start", "0: DB_MAX_CONNS must be at least 1", "40: not measured", "cold p99", "5 with DB_MIN_IDLE_CONNS=5."} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, want) }) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
}
