package store

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

func TestTaskFields(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w := newWorld(t, db)
	made, err := db.CreateTask(ctx, wr(), w.owner.ID, household.NewTask{ResidenceID: w.home.ID, Title: "Plain"})
	check(t, err)
	if made.Category != household.CategoryGeneral || made.Priority != household.PriorityMedium || made.Frequency != household.FrequencyOnce ||
		made.DueDate != nil || made.Version != 1 || made.Archived || made.StartedAt != nil || made.CompletedAt != nil || made.LastCompletedAt != nil {
		t.Errorf("what was left out: %+v", made)
	}
	full, err := db.CreateTask(ctx, wr(), w.owner.ID, household.NewTask{
		ResidenceID: w.home.ID, Title: "Füll", Description: "‘quoted’ \\ $1", Category: "garden", Priority: "urgent",
		DueDate: date(t, "2028-02-29"), Frequency: "annually",
	})
	check(t, err)
	got, err := db.Task(ctx, w.member.ID, full.ID)
	if err != nil || !reflect.DeepEqual(got, full) || full.DueDate.String() != "2028-02-29" || full.Description != "‘quoted’ \\ $1" {
		t.Errorf("created %+v, read %+v, %v", full, got, err)
	}
	title, priority, frequency := "Newer", household.Priority("low"), household.Frequency("weekly")
	patched, err := db.UpdateTask(ctx, wr(w.home.ID), w.member.ID, full.ID, household.TaskPatch{Title: &title, Priority: &priority, Frequency: &frequency})
	check(t, err)
	want := full
	want.Title, want.Priority, want.Frequency, want.Version, want.UpdatedAt = title, priority, frequency, 2, patched.UpdatedAt
	if !reflect.DeepEqual(patched, want) || !patched.UpdatedAt.After(full.UpdatedAt) {
		t.Errorf("patched %+v, want %+v", patched, want)
	}
	moved, err := db.UpdateTask(ctx, wr(w.home.ID), w.member.ID, full.ID, household.TaskPatch{DueDate: date(t, "2026-12-31")})
	if err != nil || moved.DueDate.String() != "2026-12-31" {
		t.Errorf("moved: %+v %v", moved, err)
	}
	freed, err := db.UpdateTask(ctx, wr(w.home.ID), w.member.ID, full.ID, household.TaskPatch{DueDate: &household.Date{}})
	if err != nil || freed.DueDate != nil || freed.Title != title || freed.Version != 4 {
		t.Errorf("without a date: %+v %v", freed, err)
	}
	check(t, db.DeleteTask(ctx, wr(w.home.ID), w.member.ID, full.ID))
	for name, err := range map[string]error{
		"delete": db.DeleteTask(ctx, wr(w.home.ID), w.member.ID, full.ID),
		"read":   drop(db.Task(ctx, w.member.ID, full.ID)),
		"change": drop(db.UpdateTask(ctx, wr(w.home.ID), w.member.ID, full.ID, household.TaskPatch{Title: &title})),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s what is deleted: %v", name, err)
		}
	}
}

// TestADateKeepsItsDay in each execution mode, whatever zone the process is in:
// a time.Time would be shifted to UTC on its way.
func TestADateKeepsItsDay(t *testing.T) {
	env := labtest.Database(t, Migrate)
	w := newWorld(t, open(t, env))
	for _, mode := range []string{"exec", "simple_protocol", "cache_describe"} {
		db := open(t, env, func(c *Config) { c.ExecMode = mode })
		for _, day := range []string{"0001-01-01", "1582-10-10", "2026-03-29", "2028-02-29", "9999-12-31"} {
			made, err := db.CreateTask(t.Context(), wr(), w.owner.ID, household.NewTask{ResidenceID: w.home.ID, Title: "Day", DueDate: date(t, day)})
			check(t, err)
			got, err := db.Task(t.Context(), w.owner.ID, made.ID)
			if err != nil || got.DueDate == nil || got.DueDate.String() != day {
				t.Errorf("%s: wrote %s, read %v, %v", mode, day, got.DueDate, err)
			}
		}
		instant := time.Date(2026, 10, 25, 2, 30, 0, 123456000, time.FixedZone("", 5*3600+45*60))
		started, err := db.StartTask(t.Context(), wr(w.home.ID), w.owner.ID, w.once.ID, instant)
		if err != nil || !started.StartedAt.Equal(instant) {
			t.Errorf("%s: started at %v, %v", mode, started.StartedAt, err)
		}
		check(t, drop(db.UnstartTask(t.Context(), wr(w.home.ID), w.owner.ID, w.once.ID)))
	}
}

