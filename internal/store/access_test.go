package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// outcome names what an error means to a caller.
func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrNotFound):
		return "not found"
	case errors.Is(err, ErrForbidden):
		return "forbidden"
	default:
		return err.Error()
	}
}

// TestAccess is the matrix of who may do what. A stranger never learns that a
// row exists; who sees it but may not change it is told so.
func TestAccess(t *testing.T) {
	const ok, forbidden, notFound = "ok", "forbidden", "not found"
	name := "Changed"
	db := open(t, labtest.Database(t, Migrate))
	for n, tt := range []struct {
		name                           string
		owner, admin, member, stranger string
		do                             func(ctx context.Context, w *world, asking int64) error
	}{
		{"residence", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.Residence(ctx, u, w.home.ID))
		}},
		{"update residence", ok, ok, forbidden, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.UpdateResidence(ctx, wr(), u, w.home.ID, household.ResidencePatch{Name: &name}))
		}},
		{"delete residence", ok, forbidden, forbidden, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.DeleteResidence(ctx, wr(), u, w.home.ID))
		}},
		{"share code", ok, ok, forbidden, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.CreateShareCode(ctx, u, w.home.ID, fmt.Sprint("ANOTHER", w.home.ID), at(), nil))
		}},
		{"list share codes", ok, ok, forbidden, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.ShareCodes(ctx, u, w.home.ID, at(), Page{}))
		}},
		{"revoke a share code", ok, ok, forbidden, notFound, func(ctx context.Context, w *world, u int64) error {
			return w.db.RevokeShareCode(ctx, u, w.home.ID, w.code, at())
		}},
		{"members", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.Members(ctx, u, w.home.ID))
		}},
		{"set the member's role", ok, ok, forbidden, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.SetRole(ctx, wr(), u, w.home.ID, w.member.ID, household.RoleAdmin))
		}},
		{"set the owner's role", forbidden, forbidden, forbidden, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.SetRole(ctx, wr(), u, w.home.ID, w.owner.ID, household.RoleMember))
		}},
		{"set a stranger's role", notFound, notFound, forbidden, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.SetRole(ctx, wr(), u, w.home.ID, w.stranger.ID, household.RoleMember))
		}},
		{"remove the member", ok, ok, ok /* himself */, notFound, func(ctx context.Context, w *world, u int64) error {
			return w.db.RemoveMember(ctx, wr(), u, w.home.ID, w.member.ID)
		}},
		{"remove the admin", ok, ok /* himself */, forbidden, notFound, func(ctx context.Context, w *world, u int64) error {
			return w.db.RemoveMember(ctx, wr(), u, w.home.ID, w.admin.ID)
		}},
		{"remove the owner", forbidden, forbidden, forbidden, notFound, func(ctx context.Context, w *world, u int64) error {
			return w.db.RemoveMember(ctx, wr(), u, w.home.ID, w.owner.ID)
		}},
		{"remove a stranger", notFound, notFound, forbidden, notFound, func(ctx context.Context, w *world, u int64) error {
			return w.db.RemoveMember(ctx, wr(), u, w.home.ID, w.stranger.ID)
		}},
		{"create task", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.CreateTask(ctx, wr(), u, household.NewTask{ResidenceID: w.home.ID, Title: "New"}))
		}},
		{"task", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.Task(ctx, u, w.task.ID))
		}},
		{"update task", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.UpdateTask(ctx, wr(w.home.ID), u, w.task.ID, household.TaskPatch{Title: &name}))
		}},
		{"delete task", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return w.db.DeleteTask(ctx, wr(w.home.ID), u, w.task.ID)
		}},
		{"complete", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.CompleteTask(ctx, wr(w.home.ID), u, w.task.ID, at(), household.NewCompletion{}))
		}},
		{"uncomplete", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.UncompleteTask(ctx, wr(w.home.ID), u, w.task.ID))
		}},
		{"completions", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.Completions(ctx, u, w.task.ID, Page{}))
		}},
		{"delete completion", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			done, err := w.db.CompleteTask(ctx, wr(w.home.ID), w.owner.ID, w.task.ID, at(), household.NewCompletion{})
			if err != nil {
				return err
			}
			return drop(w.db.DeleteCompletion(ctx, wr(w.home.ID), u, w.task.ID, *done.CompletionID))
		}},
		{"start", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.StartTask(ctx, wr(w.home.ID), u, w.task.ID, at()))
		}},
		{"unstart", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.UnstartTask(ctx, wr(w.home.ID), u, w.task.ID))
		}},
		{"archive", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.ArchiveTask(ctx, wr(w.home.ID), u, w.task.ID, at()))
		}},
		{"unarchive", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.UnarchiveTask(ctx, wr(w.home.ID), u, w.task.ID))
		}},
		{"create contractor", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.CreateContractor(ctx, wr(), u, household.NewContractor{ResidenceID: w.home.ID, Name: "New"}))
		}},
		{"delete contractor", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return w.db.DeleteContractor(ctx, wr(w.home.ID), u, w.contractor)
		}},
		{"create document", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return drop(w.db.CreateDocument(ctx, wr(), u, household.NewDocument{ResidenceID: w.home.ID, Title: "New"}))
		}},
		{"delete document", ok, ok, ok, notFound, func(ctx context.Context, w *world, u int64) error {
			return w.db.DeleteDocument(ctx, wr(w.home.ID), u, w.document)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, role := range []string{tt.stranger, tt.member, tt.admin, tt.owner} {
				w := newWorldNamed(t, db, fmt.Sprintf("-%d-%d", n, i))
				asking := []household.User{w.stranger, w.member, w.admin, w.owner}[i]
				if got := outcome(tt.do(t.Context(), w, asking.ID)); got != role {
					t.Errorf("%s: %s, want %s", asking.Name, got, role)
				}
			}
		})
	}
}

