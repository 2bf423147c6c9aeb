package labtest

import (
	"context"
	"net/url"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/lab"
)

// Redis gives a test a Redis database number of its own, empty, and returns its
// URL. Keys are apart by that; memory, settings, the run id and channels of
// PUBLISH are shared by the package's tests, and FLUSHALL would hit them all.
func Redis(t testing.TB) string {
	t.Helper()
	l := Lab(t)
	shared.mu.Lock()
	if len(shared.redis) == 0 {
		shared.mu.Unlock()
		t.Fatalf("labtest: more than %d tests want a Redis database at the same time", redisDatabases-1)
	}
	number := shared.redis[len(shared.redis)-1]
	shared.redis = shared.redis[:len(shared.redis)-1]
	shared.mu.Unlock()

	raw := numbered(t, l.Env().RedisURL, number)
	t.Cleanup(func() {
		flush(t, l, raw)
		shared.mu.Lock()
		defer shared.mu.Unlock()
		shared.redis = append(shared.redis, number)
	})
	return raw
}

// OwnRedis gives a test a Redis server of its own, for tests that break it or
// need another one; settings are lines of redis.conf.
func OwnRedis(t testing.TB, settings ...string) string {
	t.Helper()
	return New(t, lab.Config{RedisSettings: settings}).Env().RedisURL
}

func numbered(t testing.TB, raw string, number int) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("labtest: the lab's Redis URL can't be read")
	}
	u.Path = "/" + strconv.Itoa(number)
	return u.String()
}

// flush empties a test's database for the next one.
func flush(t testing.TB, l *lab.Lab, raw string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	o, err := redis.ParseURL(raw)
	if err != nil {
		t.Error("labtest: the lab's Redis URL can't be read")
		return
	}
	o.DisableIdentity = true
	c := redis.NewClient(o)
	defer c.Close()
	if err := c.FlushDB(ctx).Err(); err != nil {
		t.Errorf("labtest: empty Redis at %s: %v", l.RedisAddr(), err)
	}
}
