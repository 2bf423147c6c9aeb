package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// noted is one row of the change log.
type noted struct {
	ID                string
	Actor, Item       *int64
	What              string
	Gone              bool
	Users, Residences []int64
}

// logRows reads the change log from its start.
func logRows(t testing.TB, conn *pgx.Conn) []noted {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT write_id::text, actor, item_id, what, gone, user_ids, residence_ids FROM changes ORDER BY id")
	check(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[noted])
	check(t, err)
	return all
}

// TestEachWriteIsNoted: what changes something leaves exactly one row, under the
// id of its attempt and with the scopes of what it changed; what changes nothing
// leaves none. The triggers for others' SQL stay silent all the time.
func TestEachWriteIsNoted(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	conn := connect(t, env.DirectURL)
	ctx := t.Context()
	w := newWorld(t, db)
	home, name := w.home.ID, "Changed"
	weekly := household.Frequency("weekly")
	var made household.Task
	var fresh household.Residence
	var contractor, document, completion int64
	one := func(ids ...int64) []int64 { return ids }
	none := []int64{}
	type step struct {
		name              string
		by                int64
		do                func(Write) error
		what              string // "" where nothing is to be noted
		item              func() int64
		gone              bool
		users, residences func() []int64
	}
	ids := func(v ...int64) func() []int64 { return func() []int64 { return append(none, v...) } }
	item := func(v int64) func() int64 { return func() int64 { return v } }
	onTask := func(name string, do func(Write) error) step {
		return step{name, w.member.ID, do, "task", item(w.task.ID), false, ids(), ids(home)}
	}
	nothing := func(name string, do func(Write) error) step { return step{name: name, do: do} }
	for _, s := range []step{
		nothing("register", func(Write) error {
			return drop(db.Register(ctx, NewUser{Email: "x@example.org", Name: "x", PasswordHash: "!"}, tokenHash("x")))
		}),
		nothing("log in", func(Write) error { return db.CreateToken(ctx, w.member.ID, tokenHash("second")) }),
		nothing("share", func(Write) error {
			return drop(db.CreateShareCode(ctx, w.owner.ID, home, "SECOND00", at(), nil))
		}),
		nothing("delete someone else's token", func(wr Write) error { return db.DeleteToken(ctx, wr, w.owner.ID, tokenHash("second")) }),
		{"log out", w.member.ID, func(wr Write) error { return db.DeleteToken(ctx, wr, w.member.ID, tokenHash("second")) }, "token", nil, true, ids(w.member.ID), ids()},
		nothing("log out again", func(wr Write) error { return db.DeleteToken(ctx, wr, w.member.ID, tokenHash("second")) }),
		{"update user", w.stranger.ID, func(wr Write) error {
			return drop(db.UpdateUser(ctx, wr, w.stranger.ID, household.UserPatch{Name: &name}))
		}, "user", item(w.stranger.ID), false, ids(w.stranger.ID), ids()},
		{"create residence", w.member.ID, func(wr Write) (err error) {
			fresh, err = db.CreateResidence(ctx, wr, w.member.ID, household.NewResidence{Name: "Fresh"})
			return err
		}, "residence", func() int64 { return fresh.ID }, false, ids(w.member.ID), func() []int64 { return one(fresh.ID) }},
		{"update residence", w.admin.ID, func(wr Write) error {
			return drop(db.UpdateResidence(ctx, wr, w.admin.ID, home, household.ResidencePatch{Name: &name}))
		}, "residence", item(home), false, ids(), ids(home)},
		nothing("update residence as a member", func(wr Write) error {
			return refused(drop(db.UpdateResidence(ctx, wr, w.member.ID, home, household.ResidencePatch{Name: &name})), ErrForbidden)
		}),
		{"join", w.stranger.ID, func(wr Write) error { return drop2(db.JoinWithCode(ctx, wr, w.stranger.ID, "CODE00", at())) }, "member", item(w.stranger.ID), false, ids(w.stranger.ID), ids(home)},
		nothing("join again", func(wr Write) error { return drop2(db.JoinWithCode(ctx, wr, w.stranger.ID, "CODE00", at())) }),
		{"set role", w.owner.ID, func(wr Write) error {
			return drop(db.SetRole(ctx, wr, w.owner.ID, home, w.stranger.ID, household.RoleAdmin))
		}, "member", item(w.stranger.ID), false, ids(w.stranger.ID), ids(home)},
		{"remove", w.owner.ID, func(wr Write) error { return db.RemoveMember(ctx, wr, w.owner.ID, home, w.stranger.ID) }, "member", item(w.stranger.ID), true, ids(w.stranger.ID), ids(home)},
		nothing("remove again", func(wr Write) error {
			return refused(db.RemoveMember(ctx, wr, w.owner.ID, home, w.stranger.ID), ErrNotFound)
		}),
		{"create task", w.member.ID, func(wr Write) (err error) {
			made, err = db.CreateTask(ctx, wr, w.member.ID, household.NewTask{ResidenceID: home, Title: "New"})
			return err
		}, "task", func() int64 { return made.ID }, false, ids(), ids(home)},
		onTask("update task", func(wr Write) error {
			return drop(db.UpdateTask(ctx, wr, w.member.ID, w.task.ID, household.TaskPatch{Title: &name, Frequency: &weekly}))
		}),
		onTask("complete", func(wr Write) error {
			return drop(db.CompleteTask(ctx, wr, w.member.ID, w.task.ID, at(), household.NewCompletion{}))
		}),
		onTask("uncomplete", func(wr Write) error { return drop(db.UncompleteTask(ctx, wr, w.member.ID, w.task.ID)) }),
		nothing("uncomplete again", func(wr Write) error { return drop(db.UncompleteTask(ctx, wr, w.member.ID, w.task.ID)) }),
		nothing("complete another occurrence", func(wr Write) error {
			return refused(drop(db.CompleteTask(ctx, wr, w.member.ID, w.task.ID, at(), household.NewCompletion{DueDate: date(t, "2020-01-01")})), ErrOccurrencePassed)
		}),
		onTask("complete for the undo", func(wr Write) error {
			done, err := db.CompleteTask(ctx, wr, w.member.ID, w.task.ID, at(), household.NewCompletion{})
			completion = *done.CompletionID
			return err
		}),
		onTask("undo that one", func(wr Write) error { return drop(db.DeleteCompletion(ctx, wr, w.member.ID, w.task.ID, completion)) }),
		nothing("undo that one again", func(wr Write) error {
			return refused(drop(db.DeleteCompletion(ctx, wr, w.member.ID, w.task.ID, completion)), ErrNotFound)
		}),
		onTask("start", func(wr Write) error { return drop(db.StartTask(ctx, wr, w.member.ID, w.task.ID, at())) }),
		nothing("start again", func(wr Write) error { return drop(db.StartTask(ctx, wr, w.member.ID, w.task.ID, at())) }),
		onTask("unstart", func(wr Write) error { return drop(db.UnstartTask(ctx, wr, w.member.ID, w.task.ID)) }),
		nothing("unstart again", func(wr Write) error { return drop(db.UnstartTask(ctx, wr, w.member.ID, w.task.ID)) }),
		onTask("archive", func(wr Write) error { return drop(db.ArchiveTask(ctx, wr, w.member.ID, w.task.ID, at())) }),
		nothing("archive again", func(wr Write) error { return drop(db.ArchiveTask(ctx, wr, w.member.ID, w.task.ID, at())) }),
		onTask("unarchive", func(wr Write) error { return drop(db.UnarchiveTask(ctx, wr, w.member.ID, w.task.ID)) }),
		nothing("unarchive again", func(wr Write) error { return drop(db.UnarchiveTask(ctx, wr, w.member.ID, w.task.ID)) }),
		{"complete a one-off task", w.admin.ID, func(wr Write) error {
			return drop(db.CompleteTask(ctx, wr, w.admin.ID, w.once.ID, at(), household.NewCompletion{}))
		}, "task", item(w.once.ID), false, ids(), ids(home)},
		nothing("and again", func(wr Write) error {
			x, err := db.CompleteTask(ctx, wr, w.admin.ID, w.once.ID, at(), household.NewCompletion{})
			if err == nil && x.ID != w.once.ID {
				err = errors.New("the task was not returned")
			}
			return err
		}),
		nothing("complete as a stranger", func(wr Write) error {
			return refused(drop(db.CompleteTask(ctx, wr, w.stranger.ID, w.once.ID, at(), household.NewCompletion{})), ErrNotFound)
		}),
		{"delete task", w.admin.ID, func(wr Write) error { return db.DeleteTask(ctx, wr, w.admin.ID, w.once.ID) }, "task", item(w.once.ID), true, ids(), ids(home)},
		{"create contractor", w.member.ID, func(wr Write) error {
			c, err := db.CreateContractor(ctx, wr, w.member.ID, household.NewContractor{ResidenceID: home, Name: "Ben"})
			contractor = c.ID
			return err
		}, "contractor", func() int64 { return contractor }, false, ids(), ids(home)},
		{"delete contractor", w.member.ID, func(wr Write) error { return db.DeleteContractor(ctx, wr, w.member.ID, contractor) }, "contractor", func() int64 { return contractor }, true, ids(), ids(home)},
		{"create document", w.member.ID, func(wr Write) error {
			d, err := db.CreateDocument(ctx, wr, w.member.ID, household.NewDocument{ResidenceID: home, Title: "Bill"})
			document = d.ID
			return err
		}, "document", func() int64 { return document }, false, ids(), ids(home)},
		{"delete document", w.member.ID, func(wr Write) error { return db.DeleteDocument(ctx, wr, w.member.ID, document) }, "document", func() int64 { return document }, true, ids(), ids(home)},
		nothing("delete document again", func(wr Write) error {
			return refused(db.DeleteDocument(ctx, wr, w.member.ID, document), ErrNotFound)
		}),
		{"delete residence", w.owner.ID, func(wr Write) error { return drop(db.DeleteResidence(ctx, wr, w.owner.ID, home)) }, "residence", item(home), true, ids(w.owner.ID, w.admin.ID, w.member.ID), ids(home)},
	} {
		write := wr(home)
		before := len(logRows(t, conn))
		if err := s.do(write); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		rows := logRows(t, conn)[before:]
		if s.what == "" {
			if len(rows) != 0 {
				t.Errorf("%s: noted %+v, want nothing", s.name, rows)
			}
			continue
		}
		if len(rows) != 1 {
			t.Errorf("%s: noted %+v, want one row", s.name, rows)
			continue
		}
		r := rows[0]
		if r.ID != write.ID || r.Actor == nil || *r.Actor != s.by || r.What != s.what || r.Gone != s.gone ||
			!slices.Equal(r.Users, s.users()) || !slices.Equal(r.Residences, s.residences()) ||
			(s.item == nil) != (r.Item == nil) || s.item != nil && *r.Item != s.item() {
			t.Errorf("%s: noted %+v", s.name, r)
		}
	}
}

