package api

import (
	"slices"
	"testing"

	"github.com/honeydue/honeydue/internal/store"
)

// TestTheTableIsTheRouter: nothing is served that the table does not list.
func TestTheTableIsTheRouter(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	var served, listed []string
	for _, r := range s.router.Routes() {
		served = append(served, r.Method+" "+r.Path)
	}
	for _, r := range Routes() {
		listed = append(listed, r.Method+" "+ginPath(r.Path))
	}
	slices.Sort(served)
	slices.Sort(listed)
	if !slices.Equal(served, listed) {
		t.Errorf("served:\n%q\nlisted:\n%q", served, listed)
	}
}

func TestTheTableIsSound(t *testing.T) {
	catalogue := map[string]store.Query{}
	for _, q := range store.Catalogue() {
		catalogue[q.Name] = q
	}
	ids := map[string]bool{}
	for _, r := range Routes() {
		if ids[r.ID] {
			t.Errorf("%s: listed twice", r.ID)
		}
		ids[r.ID] = true
		if r.Summary == "" {
			t.Errorf("%s: no summary", r.ID)
		}
		statements := r.Statements
		for _, v := range r.Variants {
			if n := len(v.Statements); v.Budget != (Budget{Warm: n, Cold: n + 1}) {
				t.Errorf("%s?%s: %+v for %d statements of one turn each", r.ID, v.Query, v.Budget, n)
			}
			statements = append(slices.Clone(statements), v.Statements...)
		}
		for _, name := range statements {
			q, ok := catalogue[name]
			if !ok {
				t.Errorf("%s: no statement %s in the catalogue", r.ID, name)
			}
			if r.Hot && q.Write {
				t.Errorf("%s: a hot route that writes (%s)", r.ID, name)
			}
		}
		if r.Hot {
			if r.Budget != (Budget{Warm: 0, Cold: 1}) {
				t.Errorf("%s: %+v; a hot list takes no turn warm, and cold one with auth_lookup in it", r.ID, r.Budget)
			}
			continue
		}
		if want := len(r.Statements); r.handler == nil && r.Budget.Warm != want {
			t.Errorf("%s: %d turns warm for %d statements of one turn each", r.ID, r.Budget.Warm, want)
		}
		auth := 0
		if r.Auth() {
			auth = 1
		}
		if r.handler == nil && r.Budget.Cold != r.Budget.Warm+auth {
			t.Errorf("%s: %d turns cold, %d warm; only auth_lookup may come on top", r.ID, r.Budget.Cold, r.Budget.Warm)
		}
	}
}

// TestTheFourHotReads: S12 names them.
func TestTheFourHotReads(t *testing.T) {
	var hot []string
	for _, r := range Routes() {
		if r.Hot {
			hot = append(hot, r.Path)
		}
	}
	slices.Sort(hot)
	want := []string{"/api/contractors/", "/api/documents/", "/api/residences/", "/api/tasks/"}
	if !slices.Equal(hot, want) {
		t.Errorf("hot reads %q, want %q", hot, want)
	}
}
