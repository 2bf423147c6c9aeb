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
		{"far", pings(0, 30, 40*time.Millisecond), 40, nil, "it is the way to Redis that is long"},
		{"a script, again and again", pings(20, 12, 110*time.Millisecond), 0.5, busy, "Its slow log names EVAL"},
		{"a script all the time", pings(0, 30, 110*time.Millisecond), 0.5, busy, "Its slow log names EVAL"},
	} {
		o := &observation{redis: &redisServer{facts: &redisFacts{pings: c.pings, slow: c.slow}}}
		o.redis.endpoint.Phases = []Phase{{Name: "tcp", MS: c.tcpMS}}
		out := redisSlow(o)
		if found := len(out.hits) > 0; found != (c.says != "") || found && !strings.Contains(out.hits[0].evidence, c.says) {
			t.Errorf("%s: %+v", c.name, out)
		}
	}
}
