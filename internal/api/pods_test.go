package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// twoPods are two servers with pools and memories of their own, on one Redis
// and one database.
func twoPods(t *testing.T) (lab.Env, *pod, *pod, *stage) {
	t.Helper()
	env := labtest.Database(t, store.Migrate)
	return env, newPod(t, env), newPod(t, env), newStage(t, env)
}

// warm makes the pod know everything about the user that it can know.
func (p *pod) warm(who person) {
	p.t.Helper()
	p.warmList("/api/tasks/", who)
	want[any](p.t, p.get("/api/auth/me/", who.token), http.StatusOK)
}

// warmList reads a hot list until its copy is served. On a busy machine a sweep
// may come late, and without a lease nothing is stored.
func (p *pod) warmList(path string, who person) {
	p.t.Helper()
	labtest.Eventually(p.t, path+" to be warm", func() bool {
		got := p.get(path, who.token)
		want[any](p.t, got, http.StatusOK)
		return strings.HasSuffix(got.header.Get("Cache-Status"), "list; hit")
	})
}

func homePath(h home, rest string) string { return fmt.Sprintf("/api/residences/%d/%s", h.id, rest) }

// TestWhatOnePodChangesTheOtherKnows: any request that begins after the reply.
func TestWhatOnePodChangesTheOtherKnows(t *testing.T) {
	_, a, b, s := twoPods(t)

	t.Run("a removed member", func(t *testing.T) {
		h := s.home()
		b.warm(h.victim)
		want[any](t, b.get(homePath(h, ""), h.victim.token), http.StatusOK)
		path := homePath(h, fmt.Sprintf("users/%d/", h.victim.ID))
		want[any](t, a.send(request{http.MethodDelete, path, h.owner.token, ""}), http.StatusNoContent)
		isProblem(t, b.get(homePath(h, ""), h.victim.token), http.StatusNotFound, codeNotFound)
		noCards(t, b, h.victim)
	})
	t.Run("a deleted residence", func(t *testing.T) {
		h := s.home()
		for _, who := range []person{h.owner, h.admin, h.member} {
			b.warm(who)
		}
		want[any](t, a.send(request{http.MethodDelete, homePath(h, ""), h.owner.token, ""}), http.StatusNoContent)
		for _, who := range []person{h.owner, h.admin, h.member} {
			isProblem(t, b.get(homePath(h, ""), who.token), http.StatusNotFound, codeNotFound)
			isProblem(t, b.get(fmt.Sprintf("/api/tasks/%d/", h.task), who.token), http.StatusNotFound, codeNotFound)
			noCards(t, b, who)
		}
	})
	t.Run("a logged-out token", func(t *testing.T) {
		ada := s.person("Ada")
		b.warm(ada)
		want[any](t, a.post("/api/auth/logout/", ada.token, ""), http.StatusNoContent)
		for range 2 {
			isProblem(t, b.get("/api/auth/me/", ada.token), http.StatusUnauthorized, codeInvalidToken)
			isProblem(t, a.get("/api/auth/me/", ada.token), http.StatusUnauthorized, codeInvalidToken)
		}
	})
	t.Run("another name", func(t *testing.T) {
		ada := s.person("Ada")
		b.warm(ada)
		for i := range 5 {
			name := fmt.Sprintf("Ada %d", i)
			want[any](t, a.send(request{http.MethodPatch, "/api/auth/me/", ada.token, fmt.Sprintf(`{"name":%q}`, name)}), http.StatusOK)
			for _, p := range []*pod{a, b} {
				if got := want[household.User](t, p.get("/api/auth/me/", ada.token), http.StatusOK); got.Name != name {
					t.Errorf("the name is %q after the reply, want %q", got.Name, name)
				}
			}
		}
	})
}

func noCards(t *testing.T, p *pod, who person) {
	t.Helper()
	for _, c := range want[household.Board](t, p.get("/api/tasks/", who.token), http.StatusOK).Columns {
		if c.Count > 0 {
			t.Errorf("%s still sees %d tasks in %s", who.Name, c.Count, c.Name)
		}
	}
}

