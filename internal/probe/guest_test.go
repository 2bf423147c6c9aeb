package probe_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestASmallPoolIsNotHeld: in a pool of two with one long holder the self-test would keep the last server
// connection while it waits for another one. It is not made, and whoever else comes never finds it held.
func TestASmallPoolIsNotHeld(t *testing.T) {
	l := labtest.New(t, lab.Config{PoolSize: 2})
	env := l.Env()
	if err := prepare(t.Context(), env.DirectURL); err != nil {
		t.Fatal(err)
	}
	holder, err := pgx.Connect(t.Context(), env.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close(context.WithoutCancel(t.Context()))
	if _, err := holder.Exec(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	looks, held := whileProbing(t, env, func() {
		c := config(env)
		contains(t, checkOf(t, run(t, c), "HD-P14").Why, "the pool has too few spare connections")
		c.AdminURL = ""
		contains(t, checkOf(t, run(t, c), "HD-P14").Why, "it is unknown whether the pool has spare connections")
	})
	if looks < 20 || held > 0 {
		t.Errorf("in %d of %d looks the probe held a server connection by its self-test", held, looks)
	}
}

// TestTheSelfTestHoldsBriefly: in mode cache_statement the test is made even there, and lets go as soon as
// it is plain that there is no second server connection.
func TestTheSelfTestHoldsBriefly(t *testing.T) {
	l := labtest.New(t, lab.Config{PoolSize: 1})
	c := config(l.Env())
	c.ExecMode, c.Only = "cache_statement", []string{"HD-P14"}
	quickest := math.Inf(1)
	for range 10 { // a busy machine only adds to it
		r := run(t, c)
		contains(t, checkOf(t, r, "HD-P14").Why, "It could not be tested")
		if quickest = min(quickest, r.DurationMS); quickest < 2500 { // a run that is held takes 3 s
			return
		}
	}
	t.Errorf("the probe took %.0f ms at best", quickest)
}

// whileProbing looks again and again whether the self-test's transaction is open.
func whileProbing(t *testing.T, env lab.Env, probing func()) (looks, held int) {
	t.Helper()
	direct, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(context.WithoutCancel(t.Context()))
	over, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-over:
				done <- nil
				return
			case <-time.After(5 * time.Millisecond):
			}
			var n int
			err := direct.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%SAVEPOINT probe'").Scan(&n)
			if err != nil {
				done <- err
				return
			}
			looks++
			held += n
		}
	}()
	probing()
	close(over)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return looks, held
}

// TestOnlyTheChosenIsMeasured: a check that asks for nothing of the pooler spares it the self-tests, the
// transfers and the runs. What the pooler was spared is counted in front of it.
func TestOnlyTheChosenIsMeasured(t *testing.T) {
	env := labtest.Database(t, prepare)
	probed := func(only ...string) (connections, turns int64) {
		t.Helper()
		front, proxy := labtest.Pooler(t, env, link.Model{})
		c := config(front)
		c.Only = only
		run(t, c)
		counted := proxy.Counts()
		return counted.Dials, counted.Turns
	}
	allConnections, allTurns := probed()
	connections, turns := probed("HD-Q01")
	if connections != 1 {
		t.Errorf("with --only HD-Q01 the pooler saw %d connections, want 1 (of %d)", connections, allConnections)
	}
	if turns > allTurns/4 {
		t.Errorf("with --only HD-Q01 the pooler answered %d turns, with everything %d", turns, allTurns)
	}
	for code, want := range map[string]int{"HD-Q01": 15, "HD-Q12": 15, "HD-P04": 15, "HD-D08": 0, "HD-R06": 0} {
		c := config(env)
		c.Only = []string{code}
		r := run(t, c)
		if len(r.HotPaths) != want {
			t.Errorf("with --only %s %d hot paths were explained, want %d", code, len(r.HotPaths), want)
		}
		if got := checkOf(t, r, code); got.Status == facts.Unknown {
			t.Errorf("with --only %s it is unknown: %s", code, got.Why)
		}
	}
}

// TestKeysAreSampledForWhoAsks: the sample of Redis's keys belongs to three checks.
func TestKeysAreSampledForWhoAsks(t *testing.T) {
	url := labtest.Redis(t)
	opts, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opts)
	defer client.Close()
	if err := client.Set(t.Context(), cache.StateKey(cache.UserScope(1)), "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]int{"HD-R10": 1, "HD-R16": 1, "HD-R11": 0} {
		r := run(t, facts.Config{RedisURL: url, Only: []string{code}, Window: -1})
		if r.Redis.Sampled != want {
			t.Errorf("with --only %s %d keys were sampled, want %d", code, r.Redis.Sampled, want)
		}
	}
}