// TestCompleteMovesByTheResidencesCalendar: at the same instant it is another
// day elsewhere.
func TestCompleteMovesByTheResidencesCalendar(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	u := newUser(t, db, "ada")
	for _, tt := range []struct{ zone, next string }{
		{"Pacific/Honolulu", "2026-03-11"}, // 10 March, 01:30
		{"Europe/Berlin", "2026-03-11"},
		{"Pacific/Auckland", "2026-03-12"},   // 11 March, 00:30
		{"Pacific/Kiritimati", "2026-03-12"}, // 11 March, 01:30
	} {
		r, err := db.CreateResidence(ctx, wr(), u.ID, household.NewResidence{Name: "x", TimeZone: tt.zone})
		check(t, err)
		task, err := db.CreateTask(ctx, wr(), u.ID, household.NewTask{ResidenceID: r.ID, Title: "x", Frequency: "daily", DueDate: date(t, "2026-03-01")})
		check(t, err)
		done, err := db.CompleteTask(ctx, wr(r.ID), u.ID, task.ID, at(), household.NewCompletion{})
		if err != nil || done.DueDate.String() != tt.next || done.CompletedAt != nil || !done.LastCompletedAt.Equal(at()) {
			t.Errorf("%s: %+v, want due %s, %v", tt.zone, done, tt.next, err)
		}
	}
}

// TestNextDueIsTheDomains holds the statement's closed form to the rule of the
// domain, over all frequencies, due dates, days kept, zones and instants, and
// requires that undoing the completions restores each state exactly.
func TestNextDueIsTheDomains(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db, conn := open(t, env), connect(t, env.DirectURL)
	u := newUser(t, db, "ada")
	homes := map[string]int64{}
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Honolulu", "Asia/Kathmandu"} {
		r, err := db.CreateResidence(t.Context(), wr(), u.ID, household.NewResidence{Name: zone, TimeZone: zone})
		check(t, err)
		homes[zone] = r.ID
	}
	zones := slices.Sorted(maps.Keys(homes))
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		frequency := rapid.SampledFrom(household.Frequencies()).Draw(t, "frequency")
		day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		var due household.Due
		switch rapid.SampledFrom([]string{"none", "any", "any", "month's end", "end of time"}).Draw(t, "due date") {
		case "any":
			due.Date = household.DateOf(day).AddDays(rapid.IntRange(-4000, 4000).Draw(t, "due"))
		case "month's end":
			due.Date = household.Date{Year: 2020, Month: 1, Day: 1}.AddMonths(rapid.IntRange(-60, 60).Draw(t, "month")).AddDays(-rapid.IntRange(1, 3).Draw(t, "before its end"))
		case "end of time":
			due.Date = household.LastDate().AddDays(-rapid.IntRange(0, 800).Draw(t, "before"))
		}
		task, err := db.CreateTask(ctx, wr(), u.ID, household.NewTask{ResidenceID: homes[zone], Title: "x", Frequency: frequency, DueDate: &due.Date})
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "another release has set a day") {
			due.KeepDay = rapid.IntRange(29, 31).Draw(t, "day")
			if _, err := conn.Exec(ctx, "UPDATE tasks SET due_day = $1 WHERE id = $2", due.KeepDay, task.ID); err != nil {
				t.Fatal(err)
			}
		}
		var states []standing
		var completions []int64
		for range rapid.IntRange(1, 4).Draw(t, "completions") {
			now := day.Add(time.Duration(rapid.Int64Range(0, int64(3000*24*time.Hour/time.Second)).Draw(t, "now")) * time.Second)
			today := household.Home{TimeZone: zone}.Today(now)
			before := stateOf(ctx, t, conn, task.ID)
			want, recurs := frequency.NextDue(due, today)
			if !recurs {
				want = due
			}
			done, err := db.CompleteTask(ctx, wr(homes[zone]), u.ID, task.ID, now, household.NewCompletion{DueDate: &due.Date})
			if err != nil {
				t.Fatal(err)
			}
			after := stateOf(ctx, t, conn, task.ID)
			if after.due() != want {
				t.Fatalf("due %+v, completed on %s: the statement says %+v, the domain %+v", due, today, after.due(), want)
			}
			if (done.CompletedAt == nil) != recurs || (done.DueDate == nil) != want.Date.IsZero() || done.CompletionID == nil {
				t.Fatalf("completed: %+v, recurs %v", done, recurs)
			}
			states, completions, due = append(states, before), append(completions, *done.CompletionID), want
			if !recurs {
				break
			}
		}
		for i, want := range slices.Backward(states) {
			if _, err := db.DeleteCompletion(ctx, wr(homes[zone]), u.ID, task.ID, completions[i]); err != nil {
				t.Fatal(err)
			}
			if got := stateOf(ctx, t, conn, task.ID); !reflect.DeepEqual(got, want) {
				t.Fatalf("undone: %+v, was %+v", got, want)
			}
		}
	})
}

