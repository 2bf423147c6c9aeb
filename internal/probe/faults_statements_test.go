package probe_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/lab"
)

// statementFaults are faults of indexes, statistics and plans.
func statementFaults() []fault {
	return slices.Concat([]fault{
		{
			name: "the board's indexes are dropped", code: "HD-Q01", evidence: "task_board for the ", short: true,
			inject: inject("DROP INDEX tasks_board_idx; DROP INDEX tasks_residence_idx;"),
		},
		{
			name: "the statistics of tasks are stale", code: "HD-Q09", evidence: "Autovacuum is off for tasks", short: true,
			inject: inject(`ALTER TABLE tasks SET (autovacuum_enabled = off);
				INSERT INTO tasks (residence_id, title, due_date) SELECT r.id, 'more', current_date FROM residences r, generate_series(1, 100);`),
		},
		{
			name: "tasks is full of dead rows", code: "HD-Q08", evidence: "dead rows and", short: true,
			inject: inject(`ALTER TABLE tasks SET (autovacuum_enabled = off);
				UPDATE tasks SET version = version + 1; UPDATE tasks SET version = version + 1; ANALYZE tasks;`),
		},
		{
			name: "work_mem is lowered to 64 kB", code: "HD-Q11", evidence: "does not fit into work_mem (64 kB)", short: true,
			inject: inject(ofDatabase("work_mem = '64kB'")),
		},
		{
			name: "plans are forced to be generic", code: "HD-Q10", evidence: "plan_cache_mode = force_generic_plan",
			inject: inject(ofDatabase("plan_cache_mode = 'force_generic_plan'")),
		},
		{
			name: "an index is there twice", code: "HD-Q18", evidence: "duplicates tasks_board_idx", short: true,
			inject: inject("CREATE INDEX tasks_board_idx_2 ON tasks (residence_id, completed_at) WHERE NOT archived"),
		},
		{
			name: "the schema is a migration behind", code: "HD-D03", evidence: "the first is 00003",
			inject: inject("DELETE FROM goose_db_version WHERE version_id = 3"),
		},
		{
			// Of the heavy user, so that a subject meets it.
			name: "one home holds most documents", code: "HD-Q12", evidence: "times as many",
			inject: inject(`INSERT INTO documents (residence_id, title) SELECT (
					SELECT min(id) FROM residences WHERE owner_id = (
						SELECT r.owner_id FROM tasks t JOIN residences r ON r.id = t.residence_id WHERE NOT t.archived GROUP BY 1 ORDER BY count(*) DESC LIMIT 1
					)
				), 'more' FROM generate_series(1, 40000);
				VACUUM ANALYZE documents;`),
		},
		{
			name: "two hundred indexes to weigh", code: "HD-Q16", evidence: "the planner considers",
			// The planner tries to prove each list of ids from each condition of the statement.
			inject: inject(`DO $$ BEGIN FOR i IN 1..200 LOOP
				EXECUTE format('CREATE INDEX ON tasks (residence_id) WHERE completed_at IN (%s)',
					(SELECT string_agg(format('timestamptz %L', timestamptz '2001-01-01' + (i * 100 + n) * interval '1 s'), ', ') FROM generate_series(1, 90) n));
			END LOOP; END $$`),
		},
		{
			name: "Postgres's memory is cold", code: "HD-Q15", evidence: "pages from outside shared_buffers", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) {
				// Four tasks to a page, and eight thousand of them of one user: his board is 2,000 pages.
				inject(`INSERT INTO tasks (residence_id, title, due_date) SELECT (SELECT max(id) FROM residences WHERE active), 'more', current_date FROM generate_series(1, 8000);
					UPDATE tasks SET description = repeat(md5(tasks.id::text), 58) WHERE title = 'more';
					VACUUM FULL tasks; VACUUM ANALYZE tasks;`)(t, b)
				if err := b.lab.StopPostgres(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := b.lab.StartPostgres(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "shared_buffers is far too small", code: "HD-D22", evidence: "and shared_buffers is 1.0 MB", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) {
				inject(`INSERT INTO tasks (residence_id, title, due_date) SELECT (SELECT max(id) FROM residences WHERE active), 'more', current_date FROM generate_series(1, 3000);
					VACUUM FULL tasks; VACUUM ANALYZE tasks;`)(t, b)
				must(t, os.WriteFile(filepath.Join(serverDir(t, b.env), "postgresql.auto.conf"), []byte("shared_buffers = '1MB'\n"), 0o644))
				must(t, b.lab.StopPostgres(t.Context()))
				must(t, b.lab.StartPostgres(t.Context()))
			},
		},
	}, indexFaults(), timeoutFaults())
}

// inject runs SQL, one statement at a time: VACUUM refuses to be part of a transaction. A body between
// dollar quotes is one statement.
func inject(sql string) func(*testing.T, *bed) {
	return func(t *testing.T, b *bed) {
		t.Helper()
		if strings.Contains(sql, "$$") {
			exec(t, b.env, sql)
			return
		}
		for statement := range strings.SplitSeq(sql, ";") {
			if strings.TrimSpace(statement) != "" {
				exec(t, b.env, statement)
			}
		}
	}
}

// ofDatabase changes a setting for the sessions to come of the current database.
func ofDatabase(setting string) string {
	return "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET " + strings.ReplaceAll(setting, "'", "''") + "', current_database()); END $$"
}

// indexFaults breaks the index of each hot path in three ways.
func indexFaults() []fault {
	var out []fault
	for _, p := range []struct {
		table, index, drop, create, wrong string
	}{
		{
			"auth_tokens", "auth_tokens_pkey", "ALTER TABLE auth_tokens DROP CONSTRAINT auth_tokens_pkey",
			"CREATE UNIQUE INDEX %s auth_tokens_pkey ON auth_tokens (key_hash)", "CREATE UNIQUE INDEX auth_tokens_pkey ON auth_tokens (user_id, key_hash)",
		},
		{
			"residences", "residences_owner_active_idx", "DROP INDEX residences_owner_active_idx; DROP INDEX residences_owner_idx",
			"CREATE INDEX %s residences_owner_active_idx ON residences (owner_id) WHERE active", "CREATE INDEX residences_owner_active_idx ON residences (created_at) WHERE active",
		},
		{
			"residence_users", "residence_users_user_idx", "DROP INDEX residence_users_user_idx",
			"CREATE INDEX %s residence_users_user_idx ON residence_users (user_id, residence_id)", "CREATE INDEX residence_users_user_idx ON residence_users (residence_id, user_id)",
		},
		{
			"tasks", "tasks_board_idx", "DROP INDEX tasks_board_idx",
			"CREATE INDEX %s tasks_board_idx ON tasks (residence_id, completed_at) WHERE NOT archived", "CREATE INDEX tasks_board_idx ON tasks (completed_at, residence_id) WHERE archived",
		},
		{
			"task_completions", "task_completions_task_idx", "DROP INDEX task_completions_task_idx",
			"CREATE INDEX %s task_completions_task_idx ON task_completions (task_id, completed_at DESC, id DESC)", "CREATE INDEX task_completions_task_idx ON task_completions (completed_at)",
		},
		{
			"contractors", "contractors_residence_idx", "DROP INDEX contractors_residence_idx",
			"CREATE INDEX %s contractors_residence_idx ON contractors (residence_id, id)", "CREATE INDEX contractors_residence_idx ON contractors (id, residence_id)",
		},
		{
			"documents", "documents_residence_idx", "DROP INDEX documents_residence_idx",
			"CREATE INDEX %s documents_residence_idx ON documents (residence_id, id)", "CREATE INDEX documents_residence_idx ON documents (id, residence_id)",
		},
	} {
		out = append(out,
			fault{name: p.index + " is dropped", code: "HD-Q01", evidence: p.index + " on " + p.table, inject: inject(p.drop)},
			fault{name: p.index + " is not valid", code: "HD-Q02", evidence: p.index + " on " + p.table, inject: func(t *testing.T, b *bed) {
				inject(strings.Split(p.drop, ";")[0])(t, b)
				leaveInvalid(t, b.env, p.table, strings.Replace(p.create, "%s", "CONCURRENTLY", 1))
			}},
			fault{name: p.index + " is on other columns", code: "HD-Q07", evidence: p.index + " on " + p.table, inject: inject(strings.Split(p.drop, ";")[0] + ";" + p.wrong)},
		)
	}
	return out
}
