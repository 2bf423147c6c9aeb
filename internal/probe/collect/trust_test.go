package collect

import (
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/redis"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestAConnectionOfThisMachine: the lab's servers are on loopback, where no mode is a finding.
func TestAConnectionOfThisMachine(t *testing.T) {
	env := labtest.Database(t, nil)
	s := opened(t, env.DirectURL)
	defer s.close(t.Context())
	r := redis.ProbeRedis(t.Context(), env.RedisURL)
	defer r.Close()
	if s.Failed != nil || r.Failed != nil || !s.Remote.IsLoopback() || !r.Remote.IsLoopback() {
		t.Fatalf("Postgres is at %v (%v), Redis at %v (%v)", s.Remote, s.Failed, r.Remote, r.Failed)
	}
	s.TLS = facts.TrustDisable
	if out := check.UnverifiedServers(&facts.Observation{Direct: s.PGServer, Redis: r.RedisServer}); len(out.Hits) != 0 || out.Unknown {
		t.Errorf("%+v", out)
	}
}