// TestAccessChangesInvalidate is S13: each change that the table lists takes
// the residence ids of those away whose access it changes, and of nobody else.
func TestAccessChangesInvalidate(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	rdb := redisClient(t, env)
	t.Cleanup(func() { rdb.Close() })
	cases := []struct {
		route   string
		by      func(home) person
		changed func(home) []person
	}{
		{"create_residence", func(h home) person { return h.owner }, func(h home) []person { return []person{h.owner} }},
		{"delete_residence", func(h home) person { return h.owner }, func(h home) []person { return []person{h.owner, h.admin, h.member, h.victim} }},
		{"join_residence", func(h home) person { return h.stranger }, func(h home) []person { return []person{h.stranger} }},
		{"remove_member", func(h home) person { return h.owner }, func(h home) []person { return []person{h.victim} }},
		{"set_member_role", func(h home) person { return h.owner }, func(h home) []person { return []person{h.victim} }},
		{"create_task", func(h home) person { return h.owner }, func(home) []person { return nil }},
		{"update_residence", func(h home) person { return h.owner }, func(home) []person { return nil }},
	}
	for _, c := range cases {
		t.Run(c.route, func(t *testing.T) {
			i := slices.IndexFunc(Routes(), func(r Route) bool { return r.ID == c.route })
			h, q := drive(t, s, Routes()[i])
			q.token = c.by(h).token
			all := []person{h.owner, h.admin, h.member, h.victim, h.stranger}
			for _, who := range all {
				p.warm(who)
			}
			if got := p.send(q); got.status >= 300 {
				t.Fatal(got)
			}
			changed := c.changed(h)
			for _, who := range all {
				held := rdb.Exists(t.Context(), fmt.Sprintf("residence_ids_user:%d", who.ID)).Val() == 1
				isChanged := slices.ContainsFunc(changed, func(x person) bool { return x.ID == who.ID })
				if held == isChanged {
					t.Errorf("the ids of %s are held: %v, access changed: %v", who.Name, held, isChanged)
				}
			}
		})
	}
}

// TestAPlantedIDChangesNoResult is the other half of S11: the cache of
// residence ids is never an authorization.
func TestAPlantedIDChangesNoResult(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h, other := s.home(), s.home()
	rdb := redisClient(t, env)
	t.Cleanup(func() { rdb.Close() })
	key := fmt.Sprintf("residence_ids_user:%d", h.owner.ID)
	p.warm(h.owner)
	if ids := rdb.Get(t.Context(), key).Val(); ids != fmt.Sprintf("[%d]", h.id) {
		t.Fatalf("%s holds %q", key, ids)
	}
	planted := []any{fmt.Sprintf("[%d,%d]", h.id, other.id), "[]", "nonsense", fmt.Sprint(other.id), ""}
	for _, r := range Routes() {
		if !r.Hot {
			continue
		}
		honest := p.get(r.Path, h.owner.token)
		for _, value := range planted {
			if err := rdb.Set(t.Context(), key, value, time.Minute).Err(); err != nil {
				t.Fatal(err)
			}
			wrong := p.metric("honeydue_cache_reads_total", "cache", "residence_ids", "verdict", "wrong")
			got := p.get(r.Path, h.owner.token)
			if string(got.body) != string(honest.body) || got.status != http.StatusOK {
				t.Errorf("%s with %q planted:\n%s\nwithout:\n%s", r.Path, value, got, honest)
			}
			if n := p.metric("honeydue_cache_reads_total", "cache", "residence_ids", "verdict", "wrong"); value != "" && n != wrong+1 {
				t.Errorf("%s with %q planted: counted as wrong %v times, want once", r.Path, value, n-wrong)
			}
			if status := got.header.Get("Cache-Status"); status == honest.header.Get("Cache-Status") {
				t.Errorf("%s with %q planted: Cache-Status says %q", r.Path, value, status)
			}
			isProblem(t, p.get(homePath(other, ""), h.owner.token), http.StatusNotFound, codeNotFound)
			if again := p.get(r.Path, h.owner.token); again.header.Get("Cache-Status") != "token; hit, residence-ids; hit, list; hit" {
				t.Errorf("the planted value was not corrected: %q", again.header.Get("Cache-Status"))
			}
		}
	}
}

// TestWithoutRedis: reads and writes go on, with one turn more, and are counted.
func TestWithoutRedis(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	p.warm(h.owner)
	if err := p.redis.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range Routes() {
		_, q := drive(t, s, r)
		got := p.send(q)
		if got.status >= 300 {
			t.Errorf("%s without Redis: %s", r.ID, got)
		}
		if n := fmt.Sprint(r.Budget.Cold); got.header.Get("X-DB-Turns") != n && r.ID != "readyz" {
			t.Errorf("%s without Redis took %s turns, want %s", r.ID, got.header.Get("X-DB-Turns"), n)
		}
	}
	if p.metric("honeydue_redis_errors_total") == 0 || p.metric("honeydue_redis_skipped_total") == 0 {
		t.Error("the outage is not in the metrics")
	}
	if p.metric("honeydue_cache_reads_total", "cache", "list", "verdict", "bypass") == 0 {
		t.Error("reads past the cache are not in the metrics")
	}
}

// TestWithoutARedisConfigured: the in-process cache serves the same budgets.
func TestWithoutARedisConfigured(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	local, err := cache.Open(cache.Config{Timeout: patient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { local.Close() })
	p.server.cache = local
	if err := p.server.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := s.home()
	p.warm(h.owner)
	if got := p.get("/api/tasks/", h.owner.token); got.header.Get("X-DB-Turns") != "0" {
		t.Errorf("a warm board took %s turns", got.header.Get("X-DB-Turns"))
	}
	if r := want[Readiness](t, p.get("/readyz", ""), http.StatusOK); r.Cache != "in_process" {
		t.Errorf("/readyz calls the cache %q", r.Cache)
	}
}