// TestStepsArePure: the statement's closed form takes a step of days or of
// months, never of both.
func TestStepsArePure(t *testing.T) {
	for _, f := range household.Frequencies() {
		if s, recurs := f.Step(); recurs && (s.Days > 0) == (s.Months > 0) {
			t.Errorf("%s: %+v", f, s)
		}
	}
}

func TestCompletingAOneOffTask(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w := newWorld(t, db)
	began := at().Add(-time.Hour)
	check(t, drop(db.StartTask(ctx, wr(w.home.ID), w.owner.ID, w.once.ID, began)))
	done, err := db.CompleteTask(ctx, wr(w.home.ID), w.owner.ID, w.once.ID, at(), household.NewCompletion{Notes: "easy"})
	if err != nil || !done.CompletedAt.Equal(at()) || !done.LastCompletedAt.Equal(at()) || done.Version != 3 {
		t.Fatalf("done: %+v %v", done, err)
	}
	again, err := db.CompleteTask(ctx, wr(w.home.ID), w.member.ID, w.once.ID, at().Add(time.Hour), household.NewCompletion{Notes: "me too"})
	if err != nil || !reflect.DeepEqual(again, done) {
		t.Errorf("a second time: %+v, was %+v, %v", again, done, err)
	}
	back, err := db.UncompleteTask(ctx, wr(w.home.ID), w.member.ID, w.once.ID)
	if err != nil || back.CompletedAt != nil || back.LastCompletedAt != nil || !back.StartedAt.Equal(began) {
		t.Errorf("undone: %+v %v", back, err)
	}
	same, err := db.UncompleteTask(ctx, wr(w.home.ID), w.member.ID, w.once.ID)
	if err != nil || !reflect.DeepEqual(same, back) {
		t.Errorf("undone twice: %+v, was %+v, %v", same, back, err)
	}
}

