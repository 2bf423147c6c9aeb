package store

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"pgregory.net/rapid"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// standing is what completing and undoing change of a task, its version and
// the time of its last change left out.
type standing struct {
	DueDate                                 *household.Date
	DueDay                                  *int
	StartedAt, CompletedAt, LastCompletedAt *time.Time
}

func (s standing) due() household.Due {
	var d household.Due
	if s.DueDate != nil {
		d.Date = *s.DueDate
	}
	if s.DueDay != nil {
		d.KeepDay = *s.DueDay
	}
	return d
}

func stateOf(ctx context.Context, t interface{ Fatal(...any) }, conn *pgx.Conn, task int64) standing {
	rows, err := conn.Query(ctx, "SELECT due_date::text, due_day::int, started_at, completed_at, last_completed_at FROM tasks WHERE id = $1", task)
	if err != nil {
		t.Fatal(err)
	}
	s, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[standing])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// housework is a household, and what a test does with its tasks.
type housework struct {
	t    *testing.T
	db   *DB
	conn *pgx.Conn
	w    *world
}

func newHousework(t *testing.T) *housework {
	t.Helper()
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	return &housework{t, db, connect(t, env.DirectURL), newWorld(t, db)}
}

func (c *housework) create(frequency household.Frequency, due string) int64 {
	c.t.Helper()
	n := household.NewTask{ResidenceID: c.w.home.ID, Title: "Chore", Frequency: frequency}
	if due != "" {
		n.DueDate = date(c.t, due)
	}
	made, err := c.db.CreateTask(c.t.Context(), wr(), c.w.owner.ID, n)
	check(c.t, err)
	return made.ID
}

// complete completes the task on its due date, or on the given day, and returns
// the completion.
func (c *housework) complete(task int64, days ...string) int64 {
	c.t.Helper()
	s := c.state(task)
	on := s.due().Date
	if len(days) > 0 {
		on = *date(c.t, days[0])
	}
	noon := time.Date(on.Year, on.Month, on.Day, 12, 0, 0, 0, time.UTC)
	done, err := c.db.CompleteTask(c.t.Context(), wr(c.w.home.ID), c.w.owner.ID, task, noon, household.NewCompletion{})
	check(c.t, err)
	return *done.CompletionID
}

func (c *housework) undo(task int64) household.Task {
	c.t.Helper()
	got, err := c.db.UncompleteTask(c.t.Context(), wr(c.w.home.ID), c.w.owner.ID, task)
	check(c.t, err)
	return got
}

func (c *housework) undoOne(task, completion int64) {
	c.t.Helper()
	check(c.t, drop(c.db.DeleteCompletion(c.t.Context(), wr(c.w.home.ID), c.w.owner.ID, task, completion)))
}

func (c *housework) edit(task int64, p household.TaskPatch) {
	c.t.Helper()
	check(c.t, drop(c.db.UpdateTask(c.t.Context(), wr(c.w.home.ID), c.w.owner.ID, task, p)))
}

func (c *housework) state(task int64) standing {
	c.t.Helper()
	return stateOf(c.t.Context(), c.t, c.conn, task)
}

func (c *housework) exec(sql string, args ...any) {
	c.t.Helper()
	_, err := c.conn.Exec(c.t.Context(), sql, args...)
	check(c.t, err)
}

func (c *housework) isDue(task int64, want string) {
	c.t.Helper()
	if got := c.state(task).due().Date.String(); got != want {
		c.t.Errorf("due %s, want %s", got, want)
	}
}

