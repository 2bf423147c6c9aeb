package cache

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// TestTTLs: what is vouched for by a version lives as long as the lists do, and S5's
// hour is for a tombstone. S11 holds for the key that it names. State keys and the shared key have
// no end: a hold that a clock drops is a hold that is lost. What nobody uses,
// Redis evicts.
func TestTTLs(t *testing.T) {
	url := labtest.Redis(t)
	ahead := time.Duration(0)
	c, d := opened(t, Config{URL: url, Now: func() time.Time { return time.Now().Add(ahead) }}), &database{}
	swept(t, c, d)
	written(t, c, d, Effects{Revoked: TokenHash("gone"), Item: Item{"task", 5}, Residence: 1}, UserScope(8))
	warmed(t, c, tasks("t"), answer("list"))
	const never = -1 // as go-redis says it
	want := map[string]time.Duration{
		tokenKey(TokenHash("t")):               DefaultListTTL,
		tokenKey(TokenHash("gone")):            time.Hour,
		residenceIDsKey(7):                     5 * time.Minute,
		idsVersionKey(7):                       5 * time.Minute,
		listIDsKey(7):                          DefaultListTTL,
		listPrefix + c.encoded("tasks") + ":7": DefaultListTTL,
		Item{"task", 5}.key():                  time.Hour,
		"done:" + d.log[0].WriteID:             30 * time.Second,
		seenPrefix + "7":                       DefaultListTTL,
		taskKey:                                time.Minute,
		readersPrefix + "t1":                   DefaultListTTL,
		readersPrefix + "t3":                   DefaultListTTL,
		UserScope(7).stateKey():                never,
		UserScope(8).stateKey():                never,
		r1.stateKey():                          never,
		Tasks.Scope(3).stateKey():              never,
		sharedKey:                              never,
	}
	rdb := outside(t, url)
	if keys := rdb.Keys(t.Context(), "*").Val(); len(keys) != len(want) {
		t.Errorf("keys %q, want those of %v", keys, want)
	}
	for key, ttl := range want {
		got := rdb.TTL(t.Context(), key).Val()
		if ttl == never && got != never || ttl != never && (got > ttl || got < ttl-ttl/2) {
			t.Errorf("%s lives for %s, want %s", key, got, ttl)
		}
	}
	if ids := rdb.Get(t.Context(), residenceIDsKey(7)).Val(); ids != "[1,3]" {
		t.Errorf("residence ids are stored as %q", ids)
	}
	// A list that is served keeps its ids alive, from this pod's memory as well.
	ahead = DefaultResidenceIDsTTL/4 + time.Second
	rdb.Expire(t.Context(), residenceIDsKey(7), time.Minute)
	rdb.Expire(t.Context(), idsVersionKey(7), time.Minute)
	c.Read(t.Context(), tasks("t"))
	for _, key := range []string{residenceIDsKey(7), idsVersionKey(7)} {
		if got := rdb.TTL(t.Context(), key).Val(); got <= time.Minute {
			t.Errorf("%s was not prolonged: %s", key, got)
		}
	}
}

