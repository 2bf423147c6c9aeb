package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

var subjectPick = Query{
	Name: "subject_pick",
	// No table is scanned: 48 users at even distances by primary key, and those
	// whom the planner's own statistics name as owning the most (the most
	// common values of tasks.residence_id). Each one's tasks are counted on an
	// index, up to 5,000.
	SQL: `/* subject_pick */ WITH bounds AS (
	SELECT (SELECT id FROM users ORDER BY id LIMIT 1) AS low, (SELECT id FROM users ORDER BY id DESC LIMIT 1) AS high
), spread AS (
	SELECT u.id
	FROM bounds, generate_series(0, 47) AS n
	CROSS JOIN LATERAL (
		SELECT id FROM users WHERE id >= low + (high - low) * n / 47 ORDER BY id LIMIT 1
	) u
), large AS (
	SELECT r.owner_id AS id
	FROM (
		SELECT unnest(most_common_vals::text::bigint[]) AS residence_id, unnest(most_common_freqs) AS share
		FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'tasks' AND attname = 'residence_id'
		ORDER BY share DESC LIMIT 12
	) s JOIN residences r ON r.id = s.residence_id AND r.active
), candidates AS (
	SELECT id FROM spread UNION SELECT id FROM large
), sized AS (
	SELECT c.id, count(t.id) AS tasks, max(t.residence_id) AS residence_id, max(t.id) AS task_id
	FROM candidates c
	LEFT JOIN LATERAL (
		SELECT t.id, t.residence_id
		FROM (
			SELECT id FROM residences WHERE owner_id = c.id AND active
			UNION
			SELECT r.id FROM residence_users m JOIN residences r ON r.id = m.residence_id WHERE m.user_id = c.id AND r.active
		) h JOIN tasks t ON t.residence_id = h.id AND NOT t.archived
		LIMIT 5000
	) t ON true
	GROUP BY c.id
), ranked AS (
	SELECT *, row_number() OVER (ORDER BY tasks DESC, id) AS from_top,
		row_number() OVER (PARTITION BY tasks > 0 AND id IN (SELECT id FROM spread) ORDER BY tasks, id) AS place,
		count(*) OVER (PARTITION BY tasks > 0 AND id IN (SELECT id FROM spread)) AS of_kind
	FROM sized
), picked AS (
	(SELECT 'heavy' AS label, * FROM ranked WHERE tasks > 0 AND from_top = 1)
	UNION ALL
	(SELECT 'median', * FROM ranked WHERE tasks > 0 AND id IN (SELECT id FROM spread) AND place = (of_kind + 1) / 2)
	UNION ALL
	(SELECT 'empty', * FROM ranked WHERE tasks = 0 ORDER BY id LIMIT 1)
)
SELECT p.label, p.id, p.tasks, COALESCE(p.residence_id, 0), COALESCE(p.task_id, 0),
	COALESCE((SELECT key_hash FROM auth_tokens WHERE user_id = p.id ORDER BY key_hash LIMIT 1), decode(repeat('00', 32), 'hex'))
FROM picked p`,
	Sample: func(Subject) []any { return nil },
}

var subjectGuess = Query{
	Name: "subject_guess",
	// For a database whose indexes are gone, where the pick above would read tasks
	// once for each candidate: the owners of the largest and of a middling
	// residence of the planner's statistics, found by key.
	SQL: `/* subject_guess */ WITH stats AS (
	SELECT (s.most_common_vals::text::bigint[])[1] AS large, s.most_common_freqs[1] AS share,
		COALESCE((s.histogram_bounds::text::bigint[])[array_length(s.histogram_bounds::text::bigint[], 1) / 2],
			(s.most_common_vals::text::bigint[])[array_length(s.most_common_vals::text::bigint[], 1)]) AS middle, c.reltuples
	FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
	WHERE s.schemaname = current_schema() AND s.tablename = 'tasks' AND s.attname = 'residence_id'
), picked AS (
	SELECT 'heavy' AS label, large AS residence_id, least(5000, share * reltuples)::bigint AS tasks FROM stats
	UNION ALL
	SELECT 'median', middle, 1 FROM stats
)
SELECT p.label, r.owner_id, p.tasks, r.id, 0::bigint,
	COALESCE((SELECT key_hash FROM auth_tokens WHERE user_id = r.owner_id LIMIT 1), decode(repeat('00', 32), 'hex'))
FROM picked p JOIN residences r ON r.id = p.residence_id`,
	Sample: func(Subject) []any { return nil },
}

var subjectBlind = Query{
	Name: "subject_blind",
	// Where even that would read a table: two tokens and a residence out of the
	// statistics. Whose they are, and how much he has, stays open.
	SQL: `/* subject_blind */ WITH tokens AS (
	SELECT COALESCE(histogram_bounds::text::bytea[], most_common_vals::text::bytea[]) AS hashes
	FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'auth_tokens' AND attname = 'key_hash'
)
SELECT label, 0::bigint, 0::bigint, 0::bigint, 0::bigint, hashes[1 + array_length(hashes, 1) * third / 3]
FROM tokens, (VALUES ('heavy', 1), ('median', 2)) AS v (label, third)
WHERE hashes IS NOT NULL`,
	Sample: func(Subject) []any { return nil },
}

// SubjectPicks lists the ways to pick subjects, the most exact one first. Each
// reads no table from end to end as long as the indexes that it needs are
// there; the last one reads no table at all.
func SubjectPicks() []Query { return []Query{subjectPick, subjectGuess, subjectBlind} }

// Subjects picks a heavy, a median and an empty user, in that order, without
// scanning a table: from a sample of the users spread evenly over their ids
// and from the planner's statistics. heavy is the largest found, median the
// middle one of the sample's users with tasks, empty one without any. Where
// there is no such user, the subject has UserID 0.
func (db *DB) Subjects(ctx context.Context) ([]Subject, error) {
	found, err := all(ctx, db, subjectPick, nil, scanSubject)
	if err != nil {
		return nil, fmt.Errorf("no users to explain statements for: %w", err)
	}
	return orderSubjects(found), nil
}

// ReadSubjects is Subjects for a caller that runs one of SubjectPicks on a
// connection of its own, in a transaction with its own time-outs.
func ReadSubjects(rows pgx.Rows) ([]Subject, error) {
	if conn := rows.Conn(); conn != nil {
		registerTypes(conn.TypeMap())
	}
	var s Subject
	var found []Subject
	_, err := pgx.ForEachRow(rows, scanSubject(&s), func() error {
		found = append(found, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("no users to explain statements for: %w", err)
	}
	return orderSubjects(found), nil
}

func scanSubject(s *Subject) []any {
	return []any{&s.Label, &s.UserID, &s.Tasks, &s.ResidenceID, &s.TaskID, &s.TokenHash}
}

// orderSubjects puts what was found in its place, and nobody where there was no such user.
func orderSubjects(found []Subject) []Subject {
	subjects := []Subject{{Label: "heavy"}, {Label: "median"}, {Label: "empty"}}
	now := time.Now()
	for i := range subjects {
		subjects[i].TokenHash = make([]byte, 32)
		for _, f := range found {
			if f.Label == subjects[i].Label {
				subjects[i] = f
			}
		}
		subjects[i].At = now
	}
	return subjects
}
