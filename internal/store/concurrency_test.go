package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// TestNobodyGetsAnothersRows: 2,400 calls of eight clients share two backends
// of a pooler in transaction mode. No call fails, every row is the caller's
// own, and the bills add up to what a proxy outside has seen.
func TestNobodyGetsAnothersRows(t *testing.T) {
	const clients, callsEach = 8, 300
	l := labtest.New(t, labtest.Config{PoolSize: 2})
	check(t, Migrate(t.Context(), l.Env().DirectURL))
	for _, mode := range []string{"exec", "simple_protocol", "cache_describe"} {
		t.Run(mode, func(t *testing.T) {
			env, proxy := labtest.Pooler(t, l.Env(), link.Model{})
			db := open(t, env, func(c *Config) { c.ExecMode, c.MaxConns, c.MinIdleConns = mode, clients, clients })
			worlds := make([]*world, clients)
			for i := range worlds {
				worlds[i] = newWorldNamed(t, db, fmt.Sprintf("-%s-%d", mode, i))
			}
			before := proxy.Counts().Turns
			var turns, statements int64
			var mu sync.Mutex
			var group sync.WaitGroup
			for i, w := range worlds {
				group.Go(func() {
					ctx, tally := link.WithTally(t.Context())
					for n := range callsEach {
						if err := taggedCall(ctx, db, w, fmt.Sprintf("-%s-%d", mode, i), n); err != nil {
							t.Errorf("client %d, call %d: %v", i, n, err)
							return
						}
					}
					mu.Lock()
					defer mu.Unlock()
					turns, statements = turns+tally.Turns(), statements+callsEach
				})
			}
			group.Wait()
			if outside := proxy.Counts().Turns - before; outside != turns {
				t.Errorf("%d turns on the bills, %d outside", turns, outside)
			}
			// cache_describe pays one more turn for each new statement of a connection.
			if mode != "cache_describe" && turns != statements {
				t.Errorf("%d turns for %d statements", turns, statements)
			}
		})
	}
}

// taggedCall runs the n-th kind of call and requires that what comes back
// carries the client's own tag.
func taggedCall(ctx context.Context, db *DB, w *world, tag string, n int) error {
	mine := func(kind, text string) error {
		if !strings.HasSuffix(text, tag) {
			return fmt.Errorf("%s: got %q, which is not of %s", kind, text, tag)
		}
		return nil
	}
	switch n % 8 {
	case 0:
		u, _, err := db.UserByToken(ctx, w.token)
		if err != nil {
			return err
		}
		return mine("user", u.Name)
	case 1:
		u, b, err := db.Board(ctx, tokenOf(w.member), at(), household.DueSoonDays)
		if err != nil {
			return err
		}
		if u != w.member {
			return fmt.Errorf("the board is of %+v", u)
		}
		for _, c := range b.Cards {
			if err := mine("card", c.Title); err != nil {
				return err
			}
		}
		if len(b.Homes) != 1 || b.Homes[0].ID != w.home.ID {
			return fmt.Errorf("homes: %v", b.Homes)
		}
		return nil
	case 2:
		u, l, err := db.Residences(ctx, tokenOf(w.admin), Page{})
		if err != nil || len(l.Items) != 1 || u != w.admin {
			return fmt.Errorf("residences: %d, %w", len(l.Items), err)
		}
		return mine("residence", l.Items[0].Name)
	case 3:
		u, l, err := db.Contractors(ctx, tokenOf(w.owner), Page{})
		if err != nil || len(l.Items) != 1 || u != w.owner {
			return fmt.Errorf("contractors: %d, %w", len(l.Items), err)
		}
		return mine("contractor", l.Items[0].Name)
	case 4:
		u, l, err := db.Documents(ctx, tokenOf(w.member), Page{})
		if err != nil || len(l.Items) != 1 || u != w.member {
			return fmt.Errorf("documents: %d, %w", len(l.Items), err)
		}
		return mine("document", l.Items[0].Title)
	case 5:
		title := fmt.Sprintf("Filter %d%s", n, tag)
		u, err := db.UpdateTask(ctx, wr(w.home.ID), w.member.ID, w.task.ID, household.TaskPatch{Title: &title})
		if err != nil {
			return err
		}
		if u.Title != title {
			return fmt.Errorf("wrote %q, got %q", title, u.Title)
		}
		return nil
	case 6:
		x, err := db.Task(ctx, w.member.ID, w.task.ID)
		if err != nil {
			return err
		}
		return mine("task", x.Title)
	default:
		members, err := db.Members(ctx, w.owner.ID, w.home.ID)
		if err != nil {
			return err
		}
		for _, m := range members {
			if err := mine("member", m.Name); err != nil {
				return err
			}
		}
		return nil
	}
}