// TestTheDayOfTheMonthIsKept: the 31st comes back on the 31st after a short
// month, and each undo restores exactly what was there.
func TestTheDayOfTheMonthIsKept(t *testing.T) {
	c := newHousework(t)
	for _, tt := range []struct {
		frequency household.Frequency
		from      string
		want      []string
	}{
		{"monthly", "2027-01-31", []string{"2027-02-28", "2027-03-31", "2027-04-30"}},
		{"quarterly", "2027-08-31", []string{"2027-11-30", "2028-02-29", "2028-05-31", "2028-08-31"}},
		{"semiannually", "2027-08-31", []string{"2028-02-29", "2028-08-31", "2029-02-28"}},
		{"annually", "2028-02-29", []string{"2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"}},
		{"monthly", "9999-10-31", []string{"9999-11-30", "9999-12-31", "9999-12-31"}},
	} {
		task := c.create(tt.frequency, tt.from)
		check(t, drop(c.db.StartTask(t.Context(), wr(c.w.home.ID), c.w.owner.ID, task, at())))
		var states []standing
		var completions []int64
		for _, want := range tt.want {
			states = append(states, c.state(task))
			completions = append(completions, c.complete(task))
			c.isDue(task, want)
		}
		for i, want := range slices.Backward(states) {
			c.undoOne(task, completions[i])
			if got := c.state(task); !reflect.DeepEqual(got, want) {
				t.Errorf("%s from %s: undone to %+v, want %+v", tt.frequency, tt.from, got, want)
			}
		}
	}
}

// TestAnEditSetsTheDay: another due date brings its own day; the same date sent
// again, another title and another frequency keep it.
func TestAnEditSetsTheDay(t *testing.T) {
	c := newHousework(t)
	title, quarterly, weekly, monthly := "Other", household.Frequency("quarterly"), household.Frequency("weekly"), household.Frequency("monthly")
	for name, tt := range map[string]struct {
		edits []household.TaskPatch
		want  string
	}{
		"another date":              {[]household.TaskPatch{{DueDate: date(t, "2027-02-27")}}, "2027-03-27"},
		"another and back":          {[]household.TaskPatch{{DueDate: date(t, "2027-02-27")}, {DueDate: date(t, "2027-02-28")}}, "2027-03-28"},
		"none and back":             {[]household.TaskPatch{{DueDate: &household.Date{}}, {DueDate: date(t, "2027-02-28")}}, "2027-03-28"},
		"the same date":             {[]household.TaskPatch{{DueDate: date(t, "2027-02-28")}}, "2027-03-31"},
		"a title":                   {[]household.TaskPatch{{Title: &title}}, "2027-03-31"},
		"another frequency":         {[]household.TaskPatch{{Frequency: &quarterly}}, "2027-05-31"},
		"a frequency without a day": {[]household.TaskPatch{{Frequency: &weekly}}, "2027-03-07"},
		"weekly and back":           {[]household.TaskPatch{{Frequency: &weekly}, {Frequency: &monthly}}, "2027-03-31"},
	} {
		t.Run(name, func(t *testing.T) {
			task := c.create("monthly", "2027-01-31")
			c.complete(task)
			for _, p := range tt.edits {
				c.edit(task, p)
			}
			before := c.state(task)
			completion := c.complete(task)
			c.isDue(task, tt.want)
			c.undoOne(task, completion)
			if got := c.state(task); !reflect.DeepEqual(got, before) {
				t.Errorf("undone to %+v, was %+v", got, before)
			}
		})
	}
}

// TestACompletionNamesItsOccurrence: a request that is sent again, because its
// reply was lost, completes nothing twice.
func TestACompletionNamesItsOccurrence(t *testing.T) {
	c := newHousework(t)
	for _, tt := range []struct {
		name      string
		frequency household.Frequency
		due       *household.Date
		others    []*household.Date
	}{
		{"weekly", "weekly", date(t, "2026-03-10"), []*household.Date{date(t, "2026-03-03"), date(t, "2026-03-17"), {}}},
		{"monthly", "monthly", date(t, "2026-01-31"), []*household.Date{date(t, "2026-02-28"), {}}},
		{"weekly without a date", "weekly", &household.Date{}, []*household.Date{date(t, "2026-03-10")}},
		{"once", household.FrequencyOnce, date(t, "2026-03-10"), []*household.Date{date(t, "2026-03-11"), {}}},
		{"once without a date", household.FrequencyOnce, &household.Date{}, []*household.Date{date(t, "2026-03-10")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			task := c.create(tt.frequency, tt.due.String())
			complete := func(due *household.Date) (household.Completed, error) {
				return c.db.CompleteTask(t.Context(), wr(c.w.home.ID), c.w.member.ID, task, at(), household.NewCompletion{DueDate: due})
			}
			before := fingerprints(t, c.conn)
			for _, other := range tt.others {
				if err := drop(complete(other)); !errors.Is(err, ErrOccurrencePassed) {
					t.Errorf("due %s: %v", other, err)
				}
			}
			if after := fingerprints(t, c.conn); !maps.Equal(before, after) {
				t.Errorf("another occurrence changed %v to %v", before, after)
			}
			done, err := complete(tt.due)
			if err != nil || done.CompletionID == nil || done.Version != 2 {
				t.Fatalf("completed: %+v %v", done, err)
			}
			before = fingerprints(t, c.conn)
			if err := drop(complete(tt.due)); !errors.Is(err, ErrOccurrencePassed) {
				t.Errorf("sent again: %v", err)
			}
			if after := fingerprints(t, c.conn); !maps.Equal(before, after) {
				t.Errorf("sent again, it changed %v to %v", before, after)
			}
			l, err := c.db.Completions(t.Context(), c.w.member.ID, task, Page{})
			if err != nil || len(l.Items) != 1 || l.Items[0].ID != *done.CompletionID {
				t.Errorf("completions: %+v %v", l, err)
			}
		})
	}
}

