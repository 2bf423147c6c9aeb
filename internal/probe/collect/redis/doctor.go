package redis

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// configured are the settings that the checks read.
func configured() []string {
	return []string{"save", "appendonly", "appendfsync", "stop-writes-on-bgsave-error", "maxclients", "maxmemory", "maxmemory-policy", "latency-monitor-threshold", "slowlog-log-slower-than"}
}

// slowLogEntries is the length of the slow log by default.
const slowLogEntries = 128

// Watch asks everything once, samples the keys if a check asks for them and there is time for it, pings until ends, and
// reads the counters again. Of every argument of every command only its name is kept.
func (s *Client) Watch(ctx context.Context, ends time.Time, keys bool) {
	f := &facts.RedisFacts{Refused: map[string]*facts.Failure{}, Config: map[string]string{}}
	s.Facts = f
	ask(ctx, f, s.client)
	switch floor := time.Duration(s.Endpoint.FloorMS * float64(time.Millisecond)); {
	case !keys:
	case floor == 0 || !dial.Enough(ctx, 2*sampleTurns*floor):
		f.Refused[facts.AskedKeys] = &facts.Failure{Kind: facts.KindTooSlow}
	default:
		f.Sample = readSample(ctx, f, s.client)
		f.Holds = lookAtStates(ctx, f, s.client)
	}
	// The window begins here, so that the probe's own look-ups are no hits and misses of the app's.
	askInfo(ctx, f, s.client, &f.First)
	began := time.Now()
	ping(ctx, f, s.client, ends)
	askAgain(ctx, f, s.client)
	f.Window = time.Since(began)
}

func note(ctx context.Context, f *facts.RedisFacts, name string, err error) bool {
	if err != nil {
		f.Refused[name] = explainRedis(ctx, "", err)
	}
	return err == nil
}

// ask sends one pipeline: one turn.
func ask(ctx context.Context, f *facts.RedisFacts, c *redis.Client) {
	_ = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		p := c.Pipeline()
		now := p.Time(ctx)
		var config []*redis.MapStringStringCmd
		for _, name := range configured() {
			config = append(config, p.ConfigGet(ctx, name))
		}
		slow, latency := p.SlowLogGet(ctx, slowLogEntries), p.Do(ctx, "LATENCY", "LATEST")
		doctor := p.Do(ctx, "MEMORY", "DOCTOR")
		shared := p.HMGet(ctx, cache.SharedKey, "epoch", "lease", "swept")
		_, _ = p.Exec(ctx) // each command has its own error
		for _, one := range config {
			if note(ctx, f, facts.AskedConfig, one.Err()) {
				for name, value := range one.Val() {
					f.Config[name] = value
				}
			}
		}
		if note(ctx, f, facts.AskedSlowLog, slow.Err()) {
			f.Slow = slowCommands(slow.Val(), now.Val())
		}
		if note(ctx, f, facts.AskedLatency, latency.Err()) {
			f.Latency = latencyEvents(latency.Val(), now.Val())
		}
		if note(ctx, f, facts.AskedDoctor, doctor.Err()) {
			text, _ := doctor.Val().(string)
			f.Doctor = complaints(text)
		}
		if note(ctx, f, facts.AskedShared, shared.Err()) {
			f.Shared = sharedOf(shared.Val(), now.Val())
		}
		return nil
	})
}

// askInfo reads INFO: one turn.
func askInfo(ctx context.Context, f *facts.RedisFacts, c *redis.Client, into *map[string]string) {
	_ = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		text, err := c.Info(ctx).Result()
		if note(ctx, f, facts.AskedInfo, err) {
			*into = cache.ParseInfo(text)
		}
		return nil // it is noted
	})
}

// pingsInWindow is how many times a PING is sent in a window: enough that one in ten is five.
const pingsInWindow = 50

// leastPing keeps a short window from becoming a load of its own.
const leastPing = 10 * time.Millisecond

// ping sends one PING after the other at even distances until ends.
func ping(ctx context.Context, f *facts.RedisFacts, c *redis.Client, ends time.Time) {
	every := max(leastPing, time.Until(ends)/pingsInWindow)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		began := time.Now()
		if err := dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error { return pong(ctx, c) }); err != nil {
			f.PingFailed = explainRedis(ctx, "", err)
			return
		}
		f.Pings = append(f.Pings, time.Since(began))
		if time.Until(ends) <= 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// askAgain reads what moves once more, in one turn.
func askAgain(ctx context.Context, f *facts.RedisFacts, c *redis.Client) {
	_ = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		p := c.Pipeline()
		info := p.Info(ctx)
		var states *redis.SliceCmd
		if keys := f.Holds.Keys(); len(keys) > 0 {
			states = p.MGet(ctx, keys...)
		}
		_, _ = p.Exec(ctx) // each command has its own error
		if note(ctx, f, facts.AskedInfo, info.Err()) {
			f.Last = cache.ParseInfo(info.Val())
		}
		if states != nil && states.Err() == nil {
			f.Holds.LookAgain(states.Val())
		}
		return nil
	})
}

func slowCommands(entries []redis.SlowLog, now time.Time) []facts.SlowCommand {
	var out []facts.SlowCommand
	for _, e := range entries {
		name := "a command"
		if len(e.Args) > 0 {
			name = commandName(e.Args[0])
		}
		out = append(out, facts.SlowCommand{Name: name, Took: e.Duration, Age: now.Sub(e.Time)})
	}
	return out
}

// commandName lets through what can be the name of a command and nothing else.
func commandName(word string) string {
	word = strings.ToUpper(word)
	if word == "" || len(word) > 20 || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
		return "a command"
	}
	return word
}

func latencyEvents(reply any, now time.Time) []facts.LatencyEvent {
	rows, _ := reply.([]any)
	var out []facts.LatencyEvent
	for _, row := range rows {
		fields, _ := row.([]any)
		if len(fields) < 3 {
			continue
		}
		name, _ := fields[0].(string)
		at, _ := fields[1].(int64)
		latest, _ := fields[2].(int64)
		out = append(out, facts.LatencyEvent{Name: name, Age: now.Sub(time.Unix(at, 0)), Latest: time.Duration(latest) * time.Millisecond})
	}
	return out
}

// complaints lists the headings of MEMORY DOCTOR's advice, which are Redis's own words; its sentences are
// left out.
func complaints(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		heading, _, ok := strings.Cut(strings.TrimSpace(line), ":")
		if name, is := strings.CutPrefix(heading, "* "); ok && is {
			out = append(out, name)
		}
	}
	return out
}
