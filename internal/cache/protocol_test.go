package cache

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestThePromiseHoldsInAnyOrder runs random interleavings of requests, writes,
// sweeps, settlings and faults, step by step, on two pods and one real Redis.
func TestThePromiseHoldsInAnyOrder(t *testing.T) {
	for name, f := range map[string]faults{"no fault": noFault, "forgetful Redis": forgetful, "cut off": cutOff} {
		t.Run(name, func(t *testing.T) {
			lab := newLaboratory(t)
			rapid.Check(t, func(rt *rapid.T) {
				draw := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, label) }
				if broken := lab.run(f, Config{}, newScripts(), 120, draw); broken != "" {
					rt.Fatal(broken)
				}
			})
		})
	}
}

type laboratory struct {
	t   *testing.T
	url string
	rdb *redis.Client
}

func newLaboratory(t *testing.T) laboratory {
	url := labtest.Redis(t)
	return laboratory{t: t, url: url, rdb: outside(t, url)}
}

// run is one world; it returns the first promise that was broken.
func (l laboratory) run(f faults, cfg Config, s scripts, steps int, draw func(string, int) int) string {
	l.t.Helper()
	if err := l.rdb.FlushDB(l.t.Context()).Err(); err != nil {
		l.t.Fatal(err)
	}
	var w *world
	cfg.URL, cfg.Timeout = l.url, patient
	cfg.Now = func() time.Time { return w.now }
	pods := make([]*Cache, 2)
	for i := range pods {
		c, err := Open(cfg)
		if err != nil {
			l.t.Fatal(err)
		}
		c.scripts = s
		defer c.Close()
		pods[i] = c
	}
	w = newWorld(l.t.Context(), f, l.rdb, pods, draw)
	w.sweep()
	for range steps {
		if w.broken == "" {
			w.step()
		}
	}
	if w.broken == "" {
		w.rest()
	}
	for _, c := range pods {
		if n := failures(c); n != 0 {
			l.t.Fatalf("%d calls to Redis failed", n)
		}
	}
	return w.broken
}

func failures(c *Cache) int {
	ch := make(chan prometheus.Metric, 16)
	c.metrics.errors.Collect(ch)
	return len(ch)
}

// found reports in how many tries a broken protocol is found out.
func (l laboratory) found(cfg Config, s scripts, tries int) (string, int) {
	for try := range tries {
		r := rand.New(rand.NewPCG(uint64(try), 1))
		draw := func(_ string, n int) int { return r.IntN(n) }
		f := faults(try % 3)
		if broken := l.run(f, cfg, s, 200, draw); broken != "" {
			return broken, try + 1
		}
	}
	return "", tries
}

const enough = 600

// TestSabotageIsFound: what the configuration can break is found by the same worlds.
func TestSabotageIsFound(t *testing.T) {
	lab := newLaboratory(t)
	for _, s := range []Sabotage{SilentWrites, UncheckedFill} {
		broken, tries := lab.found(Config{Sabotage: s}, newScripts(), enough)
		if broken == "" {
			t.Errorf("%s: nothing was found in %d worlds", s, tries)
		}
		t.Logf("%s: in world %d, %s", s, tries, broken)
	}
}

// TestEachGuardIsMissed takes one guard away and requires that it is missed.
// Those that are not here are doubled by another, see doc.go.
func TestEachGuardIsMissed(t *testing.T) {
	type edit struct{ script, old, new string }
	cases := []struct {
		name  string
		edits []edit
	}{
		{"release keeps the version", []edit{{"release", "ARGV[1] .. holds((", "version(st) .. holds(("}}},
		{"release keeps the clock", []edit{{"release", "redis.call('HSET'", "pcall('HSET'"}}},
		{"release forgets the hold", []edit{{"release", "holds((without(st, ARGV[2])))", "holds(st)"}}},
		{"read ignores holds", []edit{{"read", "if #st > 16 then", "if false then"}}},
		{"read and fill ignore holds", []edit{
			{"read", "if #st > 16 then", "if false then"},
			{"fill", "local st = sound(get(state(scope)))", "local st = version(sound(get(state(scope))) or fresh)"},
		}},
		{"fill ignores holds", []edit{{"fill", "#st > 16", "false"}}},
		{"hold keeps the clock", []edit{{"hold", "redis.call('HSET'", "pcall('HSET'"}}},
		{"hold keeps the version", []edit{{"hold", "ARGV[1] .. holds", "version(get(key) or ARGV[1]) .. holds"}}},
		{"the clock is ignored", []edit{{"fill", "(shared(shard(scope))[1] or '') ~= clock", "false"}}},
		{"the version is ignored", []edit{{"fill", "if st ~= before", "if false"}}},
		{"fill ignores the epoch", []edit{{"fill", "epoch ~= ARGV[2]", "false"}}},
		{"connect does nothing", []edit{{"connect", "== ARGV[1]", "~= ''"}}},
		{"the epoch does not judge tokens, users and ids", []edit{
			{"read", "local mine = epoch .. states[1]", "local mine = states[1]"},
			{"fill", "mine = epoch .. version(st)", "mine = version(st)"},
		}},
		{"the epoch does not judge copies", []edit{{"head", "'\\n' .. epoch .. '\\n'", "'\\n'"}}},
		{"a token is believed whatever its version", []edit{{"read", "if at == mine", "if true"}, {"read", "at == mine and", "true and"}}},
		{"ids are believed whatever their version", []edit{{"read", "of[2] == mine", "true"}}},
		{"a copy is believed whatever its digest", []edit{{"head", "string.sub(copy, 1, 40) ~= digest", "false"}}},
		{"a copy does not age", []edit{{"head", "tonumber(ends) > now", "true"}}},
		{"304 whatever the versions", []edit{{"read", "digest == current", "digest ~= ''"}}},
		{"the lease does not end", []edit{{"head", "> milliseconds()", ">= 0"}}},
		{"the sweep renews nothing", []edit{{"sweep", "if held or not known", "if false"}}},
		{"the sweep renews only what is held", []edit{{"sweep", "if held or not known", "if held"}}},
		{"the sweep keeps the clock", []edit{{"sweep", "redis.call('HSET', SHARED, shard", "pcall('HSET', SHARED, shard"}}},
		{"the sweep drops no hold", []edit{{"sweep", "st, held = without(st, write)", "held = false"}}},
		{"the sweep does not compare the cursor", []edit{{"sweep", "~= from", "== 'never'"}}},
		{"the sweep keeps the epoch", []edit{{"sweep", "redis.call('HSET', SHARED, 'epoch', fresh)", ""}}},
	}
	lab := newLaboratory(t)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			left := len(tc.edits)
			s := compiled(func(name, text string) string {
				for _, e := range tc.edits {
					if e.script == name {
						if !strings.Contains(text, e.old) {
							t.Fatalf("%s.lua has no %q any more", name, e.old)
						}
						text, left = strings.Replace(text, e.old, e.new, 1), left-1
					}
				}
				return text
			})
			if left != 0 {
				t.Fatal("an edit names no script")
			}
			broken, tries := lab.found(Config{}, s, enough)
			if broken == "" {
				t.Fatalf("nothing was found in %d worlds", tries)
			}
			t.Logf("world %d: %s", tries, broken)
		})
	}
}