// TestOneOccurrenceIsCompletedOnce: of two people who complete the same
// occurrence at the same moment one succeeds.
func TestOneOccurrenceIsCompletedOnce(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 8, 8 })
	w := newWorld(t, db)
	for _, task := range []household.Task{w.task, w.once} {
		due := &household.Date{}
		if task.DueDate != nil {
			due = task.DueDate
		}
		errs := make(chan error, 8)
		for range cap(errs) {
			go func() {
				errs <- drop(db.CompleteTask(t.Context(), wr(w.home.ID), w.owner.ID, task.ID, at(), household.NewCompletion{DueDate: due}))
			}()
		}
		succeeded := 0
		for range cap(errs) {
			if err := <-errs; err == nil {
				succeeded++
			} else if !errors.Is(err, ErrOccurrencePassed) {
				t.Error(err)
			}
		}
		l, err := db.Completions(t.Context(), w.owner.ID, task.ID, Page{})
		if err != nil || succeeded != 1 || len(l.Items) != 1 {
			t.Errorf("%s: %d succeeded, %d completions, %v", task.Title, succeeded, len(l.Items), err)
		}
	}
}

// TestUndoRepeatsSafely: sent twice, the undo takes back one completion and
// leaves what was edited in between.
func TestUndoRepeatsSafely(t *testing.T) {
	c := newHousework(t)
	title := "Edited"
	task := c.create("weekly", "2026-03-10")
	first := c.complete(task)
	c.complete(task)
	c.isDue(task, "2026-03-24")
	c.undo(task)
	c.isDue(task, "2026-03-17")
	c.edit(task, household.TaskPatch{Title: &title, DueDate: date(t, "2026-04-01")})
	before := fingerprints(t, c.conn)
	for range 3 {
		if got := c.undo(task); got.Title != title || got.DueDate.String() != "2026-04-01" {
			t.Errorf("sent again: %+v", got)
		}
	}
	if after := fingerprints(t, c.conn); !maps.Equal(before, after) {
		t.Errorf("sent again, it changed %v to %v", before, after)
	}
	// A completion made since can be undone; then nothing again, until it is named.
	c.complete(task)
	c.undo(task)
	c.undo(task)
	c.isDue(task, "2026-04-01")
	c.undoOne(task, first)
	c.isDue(task, "2026-04-01")
	if s := c.state(task); s.LastCompletedAt != nil {
		t.Errorf("no completion is left: %+v", s)
	}
	// One that was undone by its name counts, too.
	third, fourth := c.complete(task), c.complete(task)
	c.undoOne(task, fourth)
	want := c.state(task)
	c.undo(task)
	if got := c.state(task); !reflect.DeepEqual(got, want) {
		t.Errorf("an older one was taken back: %+v, was %+v", got, want)
	}
	c.undoOne(task, third)
	if err := drop(c.db.DeleteCompletion(t.Context(), wr(c.w.home.ID), c.w.owner.ID, task, third)); !errors.Is(err, ErrNotFound) {
		t.Errorf("undone again by name: %v", err)
	}
	other := c.create("weekly", "2026-03-10")
	if err := drop(c.db.DeleteCompletion(t.Context(), wr(c.w.home.ID), c.w.owner.ID, task, c.complete(other))); !errors.Is(err, ErrNotFound) {
		t.Errorf("another task's completion: %v", err)
	}
}

