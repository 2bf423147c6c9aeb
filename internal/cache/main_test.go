package cache

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
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

// database is what the tests read and write in the place of Postgres: a change
// log and, for each user, what he sees. It is a script for the cache, no mock
// of a server: what Postgres guarantees is tested in store.
type database struct {
	mu      sync.Mutex
	log     []Change
	settled map[string]bool
}

func (d *database) commit(id string, scopes ...Scope) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.settled[id] {
		return false
	}
	d.log = append(d.log, Change{id, scopes})
	return true
}

func (d *database) source() Source {
	return Source{
		Changes: func(_ context.Context, cursor string) (Changes, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			at, err := strconv.Atoi(cursor)
			c := Changes{Cursor: strconv.Itoa(len(d.log)), Everything: err != nil}
			if err == nil {
				c.Writes = slices.Clone(d.log[at:])
			}
			return c, nil
		},
		Settle: func(_ context.Context, id string) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.settled == nil {
				d.settled = map[string]bool{}
			}
			d.settled[id] = true
			return nil
		},
	}
}

// swept gives the cache its lease.
func swept(t *testing.T, c *Cache, d *database) {
	t.Helper()
	for {
		did, err := c.Sweep(t.Context(), d.source())
		if err != nil {
			t.Fatal(err)
		}
		if did {
			return
		}
		time.Sleep(SweepPeriod / 5)
	}
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
