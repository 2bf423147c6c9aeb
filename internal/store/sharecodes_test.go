package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// issue makes a code of the world's home that lasts for an hour after at.
func issue(ctx context.Context, t testing.TB, w *world, by household.User, maxUses *int) household.IssuedShareCode {
	t.Helper()
	c, err := w.db.CreateShareCode(ctx, by.ID, w.home.ID, fmt.Sprintf("ISSUE%x", wr().ID[:8]), at().Add(time.Hour), maxUses)
	check(t, err)
	return c
}

// joinAnew lets a user join the world's home by a code that is made now.
func joinAnew(ctx context.Context, t testing.TB, w *world, userID int64) error {
	t.Helper()
	return drop2(w.db.JoinWithCode(ctx, wr(w.home.ID), userID, issue(ctx, t, w, w.owner, nil).Code, at()))
}

// TestWhatEndsACode: who may still join by which code after a membership has
// changed. The member and the admin have used CODE00 of the owner's.
func TestWhatEndsACode(t *testing.T) {
	const ok, gone = "ok", "not found"
	db := open(t, labtest.Database(t, Migrate))
	remove := func(by, of household.User, w *world) error {
		return db.RemoveMember(t.Context(), wr(), by.ID, w.home.ID, of.ID)
	}
	role := func(w *world, of household.User, r household.Role) error {
		return drop(db.SetRole(t.Context(), wr(), w.owner.ID, w.home.ID, of.ID, r))
	}
	again := func(w *world, of household.User, r household.Role) error {
		return errors.Join(joinAnew(t.Context(), t, w, of.ID), role(w, of, r))
	}
	for n, tt := range []struct {
		name string
		do   func(w *world) error
		// What a stranger gets with the owner's code that the member and the admin
		// used, with another one of the owner's, and with one of the admin's; and
		// what the person in question gets with those.
		used, others, admins        string
		person                      func(*world) household.User
		himUsed, himOthers, himAdmn string
	}{
		{"nothing", func(*world) error { return nil }, ok, ok, ok, nil, "", "", ""},
		{
			"a member is removed", func(w *world) error { return remove(w.owner, w.member, w) },
			gone, ok, ok, func(w *world) household.User { return w.member }, gone, gone, gone,
		},
		{
			"a member leaves", func(w *world) error { return remove(w.member, w.member, w) },
			ok, ok, ok, func(w *world) household.User { return w.member }, gone, gone, gone,
		},
		{
			"an admin is removed", func(w *world) error { return remove(w.owner, w.admin, w) },
			gone, ok, gone, func(w *world) household.User { return w.admin }, gone, gone, gone,
		},
		{
			"an admin leaves", func(w *world) error { return remove(w.admin, w.admin, w) },
			ok, ok, gone, func(w *world) household.User { return w.admin }, gone, gone, gone,
		},
		{"an admin is demoted", func(w *world) error { return role(w, w.admin, household.RoleMember) }, ok, ok, gone, nil, "", "", ""},
		{"an admin stays one", func(w *world) error { return role(w, w.admin, household.RoleAdmin) }, ok, ok, ok, nil, "", "", ""},
		{
			"demoted and promoted again", func(w *world) error {
				return errors.Join(role(w, w.admin, household.RoleMember), role(w, w.admin, household.RoleAdmin))
			},
			ok, ok, gone, nil, "", "", "",
		},
		{
			"removed and made an admin again", func(w *world) error {
				return errors.Join(remove(w.owner, w.admin, w), again(w, w.admin, household.RoleAdmin))
			},
			gone, ok, gone, nil, "", "", "",
		},
		{
			"removed, back, and removed again", func(w *world) error {
				return errors.Join(remove(w.owner, w.member, w), again(w, w.member, household.RoleMember), remove(w.admin, w.member, w))
			},
			gone, ok, ok, func(w *world) household.User { return w.member }, gone, gone, gone,
		},
		{
			"a removal that is refused", func(w *world) error {
				return errors.Join(refused(remove(w.member, w.admin, w), ErrForbidden), refused(remove(w.stranger, w.admin, w), ErrNotFound),
					refused(drop(db.SetRole(t.Context(), wr(), w.member.ID, w.home.ID, w.admin.ID, household.RoleMember)), ErrForbidden))
			},
			ok, ok, ok, nil, "", "", "",
		},
		{
			"the residence is deleted", func(w *world) error { return drop(db.DeleteResidence(t.Context(), wr(), w.owner.ID, w.home.ID)) },
			gone, gone, gone, nil, "", "", "",
		},
		{
			"the owner's codes are revoked", func(w *world) error { return db.RevokeShareCode(t.Context(), w.admin.ID, w.home.ID, w.code, at()) },
			gone, ok, ok, nil, "", "", "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			suffix := fmt.Sprintf("-%d", n)
			w := newWorldNamed(t, db, suffix)
			used, others, admins := "CODE00"+suffix, issue(t.Context(), t, w, w.owner, nil).Code, issue(t.Context(), t, w, w.admin, nil).Code
			check(t, tt.do(w))
			join := func(by household.User, code string) string {
				return outcome(drop2(db.JoinWithCode(t.Context(), wr(), by.ID, code, at())))
			}
			if tt.person != nil {
				who := tt.person(w)
				if a, b, c := join(who, used), join(who, others), join(who, admins); a != tt.himUsed || b != tt.himOthers || c != tt.himAdmn {
					t.Errorf("%s gets %s, %s, %s; want %s, %s, %s", who.Name, a, b, c, tt.himUsed, tt.himOthers, tt.himAdmn)
				}
				if _, err := db.Residence(t.Context(), who.ID, w.home.ID); !errors.Is(err, ErrNotFound) {
					t.Errorf("%s sees the residence: %v", who.Name, err)
				}
			}
			// A new stranger for each code: one who is in already may use any.
			for _, c := range []struct{ name, code, want string }{{"used", used, tt.used}, {"others", others, tt.others}, {"admins", admins, tt.admins}} {
				if got := join(newUser(t, db, "s-"+c.name+suffix), c.code); got != c.want {
					t.Errorf("a stranger with the code %s gets %s, want %s", c.name, got, c.want)
				}
			}
			if tt.person != nil { // a code that is made now admits the person
				check(t, joinAnew(t.Context(), t, w, tt.person(w).ID))
			}
		})
	}
}

