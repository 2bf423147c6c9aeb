package probe

import (
	"testing"
	"time"
)

// TestCostsOutliveTheConnections: checks run when every connection has been closed, and price a turn nevertheless.
func TestCostsOutliveTheConnections(t *testing.T) {
	closed := &pgServer{endpoint: Endpoint{FloorMS: 20, ConnectMS: 500, ConnectTurns: 6}} // conn is nil: it is not usable
	o := &observation{
		pooler: closed,
		redis: &redisServer{failed: &failure{kind: kindRefused}, facts: &redisFacts{
			first: map[string]string{}, window: time.Second, refused: map[string]*failure{},
			last: map[string]string{
				"used_memory": "99", "maxmemory": "100", "maxmemory_policy": "noeviction", "evicted_keys": "50", "keyspace_hits": "10", "keyspace_misses": "90",
			},
		}},
		target: &Target{Metrics: &TargetMetrics{Caches: []CacheMetrics{{Cache: "user", Asked: 1000, Hits: 100}}}},
		server: &serverFacts{upBeforeProbeS: -1},
	}
	for name, c := range map[string]struct {
		run  func(*observation) outcome
		cost float64
	}{
		"redisDown": {redisDown, 20}, "redisFull": {redisFull, 20}, "redisEvictions": {redisEvictions, 18},
		"targetHitRate": {targetHitRate, 18}, "asleep": {asleep, 380},
	} {
		out := c.run(o)
		if len(out.hits) != 1 || out.hits[0].costMS < c.cost-0.01 || out.hits[0].costMS > c.cost+0.01 {
			t.Errorf("%s: %+v, want one hit of %v ms", name, out, c.cost)
		}
	}
}