// seen is everything that the hot lists show a user.
func seen(t *testing.T, db *DB, user household.User) (ids []int64, rows int) {
	t.Helper()
	u, b, err := db.Board(t.Context(), tokenOf(user), at(), household.DueSoonDays)
	check(t, err)
	v, r, err := db.Residences(t.Context(), tokenOf(user), Page{})
	check(t, err)
	x, c, err := db.Contractors(t.Context(), tokenOf(user), Page{})
	check(t, err)
	y, d, err := db.Documents(t.Context(), tokenOf(user), Page{})
	check(t, err)
	a, err := db.ArchivedTasks(t.Context(), user.ID, Page{})
	check(t, err)
	for _, got := range []household.User{u, v, x, y} {
		if got != user {
			t.Errorf("the token of %+v is said to be that of %+v", user, got)
		}
	}
	for _, other := range [][]int64{r.ResidenceIDs, c.ResidenceIDs, d.ResidenceIDs, a.ResidenceIDs} {
		if !slices.Equal(other, b.ResidenceIDs()) {
			t.Errorf("the lists disagree on the homes: %v and %v", other, b.ResidenceIDs())
		}
	}
	return r.ResidenceIDs, len(b.Cards) + len(r.Items) + len(c.Items) + len(d.Items) + len(a.Items)
}