// TestRoundTrips: a warm read and a 304 are one, authentication included, a
// miss is two, a write two, and a fresh connection has its greeting.
func TestRoundTrips(t *testing.T) {
	url, proxy := labtest.Link(t, labtest.Redis(t), link.Model{})
	c, d := opened(t, Config{URL: url}), &database{}
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	// HELLO, SELECT, INFO, connect by its hash (unknown to the first) and by its
	// text, and the four scripts that requests wait for.
	greeting := proxy.Counts().Turns
	if greeting != 8 && greeting != 9 { // another test of this package may have sent connect before
		t.Errorf("the first visit took %d turns", greeting)
	}
	swept(t, c, d)
	turns := func(what string, want int64, do func(context.Context)) {
		t.Helper()
		ctx, tally := link.WithTally(t.Context())
		before := proxy.Counts().Turns
		do(ctx)
		if n := proxy.Counts().Turns - before; n != want {
			t.Errorf("%s took %d turns to Redis, want %d", what, n, want)
		}
		if tally.RedisTrips() != want || tally.Redis() <= 0 {
			t.Errorf("the bill of %s says %d trips and %s", what, tally.RedisTrips(), tally.Redis())
		}
	}
	var r *Reading
	turns("a miss", 2, func(ctx context.Context) {
		r = c.Read(ctx, tasks("t"))
		c.Fill(ctx, r, answer("list"))
	})
	turns("a warm read", 1, func(ctx context.Context) {
		if r = c.Read(ctx, tasks("t")); r.Body != "list" {
			t.Errorf("not warm: %+v", r)
		}
	})
	turns("a 304", 1, func(ctx context.Context) {
		q := tasks("t")
		q.IfNoneMatch = r.ETag
		if !c.Read(ctx, q).NotModified {
			t.Error("no 304")
		}
	})
	turns("a request that needs no list", 1, func(ctx context.Context) {
		if _, ok := c.User(c.Read(ctx, Question{Token: TokenHash("t")})); !ok {
			t.Error("the user is not in memory")
		}
	})
	turns("a write", 2, func(ctx context.Context) {
		h := c.Hold(ctx, r1, UserScope(7))
		c.Release(ctx, h, Effects{Committed: d.commit(h.ID, r1)})
	})
	c.rdb.HDel(t.Context(), sharedKey, "lease")
	turns("a read of what does not stand any more, and fills nothing", 2, func(ctx context.Context) {
		c.Fill(ctx, c.Read(ctx, tasks("t")), answer("x"))
	})
}

// TestAFullRedisEvicts: S4. Writes never fail, and the cache only forgets.
func TestAFullRedisEvicts(t *testing.T) {
	url := labtest.Redis(t)
	reg := prometheus.NewRegistry()
	c, d := opened(t, Config{URL: url, Registerer: reg}), &database{}
	rdb := outside(t, url)
	for setting, want := range map[string]string{"maxmemory": "268435456", "maxmemory-policy": "allkeys-lru"} {
		if got := rdb.ConfigGet(t.Context(), setting).Val()[setting]; got != want {
			t.Errorf("%s is %s, want %s", setting, got, want)
		}
	}
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "3mb").Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // Redis is shared with the package's other tests
		if err := rdb.ConfigSet(context.WithoutCancel(t.Context()), "maxmemory", "256mb").Err(); err != nil {
			t.Error(err)
		}
	})
	swept(t, c, d)
	body := []byte(strings.Repeat("a list ", 200))
	for i := range int64(1500) {
		q := tasks(strconv.FormatInt(i, 10))
		r := c.Read(t.Context(), q)
		c.Fill(t.Context(), r, Answer{User: household.User{ID: i + 1}, ResidenceIDs: []int64{i, i + 1}, Body: body})
		written(t, c, d, Effects{}, Tasks.Scope(i))
	}
	if strings.Contains(rdb.Info(t.Context(), "stats").Val(), "evicted_keys:0\r") {
		t.Error("nothing was evicted, so the test says nothing")
	}
	if count(t, reg, "honeydue_redis_errors_total") != 0 || count(t, reg, "honeydue_cache_unconfirmed_total") != 0 {
		t.Error("calls failed on a full Redis")
	}
}