// TestUndoLeavesLaterEdits: only what the task still has from the completion is
// restored.
func TestUndoLeavesLaterEdits(t *testing.T) {
	c := newHousework(t)
	weekly, once, later := household.Frequency("weekly"), household.FrequencyOnce, at().Add(time.Hour)
	start := func(task int64) {
		check(t, drop(c.db.StartTask(t.Context(), wr(c.w.home.ID), c.w.owner.ID, task, later)))
	}
	unstart := func(task int64) {
		check(t, drop(c.db.UnstartTask(t.Context(), wr(c.w.home.ID), c.w.owner.ID, task)))
	}
	for _, tt := range []struct {
		name      string
		frequency household.Frequency
		due       string
		edit      func(task int64)
		want      household.Due
		started   *time.Time
	}{
		{"nothing", "monthly", "2026-01-31", func(int64) {}, household.Due{Date: *date(t, "2026-01-31")}, new(at())},
		{"due date", "monthly", "2026-01-31", func(task int64) { c.edit(task, household.TaskPatch{DueDate: date(t, "2026-02-05")}) }, household.Due{Date: *date(t, "2026-02-05")}, new(at())},
		{"due date taken away", "monthly", "2026-01-31", func(task int64) { c.edit(task, household.TaskPatch{DueDate: &household.Date{}}) }, household.Due{}, new(at())},
		{"started", "monthly", "2026-01-31", start, household.Due{Date: *date(t, "2026-01-31")}, &later},
		{"frequency", "monthly", "2026-01-31", func(task int64) { c.edit(task, household.TaskPatch{Frequency: &weekly}) }, household.Due{Date: *date(t, "2026-01-31")}, new(at())},
		{"once", "monthly", "2026-01-31", func(task int64) { c.edit(task, household.TaskPatch{Frequency: &once}) }, household.Due{Date: *date(t, "2026-01-31")}, new(at())},
		{"one-off: due date", once, "2026-01-31", func(task int64) { c.edit(task, household.TaskPatch{DueDate: date(t, "2026-02-05")}) }, household.Due{Date: *date(t, "2026-02-05")}, new(at())},
		{"one-off: a first due date", once, "", func(task int64) { c.edit(task, household.TaskPatch{DueDate: date(t, "2026-02-05")}) }, household.Due{Date: *date(t, "2026-02-05")}, new(at())},
		{"one-off: not started", once, "", unstart, household.Due{}, nil},
		{"one-off: weekly", once, "", func(task int64) {
			c.edit(task, household.TaskPatch{Frequency: &weekly, DueDate: date(t, "2026-02-05")})
		}, household.Due{Date: *date(t, "2026-02-05")}, new(at())},
	} {
		t.Run(tt.name, func(t *testing.T) {
			task := c.create(tt.frequency, tt.due)
			check(t, drop(c.db.StartTask(t.Context(), wr(c.w.home.ID), c.w.owner.ID, task, at())))
			c.complete(task, "2026-01-31")
			tt.edit(task)
			c.undo(task)
			got := c.state(task)
			same := (got.StartedAt == nil) == (tt.started == nil) && (tt.started == nil || tt.started.Equal(*got.StartedAt))
			if got.due() != tt.want || !same || got.CompletedAt != nil || got.LastCompletedAt != nil {
				t.Errorf("undone to %+v, want due %+v and started at %v", got, tt.want, tt.started)
			}
		})
	}
}

// TestAnOlderCompletionIsUndone: the task stays where it is, and the completion
// after it takes its place.
func TestAnOlderCompletionIsUndone(t *testing.T) {
	c := newHousework(t)
	task := c.create("weekly", "2026-03-10")
	first, second, third := c.complete(task), c.complete(task), c.complete(task)
	last := *c.state(task).LastCompletedAt
	c.undoOne(task, second)
	c.isDue(task, "2026-03-31")
	if s := c.state(task); !s.LastCompletedAt.Equal(last) {
		t.Errorf("last completed at %v, want %v", s.LastCompletedAt, last)
	}
	c.undoOne(task, third)
	c.isDue(task, "2026-03-17")
	if s := c.state(task); s.LastCompletedAt.Format(time.DateOnly) != "2026-03-10" {
		t.Errorf("last completed at %v, want the first completion's day", s.LastCompletedAt)
	}
	c.undoOne(task, first)
	c.isDue(task, "2026-03-10")

	// A finished task stays finished while an older completion goes.
	once := household.FrequencyOnce
	older := c.complete(task)
	c.edit(task, household.TaskPatch{Frequency: &once})
	c.complete(task)
	c.undoOne(task, older)
	if s := c.state(task); s.CompletedAt == nil {
		t.Errorf("the task is open again: %+v", s)
	}
	c.undo(task)
	c.isDue(task, "2026-03-10")
	if s := c.state(task); s.CompletedAt != nil {
		t.Errorf("the task is not open: %+v", s)
	}
}