// refused is nil if err is what was expected.
func refused(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return fmt.Errorf("got %w, want %w", err, want)
}

// byID uses every statement that finds something by its id alone.
func byID() map[string]func(ctx context.Context, w *world, write Write, user int64) error {
	title := "Held"
	return map[string]func(ctx context.Context, w *world, write Write, user int64) error{
		"update": func(ctx context.Context, w *world, write Write, u int64) error {
			return drop(w.db.UpdateTask(ctx, write, u, w.task.ID, household.TaskPatch{Title: &title}))
		},
		"complete": func(ctx context.Context, w *world, write Write, u int64) error {
			return drop(w.db.CompleteTask(ctx, write, u, w.task.ID, at(), household.NewCompletion{}))
		},
		"uncomplete": func(ctx context.Context, w *world, write Write, u int64) error {
			return drop(w.db.UncompleteTask(ctx, write, u, w.task.ID))
		},
		"start": func(ctx context.Context, w *world, write Write, u int64) error {
			return drop(w.db.StartTask(ctx, write, u, w.task.ID, at()))
		},
		"unstart": func(ctx context.Context, w *world, write Write, u int64) error {
			return drop(w.db.UnstartTask(ctx, write, u, w.task.ID))
		},
		"archive": func(ctx context.Context, w *world, write Write, u int64) error {
			return drop(w.db.ArchiveTask(ctx, write, u, w.task.ID, at()))
		},
		"unarchive": func(ctx context.Context, w *world, write Write, u int64) error {
			return drop(w.db.UnarchiveTask(ctx, write, u, w.task.ID))
		},
		"delete task": func(ctx context.Context, w *world, write Write, u int64) error {
			return w.db.DeleteTask(ctx, write, u, w.task.ID)
		},
		"delete contractor": func(ctx context.Context, w *world, write Write, u int64) error {
			return w.db.DeleteContractor(ctx, write, u, w.contractor)
		},
		"delete document": func(ctx context.Context, w *world, write Write, u int64) error {
			return w.db.DeleteDocument(ctx, write, u, w.document)
		},
	}
}

