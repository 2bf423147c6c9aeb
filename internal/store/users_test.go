package store

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

func TestAccounts(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	u, err := db.Register(ctx, NewUser{Email: "Ada@Example.org", Name: "Ada", PasswordHash: "hash-1"}, tokenHash("one"))
	check(t, err)
	if u.ID == 0 || u.Email != "Ada@Example.org" || u.Name != "Ada" || u.CreatedAt.IsZero() {
		t.Errorf("registered: %+v", u)
	}
	_, err = db.Register(ctx, NewUser{Email: "aDA@example.ORG", Name: "Else", PasswordHash: "x"}, tokenHash("two"))
	field, isField := errors.AsType[*FieldError](err)
	if !errors.Is(err, ErrConflict) || !isField || field.Field != "email" {
		t.Errorf("a taken e-mail: %v", err)
	}
	if _, _, err := db.UserByToken(ctx, tokenHash("two")); !errors.Is(err, ErrNotFound) {
		t.Errorf("the token of a refused registration: %v", err)
	}
	same, hash, err := db.Credentials(ctx, "ADA@example.org")
	if err != nil || same != u || hash != "hash-1" {
		t.Errorf("credentials: %+v %q %v", same, hash, err)
	}
	if _, _, err := db.Credentials(ctx, "bob@example.org"); !errors.Is(err, ErrNotFound) {
		t.Errorf("credentials of nobody: %v", err)
	}
	check(t, db.CreateToken(ctx, u.ID, tokenHash("three")))
	if err := db.CreateToken(ctx, u.ID+1000, tokenHash("four")); !errors.Is(err, ErrNotFound) {
		t.Errorf("a token of nobody: %v", err)
	}
	for _, token := range []string{"one", "three"} {
		if got, _, err := db.UserByToken(ctx, tokenHash(token)); err != nil || got != u {
			t.Errorf("token %s: %+v %v", token, got, err)
		}
	}
	check(t, db.DeleteToken(ctx, wr(), u.ID, tokenHash("one")))
	check(t, db.DeleteToken(ctx, wr(), u.ID, tokenHash("one")))
	if _, _, err := db.UserByToken(ctx, tokenHash("one")); !errors.Is(err, ErrNotFound) {
		t.Errorf("a deleted token: %v", err)
	}
	name := "Ada Lovelace"
	changed, err := db.UpdateUser(ctx, wr(), u.ID, household.UserPatch{Name: &name})
	if err != nil || changed.Name != name || changed.Email != u.Email {
		t.Errorf("update: %+v %v", changed, err)
	}
	same, err = db.UpdateUser(ctx, wr(), u.ID, household.UserPatch{})
	if err != nil || same != changed {
		t.Errorf("an empty patch: %+v %v", same, err)
	}
}

func TestValuesThatTheDatabaseRefuses(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w := newWorld(t, db)
	empty, long, zone := "", strings.Repeat("ä", 201), "Mars/Olympus"
	for _, tt := range []struct {
		name, field string
		err         error
	}{
		{"no name", "name", drop(db.UpdateUser(ctx, wr(), w.owner.ID, household.UserPatch{Name: &empty}))},
		{"no title", "title", drop(db.CreateTask(ctx, wr(), w.owner.ID, household.NewTask{ResidenceID: w.home.ID}))},
		{"a long title", "title", drop(db.UpdateTask(ctx, wr(w.home.ID), w.owner.ID, w.task.ID, household.TaskPatch{Title: &long}))},
		{"an unknown frequency", "frequency", drop(db.CreateTask(ctx, wr(), w.owner.ID, household.NewTask{ResidenceID: w.home.ID, Title: "x", Frequency: "hourly"}))},
		{"an unknown category", "category", drop(db.CreateContractor(ctx, wr(), w.owner.ID, household.NewContractor{ResidenceID: w.home.ID, Name: "x", Category: "magic"}))},
		{"an unknown kind", "kind", drop(db.CreateDocument(ctx, wr(), w.owner.ID, household.NewDocument{ResidenceID: w.home.ID, Title: "x", Kind: "poem"}))},
		{"an unknown zone", "time_zone", drop(db.CreateResidence(ctx, wr(), w.owner.ID, household.NewResidence{Name: "x", TimeZone: zone}))},
		{"an unknown zone later", "time_zone", drop(db.UpdateResidence(ctx, wr(), w.owner.ID, w.home.ID, household.ResidencePatch{TimeZone: &zone}))},
		{"an unknown role", "role", drop(db.SetRole(ctx, wr(), w.owner.ID, w.home.ID, w.member.ID, household.RoleOwner))},
		{"a NUL byte", "", drop(db.CreateTask(ctx, wr(), w.owner.ID, household.NewTask{ResidenceID: w.home.ID, Title: "a\x00b"}))},
	} {
		f, ok := errors.AsType[*FieldError](tt.err)
		if !errors.Is(tt.err, ErrInvalid) || !ok || f.Field != tt.field {
			t.Errorf("%s: %v", tt.name, tt.err)
		}
	}
	_, err := db.CreateShareCode(ctx, w.owner.ID, w.home.ID, "CODE00", at(), nil)
	if f, ok := errors.AsType[*FieldError](err); !errors.Is(err, ErrConflict) || !ok || f.Field != "code" {
		t.Errorf("a code twice: %v", err)
	}
}

