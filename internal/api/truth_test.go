package api

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// TestTruthIsWhatIsServed: for every list of which copies are kept, from the
// database and from the copy.
func TestTruthIsWhatIsServed(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p, s := newPod(t, env), newStage(t, env)
	h := s.home()
	var lists []cache.List
	for _, r := range Routes() {
		if !r.Hot {
			continue
		}
		lists = append(lists, r.list)
		truth, err := Truth(t.Context(), s.db, r.list, cache.TokenHash(h.owner.token), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got := p.get(r.Path, h.owner.token)
			if got.status != http.StatusOK || string(got.body) != string(truth) {
				t.Errorf("%s serves %s\nthe truth is %s", r.Path, got, truth)
			}
		}
		look, err := s.cache.Look(t.Context(), cache.Copied{List: r.list, UserID: h.owner.ID})
		if err != nil || !look.Servable() {
			t.Fatalf("%s left no copy: %v, %s", r.Path, err, look.Why)
		}
		if text, err := Text(look.Body); err != nil || string(text) != string(truth) {
			t.Errorf("the copy of %s holds %s, %v", r.list, text, err)
		}
		if _, err := Truth(t.Context(), s.db, r.list, cache.TokenHash("nobody's"), time.Now()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s of a token that nobody has: %v", r.list, err)
		}
	}
	named := cache.Lists()
	slices.Sort(lists)
	slices.Sort(named)
	if !slices.Equal(lists, named) {
		t.Errorf("routes serve copies of %v, Lists names %v", lists, named)
	}
	if _, err := Truth(t.Context(), s.db, "nothing", nil, time.Now()); err == nil {
		t.Error("there is a truth of nothing")
	}
}