// TestAMakerWhoMayNotShare: whatever became of the code itself, its maker is
// looked up when it is used. So it ends with a membership that SQL from outside
// or the release before this one has ended.
func TestAMakerWhoMayNotShare(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	ctx := t.Context()
	conn := connect(t, env.DirectURL)
	for n, sql := range []string{
		"DELETE FROM residence_users WHERE residence_id = $1 AND user_id = $2",
		"UPDATE residence_users SET role = 'member' WHERE residence_id = $1 AND user_id = $2",
	} {
		w := newWorldNamed(t, db, fmt.Sprintf("-%d", n))
		c := issue(ctx, t, w, w.admin, nil)
		if _, err := conn.Exec(ctx, sql, w.home.ID, w.admin.ID); err != nil {
			t.Fatal(err)
		}
		if err := drop2(db.JoinWithCode(ctx, wr(), w.stranger.ID, c.Code, at())); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: joining gives %v", sql, err)
		}
		l, err := db.ShareCodes(ctx, w.owner.ID, w.home.ID, at(), Page{})
		check(t, err)
		if slices.ContainsFunc(l.Items, func(x household.ShareCode) bool { return x.ID == c.ID }) {
			t.Errorf("%s: the code is listed", sql)
		}
	}
}

// TestShareCodesAreListedAndRevoked: the list has what still admits somebody,
// page by page; what is revoked has ended for everybody.
func TestShareCodesAreListedAndRevoked(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w, other := newWorld(t, db), newWorldNamed(t, db, "-other")
	two := 2
	made := []household.IssuedShareCode{issue(ctx, t, w, w.admin, &two), issue(ctx, t, w, w.owner, nil), issue(ctx, t, w, w.owner, nil)}
	late, err := db.CreateShareCode(ctx, w.owner.ID, w.home.ID, "LATE00", at(), nil) // ends now
	check(t, err)
	if c := made[0]; c.ID == 0 || c.Uses != 0 || c.MaxUses == nil || *c.MaxUses != 2 || c.CreatedBy != (household.Person{UserID: w.admin.ID, Name: "admin"}) || c.CreatedAt.IsZero() || !c.ExpiresAt.Equal(at().Add(time.Hour)) {
		t.Errorf("made: %+v", c)
	}
	ids := func(p Page) ([]int64, int64) {
		l, err := db.ShareCodes(ctx, w.admin.ID, w.home.ID, at(), p)
		check(t, err)
		var ids []int64
		for _, c := range l.Items {
			ids = append(ids, c.ID)
		}
		return ids, l.Next
	}
	all := []int64{w.code, made[0].ID, made[1].ID, made[2].ID}
	if got, next := ids(Page{}); !slices.Equal(got, all) || next != 0 {
		t.Errorf("listed %v and then %d, want %v", got, next, all)
	}
	if got, next := ids(Page{Limit: 3}); !slices.Equal(got, all[:3]) || next != all[2] {
		t.Errorf("the first page has %v and then %d", got, next)
	}
	if got, next := ids(Page{Limit: 3, After: all[2]}); !slices.Equal(got, all[3:]) || next != 0 {
		t.Errorf("the last page has %v and then %d", got, next)
	}
	check(t, drop2(db.JoinWithCode(ctx, wr(), w.stranger.ID, made[0].Code, at())))
	l, err := db.ShareCodes(ctx, w.owner.ID, w.home.ID, at(), Page{After: all[0], Limit: 1})
	if err != nil || len(l.Items) != 1 || l.Items[0].Uses != 1 || l.Items[0].CreatedBy.UserID != w.admin.ID {
		t.Errorf("after a use: %+v %v", l, err)
	}
	check(t, drop2(db.JoinWithCode(ctx, wr(), other.stranger.ID, made[0].Code, at())))
	check(t, db.RevokeShareCode(ctx, w.admin.ID, w.home.ID, made[1].ID, at()))
	if got, _ := ids(Page{}); !slices.Equal(got, []int64{w.code, made[2].ID}) {
		t.Errorf("listed %v after one was used up and one revoked", got)
	}
	for name, c := range map[string]int64{
		"revoked": made[1].ID, "used up": made[0].ID, "expired": late.ID, "of another residence": other.code, "of nobody": 1 << 40,
	} {
		if err := db.RevokeShareCode(ctx, w.owner.ID, w.home.ID, c, at()); !errors.Is(err, ErrNotFound) {
			t.Errorf("revoking one that is %s: %v", name, err)
		}
	}
	if err := drop2(db.JoinWithCode(ctx, wr(), w.stranger.ID, made[1].Code, at())); !errors.Is(err, ErrNotFound) {
		t.Errorf("a member with a revoked code: %v", err)
	}
	for _, c := range []int64{w.code, made[2].ID} {
		check(t, db.RevokeShareCode(ctx, w.owner.ID, w.home.ID, c, at()))
	}
	if l, err = db.ShareCodes(ctx, w.owner.ID, w.home.ID, at(), Page{}); err != nil || len(l.Items) != 0 {
		t.Errorf("no code: %+v %v", l, err)
	}
}