func TestRecentUsers(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w := newWorld(t, db)
	check(t, db.DeleteToken(ctx, wr(), w.member.ID, tokenHash("member"))) // nobody without a token
	check(t, db.CreateToken(ctx, w.owner.ID, tokenHash("newest")))
	users, err := db.RecentUsers(ctx, 10)
	check(t, err)
	var names []string
	for _, u := range users {
		names = append(names, u.Name)
	}
	if want := []string{"owner", "stranger", "admin"}; !slices.Equal(names, want) {
		t.Fatalf("recent: %v, want %v", names, want)
	}
	if u := users[0]; !bytes.Equal(u.TokenHash, tokenHash("newest")) || !slices.Equal(u.ResidenceIDs, []int64{w.home.ID}) {
		t.Errorf("owner: %+v", u)
	}
	if u := users[1]; len(u.ResidenceIDs) != 0 {
		t.Errorf("stranger: %+v", u)
	}
	if users, err = db.RecentUsers(ctx, 1); err != nil || len(users) != 1 {
		t.Errorf("one of them: %v %v", users, err)
	}
}

func TestResidencesAndPages(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w := newWorld(t, db)
	want := []int64{}
	for range 7 {
		r, err := db.CreateResidence(ctx, wr(), w.stranger.ID, household.NewResidence{Name: "One of many", Street: "1 Oak Lane", City: "Oslo", PostalCode: "0150", Country: "Norway"})
		check(t, err)
		if r.TimeZone != "UTC" || r.Role != household.RoleOwner || r.OwnerID != w.stranger.ID {
			t.Errorf("created: %+v", r)
		}
		got, err := db.Residence(ctx, w.stranger.ID, r.ID)
		if err != nil || got != r {
			t.Errorf("got %+v, created %+v, %v", got, r, err)
		}
		want = append(want, r.ID)
	}
	var all []int64
	for page, pages := (Page{Limit: 3}), 0; ; pages++ {
		_, l, err := db.Residences(ctx, tokenOf(w.stranger), page)
		check(t, err)
		if !slices.Equal(l.ResidenceIDs, want) {
			t.Errorf("page %d tells the homes %v, want all: %v", pages, l.ResidenceIDs, want)
		}
		for _, r := range l.Items {
			all = append(all, r.ID)
		}
		if l.Next == 0 {
			if pages != 2 || len(l.Items) != 1 {
				t.Errorf("the last page is number %d with %d items", pages, len(l.Items))
			}
			break
		}
		page.After = l.Next
	}
	if !slices.Equal(all, want) {
		t.Errorf("pages hold %v, want %v", all, want)
	}
	_, beyond, err := db.Residences(ctx, tokenOf(w.stranger), Page{After: want[6]})
	if err != nil || len(beyond.Items) != 0 || beyond.Next != 0 || !slices.Equal(beyond.ResidenceIDs, want) {
		t.Errorf("beyond the end: %+v %v", beyond, err)
	}
	city, street := "Bergen", ""
	changed, err := db.UpdateResidence(ctx, wr(), w.stranger.ID, want[0], household.ResidencePatch{City: &city, Street: &street})
	if err != nil || changed.City != city || changed.Street != "" || changed.Name != "One of many" || !changed.UpdatedAt.After(changed.CreatedAt) {
		t.Errorf("changed: %+v %v", changed, err)
	}
	// A contractor of one home: the homes without any are told all the same.
	_, err = db.CreateContractor(ctx, wr(), w.stranger.ID, household.NewContractor{ResidenceID: want[3], Name: "Ada", Category: "plumbing"})
	check(t, err)
	_, c, err := db.Contractors(ctx, tokenOf(w.stranger), Page{})
	if err != nil || len(c.Items) != 1 || c.Items[0].ResidenceID != want[3] || !slices.Equal(c.ResidenceIDs, want) {
		t.Errorf("contractors: %+v %v", c, err)
	}
}
