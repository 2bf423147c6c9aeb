-- +goose Up
-- due_day is the day of the month that a task's recurrence keeps to, where the month of its due date is too
-- short for it: 31 on 28 February. It counts only while the due date is its month's last day, so that a release
-- that does not know the column can move the date.
-- undone_through is the newest completion that was ever undone: an undo that names no completion takes back only
-- a newer one, so that it can be sent twice.
ALTER TABLE tasks
    ADD COLUMN due_day smallint CONSTRAINT tasks_due_day_check CHECK (due_day BETWEEN 29 AND 31),
    ADD COLUMN undone_through bigint NOT NULL DEFAULT 0;

-- What a completion made of the task: undoing it restores only what the task still has of that. next_version is
-- the task's version after it, and NULL for a completion of a release that did not record any of this.
ALTER TABLE task_completions
    ADD COLUMN previous_due_day smallint,
    ADD COLUMN next_due_date date,
    ADD COLUMN next_started_at timestamptz,
    ADD COLUMN next_version bigint;

-- A task that lies on the last day of a month because an earlier due date of it had a later day keeps to that
-- day. Its completions are followed back as long as the steps explain them. A task that has drifted further
-- (31 January, 28 February, 28 March) keeps the due date that its household sees.
-- +goose StatementBegin
DO $$
BEGIN
    -- No list shows what changes here.
    PERFORM set_config('honeydue.write_id', gen_random_uuid()::text, true);
    WITH RECURSIVE step (frequency, months) AS (
        VALUES ('monthly', 1), ('quarterly', 3), ('semiannually', 6), ('annually', 12)
    ), chain AS (
        SELECT t.id, s.months, t.due_date AS due, extract(day FROM t.due_date)::int AS day,
            'infinity'::timestamptz AS completed_at, 9223372036854775807 AS completion
        FROM tasks t JOIN step s ON s.frequency = t.frequency
        WHERE extract(day FROM t.due_date) < 31 AND extract(day FROM t.due_date + 1) = 1
        UNION ALL
        SELECT k.id, k.months, c.previous_due_date, greatest(k.day, extract(day FROM c.previous_due_date)::int), c.completed_at, c.id
        FROM chain k CROSS JOIN LATERAL (
            SELECT c.id, c.completed_at, c.previous_due_date,
                ((extract(year FROM k.due) - extract(year FROM c.previous_due_date)) * 12
                    + extract(month FROM k.due) - extract(month FROM c.previous_due_date))::int AS apart
            FROM task_completions c
            WHERE c.task_id = k.id AND (c.completed_at, c.id) < (k.completed_at, k.completion)
            ORDER BY c.completed_at DESC, c.id DESC LIMIT 1
        ) c
        WHERE c.apart > 0 AND c.apart % k.months = 0 AND (c.previous_due_date + make_interval(months => c.apart))::date = k.due
    )
    UPDATE tasks t SET due_day = k.day
    FROM (SELECT id, max(day) AS day FROM chain GROUP BY id) k
    WHERE t.id = k.id AND k.day > extract(day FROM t.due_date);
END
$$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE task_completions
    DROP COLUMN previous_due_day,
    DROP COLUMN next_due_date,
    DROP COLUMN next_started_at,
    DROP COLUMN next_version;
ALTER TABLE tasks
    DROP COLUMN due_day,
    DROP COLUMN undone_through;
