package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/link"
)

// ablated is a server that remembers who has asked.
type ablated struct {
	mu    sync.Mutex
	asked map[string]int
	all   int
}

func (s *ablated) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	who := r.Header.Get("Authorization")
	s.asked[who]++
	s.all++
	turns := 1
	if s.asked[who] > 1 {
		turns = 0
	}
	s.mu.Unlock()
	w.Header().Set("X-DB-Turns", fmt.Sprint(turns))
	fmt.Fprint(w, `{"columns":[{"name":"upcoming","count":1,"tasks":[{"id":7}]}]}`)
}

func ablatedServer(t *testing.T) (*ablated, AblationServer) {
	t.Helper()
	s := &ablated{asked: map[string]int{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	base, err := ParseTarget(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	mix, err := NewMix(MixRoute{ID: "small", Path: "/small", Weight: 1}, MixRoute{ID: "board", Path: "/board", Weight: 3})
	if err != nil {
		t.Fatal(err)
	}
	var counts link.Counts
	return s, AblationServer{
		Hitter: newHitter(t, HitterConfig{Base: base}), Mix: mix,
		Restart: func(context.Context) error {
			counts.Dials, counts.Turns = counts.Dials+20, counts.Turns+120
			return nil
		},
		Link: func() link.Counts { return counts },
	}
}

func someUsers(n int) []User {
	var users []User
	for i := range n {
		users = append(users, User{ID: int64(i + 1), Token: NewToken(fmt.Sprintf("t%d", i))})
	}
	return users
}

// TestRound: every user is cold once, the warm ones are those who were, and each part has its samples.
func TestRound(t *testing.T) {
	s, server := ablatedServer(t)
	into := NewSamples()
	if err := server.Round(t.Context(), someUsers(AblationRoundUsers), into); err != nil {
		t.Fatal(err)
	}
	for m, want := range map[Measure]Spread{
		StartDials: {N: 1, Starts: 1, Value: 20, Low: 20, High: 20}, StartTurns: {N: 1, Starts: 1, Value: 140, Low: 140, High: 140},
		FirstTurns: {N: 1, Starts: 1, Value: 1, Low: 1, High: 1}, FirstDials: {N: 1, Starts: 1},
		ColdTurns: {N: roundCold, Starts: 1, Value: 1, Low: 1, High: 1}, AccountTurns: {N: roundAccounts, Starts: 1, Value: 1, Low: 1, High: 1}, WarmTurns: {N: roundWarm, Starts: 1},
	} {
		if got := into.Spread(m); got != want {
			t.Errorf("%s: %+v, want %+v", m, got, want)
		}
	}
	for m, n := range map[Measure]int{ReadyMS: 1, FirstMS: 1, BurstMS: SweepBurst, BurstMaxMS: 1, ColdMS: roundCold, AccountMS: roundAccounts, WarmMS: roundWarm, WarmP99MS: roundWarm} {
		if got := into.Spread(m); got.N != n || got.Errors != 0 {
			t.Errorf("%s: %+v, want %d samples", m, got, n)
		}
	}
	if want := AblationRoundUsers + roundWarm; s.all != want || len(s.asked) != AblationRoundUsers {
		t.Errorf("%d requests of %d users, want %d of %d", s.all, len(s.asked), want, AblationRoundUsers)
	}
	if err := server.Round(t.Context(), someUsers(3), into); err == nil {
		t.Error("a round with too few users was run")
	}
	broken := errors.New("it does not start")
	server.Restart = func(context.Context) error { return broken }
	empty := NewSamples()
	if err := server.Round(t.Context(), someUsers(AblationRoundUsers), empty); !errors.Is(err, broken) || !empty.Empty() {
		t.Errorf("a server that does not start: %v", err)
	}
}

// TestReplayFloodAndWrites: what is not the settled part is not counted, everybody is asked, and a write is of a task
// that the board shows.
func TestReplayFloodAndWrites(t *testing.T) {
	s, server := ablatedServer(t)
	into := NewSamples()
	if err := server.Replay(t.Context(), Replay{Users: someUsers(5), Gap: 100 * time.Millisecond, Settle: 400 * time.Millisecond, Length: 400 * time.Millisecond, Seed: 1}, into); err != nil {
		t.Fatal(err)
	}
	if got := into.Spread(OpeningMS); got.N == 0 || got.N >= s.all {
		t.Errorf("%d of %d requests are counted", got.N, s.all)
	}
	if got := into.Spread(OpeningAsks); got.Value > 50 {
		t.Errorf("%+v of the settled requests ask the database", got)
	}
	before := s.all
	if failed := server.Flood(t.Context(), someUsers(50)); failed != 0 || s.all-before != 50 {
		t.Errorf("%d failed, %d were asked", failed, s.all-before)
	}
	if err := server.Writes(t.Context(), someUsers(3), 0, WriteMS, WriteTurns, into); err != nil {
		t.Fatal(err)
	}
	if got := into.Spread(WriteMS); got.N != 3 || got.Errors != 0 {
		t.Errorf("writes: %+v", got)
	}
	full := 0
	crowd := Crowd{Idle: someUsers(2), Busy: someUsers(2), Fresh: someUsers(3)}
	if err := server.FullRedis(t.Context(), crowd, func(context.Context) error { full++; return nil }, into); err != nil || full != 1 {
		t.Errorf("%v, made full %d times", err, full)
	}
	for m, n := range map[Measure]int{FullNewAsks: 3, FullBusyAsks: 2, FullIdleAsks: 2} {
		if got := into.Spread(m); got.N != n {
			t.Errorf("%s: %+v", m, got)
		}
	}
}
