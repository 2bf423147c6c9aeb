package cache

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// TestRedisGoneAndBack: nothing fails, Redis is left alone after a series of
// failures, and a logout that it did not see is repaired by the next sweep,
// wherever that runs.
func TestRedisGoneAndBack(t *testing.T) {
	url := labtest.Redis(t)
	linked, proxy := labtest.Link(t, url, link.Model{})
	now := time.Unix(1_000_000, 0)
	reg := prometheus.NewRegistry()
	c := opened(t, Config{URL: linked, Registerer: reg, Now: func() time.Time { return now }})
	other, d := opened(t, Config{URL: url}), &database{}
	swept(t, other, d)
	warmed(t, c, tasks("t"), answer("old"))

	// A link that takes an hour to answer stands for a Redis that hangs.
	c.cfg.Timeout = 20 * time.Millisecond
	setModel(t, proxy, link.Model{RTT: time.Hour})
	r := c.Read(t.Context(), tasks("t"))
	if r.Token != Bypass || r.ListVerdict != Bypass || r.Why != string(FaultTimeout) || r.UserID != 0 || r.Revoked {
		t.Errorf("without Redis: %+v", r)
	}
	c.Fill(t.Context(), r, answer("old"))
	written(t, c, d, Effects{Revoked: TokenHash("t")}, UserScope(7))
	if n := count(t, reg, "honeydue_cache_unconfirmed_total"); n != 2 {
		t.Errorf("%v steps are counted as unconfirmed, want the hold and the release", n)
	}
	for range breakerFailures {
		c.Read(t.Context(), tasks("t"))
	}
	skipped := count(t, reg, "honeydue_redis_skipped_total")
	c.Read(t.Context(), tasks("t"))
	if did, err := c.Sweep(t.Context(), d.source()); did || err != nil {
		t.Errorf("a sweep that the breaker kept from Redis: %v, %v", did, err)
	}
	if got := count(t, reg, "honeydue_redis_skipped_total"); got != skipped+2 {
		t.Error("after a series of failures Redis was asked all the same")
	}
	if count(t, reg, "honeydue_redis_errors_total") == 0 {
		t.Error("the outage is not in the metrics")
	}

	// The pod that reaches Redis tells it, and nobody believes the token any more.
	if r := other.Read(t.Context(), tasks("t")); r.ListVerdict != Hit {
		t.Fatalf("the case says nothing: %+v", r)
	}
	swept(t, other, d)
	if r := other.Read(t.Context(), tasks("t")); r.UserID != 0 || r.ListVerdict == Hit {
		t.Errorf("after the sweep the token is known: %+v", r)
	}

	c.cfg.Timeout = patient
	setModel(t, proxy, link.Model{})
	proxy.CutAll()
	now = now.Add(breakerPause)
	r = c.Read(t.Context(), tasks("t"))
	if r.Token != Miss || r.UserID != 0 {
		t.Errorf("once Redis is back: %+v", r)
	}
	if _, ok := c.User(r); ok {
		t.Error("the user from before the outage is believed")
	}
}

func setModel(t *testing.T, p *link.Proxy, m link.Model) {
	t.Helper()
	if err := p.SetModel(m); err != nil {
		t.Fatal(err)
	}
}

// TestAClientThatHangsUpBlamesNobody: its cancellation is no failure of Redis,
// and the release of what it changed arrives.
func TestAClientThatHangsUpBlamesNobody(t *testing.T) {
	c, d := opened(t, Config{URL: labtest.Redis(t)}), &database{}
	swept(t, c, d)
	ctx, cancel := context.WithCancel(t.Context())
	h := c.Hold(ctx, UserScope(7))
	cancel()
	for range 2 * breakerFailures {
		c.Read(ctx, tasks("t"))
	}
	if r := c.Read(t.Context(), tasks("t")); r.Token != Miss || r.Why != "" {
		t.Errorf("the next request: %+v, want a miss", r)
	}
	c.Release(ctx, h, Effects{Committed: d.commit(h.ID, UserScope(7)), Revoked: TokenHash("t")})
	if r := c.Read(t.Context(), tasks("t")); !r.Revoked {
		t.Error("the logout of a client that hung up was not released")
	}
}

