package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// TestSplitAuthCostsOneTurnMore: turned back, S8 finds the same people in one turn more, alone and before a list, and
// an unknown token is nobody's in both ways.
func TestSplitAuthCostsOneTurnMore(t *testing.T) {
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	tuned := open(t, env)
	w := newWorld(t, tuned)
	split := open(t, env, func(c *Config) { c.SplitAuth = true })
	turns := func(do func(context.Context) error) int64 {
		t.Helper()
		ctx, tally := link.WithTally(t.Context())
		before := proxy.Counts().Turns
		if err := do(ctx); err != nil {
			t.Fatal(err)
		}
		if outside := proxy.Counts().Turns - before; outside != tally.Turns() {
			t.Errorf("%d turns on the tally, %d outside", tally.Turns(), outside)
		}
		return tally.Turns()
	}
	var users []household.User
	var homes [][]int64
	for n, db := range []*DB{tuned, split} {
		want := int64(1 + n)
		if got := turns(func(ctx context.Context) error {
			u, h, err := db.UserByToken(ctx, w.token)
			users, homes = append(users, u), append(homes, h)
			return err
		}); got != want {
			t.Errorf("the look-up took %d turns, want %d", got, want)
		}
		if got := turns(func(ctx context.Context) error {
			u, rows, err := db.Board(ctx, w.token, at(), 30)
			if len(rows.ResidenceIDs()) == 0 {
				t.Error("the board tells no residence")
			}
			users = append(users, u)
			return err
		}); got != want {
			t.Errorf("the board took %d turns, want %d", got, want)
		}
		if _, _, err := db.UserByToken(t.Context(), tokenHash("nobody")); !errors.Is(err, ErrNotFound) {
			t.Errorf("an unknown token: %v", err)
		}
		if _, _, err := db.Board(t.Context(), tokenHash("nobody"), at(), 30); !errors.Is(err, ErrNotFound) {
			t.Errorf("the board of an unknown token: %v", err)
		}
	}
	for _, u := range users {
		if u.ID != w.owner.ID || u.Email != users[0].Email || !u.CreatedAt.Equal(users[0].CreatedAt) {
			t.Errorf("found %+v, and %+v", u, users[0])
		}
	}
	if !slices.Equal(homes[0], homes[1]) {
		t.Errorf("homes %v and %v", homes[0], homes[1])
	}
}

// TestUnwarmedOpensNothing: turned back, S3 leaves the dial to the first request, keeps what was opened, and has no
// proof of a pooler to show.
func TestUnwarmedOpensNothing(t *testing.T) {
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	before := proxy.Counts().Dials
	db := open(t, env, func(c *Config) { c.Unwarmed = true })
	if n := proxy.Counts().Dials - before; n != 0 {
		t.Errorf("%d connections were opened at the start", n)
	}
	if p := db.Proof(); p.ThroughPooler || p.Conns != 0 || !strings.Contains(p.How, "experiment") {
		t.Errorf("proof: %+v", p)
	}
	for range 2 {
		check(t, db.Ping(t.Context()))
	}
	if n := proxy.Counts().Dials - before; n != 1 {
		t.Errorf("two requests one after the other opened %d connections, want 1", n)
	}
	if _, err := Open(t.Context(), Config{URL: env.DatabaseURL, Unwarmed: true, ExecMode: "cache_statement"}); err == nil {
		t.Error("an unsafe execution mode without a proof was accepted")
	}
}
