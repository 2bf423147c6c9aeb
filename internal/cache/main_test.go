package cache

import (
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }

// patient is a time-out for tests that are not about time-outs: a machine
// that is busy with other tests must not change what they see.
const patient = 10 * time.Second

// opened makes a cache of one pod.
func opened(t *testing.T, cfg Config) *Cache {
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
func outside(t *testing.T, url string) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal("the lab's Redis URL cannot be read")
	}
	rdb := redis.NewClient(opts)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func person() household.User { return household.User{ID: 7, Email: "ada@example.org", Name: "Ada"} }

// login does what the API does for a request whose token the database knows.
func login(t *testing.T, c *Cache, hash []byte, u household.User) *Reading {
	t.Helper()
	r := c.Authenticate(t.Context(), hash)
	if r.User == nil {
		c.Remember(t.Context(), r, u)
	}
	return r
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

func TestMetricsAreSound(t *testing.T) {
	r := prometheus.NewRegistry()
	c := opened(t, Config{Registerer: r})
	login(t, c, TokenHash("t"), person())
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}