// TestAnOldMemoryIsEmptied: a Redis that comes back with what it had an hour
// ago has another run_id than its memory says. The lab's Redis keeps nothing
// on disk, so the memory is put back by hand.
func TestAnOldMemoryIsEmptied(t *testing.T) {
	url := labtest.Redis(t)
	reg := prometheus.NewRegistry()
	rdb := outside(t, url)
	c, d := opened(t, Config{URL: url}), &database{}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("old"))
	r := c.Read(t.Context(), tasks("t"))
	old := map[string]string{}
	for _, key := range rdb.Keys(t.Context(), "*").Val() {
		old[key] = rdb.Dump(t.Context(), key).Val()
	}
	fill := c.Read(t.Context(), tasks("other"))
	written(t, c, d, Effects{Revoked: TokenHash("t")}, UserScope(7), r1)
	swept(t, c, d)

	rdb.FlushDB(t.Context())
	for key, dump := range old {
		if err := rdb.Restore(t.Context(), key, 0, dump).Err(); err != nil {
			t.Fatal(err)
		}
	}
	rdb.HSet(t.Context(), sharedKey, "run", "the one before")
	back := opened(t, Config{URL: url, Registerer: reg})
	if got := back.Read(t.Context(), tasks("t")); got.UserID != 0 || got.Why != "no-lease" {
		t.Errorf("the first read: %+v, want one that goes round", got)
	}
	if n := count(t, reg, "honeydue_cache_emptied_total"); n != 1 {
		t.Errorf("counted %v times", n)
	}
	swept(t, back, d)
	q := tasks("t")
	q.IfNoneMatch = r.ETag
	for name, pod := range map[string]*Cache{"new": back, "old": c} {
		got := pod.Read(t.Context(), q)
		if got.UserID != 0 || got.ListVerdict == Hit || got.NotModified {
			t.Errorf("the %s pod believes the old memory: %+v", name, got)
		}
		if _, ok := pod.User(got); ok {
			t.Errorf("the %s pod believes its memory", name)
		}
	}
	if c.Fill(t.Context(), fill, answer("old")); fill.Stored {
		t.Error("a fill from before was taken")
	}
	// A second connection, and a second pod, do not empty it again.
	warmed(t, back, tasks("new"), answer("list"))
	if got := opened(t, Config{URL: url}).Read(t.Context(), tasks("new")); got.ListVerdict != Hit {
		t.Errorf("another pod finds %+v", got)
	}
}

// TestWithoutALease reads go round and fill nothing, until the next sweep.
func TestWithoutALease(t *testing.T) {
	c, d := opened(t, Config{URL: labtest.Redis(t)}), &database{}
	for _, phase := range []string{"before the first sweep", "after the lease"} {
		for _, token := range []string{"t", "unknown"} {
			r := c.Read(t.Context(), tasks(token))
			c.Fill(t.Context(), r, answer("x"))
			if r.Why != "no-lease" || r.ListVerdict != Bypass || r.UserID != 0 || r.Stored {
				t.Errorf("%s: %+v", phase, r)
			}
		}
		swept(t, c, d)
		warmed(t, c, tasks(phase), answer("list"))
		ended := time.Now().Add(-time.Hour).UnixMilli() // the passing of time, in Redis
		if err := c.rdb.HSet(t.Context(), sharedKey, "lease", ended).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheLeaseIsCountedFromTheSweepsBegin, by Redis' clock.
func TestTheLeaseIsCountedFromTheSweepsBegin(t *testing.T) {
	c, d := opened(t, Config{URL: labtest.Redis(t)}), &database{}
	var begun int64
	d.meanwhile = func() {
		begun, _ = c.rdb.HGet(t.Context(), sharedKey, "swept").Int64()
		if c.rdb.HExists(t.Context(), sharedKey, "lease").Val() {
			t.Error("a lease before the log was read")
		}
	}
	if did, err := c.Sweep(t.Context(), d.source()); !did || err != nil {
		t.Fatal(did, err)
	}
	lease, err := c.rdb.HGet(t.Context(), sharedKey, "lease").Int64()
	if err != nil || begun == 0 || lease != begun+Lease.Milliseconds() {
		t.Errorf("begun at %d, the lease ends at %d, %v", begun, lease, err)
	}
}

func TestASweepThatFailsGivesNoLease(t *testing.T) {
	reg := prometheus.NewRegistry()
	c := opened(t, Config{URL: labtest.Redis(t), Registerer: reg})
	gone := errors.New("the database is gone")
	src := Source{Changes: func(context.Context, string) (Changes, error) { return Changes{}, gone }}
	if did, err := c.Sweep(t.Context(), src); did || !errors.Is(err, gone) {
		t.Errorf("got %v, %v", did, err)
	}
	if r := c.Read(t.Context(), tasks("t")); r.Why != "no-lease" {
		t.Errorf("%+v", r)
	}
	if n := count(t, reg, "honeydue_cache_sweeps_total"); n != 1 {
		t.Errorf("counted %v times", n)
	}
}