// TestWhatIsPlantedIsNoError: other types and nonsense in each of our keys are
// misses, and the next fill or sweep mends them.
func TestWhatIsPlantedIsNoError(t *testing.T) {
	listKey := listPrefix + Encoding + ".tasks:7"
	nonsense := []string{"", "nonsense", strings.Repeat("x", 16), strings.Repeat("a", 53), strings.Repeat("0", 16) + ",and more", "[1,", "7 7", "99999999999999999999 0", strings.Repeat("0", 60)}
	for _, key := range []string{
		tokenKey(TokenHash("t")), residenceIDsKey(7), idsVersionKey(7), listIDsKey(7), listKey,
		UserScope(7).stateKey(), r1.stateKey(), Item{"task", 5}.key(), sharedKey,
	} {
		t.Run(strings.SplitN(key, ":", 2)[0]+" "+key[max(0, len(key)-3):], func(t *testing.T) {
			url := labtest.Redis(t)
			rdb := outside(t, url)
			c, d := opened(t, Config{URL: url}), &database{}
			plant := []func(){func() { rdb.SAdd(t.Context(), key, "a", "b") }, func() { rdb.HSet(t.Context(), key, "lease", "x", "swept", "y") }}
			for _, text := range nonsense {
				plant = append(plant, func() { rdb.Set(t.Context(), key, text, 0) })
			}
			for i, do := range plant {
				swept(t, c, d)
				warmed(t, c, tasks("t"), answer("list"))
				rdb.Del(t.Context(), key)
				do()
				for _, q := range []Question{tasks("t"), {Token: TokenHash("t"), Item: Item{"task", 5}}} {
					r := c.Read(t.Context(), q)
					if r.ListVerdict == Hit && r.Body != "list" || r.Residence != 0 || r.UserID != 0 && r.UserID != 7 {
						t.Errorf("planted %d: %+v", i, r)
					}
					c.Fill(t.Context(), r, answer("list"))
				}
				if _, _, _, err := peeked(t, c, Copied{"tasks", 7}); err != nil {
					t.Errorf("planted %d: peek: %v", i, err)
				}
				rdb.Del(t.Context(), key)
				do()
				written(t, c, d, Effects{Access: []int64{7}, Item: Item{"task", 6}, Residence: 1}, UserScope(7), r1)
				swept(t, c, d)
				warmed(t, c, tasks("t"), answer("mended"))
				if r := c.Read(t.Context(), tasks("t")); r.Body != "mended" {
					t.Errorf("planted %d: not mended: %+v", i, r)
				}
				written(t, c, d, Effects{}, UserScope(7), r1)
			}
			if n := failures(c); n != 0 {
				t.Errorf("%d kinds of calls failed", n)
			}
		})
	}
}

func TestABadURLShowsNoPassword(t *testing.T) {
	_, err := Open(Config{URL: "redis://:canary@host:not-a-port/0"})
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}

// TestMetricsAreWellFormed: promlint, and each has a help text.
func TestMetricsAreWellFormed(t *testing.T) {
	reg := prometheus.NewRegistry()
	c, d := opened(t, Config{URL: labtest.Redis(t), Registerer: reg}), &database{}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("list"))
	c.Abandon(c.Hold(t.Context(), r1))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestNoLists: with lists turned off, who asks is still known.
func TestNoLists(t *testing.T) {
	c, d := opened(t, Config{URL: labtest.Redis(t), ListTTL: -1}), &database{}
	swept(t, c, d)
	warmed(t, c, Question{Token: TokenHash("t")}, answer("x"))
	r := c.Read(t.Context(), tasks("t"))
	c.Fill(t.Context(), r, answer("list"))
	if r.UserID != 7 || r.ListVerdict != Bypass || r.Why != "off" || r.Stored {
		t.Errorf("%+v", r)
	}
}

// TestCopiesAreFound by those who check from outside.
func TestCopiesAreFound(t *testing.T) {
	c, d := opened(t, Config{URL: labtest.Redis(t)}), &database{}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("list"))
	sample, err := c.Sample(t.Context(), 10)
	got := sample.Copies
	if err != nil || len(got) != 1 || got[0] != (Copied{"tasks", 7}) {
		t.Fatalf("%v, %v", got, err)
	}
	r := c.Read(t.Context(), tasks("t"))
	body, etag, ok, err := peeked(t, c, got[0])
	if err != nil || !ok || string(body) != "list" || etag != r.ETag {
		t.Errorf("%q, %q, %v, %v", body, etag, ok, err)
	}
	c.Hold(t.Context(), r1)
	if _, _, ok, err := peeked(t, c, got[0]); ok || err != nil {
		t.Errorf("under a hold: %v, %v", ok, err)
	}
}
