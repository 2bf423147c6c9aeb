package probe_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/probe/render"
	"github.com/honeydue/honeydue/internal/report"
)

// redisFaults share the package's Redis: each gives back the settings that it changed.
func redisFaults() []fault {
	return []fault{
		{
			name: "Redis is down", code: "HD-R01", evidence: "queries the database for the user", lab: &lab.Config{}, short: true,
			inject: func(t *testing.T, b *bed) { must(t, b.lab.StopRedis(t.Context())) },
		},
		{
			name: "Redis's password is wrong", code: "HD-R01", evidence: "user or password rejected",
			inject: func(t *testing.T, b *bed) {
				u, err := url.Parse(b.config.RedisURL)
				must(t, err)
				u.User = url.UserPassword("default", "wrong")
				b.config.RedisURL = u.String()
			},
		},
		{
			name: "a script of Redis's does not end", code: "HD-R01", evidence: "Redis is busy with a script", short: true, lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) { b.endlessScript(t) },
		},
		{
			name: "Redis's policy drifted", code: "HD-R02", evidence: "maxmemory-policy is volatile-lru",
			inject: func(t *testing.T, b *bed) { b.set(t, "maxmemory-policy", "volatile-lru") },
		},
		{
			name: "Redis's limit drifted", code: "HD-R03", evidence: "maxmemory is 128 MB",
			inject: func(t *testing.T, b *bed) { b.set(t, "maxmemory", "128mb") },
		},
		{
			name: "Redis is full with noeviction", code: "HD-R04", evidence: "under noeviction", short: true,
			inject: func(t *testing.T, b *bed) {
				c := b.set(t, "maxmemory", "12mb", "maxmemory-policy", "noeviction")
				for i := range 5000 {
					if err := c.Set(t.Context(), cache.StateKey(cache.UserScope(int64(i))), strings.Repeat("0123456789abcdef", 1024), 0).Err(); err != nil {
						return // OOM
					}
				}
				t.Fatal("Redis took more than its limit")
			},
		},
		{
			name: "Redis evicts what is asked for", code: "HD-R05", evidence: "keys are evicted per second",
			inject: evict,
		},
		{
			name: "a script keeps Redis busy", code: "HD-R06", evidence: "SLOWLOG shows EVAL",
			inject: func(t *testing.T, b *bed) {
				b.config.Window = time.Second
				c := b.set(t)
				spin(t, c, 70*time.Millisecond)
				inBackground(t, func(ctx context.Context) {
					for ctx.Err() == nil {
						_ = spinOnce(ctx, c, 70*time.Millisecond) // it ends with the test
						time.Sleep(5 * time.Millisecond)
					}
				})
			},
		},
		{
			name: "a script keeps Redis busy for a second", code: "HD-R06", evidence: "SLOWLOG shows EVAL",
			inject: func(t *testing.T, b *bed) {
				b.config.Window = time.Second
				c := b.set(t)
				spin(t, c, 950*time.Millisecond)
				inBackground(t, func(ctx context.Context) {
					for ctx.Err() == nil {
						_ = spinOnce(ctx, c, 950*time.Millisecond) // it ends with the test
					}
				})
			},
		},
		{
			name: "Redis is far away", code: "HD-R06", evidence: "the network path to Redis is slow", short: true,
			inject: func(t *testing.T, b *bed) {
				b.config.InCluster = true
				b.config.RedisURL, _ = labtest.Link(t, b.config.RedisURL, link.Model{RTT: 30 * time.Millisecond})
			},
		},
		{
			name: "Redis has stalled", code: "HD-R07", evidence: "command took",
			inject: func(t *testing.T, b *bed) {
				c := b.set(t, "slowlog-log-slower-than", "-1", "latency-monitor-threshold", "20")
				t.Cleanup(func() { must(t, c.Do(context.WithoutCancel(t.Context()), "LATENCY", "RESET").Err()) })
				spin(t, c, 120*time.Millisecond)
			},
		},
		{
			name: "a slow command was run", code: "HD-R08", evidence: "EVAL (1, up to",
			inject: func(t *testing.T, b *bed) { spin(t, b.set(t), 120*time.Millisecond) },
		},
		{
			name: "a key is big", code: "HD-R10", evidence: "a key list:tasks:<id> takes", short: true,
			inject: func(t *testing.T, b *bed) {
				must(t, b.set(t).Set(t.Context(), "list:1.tasks:948271635", strings.Repeat("x", 2<<20), 0).Err())
			},
		},
		{
			name: "Redis's clients run out", code: "HD-R11", evidence: "of the 40 clients that Redis allows are connected",
			inject: func(t *testing.T, b *bed) {
				for range 33 {
					dialRedis(t, b)
				}
				b.set(t, "maxclients", "40")
			},
		},
		{
			name: "a client is blocked in Redis", code: "HD-R12", evidence: "1 client is blocked",
			inject: func(t *testing.T, b *bed) {
				c := b.set(t)
				_, err := dialRedis(t, b).Write([]byte("BLPOP queue 60\r\n"))
				must(t, err)
				for !strings.Contains(c.Info(t.Context(), "clients").Val(), "blocked_clients:1") {
					time.Sleep(10 * time.Millisecond)
				}
			},
		},
		{
			name: "a client does not fetch what it asked for", code: "HD-R13", evidence: "Client buffers take",
			inject: func(t *testing.T, b *bed) {
				must(t, b.set(t).Set(t.Context(), "list:1.tasks:1", strings.Repeat("x", 512<<10), 0).Err())
				wire := dialRedis(t, b)
				_, err := wire.Write([]byte(strings.Repeat("GET list:1.tasks:1\r\n", 120)))
				must(t, err)
				time.Sleep(300 * time.Millisecond)
			},
		},
		{
			name: "Redis fails to save", code: "HD-R14", evidence: "Redis refuses every write", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) {
				c := b.set(t, "save", "3600 1")
				dir := c.ConfigGet(t.Context(), "dir").Val()["dir"]
				must(t, os.Chmod(dir, 0o500))
				t.Cleanup(func() { must(t, os.Chmod(dir, 0o700)) })
				must(t, c.BgSave(t.Context()).Err())
				for !strings.Contains(c.Info(t.Context(), "persistence").Val(), "rdb_last_bgsave_status:err") {
					time.Sleep(10 * time.Millisecond)
				}
			},
		},
		{
			name: "Redis writes to disk", code: "HD-R15", evidence: "appendonly yes with appendfsync always", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) { b.set(t, "appendfsync", "always", "appendonly", "yes") },
		},
		{
			name: "holds linger in the cache", code: "HD-R16", evidence: "2 holds are still there", short: true,
			inject: func(t *testing.T, b *bed) {
				b.config.Window = cache.Patience + 300*time.Millisecond
				c, err := cache.Open(cache.Config{URL: b.config.RedisURL})
				must(t, err)
				t.Cleanup(func() { must(t, c.Close()) })
				// A writer that dies between announcing and writing, and no pod to clear up after it.
				c.Hold(t.Context(), cache.UserScope(1), cache.Tasks.Scope(1))
			},
		},
		{
			name: "the sweeps fail", code: "HD-R17", evidence: "the lease was not renewed",
			inject: func(t *testing.T, b *bed) {
				now := time.Now().UnixMilli()
				must(t, b.set(t).HSet(t.Context(), cache.SharedKey, "epoch", "00", "swept", now, "lease", now-60_000).Err())
			},
		},
		{
			name: "copies outlive their versions", code: "HD-R18", evidence: "40 of 40 sampled copies (100%) have lost their user's state key",
			inject: func(t *testing.T, b *bed) {
				c := b.set(t)
				for i := range 40 {
					must(t, c.Set(t.Context(), fmt.Sprintf("list:1.tasks:%d", i+1), "copy", 0).Err())
				}
			},
		},
	}
}

