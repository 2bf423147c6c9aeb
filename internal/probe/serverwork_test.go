package probe

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// pieces is work in pieces of a quarter of a millisecond, of which each so-manieth is followed by a pause.
func pieces(n, every int, pauseMS float64) (out []float64) {
	for i := range n {
		took := 0.25
		if every > 0 && i%every == every-1 {
			took += pauseMS
		}
		out = append(out, took)
	}
	return out
}

func TestPauses(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []float64
		want  pauses
	}{
		{"none", pieces(400, 0, 0), pauses{pieceMS: 0.25, share: 1}},
		{"no work", nil, pauses{share: 1}},
		{"a fifth of a CPU, in periods of 100 ms", pieces(400, 80, 80), pauses{pieceMS: 0.25, count: 5, share: 0.2, longestMS: 80, waitMS: 32}},
		{"one pause", pieces(400, 400, 300), pauses{pieceMS: 0.25, count: 1, share: 0.25, longestMS: 300, waitMS: 112.5}},
		{"a scheduler that gives 3 ms each to two", pieces(400, 12, 3), pauses{pieceMS: 0.25, count: 33, share: 0.503, longestMS: 3, waitMS: 0.746}},
		{"what varies by itself is no pause", pieces(400, 2, 1.5), pauses{pieceMS: 0.25, share: 0.25}},
	} {
		got := pausesOf(c.times)
		got.share, got.waitMS = round(got.share), round(got.waitMS)
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestLateness counts a pause for the time that it takes, however few statements of a burst meet it.
func TestLateness(t *testing.T) {
	times := func(late time.Duration, n, quick int) (out []time.Duration) {
		for range n {
			out = append(append(out, slices.Repeat([]time.Duration{time.Millisecond}, quick)...), time.Millisecond+late)
		}
		return out
	}
	for _, c := range []struct {
		name  string
		times []time.Duration
		want  float64
	}{
		{"nothing is late", times(0, 15, 1), 0},
		{"each other one, by the network", times(60*time.Millisecond, 15, 1), 30},
		{"one of ten meets a pause", times(80*time.Millisecond, 3, 9), 25.397},
		{"one of many, by a little", times(10*time.Millisecond, 1, 29), 0.333},
		{"none was measured", nil, 0},
	} {
		s := &pgServer{samples: c.times, floor: time.Millisecond}
		if got := round(s.lateMS()); got != c.want {
			t.Errorf("%s: %v ms late, want %v", c.name, got, c.want)
		}
	}
}

// TestWhenWorkIsDecided: what was timed while the statements ran is not timed again, unless a round trip after a short run was late.
func TestWhenWorkIsDecided(t *testing.T) {
	moment := []workMoment{{server: slices.Repeat([]float64{usualPieceMS}, 80)}}
	punctual := slices.Repeat([]time.Duration{time.Millisecond}, 20)
	late := slices.Concat(punctual, slices.Repeat([]time.Duration{81 * time.Millisecond}, 5))
	for _, c := range []struct {
		name  string
		work  serverWork
		trips []time.Duration
		want  bool
	}{
		{"nothing was timed", serverWork{}, punctual, false},
		{"a short run, and nothing was late", serverWork{moments: moment}, punctual, true},
		{"a short run, and something was late", serverWork{moments: moment}, late, false},
		{"long runs", serverWork{moments: moment, long: true}, late, true},
	} {
		if got := c.work.decided(&pgServer{samples: c.trips, floor: time.Millisecond}); got != c.want {
			t.Errorf("%s: decided is %v", c.name, got)
		}
	}
}

// TestStarvedServer needs the server's clock, the probe's own and the round trips to agree, at each moment.
func TestStarvedServer(t *testing.T) {
	fifth, free := pieces(400, 80, 80), pieces(400, 0, 0)
	slow := slices.Repeat([]float64{4}, 80)
	punctual := slices.Repeat([]time.Duration{time.Millisecond}, 20)
	late := slices.Concat(punctual, slices.Repeat([]time.Duration{81 * time.Millisecond}, 5))
	for _, c := range []struct {
		name    string
		moments []workMoment
		trips   []time.Duration
		hits    int
		costMS  float64
		unknown bool
	}{
		{"it works", []workMoment{{server: free}}, punctual, 0, 0, false},
		{"it works, and round trips vary", []workMoment{{server: free, own: free}}, late, 0, 0, false},
		{"it gets a fifth of a CPU", []workMoment{{fifth, free}}, late, 1, 32, false},
		{"at both moments", []workMoment{{fifth, free}, {fifth, free}}, late, 1, 32, false},
		{"at one of two moments", []workMoment{{fifth, free}, {server: free}}, late, 0, 0, false},
		{"nobody meets it", []workMoment{{fifth, free}}, punctual, 0, 0, false},
		{"the probe's machine is short of CPU as well", []workMoment{{fifth, fifth}}, late, 0, 0, true},
		{"one pause may be chance", []workMoment{{pieces(400, 400, 300), free}}, late, 0, 0, false},
		{"it is as slow as ten", []workMoment{{server: slow}}, punctual, 1, 7.5, false},
		{"it is as slow as ten, and the probe's machine is not", []workMoment{{slow, free}}, punctual, 1, 7.5, false},
		{"it is as slow as ten, and so is the probe's machine", []workMoment{{slow, slow}}, punctual, 0, 0, true},
		{"nothing was timed", nil, late, 0, 0, true},
	} {
		s := &pgServer{samples: c.trips, floor: time.Millisecond}
		o := &observation{pooler: &pgServer{failed: &failure{}}, direct: s, hot: []HotPath{{ExecutionMS: 8}}, work: serverWork{moments: c.moments}}
		got := cpuStarved(o)
		if len(got.hits) != c.hits || got.unknown != c.unknown {
			t.Errorf("%s: %+v", c.name, got)
			continue
		}
		if c.hits > 0 && got.hits[0].costMS != c.costMS {
			t.Errorf("%s: it costs %v ms, want %v", c.name, got.hits[0].costMS, c.costMS)
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
	times, err := timeWork(t.Context(), conns[0], shortPieces)
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