// TestWhatIsNotHeldIsNotChanged: the hint that led to a residence was wrong. Who
// may see the thing is told where it lies, and a stranger nothing.
func TestWhatIsNotHeldIsNotChanged(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	conn := connect(t, env.DirectURL)
	w, other := newWorld(t, db), newWorldNamed(t, db, "2")
	before, log := fingerprints(t, conn), len(logRows(t, conn))
	for name, do := range byID() {
		for _, held := range [][]int64{nil, {}, {other.home.ID}, {other.home.ID, 0, -1}} {
			err := do(t.Context(), w, wr(held...), w.member.ID)
			elsewhere, ok := errors.AsType[*ElsewhereError](err)
			if !ok || elsewhere.ResidenceID != w.home.ID || errors.Is(err, ErrNotFound) {
				t.Errorf("%s, holding %v: %v", name, held, err)
			}
			if err := do(t.Context(), w, wr(held...), w.stranger.ID); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s by a stranger, holding %v: %v", name, held, err)
			}
		}
		// To hold a residence is no right to it.
		if err := do(t.Context(), w, wr(w.home.ID), other.owner.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s by a stranger who holds it: %v", name, err)
		}
	}
	if after := fingerprints(t, conn); !maps.Equal(before, after) || len(logRows(t, conn)) != log {
		t.Errorf("before %v\nafter  %v", before, after)
	}
	for name, do := range byID() {
		v := newWorldNamed(t, db, "-"+name)
		if err := do(t.Context(), v, wr(other.home.ID, v.home.ID), v.member.ID); err != nil {
			t.Errorf("%s, holding two residences: %v", name, err)
		}
	}
}