// set changes settings of Redis until the test's end, and returns a client of the fault's own.
func (b *bed) set(t *testing.T, pairs ...string) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(b.env.RedisURL)
	must(t, err)
	opts.ContextTimeoutEnabled, opts.MaxRetries = true, -1
	c := redis.NewClient(opts)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		must(t, c.SlowLogReset(ctx).Err())
		must(t, c.Close())
	})
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i]
		was := c.ConfigGet(t.Context(), name).Val()[name]
		t.Cleanup(func() { must(t, c.ConfigSet(context.WithoutCancel(t.Context()), name, was).Err()) })
		must(t, c.ConfigSet(t.Context(), name, pairs[i+1]).Err())
		// What is changed on purpose is no drift, unless the fault is about that.
		for j, p := range b.config.RedisTuned {
			if p.Name == name && !strings.HasSuffix(t.Name(), "drifted") {
				b.config.RedisTuned[j].Holds = func(string) bool { return true }
			}
		}
	}
	return c
}

// inBackground runs f until the test's end, or until end is called, and waits for it.
func inBackground(t *testing.T, f func(context.Context)) (end func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var g sync.WaitGroup
	g.Go(func() { f(ctx) })
	end = func() { stop(); g.Wait() }
	t.Cleanup(end)
	return end
}

