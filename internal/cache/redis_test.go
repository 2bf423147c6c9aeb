package cache

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// TestTTLs: S5 and S11 as Redis has them, and no key without an end.
func TestTTLs(t *testing.T) {
	url := labtest.Redis(t)
	c := opened(t, Config{URL: url})
	hash := TokenHash("t")
	r := login(t, c, hash, person())
	c.Judge(t.Context(), r, person().ID, []int64{1, 2})
	gone := TokenHash("gone")
	if err := c.RevokeToken(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	want := map[string]time.Duration{
		tokenKey(hash):               time.Hour,
		tokenKey(gone):               time.Hour,
		residenceIDsKey(person().ID): 5 * time.Minute,
		versionKey(person().ID):      time.Hour,
		epochKey:                     time.Hour,
	}
	rdb := outside(t, url)
	keys := rdb.Keys(t.Context(), "*").Val()
	if len(keys) != len(want) {
		t.Errorf("keys %q, want those of %v", keys, want)
	}
	for key, ttl := range want {
		got := rdb.TTL(t.Context(), key).Val()
		if got > ttl || got < ttl-time.Minute {
			t.Errorf("%s lives for %s, want %s", key, got, ttl)
		}
	}
	if ids := rdb.Get(t.Context(), residenceIDsKey(person().ID)).Val(); ids != "[1,2]" {
		t.Errorf("residence ids are stored as %q", ids)
	}
}

// TestAWarmRequestIsOneRoundTrip, and a fresh connection greets in two.
func TestAWarmRequestIsOneRoundTrip(t *testing.T) {
	url, proxy := labtest.Link(t, labtest.Redis(t), link.Model{})
	c := opened(t, Config{URL: url})
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := proxy.Counts().Turns; n != 5 {
		t.Errorf("the first visit took %d turns, want two for the greeting (HELLO, SELECT) and one for each script", n)
	}
	hash := TokenHash("t")
	c.Judge(t.Context(), login(t, c, hash, person()), person().ID, []int64{1})

	before := proxy.Counts().Turns
	ctx, tally := link.WithTally(t.Context())
	r := c.Authenticate(ctx, hash)
	v := c.Judge(ctx, r, person().ID, []int64{1})
	if r.User == nil || v != Hit {
		t.Fatalf("not warm: user %v, residence ids %s", r.User, v)
	}
	if n := proxy.Counts().Turns - before; n != 1 {
		t.Errorf("a warm request took %d turns to Redis, want 1", n)
	}
	if tally.RedisTrips() != 1 || tally.Redis() <= 0 {
		t.Errorf("its bill says %d trips and %s", tally.RedisTrips(), tally.Redis())
	}
}

// TestAFullRedisEvicts: S4. Writes never fail, and the cache only forgets.
func TestAFullRedisEvicts(t *testing.T) {
	url := labtest.Redis(t)
	reg := prometheus.NewRegistry()
	c := opened(t, Config{URL: url, Registerer: reg})
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
	ids := make([]int64, 200)
	for i := range int64(4000) {
		u := household.User{ID: i}
		hash := TokenHash(strings.Repeat("x", int(i%7)) + u.CreatedAt.Add(time.Duration(i)).String())
		r := login(t, c, hash, u)
		c.Judge(t.Context(), r, u.ID, ids)
	}
	if !strings.Contains(rdb.Info(t.Context(), "stats").Val(), "evicted_keys:") ||
		strings.Contains(rdb.Info(t.Context(), "stats").Val(), "evicted_keys:0\r") {
		t.Error("nothing was evicted, so the test says nothing")
	}
	if n := count(t, reg, "honeydue_redis_errors_total"); n != 0 {
		t.Errorf("%v calls failed on a full Redis", n)
	}
}

// TestWhatIsPlantedIsNoError: other types and nonsense in our keys are misses.
func TestWhatIsPlantedIsNoError(t *testing.T) {
	url := labtest.Redis(t)
	reg := prometheus.NewRegistry()
	c := opened(t, Config{URL: url, Registerer: reg})
	rdb := outside(t, url)
	hash := TokenHash("t")
	login(t, c, hash, person())

	rdb.Del(t.Context(), residenceIDsKey(7))
	rdb.SAdd(t.Context(), residenceIDsKey(7), "1", "999")
	r := c.Authenticate(t.Context(), hash)
	if r.User == nil {
		t.Error("a planted set of residence ids cost the user")
	}
	if v := c.Judge(t.Context(), r, 7, []int64{1}); v != Miss {
		t.Errorf("a set where a text belongs: %s, want a miss", v)
	}
	rdb.Set(t.Context(), residenceIDsKey(7), "[1,999]", time.Minute)
	if v := c.Judge(t.Context(), c.Authenticate(t.Context(), hash), 7, []int64{1}); v != Wrong {
		t.Errorf("a planted id: %s, want wrong", v)
	}
	if v := c.Judge(t.Context(), c.Authenticate(t.Context(), hash), 7, []int64{1}); v != Hit {
		t.Errorf("the planted id was not corrected: %s", v)
	}
	rdb.Set(t.Context(), tokenKey(hash), "seven; drop", time.Minute)
	if r := c.Authenticate(t.Context(), hash); r.Token != Miss || r.User != nil {
		t.Errorf("nonsense under a token: %s, user %v", r.Token, r.User)
	}
	if n := count(t, reg, "honeydue_redis_errors_total"); n != 0 {
		t.Errorf("%v calls failed", n)
	}
}

// TestRedisGoneAndBack: nothing fails, nothing is believed before what is owed
// has been delivered, and a logout that Redis did not see holds afterwards.
func TestRedisGoneAndBack(t *testing.T) {
	url := labtest.Redis(t)
	linked, proxy := labtest.Link(t, url, link.Model{})
	now := time.Unix(1_000_000, 0)
	reg := prometheus.NewRegistry()
	c := opened(t, Config{URL: linked, Registerer: reg, Now: func() time.Time { return now }})
	hash, kept := TokenHash("out"), TokenHash("kept")
	login(t, c, hash, person())
	login(t, c, kept, person())

	// A link that takes an hour to answer stands for a Redis that hangs.
	c.cfg.Timeout = 20 * time.Millisecond
	setModel(t, proxy, link.Model{RTT: time.Hour})
	r := c.Authenticate(t.Context(), kept)
	if r.Token != Bypass || r.User != nil || r.Revoked {
		t.Errorf("without Redis the token was a %s, user %v", r.Token, r.User)
	}
	c.Remember(t.Context(), r, person())
	if v := c.Judge(t.Context(), r, 7, []int64{1}); v != Bypass {
		t.Errorf("without Redis residence ids were a %s", v)
	}
	if err := c.RevokeToken(t.Context(), hash); !errors.Is(err, ErrOwed) {
		t.Errorf("a logout that Redis did not see: %v, want ErrOwed", err)
	}
	for range breakerFailures {
		c.Authenticate(t.Context(), kept)
	}
	skipped := count(t, reg, "honeydue_redis_skipped_total")
	c.Authenticate(t.Context(), kept)
	if got := count(t, reg, "honeydue_redis_skipped_total"); got != skipped+1 {
		t.Error("after a series of failures Redis was asked all the same")
	}
	if count(t, reg, "honeydue_redis_errors_total") == 0 || count(t, reg, "honeydue_cache_invalidations_owed") != 1 {
		t.Error("the outage is not in the metrics")
	}

	c.cfg.Timeout = patient
	setModel(t, proxy, link.Model{})
	proxy.CutAll()
	now = now.Add(breakerPause)
	if r := c.Authenticate(t.Context(), hash); !r.Revoked {
		t.Errorf("the logged-out token is a %s, user %v, once Redis is back", r.Token, r.User)
	}
	if r := c.Authenticate(t.Context(), kept); r.Token != Hit {
		t.Errorf("the other token is a %s, want a hit", r.Token)
	}
	if n := count(t, reg, "honeydue_cache_invalidations_owed"); n != 0 {
		t.Errorf("%v announcements are still owed", n)
	}
}

func setModel(t *testing.T, p *link.Proxy, m link.Model) {
	t.Helper()
	if err := p.SetModel(m); err != nil {
		t.Fatal(err)
	}
}

// TestAClientThatHangsUpBlamesNobody: its cancellation is no failure of Redis.
func TestAClientThatHangsUpBlamesNobody(t *testing.T) {
	c := opened(t, Config{URL: labtest.Redis(t)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 * breakerFailures {
		c.Authenticate(ctx, TokenHash("t"))
	}
	if r := c.Authenticate(t.Context(), TokenHash("t")); r.Token != Miss {
		t.Errorf("the next request's token was a %s, want a miss", r.Token)
	}
	// And the announcement of what it changed arrives.
	if err := c.RevokeToken(ctx, TokenHash("t")); err != nil {
		t.Error(err)
	}
	if r := c.Authenticate(t.Context(), TokenHash("t")); !r.Revoked {
		t.Error("the logout of a client that hung up was not announced")
	}
}

func TestOwedIsBounded(t *testing.T) {
	o := newOwed()
	for i := range maxOwed + 1 {
		o.add(map[string]entry{versionKey(int64(i)): {"v", time.Hour}})
	}
	if d := o.due(); !d.flush || len(d.entries) != 1 {
		t.Errorf("%d entries are owed, flush %v; want one and a flush", len(d.entries), d.flush)
	}
}

func TestABadURLShowsNoPassword(t *testing.T) {
	_, err := Open(Config{URL: "redis://:canary@host:not-a-port/0"})
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}

func TestPrefill(t *testing.T) {
	url := labtest.Redis(t)
	c := opened(t, Config{URL: url})
	read := func(ctx context.Context) ([]Known, error) {
		// Bo changes while the database is read, so what was read of him is old.
		if err := c.AccessChanged(ctx, 8); err != nil {
			t.Error(err)
		}
		return []Known{
			{User: household.User{ID: 7, Name: "Ada"}, TokenHash: TokenHash("a"), ResidenceIDs: []int64{2, 1}},
			{User: household.User{ID: 8, Name: "Bo"}, TokenHash: TokenHash("b"), ResidenceIDs: []int64{1}},
		}, nil
	}
	n, err := c.Prefill(t.Context(), []int64{7, 8}, read)
	if err != nil || n != 1 {
		t.Errorf("%d users were stored (%v), want the one who did not change", n, err)
	}
	other := opened(t, Config{URL: url})
	r := other.Authenticate(t.Context(), TokenHash("a"))
	if r.Token != Hit || other.Judge(t.Context(), r, 7, []int64{1, 2}) != Hit {
		t.Errorf("another pod finds the token a %s and the residence ids a %s", r.Token, r.ResidenceIDs)
	}
	r = other.Authenticate(t.Context(), TokenHash("b"))
	if v := other.Judge(t.Context(), r, 8, []int64{1, 3}); v != Miss {
		t.Errorf("Bo's residence ids are a %s, want a miss", v)
	}
	if r := c.Authenticate(t.Context(), TokenHash("b")); r.User != nil {
		t.Errorf("an old Bo is in memory: %v", r.User)
	}
}
