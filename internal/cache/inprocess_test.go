package cache

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/household"
)

func TestInProcessServesWithoutRedis(t *testing.T) {
	c, err := Open(Config{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeCache(t, c) })
	if !c.InProcess() {
		t.Error("a cache without a URL does not say that it is in-process")
	}
	hash := TokenHash("t")
	ada := household.User{ID: 7, Name: "Ada"}
	r := c.Authenticate(t.Context(), hash)
	c.Remember(t.Context(), r, ada)
	if v := c.Judge(t.Context(), r, ada.ID, []int64{3, 1}); v != Miss {
		t.Errorf("first residence ids: %s, want a miss", v)
	}
	r = c.Authenticate(t.Context(), hash)
	if r.User == nil || *r.User != ada {
		t.Fatalf("the second request found %v, want %v", r.User, ada)
	}
	if v := c.Judge(t.Context(), r, ada.ID, []int64{1, 3}); v != Hit {
		t.Errorf("residence ids afterwards: %s, want a hit", v)
	}
	// The clock of the store moves only if someone moves it.
	c.local.advance(DefaultTokenTTL + time.Second)
	if r := c.Authenticate(t.Context(), hash); r.Token != Miss {
		t.Errorf("after its TTL the token is a %s, want a miss", r.Token)
	}
}

func TestInProcessIsBounded(t *testing.T) {
	p, opts, err := startInProcess(10, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	rdb := redis.NewClient(opts)
	t.Cleanup(func() {
		if err := rdb.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range 11 {
		if err := rdb.Set(t.Context(), versionKey(int64(i)), "v", time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
	}
	p.advance(time.Second)
	if n := rdb.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys are left above the bound, want a flush", n)
	}
}

func TestInProcessAsksForItsPassword(t *testing.T) {
	p, opts, err := startInProcess(10, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	opts.Password = ""
	rdb := redis.NewClient(opts)
	defer func() { _ = rdb.Close() }()
	if err := rdb.Get(t.Context(), tokenKey(TokenHash("t"))).Err(); err == nil || errors.Is(err, redis.Nil) {
		t.Errorf("a client without the password got %v, want a refusal", err)
	}
}

func closeCache(t *testing.T, c *Cache) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
