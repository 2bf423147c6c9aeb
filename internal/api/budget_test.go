package api

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// TestTurnBudgets drives every route, warm and cold, on real servers. The
// header, the metric and a proxy outside of the process must agree on the
// turns, and on the table's number; and what ran must be what the table
// declares, letter for letter as in the catalogue.
func TestTurnBudgets(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	for _, r := range Routes() {
		if r.ID == "readyz" {
			continue // pings at most each few seconds: see TestReadyzAsksSparingly
		}
		variants := append([]Variant{{Statements: r.Statements, Budget: r.Budget}}, r.Variants...)
		for _, v := range variants {
			t.Run(r.ID+"/warm/"+v.Query, func(t *testing.T) {
				h, q := drive(t, s, r)
				want[any](t, p.get("/api/auth/me/", h.owner.token), http.StatusOK)
				statements := v.Statements
				if r.Hot && v.Query == "" {
					p.warmList(r.Path, h.owner)
					statements = nil // Redis has it all
				}
				bill(t, p, r, v, q, v.Budget.Warm, statements)
			})
			t.Run(r.ID+"/cold/"+v.Query, func(t *testing.T) {
				_, q := drive(t, s, r)
				forget(t, env)
				statements := v.Statements
				switch {
				case r.Hot && v.Query == "": // one pipeline, of which the later statement looks the token up
					statements = append(slices.Clone(statements), "auth_lookup")
				case r.Auth():
					statements = append([]string{"auth_lookup"}, statements...)
				}
				bill(t, p, r, v, q, v.Budget.Cold, statements)
			})
		}
	}
}

func bill(t *testing.T, p *pod, r Route, v Variant, q request, turns int, statements []string) {
	t.Helper()
	if v.Query != "" {
		q.path += "?" + v.Query
	}
	p.sql.take()
	outside, metric := p.pooler.Counts().Turns, p.metric("honeydue_http_request_db_turns", "route", r.Path)
	pool := p.metric(poolPrefix + poolTurns)
	got := p.send(q)
	if got.status != r.Status && r.handler == nil || got.status >= 300 {
		t.Fatalf("got %s, want status %d", got, r.Status)
	}
	if n := p.pooler.Counts().Turns - outside; n != int64(turns) {
		t.Errorf("the proxy outside saw %d turns, want %d", n, turns)
	}
	if h := got.header.Get("X-DB-Turns"); h != strconv.Itoa(turns) {
		t.Errorf("the reply says %s turns, want %d", h, turns)
	}
	if n := p.metric("honeydue_http_request_db_turns", "route", r.Path) - metric; n != float64(turns) {
		t.Errorf("the metric counted %v turns, want %d", n, turns)
	}
	if n := p.metric(poolPrefix+poolTurns) - pool; n != float64(turns) {
		t.Errorf("the pool counted %v turns, want %d", n, turns)
	}
	if ran, declared := p.sql.take(), texts(t, statements); !slices.Equal(ran, declared) {
		t.Errorf("ran:\n%q\ndeclared:\n%q", ran, declared)
	}
}

// texts are the catalogue's statements of those names.
func texts(t *testing.T, names []string) []string {
	t.Helper()
	var sql []string
	for _, name := range names {
		i := slices.IndexFunc(store.Catalogue(), func(q store.Query) bool { return q.Name == name })
		if i < 0 {
			t.Fatalf("no statement %s in the catalogue", name)
		}
		sql = append(sql, store.Catalogue()[i].SQL)
	}
	return sql
}

// uncached is the path of a hot list in a form of which no copies are kept.
func uncached(path string) string {
	if path == "/api/tasks/" {
		return path + "?days=7"
	}
	return path + "?limit=7"
}

// TestNoHiddenTurnAfterIdling: pgxpool's own default would ping a connection
// that idled for over a second, which doubles the request.
func TestNoHiddenTurnAfterIdling(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	want[any](t, p.get("/api/tasks/", h.owner.token), http.StatusOK)
	time.Sleep(2 * time.Second)
	for _, r := range Routes() {
		if !r.Hot {
			continue
		}
		before := p.pooler.Counts()
		got := p.get(uncached(r.Path), h.owner.token)
		after := p.pooler.Counts()
		if n := after.Turns - before.Turns; n != 1 || got.header.Get("X-DB-Turns") != "1" {
			t.Errorf("%s after 2 s of idleness: %d turns outside, %s in the reply; want 1", r.Path, n, got.header.Get("X-DB-Turns"))
		}
		if after.Dials != before.Dials {
			t.Errorf("%s dialled", r.Path)
		}
	}
}

// TestTurnsAddUpUnderConcurrency: no turn is charged twice or to nobody.
func TestTurnsAddUpUnderConcurrency(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	people := []person{h.owner, h.admin, h.member, h.victim}
	const clients, each = 8, 25
	for _, who := range people { // warm, or the clients would race to be the cold one
		want[any](t, p.get("/api/tasks/", who.token), http.StatusOK)
	}
	before := p.pooler.Counts().Turns
	sums, errs := make([]int, clients), make([]error, clients)
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				path := uncached([]string{"/api/tasks/", "/api/residences/", "/api/contractors/", "/api/documents/"}[i%4])
				r, err := p.try(request{http.MethodGet, path, people[c%len(people)].token, ""})
				if err != nil || r.status != http.StatusOK {
					errs[c] = err
					t.Errorf("client %d: %s, %v", c, r, err)
					return
				}
				n, _ := strconv.Atoi(r.header.Get("X-DB-Turns"))
				sums[c] += n
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range sums {
		sum += n
	}
	if outside := p.pooler.Counts().Turns - before; int64(sum) != outside || sum != clients*each {
		t.Errorf("the replies say %d turns, the proxy outside %d; want %d", sum, outside, clients*each)
	}
}
