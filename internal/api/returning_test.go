package api

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// clock stands still until it is moved. It is the clock of pods, and moves Redis' too.
type clock struct {
	t     *testing.T
	rdb   *redis.Client
	start time.Time
	ahead atomic.Int64
}

func newClock(t *testing.T, env lab.Env, start time.Time) *clock {
	rdb := redisClient(t, env)
	t.Cleanup(func() { rdb.Close() })
	return &clock{t: t, rdb: rdb, start: start}
}

func (c *clock) now() time.Time { return c.start.Add(time.Duration(c.ahead.Load())) }

// later lets time pass: what expires in it is gone.
func (c *clock) later(d time.Duration) {
	c.t.Helper()
	c.ahead.Add(int64(d))
	for _, key := range c.rdb.Keys(c.t.Context(), "*").Val() {
		switch left := c.rdb.PTTL(c.t.Context(), key).Val(); {
		case left < 0: // it does not expire
		case strings.HasPrefix(key, "done:"): // for the sweeps, whose time is the real one
		case left <= d:
			c.rdb.Del(c.t.Context(), key)
		default:
			c.rdb.PExpire(c.t.Context(), key, left-d)
		}
	}
}

// ofEveryDay puts tasks on the board that change their column, or leave, on each of
// the days that follow. Nobody announces them, so it has to come before any read.
func ofEveryDay(t *testing.T, env lab.Env, residence int64, now time.Time) {
	t.Helper()
	direct, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(t.Context())
	_, err = direct.Exec(t.Context(), fmt.Sprintf(`BEGIN;
		SELECT set_config('honeydue.write_id', gen_random_uuid()::text, true);
		INSERT INTO tasks (residence_id, title, due_date, started_at)
			SELECT %[1]d, 'due ' || n, date '%[2]s' + n, CASE WHEN n %% 7 = 0 THEN timestamptz '%[3]s' END FROM generate_series(-3, 45) n;
		INSERT INTO tasks (residence_id, title, completed_at)
			SELECT %[1]d, 'done ' || n, timestamptz '%[3]s' - n * interval '13 hours' FROM generate_series(0, 54, 2) n;
		COMMIT`, residence, now.Format(time.DateOnly), now.Format(time.RFC3339)))
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhoComesBackTakesNoTurn: after hours and after days, as long as Redis has the
// lists, each of them comes without the database, on any pod, and is what the database
// would say now: also the board, of which every day is another one.
func TestWhoComesBackTakesNoTurn(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	clock := newClock(t, env, time.Date(2026, 3, 27, 16, 0, 0, 0, time.UTC))
	at := func(c *Config) { c.Now = clock.now }
	a, b, s := newPod(t, env, at), newPod(t, env, at), newStage(t, env)
	h := s.home()
	ofEveryDay(t, env, h.id, clock.now())
	for _, l := range cache.Lists() {
		a.warmList(pathOf(l), h.owner)
		b.warmList(pathOf(l), h.member)
	}
	board := a.get("/api/tasks/", h.owner.token).body
	for _, passed := range []struct {
		time   time.Duration
		anew   bool // a day has ended since
		status string
	}{
		{3 * time.Hour, false, "token; hit, residence-ids; hit, list; hit"},
		{13 * time.Hour, true, "token; hit, residence-ids; hit, list; hit; detail=remade"},
		{24 * time.Hour, true, "token; hit, residence-ids; hit, list; hit; detail=remade"},
		{20 * time.Minute, false, "token; hit, residence-ids; hit, list; hit"},
		{6 * 24 * time.Hour, true, "token; hit, residence-ids; hit, list; hit; detail=remade"},
	} {
		clock.later(passed.time)
		before := a.pooler.Counts().Turns + b.pooler.Counts().Turns
		for _, l := range cache.Lists() {
			// Each through the pod that has never served it to them, first.
			for i, read := range []struct {
				pod *pod
				who person
			}{{b, h.owner}, {a, h.member}, {a, h.owner}, {b, h.member}} {
				got := read.pod.get(pathOf(l), read.who.token)
				want[any](t, got, http.StatusOK)
				status := "token; hit, residence-ids; hit, list; hit"
				if l == cache.Tasks && i < 2 {
					status = passed.status
				}
				if got.header.Get("X-Db-Turns") != "0" || got.header.Get("Cache-Status") != status {
					t.Errorf("%s later, %s for %s: %s turns, %s", passed.time, l, read.who.Name, got.header.Get("X-Db-Turns"), got.header.Get("Cache-Status"))
				}
				truth, err := Truth(t.Context(), s.db, l, cache.TokenHash(read.who.token), clock.now())
				if err != nil || !bytes.Equal(got.body, truth) {
					t.Errorf("%s later, %s for %s is\n%s\nwant\n%s (%v)", passed.time, l, read.who.Name, got.body, truth, err)
				}
			}
		}
		if turns := a.pooler.Counts().Turns + b.pooler.Counts().Turns - before; turns != 0 {
			t.Errorf("%s later: %d turns", passed.time, turns)
		}
		is := a.get("/api/tasks/", h.owner.token).body
		if bytes.Equal(board, is) == passed.anew {
			t.Errorf("%s later the board is another one: %v, want %v", passed.time, !passed.anew, passed.anew)
		}
		board = is
	}

	// What ends access does so at once, however old the entries are.
	want[any](t, a.send(request{http.MethodDelete, homePath(h, fmt.Sprintf("users/%d/", h.member.ID)), h.owner.token, ""}), http.StatusNoContent)
	noCards(t, b, h.member)
	noCards(t, a, h.member)
	want[any](t, a.post("/api/auth/logout/", h.owner.token, ""), http.StatusNoContent)
	for _, p := range []*pod{b, a} {
		for _, l := range cache.Lists() {
			isProblem(t, p.get(pathOf(l), h.owner.token), http.StatusUnauthorized, codeInvalidToken)
		}
	}
	clock.later(2 * time.Hour) // the tombstone is gone by then
	isProblem(t, b.get("/api/tasks/", h.owner.token), http.StatusUnauthorized, codeInvalidToken)
}

// TestABoardThatLacksCardsTakesOneTurn: a board of another day is read where its copy does not show all of its cards.
func TestABoardThatLacksCardsTakesOneTurn(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	clock := newClock(t, env, time.Date(2026, 3, 27, 16, 0, 0, 0, time.UTC))
	p, s := newPod(t, env, func(c *Config) { c.Now = clock.now }), newStage(t, env)
	h := s.home()
	direct, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(t.Context())
	_, err = direct.Exec(t.Context(), fmt.Sprintf(`BEGIN;
		SELECT set_config('honeydue.write_id', gen_random_uuid()::text, true);
		INSERT INTO tasks (residence_id, title, due_date) SELECT %d, 'due ' || n, date '2026-05-01' FROM generate_series(1, %d) n;
		COMMIT`, h.id, household.OpenShown))
	if err != nil {
		t.Fatal(err)
	}
	p.warmList("/api/tasks/", h.owner)
	clock.later(24 * time.Hour)
	for n, turns := range []string{"1", "0"} {
		got := p.get("/api/tasks/", h.owner.token)
		if got.header.Get("X-Db-Turns") != turns || strings.Contains(got.header.Get("Cache-Status"), "remade") {
			t.Errorf("read %d: %s turns, %s", n, got.header.Get("X-Db-Turns"), got.header.Get("Cache-Status"))
		}
		truth, err := Truth(t.Context(), s.db, cache.Tasks, cache.TokenHash(h.owner.token), clock.now())
		if err != nil || !bytes.Equal(got.body, truth) {
			t.Errorf("it is\n%s\nwant\n%s (%v)", got.body, truth, err)
		}
	}
}

// TestWhatCannotBeRemadeIsRead: a copy with nonsense in it costs a turn and no error.
func TestWhatCannotBeRemadeIsRead(t *testing.T) {
	s := &Server{}
	home := []household.Home{{ID: 1, TimeZone: "UTC"}}
	board, err := s.compressors.render(household.BuildBoard(household.BoardInput{Homes: home, Now: time.Now()}))
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.compressors.render(ready(`{"columns":[{"name":"completed","count":1,"tasks":[{"id":1,"residence_id":1}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	remake := string(remakeOf(home, nil))
	for name, c := range map[string]struct {
		aged *cache.AgedCopy
		ok   bool
	}{
		"a copy":                                {&cache.AgedCopy{Body: string(board), Remake: remake}, true},
		"no copy":                               {nil, false},
		"a body that is not compressed":         {&cache.AgedCopy{Body: "{}", Remake: remake}, false},
		"homes that are none":                   {&cache.AgedCopy{Body: string(board), Remake: "1"}, false},
		"a completed card that is not complete": {&cache.AgedCopy{Body: string(text), Remake: remake}, false},
	} {
		if _, ok := boardAgain(&cache.Reading{UserID: 7, Aged: c.aged}, time.Now()); ok != c.ok {
			t.Errorf("%s: %v, want %v", name, ok, c.ok)
		}
	}
}

// ready is text that is JSON already.
type ready string

func (j ready) MarshalJSON() ([]byte, error) { return []byte(j), nil }
