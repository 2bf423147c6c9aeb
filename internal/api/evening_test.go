package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

// pathOf is where a list is read.
func pathOf(l cache.List) string { return "/api/" + string(l) + "/" }

// writeRoutes are the routes that change something in a residence.
func writeRoutes() []Route {
	var routes []Route
	for _, r := range Routes() {
		if r.Auth() && r.Method != http.MethodGet && (strings.HasPrefix(r.Path, "/api/tasks/") || strings.HasPrefix(r.Path, "/api/contractors/") || strings.HasPrefix(r.Path, "/api/documents/") || r.ID == "update_residence") {
			routes = append(routes, r)
		}
	}
	return routes
}

// TestWarmStaysWarmWhilePeopleWrite: after each kind of write, all lists of the
// writer and of another member come from the cache, through either pod, and are
// what the database has. The write takes the turns that its route declares.
func TestWarmStaysWarmWhilePeopleWrite(t *testing.T) {
	_, a, b, s := twoPods(t)
	for _, r := range writeRoutes() {
		t.Run(r.ID, func(t *testing.T) {
			h, q := drive(t, s, r)
			q.token = h.owner.token
			for _, l := range cache.Lists() {
				a.warmList(pathOf(l), h.owner)
				b.warmList(pathOf(l), h.member)
			}
			got := a.send(q)
			if got.status >= 300 {
				t.Fatal(got)
			}
			if turns := got.header.Get("X-Db-Turns"); turns != fmt.Sprint(r.Budget.Warm) {
				t.Errorf("the write took %s turns, want %d", turns, r.Budget.Warm)
			}
			for _, l := range cache.Lists() {
				cooled := r.ID == "update_residence" && l == cache.Tasks // two lists in one write: the board is read again
				for _, p := range []*pod{a, b} {
					for _, who := range []person{h.owner, h.member} {
						got := p.get(pathOf(l), who.token)
						want[any](t, got, http.StatusOK)
						if hit := strings.HasSuffix(got.header.Get("Cache-Status"), "list; hit"); !hit && !cooled {
							t.Errorf("%s of %s: %s", l, who.Name, got.header.Get("Cache-Status"))
						}
						text, err := Truth(t.Context(), s.db, l, cache.TokenHash(who.token), a.server.now())
						if err != nil || string(text) != string(got.body) {
							t.Errorf("%s of %s is\n%s\nwant\n%s (%v)", l, who.Name, got.body, text, err)
						}
					}
				}
			}
		})
	}
}

// TestAWriteReadsOnlyWhatFits: a board that would cost the write another round
// trip is not read in its turn.
func TestAWriteReadsOnlyWhatFits(t *testing.T) {
	readers := []cache.Reader{{UserID: 1, Bytes: refreshBytes + 1}, {UserID: 2, Bytes: refreshBytes - 10}, {UserID: 3, Bytes: 11}, {UserID: 4, Bytes: 10}}
	s := &Server{now: time.Now}
	var who []int64
	for _, r := range s.refresh(cache.Tasks, readers).readers {
		who = append(who, r.UserID)
	}
	if !slices.Equal(who, []int64{2, 4}) {
		t.Errorf("read for %v", who)
	}
}

