package cache

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

func subject(of string, attempts int) Subject {
	return Subject{Name: "test", Of: of, Limit: Limit{Attempts: attempts, Per: time.Hour}}
}

// TestALimitHolds: in Redis and without it, the same number of attempts.
func TestALimitHolds(t *testing.T) {
	for name, url := range map[string]string{"redis": labtest.Redis(t), "in process": ""} {
		t.Run(name, func(t *testing.T) {
			c := opened(t, Config{URL: url})
			ctx := t.Context()
			for i := range 5 {
				if _, over := c.Count(ctx, subject("ada", 5)); over != nil {
					t.Fatalf("attempt %d: %+v", i+1, over)
				}
			}
			_, over := c.Count(ctx, subject("ada", 5))
			if over == nil || over.Name != "test" || over.RetryAfter <= 0 || over.RetryAfter > time.Hour/5 {
				t.Fatalf("attempt 6: %+v", over)
			}
			// Another subject, another limit of the same one, and none.
			for _, s := range []Subject{subject("bob", 5), subject("ada", 6), {Name: "other", Of: "ada", Limit: Limit{1, time.Hour}}, subject("ada", 0)} {
				if _, over := c.Count(ctx, s); over != nil {
					t.Errorf("%+v: %+v", s, over)
				}
			}
			// Of several, the first that is used up ends it; those behind it are not touched.
			if _, over = c.Count(ctx, subject("eve", 1), subject("ada", 5), subject("zoe", 1)); over == nil || over.Of != "ada" {
				t.Errorf("of three: %+v", over)
			}
			if _, over = c.Count(ctx, subject("zoe", 1)); over != nil {
				t.Errorf("behind the one that is used up: %+v", over)
			}
			if _, over = c.Count(ctx, subject("eve", 1)); over == nil {
				t.Error("before the one that is used up: not counted")
			}
			// What is forgiven is not counted, but for the first: see Forgive.
			for range 20 {
				a, over := c.Count(ctx, subject("joy", 3))
				if over != nil {
					t.Fatalf("after successes alone: %+v", over)
				}
				c.Forgive(ctx, a, "")
			}
			// Who is trusted is not limited, and counts nothing.
			guarded := subject("kim", 1)
			guarded.Trusted = "kim at home"
			a, _ := c.Count(ctx, guarded)
			if _, over = c.Count(ctx, guarded); over == nil {
				t.Error("trusted before Trust")
			}
			c.Forgive(ctx, a, "kim at home")
			if _, over = c.Count(ctx, subject("kim", 1)); over == nil && url != "" {
				t.Error("the first is forgiven")
			}
			if _, over = c.Count(ctx, guarded); over != nil {
				t.Errorf("trusted: %+v", over)
			}
		})
	}
}

// TestPodsShareALimit, exactly, when all of them are asked at once.
func TestPodsShareALimit(t *testing.T) {
	url := labtest.Redis(t)
	pods := []*Cache{opened(t, Config{URL: url}), opened(t, Config{URL: url})}
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			if _, over := pods[i%2].Count(t.Context(), subject("ada", 10)); over == nil {
				admitted.Add(1)
			}
		})
	}
	wg.Wait()
	if admitted.Load() != 10 {
		t.Errorf("%d were admitted, want 10", admitted.Load())
	}
}

// TestLimitsNameNobody: what lies in Redis is under one prefix, expires, and
// carries no address.
func TestLimitsNameNobody(t *testing.T) {
	url := labtest.Redis(t)
	c, rdb := opened(t, Config{URL: url}), outside(t, url)
	if err := rdb.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	s := subject("ada@example.org", 3)
	s.Trusted = "ada@example.org 203.0.113.7"
	a, _ := c.Count(t.Context(), s)
	c.Count(t.Context(), s)
	c.Forgive(t.Context(), a, s.Trusted)
	keys := rdb.Keys(t.Context(), "rate:*").Val()
	if len(keys) != 2 {
		t.Errorf("keys %q", keys)
	}
	for _, key := range rdb.Keys(t.Context(), "*").Val() {
		if strings.Contains(key, "ada") || strings.Contains(key, "203") {
			t.Errorf("the key %s names somebody", key)
		}
	}
	for _, key := range keys {
		if rdb.TTL(t.Context(), key).Val() <= 0 || KeyKind(key) != "rate" {
			t.Errorf("%s lives for %s and is of the kind %q", key, rdb.TTL(t.Context(), key).Val(), KeyKind(key))
		}
	}
}

// TestLimitsWithoutRedis: a Redis that does not answer costs one visit and
// opens no door; the process counts by itself, by the same limits.
func TestLimitsWithoutRedis(t *testing.T) {
	url, proxy := labtest.Link(t, labtest.Redis(t), link.Model{})
	now, reg := time.Now(), prometheus.NewRegistry()
	c := opened(t, Config{URL: url, Timeout: DefaultTimeout, Registerer: reg, Now: func() time.Time { return now }})
	proxy.Pause()
	defer proxy.Resume()
	ctx := t.Context()
	admitted := 0
	for range 3 * breakerFailures {
		if a, over := c.Count(ctx, subject("ada", 4)); over == nil {
			admitted++
			if a.inRedis {
				t.Error("counted in a Redis that does not answer")
			}
		}
	}
	if admitted != 4 {
		t.Errorf("%d were admitted, want 4", admitted)
	}
	// Each attempt is one visit at most, however many limits it asks.
	for range breakerFailures {
		c.Count(ctx, subject("bob", 9), subject("eve", 9), subject("zoe", 9))
	}
	if asked, skipped := count(t, reg, MetricRedisErrors), count(t, reg, MetricRedisSkipped); asked != breakerFailures || skipped != 3*breakerFailures {
		t.Errorf("%v visits failed and %v were skipped, want %d and %d", asked, skipped, breakerFailures, 3*breakerFailures)
	}
}

// TestTheRightsOfTheCacheAreEnoughForLimits: nobody has to give more of them.
func TestTheRightsOfTheCacheAreEnoughForLimits(t *testing.T) {
	ctx := t.Context()
	c := opened(t, Config{URL: asUser(t, labtest.Redis(t), ACLRules)})
	s := subject("ada", 2)
	s.Trusted = "ada at home"
	for range 3 {
		a, over := c.Count(ctx, s)
		if over != nil || !a.inRedis {
			t.Fatalf("not counted in Redis (%+v): %v", over, c.Fault())
		}
		c.Forgive(ctx, a, s.Trusted)
	}
	if f := c.Fault(); f.Kind != "" {
		t.Errorf("the fault is %+v", f)
	}
}

// TestARightThatLimitsLackLeavesTheCacheAlone: an old list of Redis users does
// not know the limits' keys.
func TestARightThatLimitsLackLeavesTheCacheAlone(t *testing.T) {
	ctx, reg := t.Context(), prometheus.NewRegistry()
	url := asUser(t, labtest.Redis(t), "~cache:* ~token:* ~state* ~list* ~at:* ~residence_ids* ~done:* ~readers:* ~seen:* +@all")
	c := opened(t, Config{URL: url, Registerer: reg})
	for i := range 3 * breakerFailures {
		if _, over := c.Count(ctx, subject("ada", 4)); (over == nil) != (i < 4) {
			t.Errorf("attempt %d: %+v", i+1, over)
		}
	}
	if n := count(t, reg, MetricRedisSkipped); n != 0 {
		t.Errorf("the breaker kept %v visits from Redis", n)
	}
	if c.Fault().Kind != FaultPermission {
		t.Errorf("the fault is %+v", c.Fault())
	}
}
