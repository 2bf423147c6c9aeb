package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestTwoPodsShareTheSweeping: in each period one of them reads the log.
func TestTwoPodsShareTheSweeping(t *testing.T) {
	url := labtest.Redis(t)
	one, two, d := opened(t, Config{URL: url}), opened(t, Config{URL: url}), &database{}
	swept(t, one, d)
	turn := func(ms int64) { // Redis' clock says that the last sweep was so long ago
		at := one.rdb.Time(t.Context()).Val().UnixMilli() - ms
		if err := one.rdb.HSet(t.Context(), sharedKey, "swept", at).Err(); err != nil {
			t.Fatal(err)
		}
	}
	turn(-time.Hour.Milliseconds()) // a clock that went back delays nothing
	did := func(c *Cache) bool {
		ok, err := c.Sweep(t.Context(), d.source())
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !did(two) {
		t.Error("not due after the clock went back")
	}
	turn(0)
	// The script with a period that no slow machine outlasts.
	if due := one.scripts.due.Run(t.Context(), one.rdb, nil, time.Hour.Milliseconds()).Val(); fmt.Sprint(due) != "[]" {
		t.Errorf("due at once: %v", due)
	}
	turn(SweepPeriod.Milliseconds())
	if !did(two) {
		t.Error("not due after the period")
	}
	// A sweep that another has overtaken tells nothing.
	d.commit(newWriteID(), r1)
	d.meanwhile = func() {
		d.meanwhile = nil
		d.commit(newWriteID(), r1)
		swept(t, two, d)
	}
	turn(SweepPeriod.Milliseconds())
	if did(one) {
		t.Error("a sweep from a cursor that has moved on was taken")
	}
}

// TestACutOffWriteIsInReadsAfterTheSweep, on every pod; it is counted.
func TestACutOffWriteIsInReadsAfterTheSweep(t *testing.T) {
	url := labtest.Redis(t)
	reg := prometheus.NewRegistry()
	one, two, d := opened(t, Config{URL: url, Registerer: reg}), opened(t, Config{URL: url}), &database{}
	swept(t, one, d)
	warmed(t, one, tasks("t"), answer("old"))
	d.commit(newWriteID(), r1)
	swept(t, one, d)
	for _, c := range []*Cache{one, two} {
		if r := c.Read(t.Context(), tasks("t")); r.ListVerdict == Hit {
			t.Errorf("%q is served", r.Body)
		}
	}
	if n := count(t, reg, "honeydue_cache_repairs_total"); n != 1 {
		t.Errorf("%v repairs are counted, want 1", n)
	}
	written(t, two, d, Effects{}, r1)
	swept(t, one, d)
	if n := count(t, reg, "honeydue_cache_repairs_total"); n != 1 {
		t.Errorf("a write that was announced is counted as a repair")
	}
}

// TestHoldsMetTwiceAreSettled: first the database, then Redis.
func TestHoldsMetTwiceAreSettled(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	reg := prometheus.NewRegistry()
	c := opened(t, Config{URL: labtest.Redis(t), Registerer: reg, Now: func() time.Time { return now }})
	d := &database{}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("list"))
	h := c.Hold(t.Context(), r1, UserScope(7)) // and the writer is never heard of again
	meet := func() {
		t.Helper()
		if r := c.Read(t.Context(), tasks("t")); r.Why != "held" {
			t.Fatalf("%+v", r)
		}
		if err := c.settle(t.Context(), d.source()); err != nil {
			t.Fatal(err)
		}
	}
	meet()
	now = now.Add(Patience - 1)
	meet()
	if d.settled[h.ID] {
		t.Error("a hold was settled before it lingered")
	}
	// Met once and not again for long: it may be another's by now.
	now = now.Add(forgetAfter + 1)
	meet()
	now = now.Add(Patience)
	d.meanwhile = func() {
		d.meanwhile = nil
		if r := c.Read(t.Context(), tasks("t")); r.Why != "held" {
			t.Errorf("the hold was dropped before the database had settled it: %+v", r)
		}
	}
	meet()
	if !d.settled[h.ID] || d.commit(h.ID, r1) {
		t.Error("the write may still commit")
	}
	if r := c.Read(t.Context(), tasks("t")); r.Why != "" || r.ListVerdict == Hit {
		t.Errorf("after it was settled: %+v", r)
	}
	if n := count(t, reg, "honeydue_cache_holds_settled_total"); n != 1 {
		t.Errorf("%v holds are counted as settled", n)
	}
	if n := len(c.keeper.lingering(now)); n != 0 {
		t.Errorf("%d holds still linger", n)
	}
}