// TestMaxUsesIsExact: of twelve people who join at once, as many get in as the
// code admits; and for a person who did, it works again and counts once.
func TestMaxUsesIsExact(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	w := newWorld(t, db)
	const people, most = 12, 5
	limit := most
	c := issue(t.Context(), t, w, w.owner, &limit)
	outcomes := make([]string, people)
	users := make([]household.User, people)
	for i := range users {
		users[i] = newUser(t, db, fmt.Sprint("guest", i))
	}
	var group sync.WaitGroup
	for i := range users {
		for range 2 { // and each from two devices
			group.Go(func() {
				_, _, err := db.JoinWithCode(t.Context(), wr(), users[i].ID, c.Code, at())
				if err != nil && !errors.Is(err, ErrNotFound) {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	in := 0
	for i, u := range users {
		outcomes[i] = outcome(drop2(db.JoinWithCode(t.Context(), wr(), u.ID, c.Code, at())))
		if outcomes[i] == "ok" {
			in++
		}
	}
	members, err := db.Members(t.Context(), w.owner.ID, w.home.ID)
	check(t, err)
	if len(members) != 3+most || in != most {
		t.Errorf("%d got in and %d are members, want %d and %d", in, len(members), most, 3+most)
	}
	conn := connect(t, env.DirectURL)
	var uses, named int
	check(t, conn.QueryRow(t.Context(), "SELECT uses, cardinality(used_by) FROM share_codes WHERE id = $1", c.ID).Scan(&uses, &named))
	if uses != most || named != most {
		t.Errorf("%d uses by %d people are counted, want %d", uses, named, most)
	}
}

// TestJoiningRacesARemoval: a removal, and the removed person who joins again
// and again with a code that is live. Whichever comes first, that person is out
// in the end, and none of the statements fails for another reason.
func TestJoiningRacesARemoval(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w := newWorld(t, db)
	for round := range 30 {
		codes := []string{issue(ctx, t, w, w.owner, nil).Code, issue(ctx, t, w, w.admin, nil).Code}
		check(t, drop2(db.JoinWithCode(ctx, wr(), w.stranger.ID, codes[0], at())))
		var group sync.WaitGroup
		for i := range 3 {
			group.Go(func() {
				for range 3 {
					if err := drop2(db.JoinWithCode(ctx, wr(), w.stranger.ID, codes[i%2], at())); err != nil && !errors.Is(err, ErrNotFound) {
						t.Errorf("joining: %v", err)
					}
				}
			})
		}
		group.Go(func() {
			by := []household.User{w.owner, w.admin, w.stranger}[round%3]
			if err := db.RemoveMember(ctx, wr(), by.ID, w.home.ID, w.stranger.ID); err != nil {
				t.Errorf("removing: %v", err)
			}
		})
		group.Go(func() { // takes the same codes' locks
			if err := drop(db.SetRole(ctx, wr(), w.owner.ID, w.home.ID, w.admin.ID, household.RoleAdmin)); err != nil {
				t.Errorf("the admin's role: %v", err)
			}
		})
		group.Wait()
		if _, err := db.Residence(ctx, w.stranger.ID, w.home.ID); !errors.Is(err, ErrNotFound) {
			t.Fatalf("round %d: the removed person is in again (%v)", round, err)
		}
	}
}

// TestAJoinThatWaitsSeesTheRemoval takes the race apart: the join begins while
// the removal is not committed, so that its snapshot has the membership and the
// code as they were.
func TestAJoinThatWaitsSeesTheRemoval(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	ctx := t.Context()
	w := newWorld(t, db)
	conn, watch := connect(t, env.DirectURL), connect(t, env.DirectURL)
	tx, err := conn.Begin(ctx)
	check(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, memberRemove.SQL, append([]any{pgx.QueryExecModeExec}, w.owner.ID, w.home.ID, wr().ID, w.member.ID, rolesFor(household.ActionManageMembers))...); err != nil {
		t.Fatal(err)
	}
	joined := make(chan error, 1)
	go func() { joined <- drop2(db.JoinWithCode(ctx, wr(), w.member.ID, "CODE00", at())) }()
	for waiting := false; !waiting; {
		check(t, watch.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waiting))
	}
	check(t, tx.Commit(ctx))
	if err := <-joined; !errors.Is(err, ErrNotFound) {
		t.Errorf("joining after the removal: %v", err)
	}
	if _, err := db.Residence(ctx, w.member.ID, w.home.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("the removed person sees the residence: %v", err)
	}
}

// TestTheReleaseBeforeRunsOnShareCodes: its statements, as they were, on today's schema.
func TestTheReleaseBeforeRunsOnShareCodes(t *testing.T) {
	env := labtest.Database(t, Migrate)
	w := newWorld(t, open(t, env))
	conn := connect(t, env.DirectURL)
	ctx := t.Context()
	if _, err := conn.Exec(ctx, "INSERT INTO share_codes (code, residence_id, created_by, expires_at) VALUES ('BEFORE00', $1, $2, $3)", w.home.ID, w.owner.ID, at().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "UPDATE share_codes SET uses = uses + 1 WHERE code = 'BEFORE00'"); err != nil {
		t.Fatal(err)
	}
	check(t, drop2(w.db.JoinWithCode(ctx, wr(), w.stranger.ID, "BEFORE00", at())))
	l, err := w.db.ShareCodes(ctx, w.owner.ID, w.home.ID, at(), Page{After: w.code})
	if err != nil || len(l.Items) != 1 || l.Items[0].Uses != 2 || l.Items[0].ID == 0 {
		t.Errorf("a code of the release before: %+v %v", l, err)
	}
}
