package store

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestSelfTest: in every mode that is safe behind a pooler it runs every statement that writes, and no row is left.
func TestSelfTest(t *testing.T) {
	env := labtest.Database(t, Migrate)
	writes := 0
	for _, q := range Catalogue() {
		if q.Write {
			writes++
		}
	}
	for _, mode := range ExecModes() {
		if !PooledSafe(mode) {
			continue
		}
		db := open(t, env, func(c *Config) { c.ExecMode, c.MaxConns, c.MinIdleConns = mode, 1, 1 })
		for range 2 {
			got, err := db.SelfTest(t.Context())
			if err != nil || got.Err != nil || len(got.Wrong) > 0 {
				t.Fatalf("%s: %+v, %v", mode, got, err)
			}
			if got.Statements < writes {
				t.Errorf("%s: %d statements ran, and %d write", mode, got.Statements, writes)
			}
			if mode == "exec" && got.Turns != 2 {
				t.Errorf("it took %d turns, want 2", got.Turns)
			}
		}
	}
	conn := connect(t, env.DirectURL)
	for _, table := range []string{"users", "auth_tokens", "residences", "residence_users", "tasks", "changes"} {
		var n int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil || n > 0 {
			t.Errorf("%d rows are left in %s: %v", n, table, err)
		}
	}
}

// TestSelfTestNamesWhatFails: the statement, and what the database answered. Nothing stays open.
func TestSelfTestNamesWhatFails(t *testing.T) {
	for _, c := range []struct{ name, sql, statement, code string }{
		{"a right on a table", "REVOKE INSERT ON users FROM CURRENT_USER", "user_register", "42501"},
		{"a right to delete", "REVOKE DELETE ON tasks FROM CURRENT_USER", "task_delete", "42501"},
		{"a right on the change log", "REVOKE INSERT ON changes FROM CURRENT_USER", "token_delete", "42501"},
		{"a column", "ALTER TABLE documents RENAME COLUMN title TO heading", "document_create", "42703"},
		{"a trigger", "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; CREATE TRIGGER no BEFORE INSERT ON residences FOR EACH ROW EXECUTE FUNCTION no()", "residence_create", "P0001"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := labtest.Database(t, Migrate)
			if _, err := connect(t, env.DirectURL).PgConn().Exec(t.Context(), c.sql).ReadAll(); err != nil {
				t.Fatal(err)
			}
			db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 1, 1 })
			for range 2 {
				got, err := db.SelfTest(t.Context())
				pg, ok := errors.AsType[*pgconn.PgError](got.Err)
				if err != nil || !ok || got.Failed != c.statement || pg.Code != c.code {
					t.Errorf("%+v, %v; want %s in %s", got, err, c.code, c.statement)
				}
			}
			if _, err := db.Run(t.Context(), poolPing); err != nil {
				t.Errorf("the connection can't be used afterwards: %v", err)
			}
		})
	}
}
