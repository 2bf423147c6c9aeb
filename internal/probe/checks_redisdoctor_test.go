package probe

import (
	"strings"
	"testing"
	"time"
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
	busy := []slowCommand{{name: "EVAL", age: time.Second, took: 120 * time.Millisecond}}
	for _, c := range []struct {
		name  string
		pings []time.Duration
		tcpMS float64
		slow  []slowCommand
		says  string // "" = it passes
	}{
		{"quick", pings(30, 0, 0), 0.2, nil, ""},
		{"one hiccup", pings(30, 1, 90*time.Millisecond), 0.2, nil, ""},
		{"far", pings(0, 30, 40*time.Millisecond), 40, nil, "the network path to Redis is slow"},
		{"a script, again and again", pings(20, 12, 110*time.Millisecond), 0.5, busy, "SLOWLOG shows EVAL"},
		{"a script all the time", pings(0, 30, 110*time.Millisecond), 0.5, busy, "SLOWLOG shows EVAL"},
	} {
		o := &observation{redis: &redisServer{facts: &redisFacts{pings: c.pings, slow: c.slow}}}
		o.redis.endpoint.Phases = []Phase{{Name: "tcp", MS: c.tcpMS}}
		out := redisSlow(o)
		if found := len(out.hits) > 0; found != (c.says != "") || found && !strings.Contains(out.hits[0].evidence, c.says) {
			t.Errorf("%s: %+v", c.name, out)
		}
	}
}

// TestWhoseWayIsLong: a long way to Redis is the app's only from a pod, or where the running server says so. From an
// engineer's desk, by TCP or by a tunnel, it is a remark that costs no request anything.
func TestWhoseWayIsLong(t *testing.T) {
	says := func(leastMS float64) *Target {
		return &Target{Reads: []TargetRead{{Authed: true, Runs: 4, Explained: true, RedisLeastMS: leastMS}}}
	}
	for _, c := range []struct {
		name, address string
		tcpMS         float64
		inCluster     bool
		target        *Target
		want          Severity
	}{
		{"from a pod", "redis:6379", 60, true, nil, Critical},
		{"from a desk", "redis:6379", 60, false, nil, Info},
		{"by a tunnel", "127.0.0.1:16379", 0.1, false, nil, Info},
		{"by a tunnel's name", "localhost:16379", 0.1, false, nil, Info},
		{"TCP is quick and Redis is not", "redis:6379", 0.1, false, nil, Critical},
		{"from a desk, and the server agrees", "redis:6379", 60, false, says(58), Critical},
		{"from a pod, and the server does not", "redis:6379", 60, true, says(0.4), Info},
		{"from a desk, and the server has given Redis up", "redis:6379", 60, false, says(0), Info},
		{"from a pod, and the server has given Redis up", "redis:6379", 60, true, says(0), Critical},
	} {
		o := &observation{config: Config{InCluster: c.inCluster}, target: c.target, redis: &redisServer{facts: &redisFacts{}}}
		o.redis.endpoint = Endpoint{Address: c.address, Phases: []Phase{{Name: "tcp", MS: c.tcpMS}}}
		for range 30 {
			o.redis.facts.pings = append(o.redis.facts.pings, 60*time.Millisecond)
		}
		_, findings := judge([]check{{code: "HD-R06", severity: Warning, run: redisSlow}}, o, nil, nil)
		if len(findings) != 1 || findings[0].Severity != c.want || (findings[0].CostMS == 0) != (c.want == Info) {
			t.Errorf("%s: %+v, want %s", c.name, findings, c.want)
		}
	}
}

// TestWhatFillsRedis: an eviction's finding names the kind of key that takes the most, not the one with the largest key.
func TestWhatFillsRedis(t *testing.T) {
	s := keySample{kinds: []keyKind{{"list:tasks:<id>", 2, 2000, 1900}, {"state:<id>", 600, 6000, 10}}}
	if got := s.most(); got != " 75% of the sampled keys' memory belongs to state:<id>." {
		t.Errorf("it says %q", got)
	}
	if got := (keySample{}).most(); got != "" {
		t.Errorf("without a sample it says %q", got)
	}
}
