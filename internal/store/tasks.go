package store

import (
	"context"

	"github.com/honeydue/honeydue/internal/household"
)

// taskColumns are read by intoTask; t is the task.
const taskColumns = `t.id, t.residence_id, t.title, t.description, t.category, t.priority, t.due_date, t.frequency, t.started_at, t.completed_at, t.last_completed_at, t.archived, t.version, t.created_at, t.updated_at`

func intoTask(t *household.Task) []any {
	return []any{
		&t.ID, &t.ResidenceID, &t.Title, &t.Description, &t.Category, &t.Priority, &t.DueDate, &t.Frequency,
		&t.StartedAt, &t.CompletedAt, &t.LastCompletedAt, &t.Archived, &t.Version, &t.CreatedAt, &t.UpdatedAt,
	}
}

// dateArg is a date as a statement's argument: text, for a time.Time would be
// shifted to UTC, and NULL for none.
func dateArg(d *household.Date) any {
	if d == nil || d.IsZero() {
		return nil
	}
	return d.String()
}

// textArg is a named string as an argument, NULL for none.
func textArg[S ~string](s *S) any {
	if s == nil {
		return nil
	}
	return string(*s)
}

// notedTaskCTE ends notedCTE for the task in changed.
const notedTaskCTE = `'task', c.id, false, '{}', ARRAY[c.residence_id] FROM changed c
)`

// sampleOfTask are the sample arguments with which a write on a task begins.
func sampleOfTask(s Subject) []any {
	return []any{s.UserID, s.TaskID, sampleWriteID, []int64{s.ResidenceID}}
}

var taskArchived = Query{
	Name: "task_archived",
	SQL: `/* task_archived */ WITH ` + askingCTE + `, ` + homesCTE + `, page AS (
	SELECT ` + taskColumns + `
	FROM homes h JOIN tasks t ON t.residence_id = h.id
	WHERE t.archived AND t.id > $2::bigint ORDER BY t.id LIMIT $3::int
)
SELECT h.id, ` + taskColumns + ` FROM homes h LEFT JOIN page t ON t.residence_id = h.id ORDER BY t.id`,
	Sample: func(s Subject) []any { return []any{s.UserID, 0, DefaultPage + 1} },
}

// ArchivedTasks lists the tasks that are kept off the board.
func (db *DB) ArchivedTasks(ctx context.Context, userID int64, p Page) (List[household.Task], error) {
	return list(ctx, db, taskArchived, userID, p, intoTask, func(t household.Task) int64 { return t.ID })
}

var taskCreate = Query{
	Name: "task_create",
	SQL: `/* task_create */ WITH ` + seenResidenceCTE + `, changed AS (
	INSERT INTO tasks (residence_id, created_by, title, description, category, priority, due_date, frequency)
	SELECT seen.id, $1, $4::text, $5::text, $6::text, $7::text, $8::date, $9::text FROM seen
	RETURNING *
), ` + notedCTE + notedTaskCTE + `
SELECT ` + taskColumns + ` FROM changed t`,
	Write: true,
	Sample: func(s Subject) []any {
		return []any{s.UserID, s.ResidenceID, sampleWriteID, "Sample", "", "general", "medium", nil, "once"}
	},
}

// CreateTask adds a task to a residence that the user can see. What is absent
// becomes general, medium, once.
func (db *DB) CreateTask(ctx context.Context, w Write, userID int64, n household.NewTask) (household.Task, error) {
	setDefault(&n.Category, household.CategoryGeneral)
	setDefault(&n.Priority, household.PriorityMedium)
	setDefault(&n.Frequency, household.FrequencyOnce)
	return one(ctx, db, taskCreate.with(w), []any{
		userID, n.ResidenceID, w.ID, n.Title, n.Description, string(n.Category), string(n.Priority), dateArg(n.DueDate), string(n.Frequency),
	}, intoTask)
}

var taskGet = Query{
	Name: "task_get",
	SQL: `/* task_get */ WITH ` + seenTaskCTE + `
SELECT ` + taskColumns + ` FROM seen JOIN tasks t ON t.id = seen.id`,
	Sample: func(s Subject) []any { return []any{s.UserID, s.TaskID} },
}

// Task is one that the user can see.
func (db *DB) Task(ctx context.Context, userID, taskID int64) (household.Task, error) {
	return one(ctx, db, taskGet, []any{userID, taskID}, intoTask)
}

var taskUpdate = Query{
	Name: "task_update",
	// A completed one-off task that becomes a recurring one is open again:
	// recurring tasks are never completed, they move on. Another due date brings
	// its own day of the month; sending the same one again changes nothing.
	SQL: `/* task_update */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, changed AS (
	UPDATE tasks t SET
		title = COALESCE($5::text, t.title), description = COALESCE($6::text, t.description),
		category = COALESCE($7::text, t.category), priority = COALESCE($8::text, t.priority),
		due_date = CASE WHEN $9::boolean THEN $10::date ELSE t.due_date END,
		due_day = CASE WHEN NOT $9::boolean OR $10::date IS NOT DISTINCT FROM t.due_date THEN t.due_day END,
		frequency = COALESCE($11::text, t.frequency),
		completed_at = CASE WHEN COALESCE($11::text, t.frequency) = 'once' THEN t.completed_at END,
		version = t.version + 1, updated_at = now()
	FROM held WHERE t.id = held.id AND t.residence_id = held.residence_id
	RETURNING t.*
), ` + notedCTE + notedTaskCTE + `
SELECT ` + guardColumns + `, ` + taskColumns + ` FROM seen LEFT JOIN changed t ON true`,
	Write: true,
	Sample: func(s Subject) []any {
		return append(sampleOfTask(s), "Sample", nil, nil, nil, false, nil, nil)
	},
}

// UpdateTask changes what the patch sets.
func (db *DB) UpdateTask(ctx context.Context, w Write, userID, taskID int64, p household.TaskPatch) (household.Task, error) {
	return guarded(ctx, db, taskUpdate.with(w), []any{
		userID, taskID, w.ID, w.held(), p.Title, p.Description, textArg(p.Category), textArg(p.Priority),
		p.DueDate != nil, dateArg(p.DueDate), textArg(p.Frequency),
	}, intoTask)
}

var taskDelete = Query{
	Name: "task_delete",
	SQL: `/* task_delete */ WITH ` + seenTaskCTE + `, ` + heldCTE + `, gone AS (
	DELETE FROM tasks t USING held WHERE t.id = held.id AND t.residence_id = held.residence_id RETURNING t.id, t.residence_id
), ` + notedCTE + `'task', c.id, true, '{}', ARRAY[c.residence_id] FROM gone c
)
SELECT ` + guardColumns + `, gone.id FROM seen LEFT JOIN gone ON true`,
	Write:  true,
	Sample: sampleOfTask,
}

// DeleteTask removes a task with its completions.
func (db *DB) DeleteTask(ctx context.Context, w Write, userID, taskID int64) error {
	_, err := guarded(ctx, db, taskDelete.with(w), []any{userID, taskID, w.ID, w.held()}, intoID)
	return err
}