// TestARefusedListCostsNoWrite: the list is read in the write's transaction, and
// an error there ends both. The write is made again, without it.
func TestARefusedListCostsNoWrite(t *testing.T) {
	_, a, _, s := twoPods(t)
	h := s.home()
	a.warm(h.owner)
	before := want[household.Task](t, a.get(fmt.Sprintf("/api/tasks/%d/", h.task), h.owner.token), http.StatusOK)
	// No board can be read any more: a column that only the board reads is gone.
	direct, err := pgx.Connect(t.Context(), a.env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(t.Context())
	if _, err := direct.Exec(t.Context(), "ALTER TABLE auth_tokens RENAME COLUMN key_hash TO gone"); err != nil {
		t.Fatal(err)
	}
	got := a.send(request{http.MethodPatch, fmt.Sprintf("/api/tasks/%d/", h.task), h.owner.token, `{"title":"another"}`})
	if after := want[household.Task](t, got, http.StatusOK); after.Version != before.Version+1 || after.Title != "another" {
		t.Errorf("%+v after %+v", after, before)
	}
}

// TestWhatDoesNotFitIsReadAfterTheWrite: lists that were too large for the write's turn are filled in the background, all
// in one turn, and a reader who comes meanwhile joins.
func TestWhatDoesNotFitIsReadAfterTheWrite(t *testing.T) {
	_, a, b, s := twoPods(t)
	h := s.home()
	a.warm(h.owner)
	b.warm(h.member)
	hold := a.cache.HoldFor(t.Context(), cache.Tasks, h.owner.ID, cache.Tasks.Scope(h.id))
	title := "Another"
	_, err := s.db.UpdateTask(t.Context(), store.Write{ID: hold.ID, Residences: []int64{h.id}}, h.owner.ID, h.task, household.TaskPatch{Title: &title})
	if err != nil {
		t.Fatal(err)
	}
	left := a.cache.Release(t.Context(), hold, cache.Effects{Committed: true})
	if len(left) != 2 {
		t.Fatalf("the lists of %+v are obsolete, want those of the owner and the member", left)
	}
	var jobs []refillJob
	for _, r := range left {
		jobs = append(jobs, refillJob{cache.Tasks, r}, refillJob{cache.Tasks, r}) // each once, however often it is asked for
	}
	before := a.pooler.Counts().Turns
	a.server.fillAgain(t.Context(), jobs)
	if turns := a.pooler.Counts().Turns - before; turns != 1 {
		t.Errorf("%d turns, want 1", turns)
	}
	if n := a.metric(cache.MetricRefreshed, "outcome", "background_done"); n != 2 {
		t.Errorf("%v lists were filled, want 2", n)
	}
	for _, who := range []person{h.owner, h.member} {
		for _, p := range []*pod{a, b} {
			got := p.get("/api/tasks/", who.token)
			if got.header.Get("X-Db-Turns") != "0" || !strings.Contains(string(got.body), title) {
				t.Errorf("%s: %s turns, %s", who.Name, got.header.Get("X-Db-Turns"), got.body)
			}
		}
		if me := want[household.User](t, a.get("/api/auth/me/", who.token), http.StatusOK); me.Email != who.Email {
			t.Errorf("the refill has left %+v in memory", me)
		}
	}
}

// TestARefillThatPanics ends neither the process nor the refills after it.
func TestARefillThatPanics(t *testing.T) {
	_, a, _, s := twoPods(t)
	h := s.home()
	a.warm(h.owner)
	hold := a.cache.HoldFor(t.Context(), cache.Tasks, h.owner.ID, cache.Tasks.Scope(h.id))
	left := a.cache.Release(t.Context(), hold, cache.Effects{Committed: true})
	if len(left) != 1 {
		t.Fatalf("the lists of %+v are obsolete, want the owner's", left)
	}
	jobs := []refillJob{{cache.Tasks, left[0]}}
	a.server.compressors.Pool = sync.Pool{New: func() any { panic("a list that cannot be built") }}
	a.server.fillAgain(t.Context(), jobs)
	if n := a.metric(cache.MetricRefreshed, "outcome", "background_dropped"); n != 1 {
		t.Errorf("%v were dropped, want 1", n)
	}
	a.server.compressors.Pool = sync.Pool{}
	a.server.fillAgain(t.Context(), jobs)
	if n := a.metric(cache.MetricRefreshed, "outcome", "background_done"); n != 1 {
		t.Errorf("%v were filled, want 1", n)
	}
}

// TestRefillsAreDropped: when too many wait, a write does not.
func TestRefillsAreDropped(t *testing.T) {
	_, a, _, _ := twoPods(t)
	readers := make([]cache.Reader, refillQueue+3)
	a.server.refills.offer(a.server, cache.Tasks, readers)
	if n := a.metric(cache.MetricRefreshed, "outcome", "background_dropped"); n != 3 {
		t.Errorf("%v were dropped, want 3", n)
	}
}

// TestAListThatPanicsCostsNoWrite: the write has committed by then.
func TestAListThatPanicsCostsNoWrite(t *testing.T) {
	var broken *panicError
	if _, err := unbroken(func() (cache.Answer, error) { panic("a list") }); !errors.As(err, &broken) {
		t.Errorf("%v", err)
	}
	if a, err := unbroken(func() (cache.Answer, error) { return cache.Answer{Body: []byte("x")}, nil }); err != nil || string(a.Body) != "x" {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestTheReasonOfAMiss: who has written, and that it was another list.
func TestTheReasonOfAMiss(t *testing.T) {
	_, a, b, s := twoPods(t)
	h := s.home()
	a.warmList("/api/tasks/", h.owner)
	b.warmList("/api/tasks/", h.member)
	before := func(p *pod, o cache.Outcome) float64 { return p.metric(cache.MetricLists, "outcome", string(o)) }
	own, other, kind := before(a, cache.OwnWrite), before(b, cache.OtherWrite), before(a, cache.OtherKind)
	want[any](t, a.send(request{http.MethodPatch, homePath(h, ""), h.owner.token, `{"time_zone":"Asia/Tokyo"}`}), http.StatusOK) // the board is not read in its turn
	want[any](t, a.get("/api/tasks/", h.owner.token), http.StatusOK)
	want[any](t, b.get("/api/tasks/", h.member.token), http.StatusOK)
	a.warmList("/api/tasks/", h.owner)
	want[any](t, a.send(request{http.MethodPatch, "/api/auth/me/", h.owner.token, `{"name":"Another"}`}), http.StatusOK)
	want[any](t, a.get("/api/tasks/", h.owner.token), http.StatusOK)
	for name, n := range map[string]float64{
		"own":            before(a, cache.OwnWrite) - own,
		"another's":      before(b, cache.OtherWrite) - other,
		"of the account": before(a, cache.OtherKind) - kind,
	} {
		if n != 1 {
			t.Errorf("%v misses for a write that was %s, want 1", n, name)
		}
	}
}