// TestUndoneInAnyOrder the task ends where it began.
func TestUndoneInAnyOrder(t *testing.T) {
	c := newHousework(t)
	rapid.Check(t, func(rt *rapid.T) {
		frequency := rapid.SampledFrom(household.Frequencies()[1:]).Draw(rt, "frequency")
		due := household.Date{Year: 2027, Month: 1, Day: 31}.AddDays(rapid.IntRange(-3, 3).Draw(rt, "due"))
		task := c.create(frequency, due.String())
		if rapid.Bool().Draw(rt, "started") {
			check(t, drop(c.db.StartTask(t.Context(), wr(c.w.home.ID), c.w.owner.ID, task, at())))
		}
		before := c.state(task)
		var completions []int64
		for range rapid.IntRange(1, 6).Draw(rt, "completions") {
			on := c.state(task).due().Date.AddDays(rapid.IntRange(-20, 60).Draw(rt, "late"))
			completions = append(completions, c.complete(task, on.String()))
		}
		seed := rapid.Uint64().Draw(rt, "order")
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(completions), func(i, j int) {
			completions[i], completions[j] = completions[j], completions[i]
		})
		for _, completion := range completions {
			c.undoOne(task, completion)
		}
		if after := c.state(task); !reflect.DeepEqual(after, before) {
			rt.Fatalf("%+v, was %+v", after, before)
		}
	})
}

// TestAnUndoThatWaited undoes what the write that it waited for has left, and
// not what was there when it came.
func TestAnUndoThatWaited(t *testing.T) {
	c := newHousework(t)
	ctx := t.Context()
	task := c.create("weekly", "2026-03-10")
	c.complete(task)
	before := c.state(task)
	tx, err := c.conn.Begin(ctx)
	check(t, err)
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after the commit there is none
	_, err = tx.Exec(ctx, `WITH t AS (
	UPDATE tasks SET due_date = '2026-03-24', last_completed_at = '2026-03-17 12:00Z', version = version + 1 WHERE id = $1 RETURNING *
) INSERT INTO task_completions (task_id, completed_at, previous_due_date, next_due_date, next_version)
SELECT id, last_completed_at, '2026-03-17', due_date, version FROM t`, task)
	check(t, err)
	type undone struct {
		household.Task
		err error
	}
	answer := make(chan undone, 1)
	go func() {
		got, err := c.db.UncompleteTask(ctx, wr(c.w.home.ID), c.w.owner.ID, task)
		answer <- undone{got, err}
	}()
	for witness := connect(t, c.conn.Config().ConnString()); !waitingFor(t, witness, taskUncomplete.Name); {
		time.Sleep(time.Millisecond)
	}
	check(t, tx.Commit(ctx))
	if a := <-answer; a.err != nil || a.DueDate.String() != "2026-03-17" {
		t.Errorf("due %v, %v", a.DueDate, a.err)
	}
	if after := c.state(task); !reflect.DeepEqual(after, before) {
		t.Errorf("%+v, was %+v", after, before)
	}
}