// TestAFencedWriteChangesNothing: after Settle has given a write up, its
// statement fails as a whole, whichever it is.
func TestAFencedWriteChangesNothing(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	conn := connect(t, env.DirectURL)
	ctx := t.Context()
	w := newWorld(t, db)
	title := "Fenced"
	busy := newWorldNamed(t, db, "2") // here there is something to undo
	check(t, drop(db.CompleteTask(ctx, wr(busy.home.ID), busy.member.ID, busy.task.ID, at(), household.NewCompletion{})))
	check(t, drop(db.StartTask(ctx, wr(busy.home.ID), busy.member.ID, busy.task.ID, at())))
	check(t, drop(db.ArchiveTask(ctx, wr(busy.home.ID), busy.member.ID, busy.task.ID, at())))
	all := byID()
	plain := map[string]func(Write) error{
		"update user": func(x Write) error { return drop(db.UpdateUser(ctx, x, w.owner.ID, household.UserPatch{Name: &title})) },
		"create residence": func(x Write) error {
			return drop(db.CreateResidence(ctx, x, w.owner.ID, household.NewResidence{Name: title}))
		},
		"update residence": func(x Write) error {
			return drop(db.UpdateResidence(ctx, x, w.owner.ID, w.home.ID, household.ResidencePatch{Name: &title}))
		},
		"delete residence": func(x Write) error { return drop(db.DeleteResidence(ctx, x, w.owner.ID, w.home.ID)) },
		"join":             func(x Write) error { return drop2(db.JoinWithCode(ctx, x, w.stranger.ID, "CODE00", at())) },
		"set role": func(x Write) error {
			return drop(db.SetRole(ctx, x, w.owner.ID, w.home.ID, w.member.ID, household.RoleAdmin))
		},
		"remove": func(x Write) error { return db.RemoveMember(ctx, x, w.owner.ID, w.home.ID, w.member.ID) },
		"create task": func(x Write) error {
			return drop(db.CreateTask(ctx, x, w.owner.ID, household.NewTask{ResidenceID: w.home.ID, Title: title}))
		},
		"create contractor": func(x Write) error {
			return drop(db.CreateContractor(ctx, x, w.owner.ID, household.NewContractor{ResidenceID: w.home.ID, Name: title}))
		},
		"create document": func(x Write) error {
			return drop(db.CreateDocument(ctx, x, w.owner.ID, household.NewDocument{ResidenceID: w.home.ID, Title: title}))
		},
		"log out": func(x Write) error { return db.DeleteToken(ctx, x, w.owner.ID, w.token) },
	}
	for name, do := range all {
		of := w
		if strings.HasPrefix(name, "un") {
			of = busy
		}
		plain[name] = func(x Write) error { return do(ctx, of, x, of.member.ID) }
	}
	before := fingerprints(t, conn)
	for name, do := range plain {
		x := wr(w.home.ID, busy.home.ID)
		if committed, err := db.Settle(ctx, x.ID); err != nil || committed {
			t.Fatalf("%s: settled as %v, %v", name, committed, err)
		}
		if err := do(x); !errors.Is(err, ErrFenced) || errors.Is(err, ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
		if committed, err := db.Settle(ctx, x.ID); err != nil || committed {
			t.Errorf("%s: settled again as %v, %v", name, committed, err)
		}
	}
	if after := fingerprints(t, conn); !maps.Equal(before, after) {
		t.Errorf("before %v\nafter  %v", before, after)
	}
}
