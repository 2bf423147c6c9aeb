package store

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestBoard compares the board with one put together from the tasks one by one.
func TestBoard(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w := newWorld(t, db)
	far, err := db.CreateResidence(ctx, wr(), w.member.ID, household.NewResidence{Name: "Far", TimeZone: "Pacific/Auckland"})
	check(t, err)
	empty, err := db.CreateResidence(ctx, wr(), w.member.ID, household.NewResidence{Name: "Empty"})
	check(t, err)
	since := at().Add(-household.CompletedFor)

	want := map[int64]household.Task{w.task.ID: w.task, w.once.ID: w.once}
	add := func(n household.NewTask, then func(household.Task) (household.Task, error)) {
		t.Helper()
		x, err := db.CreateTask(ctx, wr(), w.member.ID, n)
		check(t, err)
		x, err = then(x)
		check(t, err)
		want[x.ID] = x
	}
	as := func(x household.Task) (household.Task, error) { return x, nil }
	for i, home := range []int64{w.home.ID, far.ID} {
		for days := range 40 {
			due := household.DateOf(at()).AddDays(3*days - 40)
			add(household.NewTask{ResidenceID: home, Title: fmt.Sprint("Due ", i, days), Description: "not on a card", DueDate: &due, Priority: "high"}, as)
		}
		add(household.NewTask{ResidenceID: home, Title: "Begun", Frequency: "weekly"}, func(x household.Task) (household.Task, error) {
			return db.StartTask(ctx, wr(x.ResidenceID), w.member.ID, x.ID, at())
		})
	}
	// Completed: 66 lately (the newest 50 are shown), 5 before that.
	for i := range 71 {
		when := at().Add(-time.Duration(i) * 11 * time.Hour)
		if i >= 66 {
			when = since.Add(-time.Second)
		}
		add(household.NewTask{ResidenceID: []int64{w.home.ID, far.ID}[i%2], Title: fmt.Sprint("Done ", i)}, func(x household.Task) (household.Task, error) {
			done, err := db.CompleteTask(ctx, wr(x.ResidenceID), w.member.ID, x.ID, when, household.NewCompletion{})
			return done.Task, err
		})
	}
	add(household.NewTask{ResidenceID: far.ID, Title: "Put away"}, func(x household.Task) (household.Task, error) {
		return db.ArchiveTask(ctx, wr(x.ResidenceID), w.member.ID, x.ID, at())
	})

	u, rows, err := db.Board(ctx, tokenOf(w.member), at(), household.DueSoonDays)
	check(t, err)
	if u != w.member {
		t.Errorf("the board is of %+v", u)
	}
	homes := []household.Home{{ID: w.home.ID, TimeZone: "Europe/Berlin"}, {ID: far.ID, TimeZone: "Pacific/Auckland"}, {ID: empty.ID, TimeZone: "UTC"}}
	slices.SortFunc(rows.Homes, func(a, b household.Home) int { return int(a.ID - b.ID) })
	if !slices.Equal(rows.Homes, homes) || !slices.Equal(rows.ResidenceIDs(), []int64{w.home.ID, far.ID, empty.ID}) {
		t.Errorf("homes: %v", rows.Homes)
	}
	if n := rows.Counts[household.ColumnCompleted]; n != 66 {
		t.Errorf("%d completed lately, want 66", n)
	}
	if oldest := at().Add(-65 * 11 * time.Hour); rows.OldestCompleted == nil || !rows.OldestCompleted.Equal(oldest) {
		t.Errorf("the first of them was completed at %v, want %v", rows.OldestCompleted, oldest)
	}
	in := household.BoardInput{Homes: homes, Now: at(), DueSoonDays: household.DueSoonDays}
	for _, x := range want {
		if x.Archived || x.CompletedAt != nil && x.CompletedAt.Before(since) {
			continue
		}
		in.Cards = append(in.Cards, household.Card{
			ID: x.ID, ResidenceID: x.ResidenceID, Title: x.Title, Category: x.Category, Priority: x.Priority, DueDate: x.DueDate,
			Frequency: x.Frequency, StartedAt: x.StartedAt, CompletedAt: x.CompletedAt, LastCompletedAt: x.LastCompletedAt, Version: x.Version,
		})
	}
	model := household.BuildBoard(in)
	in.Homes, in.Cards, in.Counts = rows.Homes, rows.Cards, rows.Counts
	got := household.BuildBoard(in)
	if !reflect.DeepEqual(got, model) {
		t.Errorf("the board differs from the model")
	}
	for _, c := range got.Columns {
		t.Logf("%s: %d, %d shown", c.Name, c.Count, len(c.Tasks))
		if c.Count == 0 {
			t.Errorf("nothing in column %s: the test proves nothing about it", c.Name)
		}
	}
	// The owner sees his home only.
	_, own, err := db.Board(ctx, w.token, at(), household.DueSoonDays)
	check(t, err)
	if len(own.Homes) != 1 || slices.ContainsFunc(own.Cards, func(c household.Card) bool { return c.ResidenceID != w.home.ID }) {
		t.Errorf("the owner's homes: %v", own.Homes)
	}
}

// TestALogOutBetweenTheStatementsIsNoEmptyBoard: the token is deleted while the board waits for a lock, that is, between the
// two statements of the pipeline.
func TestALogOutBetweenTheStatementsIsNoEmptyBoard(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	w := newWorld(t, db)
	conn := connect(t, env.DirectURL)
	_, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
	check(t, err)
	read := make(chan error, 1)
	go func() { read <- drop2(db.Board(t.Context(), w.token, at(), household.DueSoonDays)) }()
	watch := connect(t, env.DirectURL)
	labtest.Eventually(t, "the board's waiting", func() bool { return waitingFor(t, watch, taskBoard.Name) })
	_, err = watch.Exec(t.Context(), "DELETE FROM auth_tokens WHERE key_hash = $1", w.token)
	check(t, err)
	_, err = conn.Exec(t.Context(), "COMMIT")
	check(t, err)
	if err := <-read; !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want %v", err, ErrNotFound)
	}
}
