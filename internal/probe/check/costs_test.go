package check

import (
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestCostsOutliveTheConnections: checks run when every connection has been closed, and price a turn nevertheless.
func TestCostsOutliveTheConnections(t *testing.T) {
	closed := &facts.PGServer{Endpoint: facts.Endpoint{FloorMS: 20, ConnectMS: 500, ConnectTurns: 6}} // conn is nil: it is not usable
	o := &facts.Observation{
		Pooler: closed,
		Redis: &facts.RedisServer{Failed: &facts.Failure{Kind: facts.KindRefused}, Facts: &facts.RedisFacts{
			First: map[string]string{}, Window: time.Second, Refused: map[string]*facts.Failure{},
			Last: map[string]string{
				"used_memory": "99", "maxmemory": "100", "maxmemory_policy": "noeviction", "evicted_keys": "50", "keyspace_hits": "10", "keyspace_misses": "90",
			},
		}},
		Target: &facts.Target{Metrics: &facts.TargetMetrics{Caches: []facts.CacheMetrics{{Cache: "user", Asked: 1000, Hits: 100}}}},
		Server: &facts.ServerFacts{UpBeforeProbeS: -1},
	}
	for name, c := range map[string]struct {
		run  func(*facts.Observation) Outcome
		cost float64
	}{
		"redisDown": {redisDown, 20}, "redisFull": {redisFull, 20}, "redisEvictions": {redisEvictions, 18},
		"targetHitRate": {targetHitRate, 18}, "asleep": {Asleep, 380},
	} {
		out := c.run(o)
		if len(out.Hits) != 1 || out.Hits[0].CostMS < c.cost-0.01 || out.Hits[0].CostMS > c.cost+0.01 {
			t.Errorf("%s: %+v, want one hit of %v ms", name, out, c.cost)
		}
	}
}
