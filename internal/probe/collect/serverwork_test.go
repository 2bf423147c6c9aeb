package collect

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestWhenWorkIsDecided: what was timed while the statements ran is not timed again, unless a round trip after a short run was late.
func TestWhenWorkIsDecided(t *testing.T) {
	moment := []facts.WorkMoment{{Server: slices.Repeat([]float64{facts.UsualPieceMS}, 80)}}
	punctual := slices.Repeat([]time.Duration{time.Millisecond}, 20)
	late := slices.Concat(punctual, slices.Repeat([]time.Duration{81 * time.Millisecond}, 5))
	for _, c := range []struct {
		name  string
		work  facts.ServerWork
		trips []time.Duration
		want  bool
	}{
		{"nothing was timed", facts.ServerWork{}, punctual, false},
		{"a short run, and nothing was late", facts.ServerWork{Moments: moment}, punctual, true},
		{"a short run, and something was late", facts.ServerWork{Moments: moment}, late, false},
		{"long runs", facts.ServerWork{Moments: moment, Long: true}, late, true},
	} {
		if got := decided(&c.work, &facts.PGServer{Samples: c.trips, Floor: time.Millisecond}); got != c.want {
			t.Errorf("%s: decided is %v", c.name, got)
		}
	}
}

// TestWorkIsTheProbesOwn: the server's statement shows whose work it is, so that a look at the sessions does not take it for
// others' load (HD-D13).
func TestWorkIsTheProbesOwn(t *testing.T) {
	env := labtest.Database(t, nil)
	var conns []*pgx.Conn
	for range 2 {
		conn, err := pgx.Connect(t.Context(), env.DirectURL)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		conns = append(conns, conn)
	}
	times, err := timeWork(t.Context(), conns[0], facts.ShortPieces)
	if err != nil || len(times) == 0 {
		t.Fatalf("%d pieces were timed: %v", len(times), err)
	}
	var text string
	if err := conns[1].QueryRow(t.Context(), "SELECT query FROM pg_stat_activity WHERE pid = $1", conns[0].PgConn().PID()).Scan(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "SELECT "+readingMark) {
		t.Errorf("the server shows it as %.60q", text)
	}
}
