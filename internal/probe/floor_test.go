package probe

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
)

// TestTheFloorHasItsShare: of a server that is slow fewer round trips are made, and of too few there is no floor.
func TestTheFloorHasItsShare(t *testing.T) {
	each := func(d time.Duration) func(context.Context) error {
		return func(context.Context) error { time.Sleep(d); return nil }
	}
	var quick, slow Endpoint
	samples, err := measureFloor(t.Context(), FloorSamples, each(time.Millisecond))
	quick.setFloor(samples, FloorSamples)
	if err != nil || quick.FloorSamples != FloorSamples || quick.FloorMS < 1 || len(quick.Notes) > 0 {
		t.Errorf("of a quick one: %+v, %v", quick, err)
	}
	samples, err = measureFloor(t.Context(), FloorSamples, each(floorShare*3/5))
	slow.setFloor(samples, FloorSamples)
	if n := len(samples); err != nil || n == 0 || n >= leastSamples || slow.FloorSamples != n || slow.FloorMS != 0 || slow.JitterMS != 0 {
		t.Errorf("of a slow one: %+v, %v", slow, err)
	}
	if notes := strings.Join(slow.Notes, ""); !strings.Contains(notes, "the minimum RTT is unknown") {
		t.Errorf("nothing says that there is no floor: %q", notes)
	}
}

// TestNoDistanceTakesThatLong: a pooler that answers by itself and brings nothing back makes statements wait.
func TestNoDistanceTakesThatLong(t *testing.T) {
	through := func(pooled bool, owned time.Duration, acquired ...time.Duration) *observation {
		s := &pgServer{pooled: pooled, endpoint: Endpoint{Name: "pooler", Phases: []Phase{{"tcp", 1, 20}, {"ssl_request", 1, 21}, {"startup", 1, 900}}}, acquired: acquired}
		if owned > 0 {
			s.samples = slices.Repeat([]time.Duration{owned}, 3)
		}
		s.endpoint.setFloor(s.samples, FloorSamples)
		return &observation{pooler: s}
	}
	const long, some, short = 1200 * time.Millisecond, 300 * time.Millisecond, 22 * time.Millisecond
	for _, c := range []struct {
		name   string
		o      *observation
		costMS float64
	}{
		{"each waits", through(true, short, long, long, long), 1178},
		{"too few for a floor", through(true, 0, long), 1179},
		{"the database is on another continent", through(true, long, long, long, long), 0},
		{"one of them was quick", through(true, short, long, short, long), 1178},
		{"most were quick", through(true, short, short, short, long), 0},
		{"each waits for less", through(true, short, some, some, some), 278},
		{"no pooler is between", through(false, 0, long, long, long), 0},
		{"none came back", through(true, 0), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, queue := statementsQueue(c.o), c.costMS > 0
			if (len(got.hits) == 1) != queue || c.o.queues() != queue || !queue && !got.unknown {
				t.Fatalf("queue %v, %+v", c.o.queues(), got)
			}
			if !queue {
				return
			}
			if h := got.hits[0]; h.costMS != c.costMS {
				t.Errorf("it is %+v", h)
			}
			if far := farAway(c.o); len(far.hits) > 0 {
				t.Errorf("a queue is called a distance: %+v", far.hits)
			}
		})
	}
}

// TestStatementsThatNeedAConnection tells a wait in the pooler from round trips that vary: only the wait spares the
// statements that have a server connection.
func TestStatementsThatNeedAConnection(t *testing.T) {
	times := func(ms ...int) (out []time.Duration) {
		for _, n := range ms {
			out = append(out, time.Duration(n)*time.Millisecond)
		}
		return out
	}
	steady, varying := times(20, 20, 21, 20, 22, 20, 21, 20, 20, 21), times(20, 70, 45, 33, 62, 28, 51, 66, 39, 24)
	for _, c := range []struct {
		name            string
		owned, acquired []time.Duration
		want            float64
	}{
		{"nobody waits", steady, times(20, 21, 20, 20, 22), 0},
		{"each waits", steady, times(160, 150, 170, 149, 163), 140},
		{"most wait, one was lucky", steady, times(160, 20, 170, 149, 163), 140},
		{"one waited for a connection that was being opened", steady, times(160, 20, 21, 20, 22), 0},
		{"round trips vary", varying, times(68, 31, 55, 22, 47), 0},
		{"round trips vary and each waits", varying, times(190, 230, 175, 210, 182), 151},
		{"a few ms are a machine's own", steady, times(29, 28, 29, 29, 28), 0},
		{"too few", steady, times(160, 150), 0},
	} {
		s := &pgServer{pooled: true, samples: c.owned, acquired: c.acquired}
		if got := s.acquireWaitMS(); got != c.want {
			t.Errorf("%s: it is %v ms, want %v", c.name, got, c.want)
		}
	}
}

// TestANameIsWithdrawn: without a console a residual is called pooler wait only where waiting for a server connection
// explains it.
func TestANameIsWithdrawn(t *testing.T) {
	slow, quick := slices.Repeat([]time.Duration{150 * time.Millisecond}, 5), slices.Repeat([]time.Duration{time.Millisecond}, 10)
	for _, c := range []struct {
		name    string
		owned   []time.Duration
		waiting int64
		kept    bool
	}{
		{"only those that need one are slow", quick, -1, true},
		{"all are slow", slices.Repeat(slow, 2), -1, false},
		{"all are slow, and the console has seen the queue", slices.Repeat(slow, 2), 1, true},
	} {
		o := &observation{pooler: &pgServer{pooled: true, samples: c.owned, acquired: slow}, hot: []HotPath{{ResidualName: "pooler wait", waiting: c.waiting}}}
		o.withdrawWaits()
		if kept := o.hot[0].ResidualName != ""; kept != c.kept {
			t.Errorf("%s: the name is kept: %v, want %v", c.name, kept, c.kept)
		}
	}
}

// TestOneLostAnswerIsAStall: one that came late may be this machine's doing, one that did not come is not.
func TestOneLostAnswerIsAStall(t *testing.T) {
	for lost, late := range map[bool]time.Duration{false: time.Second, true: queryTimeout} {
		s := &pgServer{floor: 5 * time.Millisecond, samples: []time.Duration{late}}
		for range 99 {
			s.samples = append(s.samples, s.floor)
		}
		if got := stalls(&observation{pooler: s}); (len(got.hits) == 1) != lost {
			t.Errorf("lost %v: %+v", lost, got)
		}
	}
}

// TestSlowPingsAreTheFloors: where each takes long, those of the floor are all that there is time for.
func TestSlowPingsAreTheFloors(t *testing.T) {
	slow := 950 * time.Millisecond
	got := redisSlow(&observation{redis: &redisServer{facts: &redisFacts{}, samples: []time.Duration{slow, slow, slow}}})
	if len(got.hits) != 1 || got.hits[0].severity != Critical || got.hits[0].costMS != 950 {
		t.Errorf("slow: %+v", got)
	}
	got = redisSlow(&observation{redis: &redisServer{facts: &redisFacts{}, samples: []time.Duration{slow}, lost: &failure{kind: kindTimeout}}})
	if len(got.hits) != 1 || got.hits[0].severity != Critical || got.hits[0].costMS != ms(cache.DefaultTimeout) {
		t.Errorf("lost: %+v", got)
	}
	if got = redisSlow(&observation{redis: &redisServer{facts: &redisFacts{}, samples: []time.Duration{slow}}}); !got.unknown {
		t.Errorf("one PING: %+v", got)
	}
}