// TestCompletionsAreListed, the last one first and in pages.
func TestCompletionsAreListed(t *testing.T) {
	c := newHousework(t)
	ctx := t.Context()
	task := c.create("weekly", "2026-03-10")
	empty, err := c.db.Completions(ctx, c.w.owner.ID, task, Page{})
	if err != nil || len(empty.Items) != 0 || empty.Next != 0 {
		t.Errorf("none: %+v %v", empty, err)
	}
	var want []int64
	for range 5 {
		want = append(want, c.complete(task))
	}
	slices.Reverse(want)
	var got []int64
	for p := (Page{Limit: 2}); ; {
		l, err := c.db.Completions(ctx, c.w.member.ID, task, p)
		check(t, err)
		for _, x := range l.Items {
			got = append(got, x.ID)
		}
		if p.After = l.Next; l.Next == 0 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("completions %v, want %v", got, want)
	}
	l, err := c.db.Completions(ctx, c.w.owner.ID, task, Page{Limit: 1})
	check(t, err)
	last := l.Items[0]
	if last.TaskID != task || last.DueDate.String() != "2026-04-07" || *last.CompletedBy != c.w.owner.ID || last.CompletedAt.Format(time.DateOnly) != "2026-04-07" {
		t.Errorf("the last one: %+v", last)
	}
}

// TestWhatRepeatsChangesNothing: a start and an archiving, and their undos, sent
// again leave the task and its version alone.
func TestWhatRepeatsChangesNothing(t *testing.T) {
	c := newHousework(t)
	ctx := t.Context()
	task := c.create("weekly", "2026-03-10")
	for _, do := range []func(at time.Time) (household.Task, error){
		func(at time.Time) (household.Task, error) {
			return c.db.StartTask(ctx, wr(c.w.home.ID), c.w.owner.ID, task, at)
		},
		func(at time.Time) (household.Task, error) {
			return c.db.ArchiveTask(ctx, wr(c.w.home.ID), c.w.owner.ID, task, at)
		},
		func(time.Time) (household.Task, error) {
			return c.db.UnstartTask(ctx, wr(c.w.home.ID), c.w.owner.ID, task)
		},
		func(time.Time) (household.Task, error) {
			return c.db.UnarchiveTask(ctx, wr(c.w.home.ID), c.w.owner.ID, task)
		},
	} {
		first, err := do(at())
		check(t, err)
		before := fingerprints(t, c.conn)
		again, err := do(at().Add(time.Hour))
		if err != nil || !reflect.DeepEqual(again, first) {
			t.Errorf("again: %+v, was %+v, %v", again, first, err)
		}
		if after := fingerprints(t, c.conn); !maps.Equal(before, after) {
			t.Errorf("again, it changed %v to %v", before, after)
		}
	}
}

// TestCompletionsOfThePreviousRelease: it knows none of the columns that tell
// what a completion did, and completes tasks while this release is rolled out.
func TestCompletionsOfThePreviousRelease(t *testing.T) {
	c := newHousework(t)
	old := func(task int64, at, next string, finished bool) {
		t.Helper()
		c.exec(`WITH t AS (SELECT * FROM tasks WHERE id = $1), c AS (
	INSERT INTO task_completions (task_id, completed_at, previous_due_date, previous_started_at)
	SELECT id, $2::timestamptz, due_date, started_at FROM t
) UPDATE tasks u SET due_date = COALESCE($3::date, u.due_date), completed_at = CASE WHEN $4 THEN $2::timestamptz END,
	started_at = CASE WHEN $4 THEN u.started_at END, last_completed_at = $2::timestamptz, version = u.version + 1
FROM t WHERE u.id = t.id`, task, at, nullable(next), finished)
	}
	task := c.create("monthly", "2027-01-31")
	check(t, drop(c.db.StartTask(t.Context(), wr(c.w.home.ID), c.w.owner.ID, task, at())))
	before := c.state(task)
	old(task, "2027-01-31 12:00Z", "2027-02-28", false)
	c.undo(task)
	if after := c.state(task); !reflect.DeepEqual(after, before) {
		t.Errorf("undone to %+v, was %+v", after, before)
	}
	// One of ours, and then one of its: the last one is undone, and only that.
	ours := c.complete(task)
	c.isDue(task, "2027-02-28")
	old(task, "2027-02-28 12:00Z", "2027-03-28", false)
	c.undo(task)
	c.undo(task)
	c.isDue(task, "2027-02-28")
	// Its edit of the due date makes the day that is kept void.
	c.exec("UPDATE tasks SET due_date = '2027-02-15', version = version + 1 WHERE id = $1", task)
	next := c.complete(task)
	c.isDue(task, "2027-03-15")
	c.undoOne(task, next)
	c.undoOne(task, ours)
	c.isDue(task, "2027-02-15")
	// A task that it finished keeps the due date that was edited since.
	once := c.create(household.FrequencyOnce, "2027-01-31")
	old(once, "2027-01-31 12:00Z", "", true)
	c.edit(once, household.TaskPatch{DueDate: date(t, "2027-02-05")})
	c.undo(once)
	c.isDue(once, "2027-02-05")
	if s := c.state(once); s.CompletedAt != nil || s.LastCompletedAt != nil {
		t.Errorf("not open: %+v", s)
	}
}

