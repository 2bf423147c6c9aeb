package bench

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"testing"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }

// TestTheDatabaseLayer: each hot route of the table costs the database one turn
// a request, seen from outside, and a failure is one.
// openLayer is the hot mix on a pool of its own.
func openLayer(t *testing.T, c store.Config) (http.RoundTripper, Mix) {
	t.Helper()
	db, err := store.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	mix, err := HotMix()
	if err != nil {
		t.Fatal(err)
	}
	layer, err := NewDatabaseLayer(db, mix)
	if err != nil {
		t.Fatal(err)
	}
	return layer, mix
}

func TestTheDatabaseLayer(t *testing.T) {
	env, proxy := labtest.Pooler(t, labtest.Database(t, store.Migrate), link.Model{})
	var tokens bytes.Buffer
	if _, err := store.Seed(t.Context(), env.DirectURL, store.SeedOptions{Users: 3, Seed: 1, TokensOut: &tokens}); err != nil {
		t.Fatal(err)
	}
	users, err := ReadUsers(&tokens)
	if err != nil {
		t.Fatal(err)
	}
	layer, mix := openLayer(t, store.Config{URL: env.DatabaseURL, MaxConns: 2})
	base, _ := ParseTarget("http://127.0.0.1")
	h := newHitter(t, HitterConfig{Base: base, Transport: layer})
	for _, r := range mix.Routes() {
		before := proxy.Counts().Turns
		s := h.Once(t.Context(), Shot{Route: r.ID, Path: r.Path, User: users[0]})
		if turns := proxy.Counts().Turns - before; s.Failed() || s.Reply.Status != http.StatusOK || s.Reply.Turns != 1 || turns != 1 {
			t.Errorf("%s: %s, status %d, %d turns said, %d seen outside", r.ID, s.Kind, s.Reply.Status, s.Reply.Turns, turns)
		}
		if parts := api.ParseServerTiming(s.Reply.ServerTiming); parts["db_ms"] <= 0 {
			t.Errorf("%s: Server-Timing %q", r.ID, s.Reply.ServerTiming)
		}
	}
	if s := h.Once(t.Context(), Shot{Path: "/api/tasks/", User: User{Token: NewToken("nobody")}}); s.Reply.Status != http.StatusUnauthorized {
		t.Errorf("an unknown token: %d", s.Reply.Status)
	}
	if s := h.Once(t.Context(), Shot{Path: "/livez"}); !s.Failed() {
		t.Error("a path without a statement is no failure")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if s := h.Once(gone, Shot{Path: "/api/tasks/", User: users[0]}); !s.Failed() {
		t.Error("a request that was given up is no failure")
	}
}

func TestTheDatabaseLayerKnowsItsRoutes(t *testing.T) {
	mix, err := NewMix(MixRoute{ID: "livez", Path: "/livez", Weight: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewDatabaseLayer(nil, mix); err == nil {
		t.Error("a route without a statement was taken")
	}
}