// TestAccessEndsWithTheStatementThatEndsIt: who is removed, and everyone of a
// deleted residence, sees nothing from then on.
func TestAccessEndsWithTheStatementThatEndsIt(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w := newWorld(t, db)
	everything := 2 + 1 + 1 + 1
	if ids, rows := seen(t, db, w.member); !slices.Equal(ids, []int64{w.home.ID}) || rows != everything {
		t.Fatalf("a member sees %v and %d rows", ids, rows)
	}
	check(t, db.RemoveMember(ctx, wr(), w.member.ID, w.home.ID, w.member.ID))
	if ids, rows := seen(t, db, w.member); len(ids)+rows != 0 {
		t.Errorf("who has left sees %v and %d rows", ids, rows)
	}
	gone, err := db.DeleteResidence(ctx, wr(), w.owner.ID, w.home.ID)
	check(t, err)
	if want := []int64{w.owner.ID, w.admin.ID}; !slices.Equal(gone, want) {
		t.Errorf("to invalidate: %v, want %v", gone, want)
	}
	for _, u := range []household.User{w.owner, w.admin} {
		if ids, rows := seen(t, db, u); len(ids)+rows != 0 {
			t.Errorf("%s sees %v and %d rows of a deleted residence", u.Name, ids, rows)
		}
		if got := outcome(drop(db.Task(ctx, u.ID, w.task.ID))); got != "not found" {
			t.Errorf("%s gets a task of a deleted residence: %s", u.Name, got)
		}
	}
	if got := outcome(drop(db.DeleteResidence(ctx, wr(), w.owner.ID, w.home.ID))); got != "not found" {
		t.Errorf("deleting twice: %s", got)
	}
	if _, _, err := db.JoinWithCode(ctx, wr(), w.stranger.ID, "CODE00", at()); !errors.Is(err, ErrNotFound) {
		t.Errorf("joining a deleted residence: %v", err)
	}
}

func TestJoinWithCode(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w := newWorld(t, db)
	for _, tt := range []struct {
		name   string
		user   household.User
		code   string
		now    time.Time
		want   string
		joined bool
		role   household.Role
	}{
		{"unknown", w.stranger, "NOSUCH00", at(), "not found", false, ""},
		{"a second too late", w.stranger, "CODE00", at().Add(time.Hour), "not found", false, ""},
		{"in time", w.stranger, "CODE00", at().Add(time.Hour - time.Second), "ok", true, household.RoleMember},
		{"again", w.stranger, "CODE00", at(), "ok", false, household.RoleMember},
		{"an admin stays one", w.admin, "CODE00", at(), "ok", false, household.RoleAdmin},
		{"the owner stays one", w.owner, "CODE00", at(), "ok", false, household.RoleOwner},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, joined, err := db.JoinWithCode(ctx, wr(), tt.user.ID, tt.code, tt.now)
			if outcome(err) != tt.want || joined != tt.joined || r.Role != tt.role {
				t.Errorf("%s, joined %v as %q", outcome(err), joined, r.Role)
			}
			if err == nil && (r.ID != w.home.ID || r.Name != "Home" || r.TimeZone != "Europe/Berlin") {
				t.Errorf("residence: %+v", r)
			}
		})
	}
	members, err := db.Members(ctx, w.stranger.ID, w.home.ID)
	check(t, err)
	var roles []household.Role
	for _, m := range members {
		roles = append(roles, m.Role)
	}
	want := []household.Role{household.RoleOwner, household.RoleAdmin, household.RoleMember, household.RoleMember}
	if !slices.Equal(roles, want) || members[0].UserID != w.owner.ID || members[0].JoinedAt.IsZero() || members[3].Email != w.stranger.Email {
		t.Errorf("members: %+v", members)
	}
}

// TestJoinTwiceAtOnce: two devices of one person press the button together.
func TestJoinTwiceAtOnce(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	w := newWorld(t, db)
	type result struct {
		joined bool
		err    error
	}
	results := make(chan result, 8)
	for range cap(results) {
		go func() {
			r, joined, err := db.JoinWithCode(t.Context(), wr(), w.stranger.ID, "CODE00", at())
			if err == nil && r.Role != household.RoleMember {
				err = errors.New("no member afterwards")
			}
			results <- result{joined, err}
		}()
	}
	joined := 0
	for range cap(results) {
		r := <-results
		check(t, r.err)
		if r.joined {
			joined++
		}
	}
	if joined != 1 {
		t.Errorf("joined %d times", joined)
	}
}
