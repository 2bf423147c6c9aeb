package collect

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// TestOneAtATimeWhereStatementsHoldServers: statements that keep their server connection for longer than lanes are apart have one
// lane, so that they don't wait for each other in a small pool.
func TestOneAtATimeWhereStatementsHoldServers(t *testing.T) {
	for _, c := range []struct {
		turn, beyond time.Duration
		lanes        int
	}{
		{110 * time.Millisecond, 2 * time.Millisecond, mostLanes},
		{110 * time.Millisecond, -time.Millisecond, mostLanes}, // the quickest turn of connecting was slower
		{110 * time.Millisecond, 17 * time.Millisecond, mostLanes},
		{110 * time.Millisecond, 19 * time.Millisecond, 1},
		{20 * time.Millisecond, 9 * time.Millisecond, mostLanes},
		{20 * time.Millisecond, 100 * time.Millisecond, 1},
	} {
		s := &session{pooler: &pgClient{PGServer: &facts.PGServer{}}, db: &store.DB{}, lanes: []*store.DB{{}, {}}}
		a := newAttributor(t.Context(), s, &reaching{turn: c.turn, beyond: c.beyond}, 15)
		if len(a.lanes) != c.lanes {
			t.Errorf("the pooler is %s away and Postgres %s behind it: %d lanes, want %d", c.turn, c.beyond, len(a.lanes), c.lanes)
		}
	}
}

// TestNoTwoStatementsMeet runs statements on several lanes in virtual time. Each is on the way for a round trip and at
// the server in the middle of it: never two at once, and what executes for long is on the way alone.
func TestNoTwoStatementsMeet(t *testing.T) {
	const rtt, runs = 110 * time.Millisecond, 15
	type stay struct{ from, to time.Time }
	for _, c := range []struct {
		name  string
		lanes int
		took  time.Duration
		most  time.Duration // what all of it may take
	}{
		{"one lane", 1, 2 * time.Millisecond, runs * 112 * time.Millisecond},
		{"three lanes", 3, 2 * time.Millisecond, (runs/3)*112*time.Millisecond + rtt},
		{"three lanes, and each statement is slow", 3, 90 * time.Millisecond, runs * 240 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPace(rtt, c.lanes)
				var mu sync.Mutex
				var stays []stay
				var all sync.WaitGroup
				began := time.Now()
				for range c.lanes {
					all.Go(func() {
						for range runs / c.lanes {
							leave := p.enter(t.Context(), c.took)
							time.Sleep(rtt / 2)
							from := time.Now()
							time.Sleep(c.took)
							mu.Lock()
							stays = append(stays, stay{from, time.Now()})
							mu.Unlock()
							time.Sleep(rtt / 2)
							leave()
						}
					})
				}
				all.Wait()
				if took := time.Since(began); took > c.most {
					t.Errorf("%d runs took %v, want %v at most", runs, took, c.most)
				}
				slices.SortFunc(stays, func(a, b stay) int { return a.from.Compare(b.from) })
				for i := 1; i < len(stays); i++ {
					if stays[i].from.Before(stays[i-1].to) {
						t.Fatalf("the server has run %d and %d at once", i-1, i)
					}
				}
			})
		})
	}
}
