package cache

import (
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }

// patient is a time-out for tests that are not about time-outs: a machine
// that is busy with other tests must not change what they see.
const patient = 10 * time.Second

// opened makes a cache of one pod.
func opened(t testing.TB, cfg Config) *Cache {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = patient
	}
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// outside is a client of the same Redis that knows nothing of the cache.
func outside(t testing.TB, url string) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal("the lab's Redis URL cannot be read")
	}
	rdb := redis.NewClient(opts)
	t.Cleanup(func() {
		if err := rdb.Close(); err != nil {
			t.Error(err)
		}
	})
	return rdb
}

func person() household.User { return household.User{ID: 7, Email: "ada@example.org", Name: "Ada"} }

// answer is what the database says of person, in most tests.
func answer(body string) Answer {
	return Answer{User: person(), ResidenceIDs: []int64{3, 1}, Body: []byte(body)}
}

// tasks is the question that most tests ask.
func tasks(token string) Question { return Question{Token: TokenHash(token), List: "tasks"} }

// warmed reads and fills, so that the next read is a hit.
func warmed(t *testing.T, c *Cache, q Question, a Answer) {
	t.Helper()
	r := c.Read(t.Context(), q)
	c.Fill(t.Context(), r, a)
	if q.List != "" && !r.Stored {
		t.Fatalf("the cache was not filled: %+v", r)
	}
}

// swept sweeps now, whatever was swept lately, and so gives the lease.
func swept(t *testing.T, c *Cache, d *database) {
	t.Helper()
	if err := c.rdb.HDel(t.Context(), sharedKey, "swept").Err(); err != nil {
		t.Fatal(err)
	}
	if did, err := c.Sweep(t.Context(), d.source()); err != nil || !did {
		t.Fatalf("the sweep was not completed: %v", err)
	}
	lasting(t, c)
}

// lasting lets the lease outlive a test on a slow machine; TestWithoutALease
// is about its end.
func lasting(t *testing.T, c *Cache) {
	t.Helper()
	if err := c.rdb.HSet(t.Context(), sharedKey, "lease", time.Now().Add(time.Hour).UnixMilli()).Err(); err != nil {
		t.Fatal(err)
	}
}

// written is a write from its hold to its release.
func written(t *testing.T, c *Cache, d *database, e Effects, scopes ...Scope) {
	t.Helper()
	h := c.Hold(t.Context(), scopes...)
	e.Committed = d.commit(h.ID, scopes...)
	c.Release(t.Context(), h, e)
}

func count(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	n := 0.0
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			n += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return n
}