func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// migrateTo brings the schema to a version, up or down.
func migrateTo(t *testing.T, url string, version int64) {
	t.Helper()
	for {
		steps, err := MigrationStatus(t.Context(), url)
		check(t, err)
		var newest int64
		for _, s := range steps {
			if s.Applied {
				newest = s.Version
			}
		}
		if newest <= version {
			break
		}
		check(t, drop(MigrateDown(t.Context(), url)))
	}
	_, err := migrate(t.Context(), url, func(p *goose.Provider) ([]*goose.MigrationResult, error) { return p.UpTo(t.Context(), version) })
	check(t, err)
}

// TestMigrationFindsTheDay: a task that lies on the last day of a short month
// gets the day of its earlier due dates, where its completions explain it.
func TestMigrationFindsTheDay(t *testing.T) {
	c := newHousework(t)
	url := c.conn.Config().ConnString()
	migrateTo(t, url, 5)
	cases := []struct {
		name, frequency, due string
		previous             []string // newest first
		want                 int16    // 0 for none
	}{
		{"never completed", "monthly", "2027-02-28", nil, 0},
		{"clamped", "monthly", "2027-02-28", []string{"2027-01-31"}, 31},
		{"clamped from the 30th", "monthly", "2027-02-28", []string{"2027-01-30", "2026-12-30"}, 30},
		{"clamped twice", "quarterly", "2027-02-28", []string{"2026-11-30", "2026-08-31"}, 31},
		{"steps were skipped", "monthly", "2027-02-28", []string{"2026-12-31"}, 31},
		{"a leap day", "annually", "2031-02-28", []string{"2030-02-28", "2029-02-28", "2028-02-29"}, 29},
		{"edited in between", "monthly", "2027-02-28", []string{"2027-01-30", "2026-12-15"}, 30},
		{"edited since", "monthly", "2027-02-28", []string{"2027-01-15"}, 0},
		{"another frequency", "quarterly", "2027-02-28", []string{"2027-01-31"}, 0},
		{"not the month's end", "monthly", "2028-02-28", []string{"2028-01-31"}, 0},
		{"drifted", "monthly", "2027-03-28", []string{"2027-02-28", "2027-01-31"}, 0},
		{"weekly", "weekly", "2027-02-28", []string{"2027-02-21", "2027-01-31"}, 0},
		{"no due date before", "monthly", "2027-02-28", []string{""}, 0},
		{"one-off", "once", "2027-02-28", []string{"2027-01-31"}, 0},
	}
	tasks := make([]int64, len(cases))
	for n, tt := range cases {
		check(t, c.conn.QueryRow(t.Context(), "INSERT INTO tasks (residence_id, title, due_date, frequency) VALUES ($1, $2, $3::text::date, $4) RETURNING id",
			c.w.home.ID, tt.name, tt.due, tt.frequency).Scan(&tasks[n]))
		for i, previous := range tt.previous {
			c.exec("INSERT INTO task_completions (task_id, completed_at, previous_due_date) VALUES ($1, $2, $3::text::date)", tasks[n], at().AddDate(0, -i, 0), nullable(previous))
		}
	}
	log := len(logRows(t, c.conn))
	migrateTo(t, url, 6)
	if rows := logRows(t, c.conn)[log:]; len(rows) != 0 {
		t.Errorf("the migration has noted %+v", rows)
	}
	for n, tt := range cases {
		var got int16
		check(t, c.conn.QueryRow(t.Context(), "SELECT COALESCE(due_day, 0) FROM tasks WHERE id = $1", tasks[n]).Scan(&got))
		if got != tt.want {
			t.Errorf("%s: day %d, want %d", tt.name, got, tt.want)
		}
	}
}
