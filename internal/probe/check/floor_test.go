package check

import (
	"slices"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestNoDistanceTakesThatLong: a pooler that answers by itself and brings nothing back makes statements wait.
func TestNoDistanceTakesThatLong(t *testing.T) {
	through := func(pooled bool, owned time.Duration, acquired ...time.Duration) *facts.Observation {
		s := &facts.PGServer{Pooled: pooled, Endpoint: facts.Endpoint{Name: "pooler", Phases: []facts.Phase{{Name: "tcp", Turns: 1, MS: 20}, {Name: "ssl_request", Turns: 1, MS: 21}, {Name: "startup", Turns: 1, MS: 900}}}, Acquired: acquired}
		if owned > 0 {
			s.Samples = slices.Repeat([]time.Duration{owned}, 3)
		}
		s.Endpoint.SetFloor(s.Samples, facts.FloorSamples)
		return &facts.Observation{Pooler: s}
	}
	const long, some, short = 1200 * time.Millisecond, 300 * time.Millisecond, 22 * time.Millisecond
	for _, c := range []struct {
		name   string
		o      *facts.Observation
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
			if (len(got.Hits) == 1) != queue || queues(c.o) != queue || !queue && !got.Unknown {
				t.Fatalf("queue %v, %+v", queues(c.o), got)
			}
			if !queue {
				return
			}
			if h := got.Hits[0]; h.CostMS != c.costMS {
				t.Errorf("it is %+v", h)
			}
			if far := FarAway(c.o); len(far.Hits) > 0 {
				t.Errorf("a queue is called a distance: %+v", far.Hits)
			}
		})
	}
}

// TestOneLostAnswerIsAStall: one that came late may be this machine's doing, one that did not come is not.
func TestOneLostAnswerIsAStall(t *testing.T) {
	for lost, late := range map[bool]time.Duration{false: time.Second, true: facts.QueryTimeout} {
		s := &facts.PGServer{Floor: 5 * time.Millisecond, Samples: []time.Duration{late}}
		for range 99 {
			s.Samples = append(s.Samples, s.Floor)
		}
		if got := stalls(&facts.Observation{Pooler: s}); (len(got.Hits) == 1) != lost {
			t.Errorf("lost %v: %+v", lost, got)
		}
	}
}

// TestSlowPingsAreTheFloors: where each takes long, those of the floor are all that there is time for.
func TestSlowPingsAreTheFloors(t *testing.T) {
	slow := 950 * time.Millisecond
	got := redisSlow(&facts.Observation{Redis: &facts.RedisServer{Facts: &facts.RedisFacts{}, Samples: []time.Duration{slow, slow, slow}}})
	if len(got.Hits) != 1 || got.Hits[0].severity != facts.Critical || got.Hits[0].CostMS != 950 {
		t.Errorf("slow: %+v", got)
	}
	got = redisSlow(&facts.Observation{Redis: &facts.RedisServer{Facts: &facts.RedisFacts{}, Samples: []time.Duration{slow}, Lost: &facts.Failure{Kind: facts.KindTimeout}}})
	if len(got.Hits) != 1 || got.Hits[0].severity != facts.Critical || got.Hits[0].CostMS != facts.MS(cache.DefaultTimeout) {
		t.Errorf("lost: %+v", got)
	}
	if got = redisSlow(&facts.Observation{Redis: &facts.RedisServer{Facts: &facts.RedisFacts{}, Samples: []time.Duration{slow}}}); !got.Unknown {
		t.Errorf("one PING: %+v", got)
	}
}
