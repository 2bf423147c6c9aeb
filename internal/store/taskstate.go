package store

import (
	"context"
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

// lockedTaskCTE is the task in held, locked: a statement that waited for another
// write sees what that one has left. What the statement reads besides is of the
// time before it waited; where seen_version is not the task's own version, such
// reads may be too old.
const lockedTaskCTE = `t AS (
	SELECT t.*, held.time_zone, held.version AS seen_version
	FROM held JOIN tasks t ON t.id = held.id AND t.residence_id = held.residence_id
	FOR UPDATE OF t
)`

// unchangedTaskCTE is what a statement answers with: the changed task, or the
// task as it is when there was nothing to change.
const unchangedTaskCTE = `result AS (
	SELECT ` + taskColumns + ` FROM changed t
	UNION ALL
	SELECT ` + taskColumns + ` FROM t WHERE NOT EXISTS (SELECT FROM changed)
)`

var taskComplete = Query{
	Name: "task_complete",
	// The rule for the next due date is household.Frequency.NextDue, in closed
	// form (household.LastDate stands in it): the first date after today on the
	// grid that starts at the due date. keep is household.Due's day. Of months,
	// the date in the first month that may be late enough is tried, and the one
	// after it. The steps come in as arguments ($6 to $8); a property test holds
	// the two equal. FOR UPDATE makes a second completion at the same moment see
	// the first one's due date.
	SQL: `/* task_complete */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, step AS (
	SELECT * FROM unnest($6::text[], $7::int[], $8::int[]) AS s (frequency, days, months)
), ` + lockedTaskCTE + `, grid AS (
	SELECT t.id, z.today, z.start, s.days, s.months,
		z.start - (extract(day FROM z.start)::int - 1) AS month,
		CASE WHEN t.due_day > extract(day FROM t.due_date) AND extract(day FROM t.due_date + 1) = 1 THEN t.due_day
			ELSE extract(day FROM z.start)::int END AS keep,
		CASE WHEN s.days > 0 THEN greatest(1, (z.today - z.start) / s.days + 1)
			WHEN s.months > 0 THEN greatest(1, ((extract(year FROM z.today) - extract(year FROM z.start)) * 12
				+ extract(month FROM z.today) - extract(month FROM z.start))::int / s.months)
			END AS n,
		$10::boolean AND (t.completed_at IS NOT NULL OR t.due_date IS DISTINCT FROM $11::date) AS passed
	FROM t CROSS JOIN LATERAL (
		SELECT y.today, COALESCE(t.due_date, y.today) AS start
		FROM (SELECT ($5::timestamptz AT TIME ZONE t.time_zone)::date AS today) y
	) z LEFT JOIN step s ON s.frequency = t.frequency
), next AS (
	SELECT g.id, g.passed, CASE WHEN d.due > '9999-12-31' THEN date '9999-12-31' ELSE d.due END AS due,
		CASE WHEN g.months > 0 AND d.due <= '9999-12-31' AND g.keep > extract(day FROM d.due) THEN g.keep END AS due_day
	FROM grid g CROSS JOIN LATERAL (
		SELECT CASE WHEN g.days > 0 THEN g.start + g.n * g.days ELSE (
			SELECT min(e.due)
			FROM generate_series(g.n, g.n + 1) k
			CROSS JOIN LATERAL (SELECT (g.month + make_interval(months => k * g.months))::date AS month) m
			CROSS JOIN LATERAL (SELECT least(m.month + g.keep - 1, (m.month + interval '1 month')::date - 1) AS due) e
			WHERE e.due > g.today
		) END AS due
	) d
), changed AS (
	UPDATE tasks u SET
		due_date = COALESCE(next.due, u.due_date),
		due_day = CASE WHEN next.due IS NULL THEN u.due_day ELSE next.due_day END,
		completed_at = CASE WHEN next.due IS NULL THEN $5::timestamptz END,
		started_at = CASE WHEN next.due IS NULL THEN u.started_at END,
		last_completed_at = greatest(u.last_completed_at, $5::timestamptz), version = u.version + 1, updated_at = now()
	FROM t JOIN next ON next.id = t.id
	WHERE u.id = t.id AND t.completed_at IS NULL AND NOT next.passed
	RETURNING u.*
), completion AS (
	INSERT INTO task_completions (task_id, completed_by, completed_at, notes,
		previous_due_date, previous_due_day, previous_started_at, next_due_date, next_started_at, next_version)
	SELECT t.id, $1, $5::timestamptz, $9::text,
		t.due_date, t.due_day, t.started_at, c.due_date, c.started_at, c.version
	FROM t JOIN changed c ON c.id = t.id
	RETURNING id
), ` + notedCTE + notedTaskCTE + `, result AS (
	SELECT ` + taskColumns + `, completion.id AS completion_id, false AS passed, false AS stale FROM changed t, completion
	UNION ALL
	SELECT ` + taskColumns + `, (SELECT max(c.id) FROM task_completions c WHERE c.task_id = t.id), next.passed,
		NOT next.passed AND t.version <> t.seen_version
	FROM t JOIN next ON next.id = t.id
	WHERE NOT EXISTS (SELECT FROM changed)
)
SELECT ` + guardColumns + `, ` + taskColumns + `, t.completion_id, t.passed, t.stale FROM seen LEFT JOIN result t ON true`,
	Write: true,
	Sample: func(s Subject) []any {
		return append(append(sampleOfTask(s), s.At), append(stepArgs(), "", false, nil)...)
	},
}

// stepArgs are the frequencies with their days and months, as three arrays.
func stepArgs() []any {
	var names []string
	var days, months []int
	for _, f := range household.Frequencies() {
		if step, recurs := f.Step(); recurs {
			names, days, months = append(names, string(f)), append(days, step.Days), append(months, step.Months)
		}
	}
	return []any{names, days, months}
}

// CompleteTask records a completion at the given instant. A recurring task
// moves to its next due date, by the calendar of its residence; a one-off task
// is finished, and stays as it is if it was finished before. Where the
// completion names an occurrence that the task is no longer at, nothing changes:
// ErrOccurrencePassed.
func (db *DB) CompleteTask(ctx context.Context, w Write, userID, taskID int64, at time.Time, c household.NewCompletion) (household.Completed, error) {
	args := append([]any{userID, taskID, w.ID, w.held(), at}, append(stepArgs(), c.Notes, c.DueDate != nil, dateArg(c.DueDate))...)
	type answer struct {
		household.Completed
		passed, stale bool
	}
	a, err := current(func() (answer, bool, error) {
		a, err := guarded(ctx, db, taskComplete.with(w), args, func(a *answer) []any {
			return append(intoTask(&a.Task), &a.CompletionID, &a.passed, &a.stale)
		})
		return a, a.stale, err
	})
	if err == nil && a.passed {
		err = fmt.Errorf("store: %s: %w", taskComplete.Name, ErrOccurrencePassed)
	}
	if err != nil {
		return household.Completed{}, err
	}
	return a.Completed, nil
}

// current runs a statement on a task until what it read is not older than the
// task that it locked; see lockedTaskCTE. A stale statement has changed nothing,
// and each one means that another write on the task has committed meanwhile.
func current[T any](run func() (v T, stale bool, err error)) (T, error) {
	for {
		if v, stale, err := run(); err != nil || !stale {
			return v, err
		}
	}
}

var taskUncomplete = Query{
	Name: "task_uncomplete",
	// $5 is the completion, NULL for the last one unless that is no newer than
	// one that was undone before. Of the newest completion everything is restored
	// that the task still has as the completion left it. An older one leaves the
	// task where it is, and hands what it would restore to the completion after
	// it: in whatever order all of them are undone, the task ends where it began.
	// A completion without next_version did not record what it left; unless it
	// finished the task, its due date is restored.
	SQL: `/* task_uncomplete */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, ` + lockedTaskCTE + `, newest AS (
	SELECT max(c.id) AS id FROM t JOIN task_completions c ON c.task_id = t.id
), picked AS (
	SELECT c.id, c.task_id, c.id = newest.id AS is_newest,
		c.id = newest.id AND CASE WHEN c.next_version IS NULL THEN t.completed_at IS NULL
			ELSE t.due_date IS NOT DISTINCT FROM c.next_due_date END AS moves_back,
		c.id = newest.id AND t.started_at IS NOT DISTINCT FROM c.next_started_at
			AND (c.next_version IS NOT NULL OR t.completed_at IS NULL) AS starts_again
	FROM t CROSS JOIN newest JOIN task_completions c ON c.task_id = t.id AND c.id = COALESCE($5::bigint, newest.id)
	WHERE t.version = t.seen_version AND ($5::bigint IS NOT NULL OR c.id > t.undone_through)
), later AS (
	SELECT min(n.id) AS id FROM picked p JOIN task_completions n ON n.task_id = p.task_id AND n.id > p.id
), gone AS (
	DELETE FROM task_completions d USING picked p WHERE d.id = p.id RETURNING d.*
), linked AS (
	UPDATE task_completions n SET
		previous_due_date = CASE WHEN n.previous_due_date IS NOT DISTINCT FROM gone.next_due_date THEN gone.previous_due_date ELSE n.previous_due_date END,
		previous_due_day = CASE WHEN n.previous_due_date IS NOT DISTINCT FROM gone.next_due_date THEN gone.previous_due_day ELSE n.previous_due_day END,
		previous_started_at = CASE WHEN n.previous_started_at IS NOT DISTINCT FROM gone.next_started_at THEN gone.previous_started_at ELSE n.previous_started_at END
	FROM gone, later WHERE n.id = later.id AND gone.next_version IS NOT NULL
), changed AS (
	UPDATE tasks u SET
		due_date = CASE WHEN p.moves_back THEN gone.previous_due_date ELSE u.due_date END,
		due_day = CASE WHEN p.moves_back THEN gone.previous_due_day ELSE u.due_day END,
		started_at = CASE WHEN p.starts_again THEN gone.previous_started_at ELSE u.started_at END,
		completed_at = CASE WHEN NOT p.is_newest THEN u.completed_at END,
		last_completed_at = (SELECT max(c.completed_at) FROM task_completions c WHERE c.task_id = u.id AND c.id <> p.id),
		undone_through = greatest(u.undone_through, p.id), version = u.version + 1, updated_at = now()
	FROM t, gone JOIN picked p ON p.id = gone.id WHERE u.id = t.id
	RETURNING u.*
), ` + notedCTE + notedTaskCTE + `, result AS (
	SELECT ` + taskColumns + `, false AS stale FROM changed t
	UNION ALL
	SELECT ` + taskColumns + `, t.version <> t.seen_version FROM t
	WHERE NOT EXISTS (SELECT FROM changed) AND ($5::bigint IS NULL OR t.version <> t.seen_version)
)
SELECT ` + guardColumns + `, ` + taskColumns + `, t.stale FROM seen LEFT JOIN result t ON true`,
	Write:  true,
	Sample: func(s Subject) []any { return append(sampleOfTask(s), nil) },
}

// UncompleteTask undoes the last completion, but none that is older than one
// that was undone before: sent twice it changes nothing the second time. The
// task gets back the due date and the start that it had before, unless they were
// changed since. A task without such a completion stays as it is.
func (db *DB) UncompleteTask(ctx context.Context, w Write, userID, taskID int64) (household.Task, error) {
	return db.uncomplete(ctx, w, userID, taskID, nil)
}

// DeleteCompletion undoes the given completion of the task, ErrNotFound if there
// is no such one. The task moves back only if it is the last one.
func (db *DB) DeleteCompletion(ctx context.Context, w Write, userID, taskID, completionID int64) (household.Task, error) {
	return db.uncomplete(ctx, w, userID, taskID, completionID)
}

func (db *DB) uncomplete(ctx context.Context, w Write, userID, taskID int64, completion any) (household.Task, error) {
	type answer struct {
		household.Task
		stale bool
	}
	a, err := current(func() (answer, bool, error) {
		a, err := guarded(ctx, db, taskUncomplete.with(w), []any{userID, taskID, w.ID, w.held(), completion}, func(a *answer) []any {
			return append(intoTask(&a.Task), &a.stale)
		})
		return a, a.stale, err
	})
	return a.Task, err
}

// completionColumns are read by intoCompletion; c is the completion.
const completionColumns = `c.id, c.task_id, c.previous_due_date, c.completed_by, c.completed_at, c.notes`

func intoCompletion(c *household.Completion) []any {
	return []any{&c.ID, &c.TaskID, &c.DueDate, &c.CompletedBy, &c.CompletedAt, &c.Notes}
}

var completionList = Query{
	Name: "completion_list",
	SQL: `/* completion_list */ WITH ` + seenTaskCTE + `, page AS (
	SELECT ` + completionColumns + ` FROM seen JOIN task_completions c ON c.task_id = seen.id
	WHERE $3::bigint = 0 OR c.id < $3::bigint ORDER BY c.id DESC LIMIT $4::int
)
SELECT seen.residence_id, c.* FROM seen LEFT JOIN page c ON true ORDER BY c.id DESC`,
	Sample: func(s Subject) []any { return []any{s.UserID, s.TaskID, 0, DefaultPage + 1} },
}

// Completions lists a task's completions, the last one first. The After of the
// page is the oldest of the page before.
func (db *DB) Completions(ctx context.Context, userID, taskID int64, p Page) (List[household.Completion], error) {
	g := &gather[household.Completion]{limit: p.limit(), into: intoCompletion, id: func(c household.Completion) int64 { return c.ID }}
	if err := db.each(ctx, completionList, []any{userID, taskID, p.After, g.limit + 1}, g.reset, g.scan); err != nil {
		return List[household.Completion]{}, err
	}
	l := g.done()
	if len(l.ResidenceIDs) == 0 {
		return List[household.Completion]{}, fmt.Errorf("store: %s: %w", completionList.Name, ErrNotFound)
	}
	return l, nil
}

var taskStart = Query{
	Name: "task_start",
	SQL: `/* task_start */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, ` + lockedTaskCTE + `, changed AS (
	UPDATE tasks u SET started_at = $5::timestamptz, version = u.version + 1, updated_at = now()
	FROM t WHERE u.id = t.id AND t.started_at IS NULL
	RETURNING u.*
), ` + notedCTE + notedTaskCTE + `, ` + unchangedTaskCTE + `
SELECT ` + guardColumns + `, ` + taskColumns + ` FROM seen LEFT JOIN result t ON true`,
	Write:  true,
	Sample: func(s Subject) []any { return append(sampleOfTask(s), s.At) },
}

// StartTask records that somebody works on the task since the given instant. A
// task that was started before stays as it is.
func (db *DB) StartTask(ctx context.Context, w Write, userID, taskID int64, at time.Time) (household.Task, error) {
	return guarded(ctx, db, taskStart.with(w), []any{userID, taskID, w.ID, w.held(), at}, intoTask)
}

var taskUnstart = Query{
	Name: "task_unstart",
	SQL: `/* task_unstart */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, ` + lockedTaskCTE + `, changed AS (
	UPDATE tasks u SET started_at = NULL, version = u.version + 1, updated_at = now()
	FROM t WHERE u.id = t.id AND t.started_at IS NOT NULL
	RETURNING u.*
), ` + notedCTE + notedTaskCTE + `, ` + unchangedTaskCTE + `
SELECT ` + guardColumns + `, ` + taskColumns + ` FROM seen LEFT JOIN result t ON true`,
	Write:  true,
	Sample: sampleOfTask,
}

// UnstartTask undoes the start. A task that is not started stays as it is.
func (db *DB) UnstartTask(ctx context.Context, w Write, userID, taskID int64) (household.Task, error) {
	return guarded(ctx, db, taskUnstart.with(w), []any{userID, taskID, w.ID, w.held()}, intoTask)
}

var taskArchive = Query{
	Name: "task_archive",
	SQL: `/* task_archive */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, ` + lockedTaskCTE + `, changed AS (
	UPDATE tasks u SET archived = true, archived_at = $5::timestamptz, version = u.version + 1, updated_at = now()
	FROM t WHERE u.id = t.id AND NOT t.archived
	RETURNING u.*
), ` + notedCTE + notedTaskCTE + `, ` + unchangedTaskCTE + `
SELECT ` + guardColumns + `, ` + taskColumns + ` FROM seen LEFT JOIN result t ON true`,
	Write:  true,
	Sample: func(s Subject) []any { return append(sampleOfTask(s), s.At) },
}

// ArchiveTask takes a task off the board. An archived one stays as it is.
func (db *DB) ArchiveTask(ctx context.Context, w Write, userID, taskID int64, at time.Time) (household.Task, error) {
	return guarded(ctx, db, taskArchive.with(w), []any{userID, taskID, w.ID, w.held(), at}, intoTask)
}

var taskUnarchive = Query{
	Name: "task_unarchive",
	SQL: `/* task_unarchive */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, ` + lockedTaskCTE + `, changed AS (
	UPDATE tasks u SET archived = false, archived_at = NULL, version = u.version + 1, updated_at = now()
	FROM t WHERE u.id = t.id AND t.archived
	RETURNING u.*
), ` + notedCTE + notedTaskCTE + `, ` + unchangedTaskCTE + `
SELECT ` + guardColumns + `, ` + taskColumns + ` FROM seen LEFT JOIN result t ON true`,
	Write:  true,
	Sample: sampleOfTask,
}

// UnarchiveTask puts a task back on the board. One that is there stays as it is.
func (db *DB) UnarchiveTask(ctx context.Context, w Write, userID, taskID int64) (household.Task, error) {
	return guarded(ctx, db, taskUnarchive.with(w), []any{userID, taskID, w.ID, w.held()}, intoTask)
}