// endlessScript runs one that ends with SCRIPT KILL only, and returns when Redis answers BUSY.
func (b *bed) endlessScript(t *testing.T) {
	t.Helper()
	c := b.set(t, "busy-reply-threshold", "50")
	ended := make(chan error, 1)
	go func() { ended <- c.Eval(context.WithoutCancel(t.Context()), "while true do end", nil).Err() }()
	t.Cleanup(func() {
		must(t, c.ScriptKill(context.WithoutCancel(t.Context())).Err())
		if err := <-ended; err == nil {
			t.Error("the script ended by itself")
		}
	})
	for {
		switch err := c.Ping(t.Context()).Err(); {
		case cache.Diagnose(err).Kind == cache.FaultBusy:
			return
		case err != nil:
			t.Fatal(err)
		}
	}
}

// spin keeps Redis busy for a time, as a script without a limit does.
func spin(t *testing.T, c *redis.Client, d time.Duration) {
	t.Helper()
	must(t, spinOnce(t.Context(), c, d))
}

func spinOnce(ctx context.Context, c *redis.Client, d time.Duration) error {
	return c.Eval(ctx, busyScript, nil, d.Microseconds()).Err()
}

// busyScript runs for ARGV[1] microseconds. TIME stands still inside a script from Redis 8.0 and Valkey 8.1 on, and
// before that scripts have no os.
const busyScript = `local has, clock = pcall(function() return os.clock end)
	local function now()
		if has then return clock() * 1000000 end
		local t = redis.call('TIME')
		return t[1] * 1000000 + t[2]
	end
	local ends = now() + ARGV[1]
	repeat until now() > ends
	return 1`

// evict writes and reads more than the memory holds.
func evict(t *testing.T, b *bed) {
	b.config.Window = time.Second
	c := b.set(t, "maxmemory", "6mb")
	body := strings.Repeat("0123456789abcdef", 128)
	n := 0
	write := func(ctx context.Context) error {
		p := c.Pipeline()
		for range 100 {
			n++
			p.Set(ctx, cache.StateKey(cache.UserScope(int64(n))), body, 0)
			p.Get(ctx, cache.StateKey(cache.UserScope(int64(max(0, n-20000)))))
		}
		_, err := p.Exec(ctx)
		return err
	}
	for range 60 {
		_ = write(t.Context()) // a key that was evicted is an error of GET's
	}
	inBackground(t, func(ctx context.Context) {
		for ctx.Err() == nil {
			_ = write(ctx)
			time.Sleep(10 * time.Millisecond)
		}
	})
}

// dialRedis opens a connection by hand and leaves it open until the test's end.
func dialRedis(t *testing.T, b *bed) net.Conn {
	t.Helper()
	opts, err := redis.ParseURL(b.env.RedisURL)
	must(t, err)
	wire, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", opts.Addr)
	must(t, err)
	t.Cleanup(func() { _ = wire.Close() })
	_, err = fmt.Fprintf(wire, "AUTH %s\r\nSELECT %d\r\n", opts.Password, opts.DB)
	must(t, err)
	return wire
}

// TestRedisIsDialledOnce: each command on a connection that is there, not on one of its own.
func TestRedisIsDialledOnce(t *testing.T) {
	env := labtest.Database(t, nil)
	c := config(env)
	c.URL, c.DirectURL, c.AdminURL = "", "", ""
	var p *link.Proxy
	c.RedisURL, p = labtest.Link(t, env.RedisURL, link.Model{RTT: 10 * time.Millisecond})
	r := run(t, c)
	seen := p.Counts()
	if seen.Dials != 1 || r.Cost.RedisTurns != seen.Turns+1 {
		t.Errorf("%d connections and %d turns by the probe's bill of %d, which counts TCP's own", seen.Dials, seen.Turns, r.Cost.RedisTurns)
	}
	if r.Redis == nil || r.Redis.Pings < 3 {
		t.Errorf("Redis was not watched: %+v", r.Redis)
	}
}

