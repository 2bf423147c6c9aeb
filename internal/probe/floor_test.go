package probe

import (
	"context"
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
	samples, err := measureFloor(t.Context(), each(time.Millisecond))
	quick.setFloor(samples, FloorSamples)
	if err != nil || quick.FloorSamples != FloorSamples || quick.FloorMS < 1 || len(quick.Notes) > 0 {
		t.Errorf("of a quick one: %+v, %v", quick, err)
	}
	samples, err = measureFloor(t.Context(), each(floorShare*3/5))
	slow.setFloor(samples, FloorSamples)
	if n := len(samples); err != nil || n == 0 || n >= leastSamples || slow.FloorSamples != n || slow.FloorMS != 0 || slow.JitterMS != 0 {
		t.Errorf("of a slow one: %+v, %v", slow, err)
	}
	if notes := strings.Join(slow.Notes, ""); !strings.Contains(notes, "it is not known") {
		t.Errorf("nothing says that there is no floor: %q", notes)
	}
}

// TestNoDistanceTakesThatLong: a pooler that answers by itself and brings nothing back makes statements wait.
func TestNoDistanceTakesThatLong(t *testing.T) {
	through := func(pooled bool, empties ...time.Duration) *observation {
		e := Endpoint{Name: "pooler", Phases: []Phase{{"tcp", 1, 20}, {"ssl_request", 1, 21}, {"startup", 1, 900}}}
		e.setFloor(empties, FloorSamples)
		return &observation{pooler: &pgServer{pooled: pooled, endpoint: e, samples: empties}}
	}
	const long, some, short = 1200 * time.Millisecond, 300 * time.Millisecond, 22 * time.Millisecond
	for _, c := range []struct {
		name  string
		o     *observation
		queue bool
	}{
		{"each waits", through(true, long, long, long), true},
		{"too few for a floor", through(true, long), true},
		{"another continent", through(true, some, some, some), false},
		{"one of them was quick", through(true, long, short, long), false},
		{"no pooler is between", through(false, long, long, long), false},
		{"none came back", through(true), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := statementsQueue(c.o)
			if (len(got.hits) == 1) != c.queue || c.o.queues() != c.queue || !c.queue && !got.unknown {
				t.Fatalf("queue %v, %+v", c.o.queues(), got)
			}
			if !c.queue {
				return
			}
			if h := got.hits[0]; h.severity != Critical || h.costMS != 1179 {
				t.Errorf("it is %+v", h)
			}
			if far := farAway(c.o); len(far.hits) > 0 {
				t.Errorf("a queue is called a distance: %+v", far.hits)
			}
		})
	}
}

// TestOneLostAnswerIsAStall: one that came late may be this machine's doing, one that did not come is not.
func TestOneLostAnswerIsAStall(t *testing.T) {
	for lost, late := range map[bool]time.Duration{false: time.Second, true: queryTimeout} {
		s := &pgServer{floor: 5 * time.Millisecond, lost: lost, samples: []time.Duration{late}}
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
