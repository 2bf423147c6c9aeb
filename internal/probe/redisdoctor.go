package probe

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
)

// redisFacts is what Redis told while it was watched. A part that it refused, as managed servers do, has
// its failure in refused.
type redisFacts struct {
	first, last map[string]string // INFO at both ends of the window
	window      time.Duration
	pings       []time.Duration
	pingFailed  *failure
	config      map[string]string
	slow        []slowCommand
	latency     []latencyEvent
	doctor      []string // what MEMORY DOCTOR complains of, by its own headings
	sample      keySample
	shared      sharedState
	holds       heldStates
	refused     map[string]*failure
}

// Names of what is asked, as people are told of them.
const (
	askedInfo    = "INFO"
	askedConfig  = "CONFIG GET"
	askedSlowLog = "SLOWLOG"
	askedLatency = "LATENCY LATEST"
	askedDoctor  = "MEMORY DOCTOR"
	askedKeys    = "SCAN"
	askedShared  = cache.SharedKey
)

// why says why a part is not known, or nothing if it is.
func (s *redisServer) why(names ...string) string {
	if s.facts == nil {
		return "Redis was not watched."
	}
	for _, name := range names {
		if f := s.facts.refused[name]; f != nil {
			return "Redis did not answer " + name + ": " + f.Error() + "."
		}
	}
	return ""
}

// configured are the settings that the checks read.
func configured() []string {
	return []string{"save", "appendonly", "appendfsync", "stop-writes-on-bgsave-error", "maxclients", "maxmemory", "maxmemory-policy", "latency-monitor-threshold", "slowlog-log-slower-than"}
}

// slowLogEntries is the length of the slow log by default.
const slowLogEntries = 128

// watch asks everything once, samples the keys if a check asks for them and there is time for it, pings until ends, and
// reads the counters again. Of every argument of every command only its name is kept.
func (s *redisClient) watch(ctx context.Context, ends time.Time, keys bool) {
	f := &redisFacts{refused: map[string]*failure{}, config: map[string]string{}}
	s.facts = f
	f.ask(ctx, s.client)
	switch floor := time.Duration(s.endpoint.FloorMS * float64(time.Millisecond)); {
	case !keys:
	case floor == 0 || !enough(ctx, 2*sampleTurns*floor):
		f.refused[askedKeys] = &failure{kind: kindTooSlow}
	default:
		f.sample = f.sampleKeys(ctx, s.client)
		f.holds = f.lookAtStates(ctx, s.client)
	}
	// The window begins here, so that the probe's own look-ups are no hits and misses of the app's.
	f.askInfo(ctx, s.client, &f.first)
	began := time.Now()
	f.ping(ctx, s.client, ends)
	f.askAgain(ctx, s.client)
	f.window = time.Since(began)
}

func (f *redisFacts) note(ctx context.Context, name string, err error) bool {
	if err != nil {
		f.refused[name] = explainRedis(ctx, "", err)
	}
	return err == nil
}

// ask sends one pipeline: one turn.
func (f *redisFacts) ask(ctx context.Context, c *redis.Client) {
	_ = bound(ctx, queryTimeout, func(ctx context.Context) error {
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
			if f.note(ctx, askedConfig, one.Err()) {
				for name, value := range one.Val() {
					f.config[name] = value
				}
			}
		}
		if f.note(ctx, askedSlowLog, slow.Err()) {
			f.slow = slowCommands(slow.Val(), now.Val())
		}
		if f.note(ctx, askedLatency, latency.Err()) {
			f.latency = latencyEvents(latency.Val(), now.Val())
		}
		if f.note(ctx, askedDoctor, doctor.Err()) {
			text, _ := doctor.Val().(string)
			f.doctor = complaints(text)
		}
		if f.note(ctx, askedShared, shared.Err()) {
			f.shared = sharedOf(shared.Val(), now.Val())
		}
		return nil
	})
}

// askInfo reads INFO: one turn.
func (f *redisFacts) askInfo(ctx context.Context, c *redis.Client, into *map[string]string) {
	_ = bound(ctx, queryTimeout, func(ctx context.Context) error {
		text, err := c.Info(ctx).Result()
		if f.note(ctx, askedInfo, err) {
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
func (f *redisFacts) ping(ctx context.Context, c *redis.Client, ends time.Time) {
	every := max(leastPing, time.Until(ends)/pingsInWindow)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		began := time.Now()
		if err := bound(ctx, queryTimeout, func(ctx context.Context) error { return pong(ctx, c) }); err != nil {
			f.pingFailed = explainRedis(ctx, "", err)
			return
		}
		f.pings = append(f.pings, time.Since(began))
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
func (f *redisFacts) askAgain(ctx context.Context, c *redis.Client) {
	_ = bound(ctx, queryTimeout, func(ctx context.Context) error {
		p := c.Pipeline()
		info := p.Info(ctx)
		var states *redis.SliceCmd
		if keys := f.holds.keys(); len(keys) > 0 {
			states = p.MGet(ctx, keys...)
		}
		_, _ = p.Exec(ctx) // each command has its own error
		if f.note(ctx, askedInfo, info.Err()) {
			f.last = cache.ParseInfo(info.Val())
		}
		if states != nil && states.Err() == nil {
			f.holds.lookAgain(states.Val())
		}
		return nil
	})
}

// count is a number of INFO's last text; 0 for what is not there.
func (f *redisFacts) count(name string) int64 {
	return infoNumber(f.last, name)
}

// grew is by how much a counter has grown within the window.
func (f *redisFacts) grew(name string) int64 {
	return max(0, f.count(name)-infoNumber(f.first, name))
}

// infoNumber is a number of INFO's; 0 for what is not there or is no number.
func infoNumber(fields map[string]string, name string) int64 {
	n, _ := strconv.ParseInt(fields[name], 10, 64) // none: 0
	return n
}

// slowCommand is an entry of the slow log without its arguments.
type slowCommand struct {
	name string
	took time.Duration
	age  time.Duration
}

func slowCommands(entries []redis.SlowLog, now time.Time) []slowCommand {
	var out []slowCommand
	for _, e := range entries {
		name := "a command"
		if len(e.Args) > 0 {
			name = commandName(e.Args[0])
		}
		out = append(out, slowCommand{name, e.Duration, now.Sub(e.Time)})
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

// latencyEvent is one of the latency monitor's.
type latencyEvent struct {
	name   string
	age    time.Duration
	latest time.Duration
}

func latencyEvents(reply any, now time.Time) []latencyEvent {
	rows, _ := reply.([]any)
	var out []latencyEvent
	for _, row := range rows {
		fields, _ := row.([]any)
		if len(fields) < 3 {
			continue
		}
		name, _ := fields[0].(string)
		at, _ := fields[1].(int64)
		latest, _ := fields[2].(int64)
		out = append(out, latencyEvent{name, now.Sub(time.Unix(at, 0)), time.Duration(latest) * time.Millisecond})
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