// TestAbandon: a writer that does not know its outcome says so, and nobody has
// to meet its hold.
func TestAbandon(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	c := opened(t, Config{URL: labtest.Redis(t), Now: func() time.Time { return now }})
	d := &database{}
	swept(t, c, d)
	h := c.Hold(t.Context(), UserScope(7), r1)
	c.Abandon(h)
	broken := errors.New("the database is gone")
	now = now.Add(forgetAfter + Patience)
	err := c.settle(t.Context(), Source{Settle: func(context.Context, string) error { return broken }})
	if !errors.Is(err, broken) || len(c.keeper.lingering(now)) != 1 {
		t.Errorf("what was not settled is forgotten: %v", err)
	}
	if err := c.settle(t.Context(), d.source()); err != nil || !d.settled[h.ID] {
		t.Errorf("not settled: %v", err)
	}
	for _, s := range h.scopes {
		if st := c.rdb.Get(t.Context(), s.stateKey()).Val(); len(Holds(s.stateKey(), st)) != 0 {
			t.Errorf("%s is still held: %s", s, st)
		}
	}
}

func TestSuspectsAreBounded(t *testing.T) {
	k, now := newKeeper(), time.Unix(0, 0)
	for range 2 * maxSuspects {
		k.note(newWriteID(), now, false, r1)
	}
	if n := len(k.byID); n != maxSuspects {
		t.Errorf("%d are remembered", n)
	}
	k.lingering(now.Add(forgetAfter + 1))
	if n := len(k.byID); n != 0 {
		t.Errorf("%d are remembered though nobody has met them for long", n)
	}
}

// TestAHoldNamesEachScopeOnce, or one would be left after the release of the other.
func TestAHoldNamesEachScopeOnce(t *testing.T) {
	c := opened(t, Config{URL: labtest.Redis(t)})
	h := c.Hold(t.Context(), r1, UserScope(7), r1)
	if !slices.Equal(h.scopes, []Scope{r1, UserScope(7)}) {
		t.Errorf("%q", h.scopes)
	}
	if st := c.rdb.Get(t.Context(), r1.stateKey()).Val(); !slices.Equal(Holds(r1.stateKey(), st), []string{h.ID}) {
		t.Errorf("%q", st)
	}
}

// TestKeepRestsAndWakes: when nobody asks, it leaves the database alone; the
// next request starts it again.
func TestKeepRestsAndWakes(t *testing.T) {
	var clock atomic.Int64
	c := opened(t, Config{URL: labtest.Redis(t), Now: func() time.Time { return time.Unix(1_000_000, clock.Load()) }})
	asked := make(chan struct{}, 1000)
	d := &database{}
	d.meanwhile = func() { asked <- struct{}{} }
	ctx, stop := context.WithCancel(t.Context())
	var kept sync.WaitGroup
	kept.Go(func() { c.Keep(ctx, d.source(), func(err error) { t.Error(err) }) })
	<-asked
	<-asked
	clock.Add(int64(IdleAfter + time.Second))
	// One sweep may be under way, and one wake-up is left from before.
	rest := time.NewTimer(4 * SweepPeriod)
	n := 0
	for resting := false; !resting; {
		select {
		case <-asked:
			n++
		case <-rest.C:
			resting = true
		}
	}
	if n > 2 {
		t.Errorf("%d sweeps while nobody asked", n)
	}
	c.Read(t.Context(), tasks("t"))
	<-asked
	stop()
	kept.Wait()
}

