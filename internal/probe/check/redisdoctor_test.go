package check

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestWhySlow: whether it is the way to Redis or a command that keeps it busy.
func TestWhySlow(t *testing.T) {
	pings := func(fast, slow int, each time.Duration) (out []time.Duration) {
		for range fast {
			out = append(out, 300*time.Microsecond)
		}
		for range slow {
			out = append(out, each)
		}
		return out
	}
	busy := []facts.SlowCommand{{Name: "EVAL", Age: time.Second, Took: 120 * time.Millisecond}}
	for _, c := range []struct {
		name  string
		pings []time.Duration
		tcpMS float64
		slow  []facts.SlowCommand
		says  string // "" = it passes
	}{
		{"quick", pings(30, 0, 0), 0.2, nil, ""},
		{"one hiccup", pings(30, 1, 90*time.Millisecond), 0.2, nil, ""},
		{"far", pings(0, 30, 40*time.Millisecond), 40, nil, "the network path to Redis is slow"},
		{"a script, again and again", pings(20, 12, 110*time.Millisecond), 0.5, busy, "SLOWLOG shows EVAL"},
		{"a script all the time", pings(0, 30, 110*time.Millisecond), 0.5, busy, "SLOWLOG shows EVAL"},
	} {
		o := &facts.Observation{Redis: &facts.RedisServer{Facts: &facts.RedisFacts{Pings: c.pings, Slow: c.slow}}}
		o.Redis.Endpoint.Phases = []facts.Phase{{Name: "tcp", MS: c.tcpMS}}
		out := redisSlow(o)
		if found := len(out.Hits) > 0; found != (c.says != "") || found && !strings.Contains(out.Hits[0].Evidence, c.says) {
			t.Errorf("%s: %+v", c.name, out)
		}
	}
}

// TestWhoseWayIsLong: a long way to Redis is the app's only from a pod, or where the running server says so. From an
// engineer's desk, by TCP or by a tunnel, it is a remark that costs no request anything.
func TestWhoseWayIsLong(t *testing.T) {
	says := func(leastMS float64) *facts.Target {
		return &facts.Target{Reads: []facts.TargetRead{{Authed: true, Runs: 4, Explained: true, RedisLeastMS: leastMS}}}
	}
	for _, c := range []struct {
		name, address string
		tcpMS         float64
		inCluster     bool
		target        *facts.Target
		want          facts.Severity
	}{
		{"from a pod", "redis:6379", 60, true, nil, facts.Critical},
		{"from a desk", "redis:6379", 60, false, nil, facts.Info},
		{"by a tunnel", "127.0.0.1:16379", 0.1, false, nil, facts.Info},
		{"by a tunnel's name", "localhost:16379", 0.1, false, nil, facts.Info},
		{"TCP is quick and Redis is not", "redis:6379", 0.1, false, nil, facts.Critical},
		{"from a desk, and the server agrees", "redis:6379", 60, false, says(58), facts.Critical},
		{"from a pod, and the server does not", "redis:6379", 60, true, says(0.4), facts.Info},
		{"from a desk, and the server has given Redis up", "redis:6379", 60, false, says(0), facts.Info},
		{"from a pod, and the server has given Redis up", "redis:6379", 60, true, says(0), facts.Critical},
	} {
		o := &facts.Observation{Config: facts.Config{InCluster: c.inCluster}, Target: c.target, Redis: &facts.RedisServer{Facts: &facts.RedisFacts{}}}
		o.Redis.Endpoint = facts.Endpoint{Address: c.address, Phases: []facts.Phase{{Name: "tcp", MS: c.tcpMS}}}
		for range 30 {
			o.Redis.Facts.Pings = append(o.Redis.Facts.Pings, 60*time.Millisecond)
		}
		_, findings := Judge([]Check{{Code: "HD-R06", severity: facts.Warning, run: redisSlow}}, o, nil, nil)
		if len(findings) != 1 || findings[0].Severity != c.want || (findings[0].CostMS == 0) != (c.want == facts.Info) {
			t.Errorf("%s: %+v, want %s", c.name, findings, c.want)
		}
	}
}
