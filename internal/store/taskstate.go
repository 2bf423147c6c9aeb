package store

import (
	"context"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

var taskComplete = Query{
	Name: "task_complete",
	// The rule for the next due date is household.Frequency.NextDue, in closed
	// form (household.LastDate stands in it): the first date after today on the
	// grid that starts at the due date. The steps come in as arguments ($6 to
	// $8); a property test holds the two equal. FOR UPDATE makes a second
	// completion at the same moment see the first one's due date.
	SQL: `/* task_complete */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, step AS (
	SELECT * FROM unnest($6::text[], $7::int[], $8::int[]) AS s (frequency, days, months)
), t AS (
	SELECT t.*, ($5::timestamptz AT TIME ZONE held.time_zone)::date AS today,
		COALESCE(t.due_date, ($5::timestamptz AT TIME ZONE held.time_zone)::date) AS start,
		s.days, s.months
	FROM held JOIN tasks t ON t.id = held.id AND t.residence_id = held.residence_id LEFT JOIN step s ON s.frequency = t.frequency
	FOR UPDATE OF t
), counted AS (
	SELECT t.id, t.start, t.today, t.days, t.months, CASE
		WHEN t.days > 0 THEN greatest(1, (t.today - t.start) / t.days + 1)
		WHEN t.months > 0 THEN greatest(1, ((extract(year FROM t.today) - extract(year FROM t.start)) * 12
			+ extract(month FROM t.today) - extract(month FROM t.start))::int / t.months)
		END AS n
	FROM t
), next AS (
	SELECT c.id, CASE
		WHEN c.days > 0 THEN c.start + c.n * c.days
		WHEN (c.start + make_interval(months => c.n * c.months))::date > c.today
			THEN (c.start + make_interval(months => c.n * c.months))::date
		ELSE (c.start + make_interval(months => (c.n + 1) * c.months))::date
		END AS due
	FROM counted c
), changed AS (
	UPDATE tasks u SET
		due_date = COALESCE(CASE WHEN next.due > '9999-12-31' THEN date '9999-12-31' ELSE next.due END, u.due_date),
		completed_at = CASE WHEN next.due IS NULL THEN $5::timestamptz END,
		started_at = CASE WHEN next.due IS NULL THEN u.started_at END,
		last_completed_at = $5::timestamptz, version = u.version + 1, updated_at = now()
	FROM t JOIN next ON next.id = t.id
	WHERE u.id = t.id AND t.completed_at IS NULL
	RETURNING u.*
), completion AS (
	INSERT INTO task_completions (task_id, completed_by, completed_at, notes, previous_due_date, previous_started_at)
	SELECT t.id, $1, $5::timestamptz, $9::text, t.due_date, t.started_at FROM t WHERE t.completed_at IS NULL
), ` + notedCTE + notedTaskCTE + `, result AS (
	SELECT ` + taskColumns + ` FROM changed t
	UNION ALL
	SELECT ` + taskColumns + ` FROM t WHERE t.completed_at IS NOT NULL
)
SELECT ` + guardColumns + `, ` + taskColumns + ` FROM seen LEFT JOIN result t ON true`,
	Write: true,
	Sample: func(s Subject) []any {
		return append(append(sampleOfTask(s), s.At), append(stepArgs(), "")...)
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
// is finished, and stays as it is if it was finished before.
func (db *DB) CompleteTask(ctx context.Context, w Write, userID, taskID int64, at time.Time, notes string) (household.Task, error) {
	args := append([]any{userID, taskID, w.ID, w.held(), at}, append(stepArgs(), notes)...)
	return guarded(ctx, db, taskComplete, args, intoTask)
}

var taskUncomplete = Query{
	Name: "task_uncomplete",
	SQL: `/* task_uncomplete */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, t AS (
	SELECT t.* FROM held JOIN tasks t ON t.id = held.id AND t.residence_id = held.residence_id FOR UPDATE OF t
), newest AS (
	SELECT c.id, c.completed_at, c.previous_due_date, c.previous_started_at,
		row_number() OVER (ORDER BY c.completed_at DESC, c.id DESC) AS place
	FROM t CROSS JOIN LATERAL (
		SELECT * FROM task_completions c WHERE c.task_id = t.id ORDER BY c.completed_at DESC, c.id DESC LIMIT 2
	) c
), gone AS (
	DELETE FROM task_completions c USING newest n WHERE c.id = n.id AND n.place = 1
	RETURNING c.previous_due_date, c.previous_started_at
), changed AS (
	UPDATE tasks u SET
		due_date = gone.previous_due_date, started_at = gone.previous_started_at, completed_at = NULL,
		last_completed_at = (SELECT completed_at FROM newest WHERE place = 2),
		version = u.version + 1, updated_at = now()
	FROM t, gone WHERE u.id = t.id
	RETURNING u.*
), ` + notedCTE + notedTaskCTE + `, result AS (
	SELECT ` + taskColumns + ` FROM changed t
	UNION ALL
	SELECT ` + taskColumns + ` FROM t WHERE NOT EXISTS (SELECT FROM changed)
)
SELECT ` + guardColumns + `, ` + taskColumns + ` FROM seen LEFT JOIN result t ON true`,
	Write:  true,
	Sample: sampleOfTask,
}

// UncompleteTask takes the latest completion back and gives the task the due
// date and the start that it had before. A task that was never completed stays
// as it is.
func (db *DB) UncompleteTask(ctx context.Context, w Write, userID, taskID int64) (household.Task, error) {
	return guarded(ctx, db, taskUncomplete, []any{userID, taskID, w.ID, w.held()}, intoTask)
}

var taskStart = Query{
	Name: "task_start",
	SQL: `/* task_start */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, changed AS (
	UPDATE tasks t SET started_at = COALESCE(t.started_at, $5::timestamptz), version = t.version + 1, updated_at = now()
	FROM held WHERE t.id = held.id AND t.residence_id = held.residence_id
	RETURNING t.*
), ` + notedCTE + notedTaskCTE + `
SELECT ` + guardColumns + `, ` + taskColumns + ` FROM seen LEFT JOIN changed t ON true`,
	Write:  true,
	Sample: func(s Subject) []any { return append(sampleOfTask(s), s.At) },
}

// StartTask says that somebody is at it since the given instant; an earlier
// start stands.
func (db *DB) StartTask(ctx context.Context, w Write, userID, taskID int64, at time.Time) (household.Task, error) {
	return guarded(ctx, db, taskStart, []any{userID, taskID, w.ID, w.held(), at}, intoTask)
}

var taskUnstart = Query{
	Name: "task_unstart",
	SQL: `/* task_unstart */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, changed AS (
	UPDATE tasks t SET started_at = NULL, version = t.version + 1, updated_at = now()
	FROM held WHERE t.id = held.id AND t.residence_id = held.residence_id
	RETURNING t.*
), ` + notedCTE + notedTaskCTE + `
SELECT ` + guardColumns + `, ` + taskColumns + ` FROM seen LEFT JOIN changed t ON true`,
	Write:  true,
	Sample: sampleOfTask,
}

// UnstartTask takes a start back.
func (db *DB) UnstartTask(ctx context.Context, w Write, userID, taskID int64) (household.Task, error) {
	return guarded(ctx, db, taskUnstart, []any{userID, taskID, w.ID, w.held()}, intoTask)
}

var taskArchive = Query{
	Name: "task_archive",
	SQL: `/* task_archive */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, changed AS (
	UPDATE tasks t SET archived = true, archived_at = COALESCE(t.archived_at, $5::timestamptz), version = t.version + 1, updated_at = now()
	FROM held WHERE t.id = held.id AND t.residence_id = held.residence_id
	RETURNING t.*
), ` + notedCTE + notedTaskCTE + `
SELECT ` + guardColumns + `, ` + taskColumns + ` FROM seen LEFT JOIN changed t ON true`,
	Write:  true,
	Sample: func(s Subject) []any { return append(sampleOfTask(s), s.At) },
}

// ArchiveTask takes a task off the board.
func (db *DB) ArchiveTask(ctx context.Context, w Write, userID, taskID int64, at time.Time) (household.Task, error) {
	return guarded(ctx, db, taskArchive, []any{userID, taskID, w.ID, w.held(), at}, intoTask)
}

var taskUnarchive = Query{
	Name: "task_unarchive",
	SQL: `/* task_unarchive */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, changed AS (
	UPDATE tasks t SET archived = false, archived_at = NULL, version = t.version + 1, updated_at = now()
	FROM held WHERE t.id = held.id AND t.residence_id = held.residence_id
	RETURNING t.*
), ` + notedCTE + notedTaskCTE + `
SELECT ` + guardColumns + `, ` + taskColumns + ` FROM seen LEFT JOIN changed t ON true`,
	Write:  true,
	Sample: sampleOfTask,
}

// UnarchiveTask puts a task back on the board.
func (db *DB) UnarchiveTask(ctx context.Context, w Write, userID, taskID int64) (household.Task, error) {
	return guarded(ctx, db, taskUnarchive, []any{userID, taskID, w.ID, w.held()}, intoTask)
}