// TestKeepSettlesBesideTheSweep: a statement that runs long, for whose end
// settling waits, must not cost everybody the lease.
func TestKeepSettlesBesideTheSweep(t *testing.T) {
	var clock atomic.Int64
	c := opened(t, Config{URL: labtest.Redis(t), Now: func() time.Time { return time.Unix(1_000_000, clock.Load()) }})
	d := &database{}
	h := c.Hold(t.Context(), r1)
	c.Abandon(h)
	clock.Add(int64(Patience))
	settling, swept := make(chan string, 1), make(chan struct{}, 1000)
	src := Source{
		Changes: func(ctx context.Context, cursor string) (Changes, error) {
			swept <- struct{}{}
			return d.changes(ctx, cursor)
		},
		Settle: func(ctx context.Context, id string) error {
			select {
			case settling <- id:
			default: // the test has seen the first, or is not there yet and will see the next
			}
			<-ctx.Done() // a statement that does not end
			return ctx.Err()
		},
		Prune: func(context.Context, time.Time) error { return nil },
	}
	ctx, stop := context.WithCancel(t.Context())
	var kept sync.WaitGroup
	kept.Go(func() { c.Keep(ctx, src, func(error) {}) })
	if id := <-settling; id != h.ID {
		t.Errorf("settles %s, want %s", id, h.ID)
	}
	for len(swept) > 0 {
		<-swept
	}
	<-swept
	<-swept
	stop()
	kept.Wait()
}

// TestAWriteThatHeldNothingIsNotRemembered: nobody could settle it, and enough
// of them would crowd out the holds that have to be.
func TestAWriteThatHeldNothingIsNotRemembered(t *testing.T) {
	c := opened(t, Config{URL: labtest.Redis(t)})
	for range 2 * maxSuspects {
		c.Abandon(c.Hold(t.Context()))
	}
	if n := len(c.keeper.byID); n != 0 {
		t.Errorf("%d writes without a hold are remembered", n)
	}
	c.Abandon(c.Hold(t.Context(), r1))
	if n := len(c.keeper.byID); n != 1 {
		t.Errorf("%d writes with a hold are remembered, want 1", n)
	}
}

// TestAHoldThatCannotBeSettled, since the database is read-only, ends all the
// same, and is counted.
func TestAHoldThatCannotBeSettled(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	reg := prometheus.NewRegistry()
	c := opened(t, Config{URL: labtest.Redis(t), Registerer: reg, Now: func() time.Time { return now }})
	d := &database{}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("list"))
	src := d.source()
	src.Settle = func(context.Context, string) error { return ErrUndecided }
	h := c.Hold(t.Context(), r1)
	c.Abandon(h)
	verdict := func() Verdict {
		t.Helper()
		if err := c.settle(t.Context(), src); err != nil {
			t.Fatal(err)
		}
		return c.Read(t.Context(), tasks("t")).ListVerdict
	}
	now = now.Add(UndecidedAfter - 1)
	if v := verdict(); v != Bypass {
		t.Errorf("before its time: %s", v)
	}
	now = now.Add(1)
	if v := verdict(); v != Miss {
		t.Errorf("after its time: %s", v)
	}
	warmed(t, c, tasks("t"), answer("list"))
	// It commits all the same: the sweep tells it.
	d.commit(h.ID, r1)
	swept(t, c, d)
	if v := verdict(); v == Hit {
		t.Error("a write that committed late is missed")
	}
	if n := count(t, reg, "honeydue_cache_unconfirmed_total"); n != 2 { // its outcome, and that it was not settled
		t.Errorf("%v are counted", n)
	}
}
