package cache

import (
	"math/rand/v2"
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

// enough worlds for what is found in random ones.
const enough = 300

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
