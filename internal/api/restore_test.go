package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// emptied loses all that Redis has, and waits for the sweep after that.
func (p *pod) emptied(rdb *redis.Client) {
	p.t.Helper()
	must(p.t, 0, rdb.FlushDB(p.t.Context()).Err())
	labtest.Eventually(p.t, "a sweep after the flush", func() bool {
		return rdb.HExists(p.t.Context(), cache.SharedKey, "lease").Val()
	})
}

// restored is how many lists the pod has filled after Redis was emptied, and how many it has not.
func (p *pod) restored() (done, dropped float64) {
	return p.metric(cache.MetricRefreshed, "outcome", string(cache.RestoredDone)), p.metric(cache.MetricRefreshed, "outcome", string(cache.RestoredDropped))
}

// TestWhatRedisLostIsFilled: the lists that a pod has served are filled in few turns, and nobody waits for them: through any
// pod, with each token of a user. Who has logged out meanwhile is not known again, and nor is what was never read.
func TestWhatRedisLostIsFilled(t *testing.T) {
	env, a, b, s := twoPods(t)
	rdb := redisClient(t, env)
	t.Cleanup(func() { rdb.Close() })
	h := s.home()
	second := person{h.owner.User, newToken()}
	must(t, 0, s.db.CreateToken(t.Context(), h.owner.ID, cache.TokenHash(second.token)))
	for _, l := range cache.Lists() {
		a.warmList(pathOf(l), h.owner)
		a.warmList(pathOf(l), h.victim)
	}
	a.warmList("/api/tasks/", second)
	a.warmList("/api/contractors/", h.member)
	var crowd []person
	for i := range restoreBatch {
		crowd = append(crowd, s.person(fmt.Sprint("Crowd", i)))
		a.warmList("/api/tasks/", crowd[i])
	}
	a.emptied(rdb)
	// By SQL from outside, which nobody announces.
	direct, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(t.Context())
	if _, err := direct.Exec(t.Context(), "DELETE FROM auth_tokens WHERE key_hash = $1", cache.TokenHash(h.victim.token)); err != nil {
		t.Fatal(err)
	}

	before := a.pooler.Counts().Turns
	a.server.restoreRecent(t.Context())
	if turns := a.pooler.Counts().Turns - before; turns != 2 { // of 28 users
		t.Errorf("%d turns, want 2", turns)
	}
	if done, dropped := a.restored(); done != float64(4+1+len(crowd)) || dropped != 0 {
		t.Errorf("%v lists were filled and %v dropped", done, dropped)
	}
	free := func(p *pod, l cache.List, who person) {
		t.Helper()
		got := p.get(pathOf(l), who.token)
		truth, err := Truth(t.Context(), s.db, l, cache.TokenHash(who.token), time.Now())
		if got.header.Get("X-Db-Turns") != "0" || err != nil || !bytes.Equal(got.body, truth) {
			t.Errorf("%s of %s: %s turns, %s: %s", l, who.Name, got.header.Get("X-Db-Turns"), got.header.Get("Cache-Status"), got)
		}
	}
	for _, p := range []*pod{b, a} {
		for _, l := range cache.Lists() {
			free(p, l, h.owner)
			free(p, l, second)
			isProblem(t, p.get(pathOf(l), h.victim.token), http.StatusUnauthorized, codeInvalidToken)
		}
		free(p, cache.Contractors, h.member)
		for _, who := range crowd {
			free(p, cache.Tasks, who)
		}
	}
	if got := b.get("/api/tasks/", h.member.token); got.header.Get("X-Db-Turns") != "1" {
		t.Errorf("a board that the member has never read took %s turns, want 1", got.header.Get("X-Db-Turns"))
	}

	// What is there is not read again.
	filled, _ := a.restored()
	a.server.restoreRecent(t.Context())
	if again, _ := a.restored(); again != filled {
		t.Errorf("%v lists were filled that were there", again-filled)
	}
}

