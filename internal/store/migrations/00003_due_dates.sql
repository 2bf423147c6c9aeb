-- +goose Up
-- A due date is one that people can write: the years 1 to 9999. What lies
-- beyond, and 'infinity', has no form that the API could send.
UPDATE tasks SET due_date = CASE WHEN due_date > '9999-12-31' THEN date '9999-12-31' ELSE date '0001-01-01' END
WHERE due_date NOT BETWEEN '0001-01-01' AND '9999-12-31';
ALTER TABLE tasks ADD CONSTRAINT tasks_due_date_check CHECK (due_date BETWEEN '0001-01-01' AND '9999-12-31') NOT VALID;
ALTER TABLE tasks VALIDATE CONSTRAINT tasks_due_date_check;

-- +goose Down
ALTER TABLE tasks DROP CONSTRAINT tasks_due_date_check;