// TestCompletingAtOnce: eight people complete a recurring task in the same
// moment. Each completion sees the one before: the due date moves eight times.
func TestCompletingAtOnce(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate), func(c *Config) { c.MaxConns, c.MinIdleConns = 8, 8 })
	ctx := t.Context()
	w := newWorld(t, db)
	for _, id := range []int64{w.task.ID, w.once.ID} {
		errs := make(chan error, 8)
		for i := range cap(errs) {
			go func() {
				errs <- drop(db.CompleteTask(ctx, wr(w.home.ID), w.owner.ID, id, at(), household.NewCompletion{Notes: fmt.Sprint(i)}))
			}()
		}
		for range cap(errs) {
			check(t, <-errs)
		}
	}
	got, err := db.Task(ctx, w.owner.ID, w.task.ID)
	check(t, err)
	want := household.Due{Date: *w.task.DueDate}
	for range 8 {
		want, _ = w.task.Frequency.NextDue(want, household.Home{TimeZone: w.home.TimeZone}.Today(at()))
	}
	if *got.DueDate != want.Date || got.Version != 9 {
		t.Errorf("due %s in version %d, want %s in version 9", got.DueDate, got.Version, want.Date)
	}
	once, err := db.Task(ctx, w.owner.ID, w.once.ID)
	if err != nil || once.Version != 2 {
		t.Errorf("a one-off task was completed %d times, %v", once.Version-1, err)
	}
	check(t, drop(db.UncompleteTask(ctx, wr(w.home.ID), w.owner.ID, w.once.ID)))
	if once, err = db.Task(ctx, w.owner.ID, w.once.ID); err != nil || once.LastCompletedAt != nil {
		t.Errorf("a second completion was kept: %+v %v", once, err)
	}
}

func TestStartAndArchive(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	ctx := t.Context()
	w := newWorld(t, db)
	later := at().Add(time.Hour)
	started, err := db.StartTask(ctx, wr(w.home.ID), w.owner.ID, w.once.ID, at())
	check(t, err)
	again, err := db.StartTask(ctx, wr(w.home.ID), w.member.ID, w.once.ID, later)
	if err != nil || !started.StartedAt.Equal(at()) || !again.StartedAt.Equal(at()) {
		t.Errorf("started %v, again %v, %v", started.StartedAt, again.StartedAt, err)
	}
	check(t, drop(db.UnstartTask(ctx, wr(w.home.ID), w.member.ID, w.once.ID)))
	archived, err := db.ArchiveTask(ctx, wr(w.home.ID), w.owner.ID, w.once.ID, at())
	if err != nil || !archived.Archived || archived.StartedAt != nil {
		t.Errorf("archived: %+v %v", archived, err)
	}
	l, err := db.ArchivedTasks(ctx, w.member.ID, Page{})
	if err != nil || len(l.Items) != 1 || !reflect.DeepEqual(l.Items[0], archived) {
		t.Errorf("archive: %+v %v", l, err)
	}
	_, b, err := db.Board(ctx, tokenOf(w.member), at(), household.DueSoonDays)
	if err != nil || len(b.Cards) != 1 || b.Cards[0].ID != w.task.ID {
		t.Errorf("board: %+v %v", b, err)
	}
	back, err := db.UnarchiveTask(ctx, wr(w.home.ID), w.member.ID, w.once.ID)
	if err != nil || back.Archived {
		t.Errorf("back: %+v %v", back, err)
	}
	if _, b, err = db.Board(ctx, tokenOf(w.member), at(), household.DueSoonDays); err != nil || len(b.Cards) != 2 {
		t.Errorf("board: %+v %v", b, err)
	}
}

// TestARecurringTaskIsNeverFinished: a finished one-off task that becomes a
// recurring one is open again.
func TestARecurringTaskIsNeverFinished(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	w := newWorld(t, db)
	check(t, drop(db.CompleteTask(t.Context(), wr(w.home.ID), w.owner.ID, w.once.ID, at(), household.NewCompletion{})))
	weekly := household.Frequency("weekly")
	got, err := db.UpdateTask(t.Context(), wr(w.home.ID), w.owner.ID, w.once.ID, household.TaskPatch{Frequency: &weekly})
	if err != nil || got.CompletedAt != nil || got.LastCompletedAt == nil {
		t.Errorf("%+v %v", got, err)
	}
}
