package cache

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestInProcessServesWithoutRedis(t *testing.T) {
	c, d := opened(t, Config{}), &database{}
	if !c.InProcess() {
		t.Error("a cache without a URL does not say that it is in-process")
	}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("list"))
	r := c.Read(t.Context(), tasks("t"))
	if u, ok := c.User(r); !ok || u != person() || r.Body != "list" {
		t.Fatalf("the second request found %v and %q", u, r.Body)
	}
	q := tasks("t")
	if q.IfNoneMatch = r.ETag; !c.Read(t.Context(), q).NotModified {
		t.Error("no 304")
	}
	h := c.Hold(t.Context(), Tasks.Scope(3))
	if r := c.Read(t.Context(), q); r.Why != "held" {
		t.Errorf("under a hold: %+v", r)
	}
	d.commit(h.ID, Tasks.Scope(3))
	c.Release(t.Context(), h, Effects{Committed: true})
	if r := c.Read(t.Context(), q); r.NotModified || r.ListVerdict != Miss || r.UserID != 7 {
		t.Errorf("after the write: %+v", r)
	}
	warmed(t, c, q, answer("new"))
	swept(t, c, d)
	if r := c.Read(t.Context(), q); r.Body != "new" {
		t.Errorf("after the sweep: %+v", r)
	}
	written(t, c, d, Effects{Revoked: TokenHash("t")}, UserScope(7))
	if !c.Read(t.Context(), q).Revoked {
		t.Error("a logged-out token is not known as such")
	}
	// The clock of the store moves only if someone moves it.
	c.local.advance(DefaultTokenTTL + time.Second)
	if r := c.Read(t.Context(), q); r.Token != Miss || r.Revoked {
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
		if err := rdb.Set(t.Context(), Tasks.Scope(int64(i)).stateKey(), strings.Repeat("a", 64), time.Hour).Err(); err != nil {
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