// TestRestoringWaitsForNoRequest: Keep does it by itself, in one of the pods.
func TestRestoringWaitsForNoRequest(t *testing.T) {
	env, a, b, s := twoPods(t)
	rdb := redisClient(t, env)
	t.Cleanup(func() { rdb.Close() })
	h := s.home()
	ctx, end := context.WithCancel(t.Context())
	var keeping sync.WaitGroup
	for _, p := range []*pod{a, b} {
		p.warmList("/api/tasks/", h.owner)
		p.warmList("/api/tasks/", h.member)
		keeping.Go(func() { p.server.Keep(ctx) })
	}
	t.Cleanup(func() { end(); keeping.Wait() })
	must(t, 0, rdb.FlushDB(t.Context()).Err())
	labtest.Eventually(t, "the lists to be filled", func() bool {
		ofA, _ := a.restored()
		ofB, _ := b.restored()
		return ofA+ofB == 2
	})
	for _, p := range []*pod{a, b} {
		for _, who := range []person{h.owner, h.member} {
			if got := p.get("/api/tasks/", who.token); got.header.Get("X-Db-Turns") != "0" {
				t.Errorf("%s turns, %s", got.header.Get("X-Db-Turns"), got.header.Get("Cache-Status"))
			}
		}
	}
}

// TestRestoringIsDroppedUnderLoad: while requests use more than half of the pool, nothing is read in the background.
func TestRestoringIsDroppedUnderLoad(t *testing.T) {
	env, a, _, s := twoPods(t)
	rdb := redisClient(t, env)
	t.Cleanup(func() { rdb.Close() })
	h := s.home()
	for _, l := range cache.Lists() {
		a.warmList(pathOf(l), h.owner)
	}
	direct, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(t.Context())
	if _, err := direct.Exec(t.Context(), "BEGIN; LOCK TABLE contractors"); err != nil {
		t.Fatal(err)
	}
	a.emptied(rdb)
	var waiting sync.WaitGroup
	for range 5 { // of 8 connections
		waiting.Go(func() {
			if got, err := a.try(request{http.MethodGet, uncached("/api/contractors/"), h.owner.token, ""}); err != nil || got.status != http.StatusOK {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	labtest.Eventually(t, "five requests to wait for the lock", func() bool { return a.db.Stat().InUse >= 5 })
	a.server.restores.busy = time.Millisecond
	a.server.restoreRecent(t.Context())
	if done, dropped := a.restored(); done != 0 || dropped != float64(len(cache.Lists())) {
		t.Errorf("%v lists were filled and %v dropped", done, dropped)
	}
	if _, err := direct.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	waiting.Wait()
	a.server.restoreRecent(t.Context())
	if done, _ := a.restored(); done != float64(len(cache.Lists())) {
		t.Errorf("%v lists were filled after that", done)
	}
}

// TestARestoreThatFailsCostsNothing: a statement that the database refuses drops its batch, and readers ask for themselves.
func TestARestoreThatFailsCostsNothing(t *testing.T) {
	env, a, _, s := twoPods(t)
	rdb := redisClient(t, env)
	t.Cleanup(func() { rdb.Close() })
	h := s.home()
	a.warmList("/api/tasks/", h.owner)
	a.warmList("/api/contractors/", h.owner)
	a.emptied(rdb)
	direct, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(t.Context())
	if _, err := direct.Exec(t.Context(), "ALTER TABLE contractors RENAME COLUMN phone TO gone"); err != nil {
		t.Fatal(err)
	}
	a.server.restoreRecent(t.Context())
	if done, dropped := a.restored(); done != 0 || dropped != 2 {
		t.Errorf("%v lists were filled and %v dropped", done, dropped)
	}
	want[any](t, a.get("/api/tasks/", h.owner.token), http.StatusOK)
}

// TestRestoresAreRare: a Redis that is emptied again at once is filled again, and not before the period is over.
func TestRestoresAreRare(t *testing.T) {
	env, a, _, s := twoPods(t)
	rdb := redisClient(t, env)
	t.Cleanup(func() { rdb.Close() })
	a.warmList("/api/tasks/", s.home().owner)
	a.server.restores.period = 300 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); a.server.restore(ctx) }()
	defer func() { cancel(); <-ended }()
	var filled []time.Time
	for n := range 2 {
		a.emptied(rdb)
		a.server.restores.offer()
		a.server.restores.offer() // does not wait
		labtest.Eventually(t, "a filled list", func() bool { done, _ := a.restored(); return done == float64(n+1) })
		filled = append(filled, time.Now())
	}
	if between := filled[1].Sub(filled[0]); between < a.server.restores.period/2 {
		t.Errorf("Redis was filled again after %s, with a period of %s", between, a.server.restores.period)
	}
}