// TestWatchingShowsNoSecret plants values where the watched views have them: a program's name, keys of
// Redis, arguments of slow commands.
func TestWatchingShowsNoSecret(t *testing.T) {
	b := &bed{env: labtest.Database(t, prepare)}
	b.config = config(b.env)
	const canary = "948271635"
	c := b.set(t)
	must(t, c.Set(t.Context(), "list:1.tasks:"+canary, strings.Repeat("x", 2<<20), 0).Err())
	must(t, c.Set(t.Context(), "Canary-Key:"+canary, strings.Repeat("x", 2<<20), 0).Err())
	must(t, c.Eval(t.Context(), busyScript, []string{"token:" + canary}, 60000, "canary@secret.example").Err())
	session(t, b.env, "SET application_name = 'canary@secret.example'", "BEGIN", "SELECT '"+canary+"'")
	lockChain(t, b.env)

	r := run(t, b.config)
	if r.Redis == nil || r.Server == nil || r.Redis.Sampled < 2 {
		t.Fatalf("nothing was watched: %+v %+v", r.Redis, r.Server)
	}
	for _, code := range []string{"HD-R08", "HD-R10", "HD-D04"} {
		if got := checkOf(t, r, code); got.Status == facts.Pass || got.Status == facts.Unknown {
			t.Errorf("%s is %s, so the test proves nothing: %s", code, got.Status, got.Why)
		}
	}
	for _, format := range render.Document(r).Formats() {
		var out bytes.Buffer
		must(t, report.Write(&out, format, render.Document(r), report.Options{}))
		for _, secret := range []string{canary, "canary@", "Canary-Key"} {
			if at := strings.Index(out.String(), secret); at >= 0 {
				t.Errorf("as %s it shows a secret: …%s…", format, out.String()[max(0, at-60):min(out.Len(), at+60)])
			}
		}
	}
}

// TestRedisThatRefuses: what a managed Redis does not let one ask is unknown and no pass; the rest is told.
func TestRedisThatRefuses(t *testing.T) {
	b := &bed{env: labtest.Database(t, nil)}
	b.config = config(b.env)
	b.config.URL, b.config.DirectURL, b.config.AdminURL = "", "", ""
	c := b.set(t)
	must(t, c.Do(t.Context(), "ACL", "SETUSER", "limited", "on", ">canary-pass", "~*", "+ping", "+info", "+select", "+hello", "+time").Err())
	t.Cleanup(func() { must(t, c.Do(context.WithoutCancel(t.Context()), "ACL", "DELUSER", "limited").Err()) })
	u, err := url.Parse(b.config.RedisURL)
	must(t, err)
	u.User = url.UserPassword("limited", "canary-pass")
	b.config.RedisURL = u.String()
	r := run(t, b.config)
	for code, want := range map[string]facts.Status{
		"HD-R01": facts.Pass, "HD-R04": facts.Pass, "HD-R05": facts.Pass, "HD-R06": facts.Pass, "HD-R11": facts.Pass,
		"HD-R07": facts.Unknown, "HD-R08": facts.Unknown, "HD-R09": facts.Unknown, "HD-R10": facts.Unknown,
		"HD-R15": facts.Unknown, "HD-R16": facts.Unknown, "HD-R17": facts.Unknown, "HD-R18": facts.Unknown,
	} {
		if got := checkOf(t, r, code); got.Status != want || strings.Contains(got.Why, "canary") {
			t.Errorf("%s is %s, want %s: %s", code, got.Status, want, got.Why)
		}
	}
}

// TestASlowReplicaFillsNothing: what waits for a replica is in used_memory, and is not counted against maxmemory, so that
// writes go on.
func TestASlowReplicaFillsNothing(t *testing.T) {
	b := ofRedis(t)
	const limit = 24 << 20
	c := b.set(t, "maxmemory", fmt.Sprint(limit), "maxmemory-policy", "noeviction", "repl-diskless-sync", "yes", "repl-diskless-sync-delay", "0",
		"repl-backlog-size", "16kb", "client-output-buffer-limit", "replica 0 0 0", "save", "")
	wire := dialRedis(t, b)
	said := bufio.NewReader(wire)
	for range 2 { // AUTH and SELECT: Redis takes no replica that has answers to fetch
		_, err := said.ReadString('\n')
		must(t, err)
	}
	_, err := wire.Write([]byte("PSYNC ? -1\r\n"))
	must(t, err)
	body := strings.Repeat("x", 1<<20)
	labtest.Eventually(t, "a used_memory above the limit, of which writes know nothing", func() bool {
		must(t, c.Set(t.Context(), "k", body, 0).Err())
		used, err := strconv.Atoi(cache.ParseInfo(c.Info(t.Context(), "memory").Val())["used_memory"])
		must(t, err)
		return used > limit
	})
	b.config.Only = []string{"HD-R02", "HD-R03", "HD-R04", "HD-R13"}
	r := run(t, b.config)
	for _, code := range b.config.Only {
		if got := checkOf(t, r, code); got.Status != facts.Pass {
			t.Errorf("%s is %s: %s", code, got.Status, got.Why)
		}
	}
	if r.Redis.MemoryMB >= 12 {
		t.Errorf("%v MB of %v MB are reported as in use", r.Redis.MemoryMB, r.Redis.LimitMB)
	}
}
