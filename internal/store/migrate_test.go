package store

import (
	"context"
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	check(t, err)
	t.Cleanup(func() { check(t, conn.Close(context.WithoutCancel(t.Context()))) })
	return conn
}

// tables lists the tables of the public schema with their columns.
func tables(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'pg\_%' ORDER BY 1`)
	check(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	check(t, err)
	return all
}

func TestMigrateUpDownAndUpAgain(t *testing.T) {
	env := labtest.Database(t, nil)
	ctx := t.Context()
	steps, err := MigrationStatus(ctx, env.DirectURL)
	check(t, err)
	if slices.ContainsFunc(steps, func(m Migration) bool { return m.Applied || m.Changed }) || len(steps) == 0 {
		t.Errorf("at first: %+v", steps)
	}
	steps, err = MigrateUp(ctx, env.DirectURL)
	check(t, err)
	if slices.ContainsFunc(steps, func(m Migration) bool { return !m.Applied || !m.Changed || m.AppliedAt.IsZero() }) {
		t.Errorf("after up: %+v", steps)
	}
	conn := connect(t, env.DirectURL)
	schema := tables(t, conn)
	steps, err = MigrateUp(ctx, env.DirectURL)
	if err != nil || slices.ContainsFunc(steps, func(m Migration) bool { return m.Changed }) {
		t.Errorf("up again: %+v %v", steps, err)
	}
	for range steps {
		check(t, drop(MigrateDown(ctx, env.DirectURL)))
	}
	if left := tables(t, conn); slices.ContainsFunc(left, func(c string) bool { return !strings.HasPrefix(c, "goose_") }) {
		t.Errorf("down leaves %v", left)
	}
	if _, err := MigrateDown(ctx, env.DirectURL); err == nil || hint(err) == "" {
		t.Errorf("down below the ground: %v", err)
	}
	check(t, Migrate(ctx, env.DirectURL))
	if again := tables(t, conn); !slices.Equal(again, schema) {
		t.Errorf("up, down and up is not up")
	}
}

func TestMigratorsAtOnce(t *testing.T) {
	env := labtest.Database(t, nil)
	errs := make(chan error, 3)
	for range cap(errs) {
		go func() { errs <- Migrate(t.Context(), env.DirectURL) }()
	}
	for range cap(errs) {
		check(t, <-errs)
	}
}

func TestMigrationsRefuseAPooler(t *testing.T) {
	env := labtest.Database(t, Migrate)
	for name, do := range map[string]func() error{
		"migrate": func() error { return Migrate(t.Context(), env.DatabaseURL) },
		"seed":    func() error { return drop(Seed(t.Context(), env.DatabaseURL, SeedOptions{Users: 1})) },
		"demo":    func() error { return drop(SeedDemo(t.Context(), env.DatabaseURL)) },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "is a pooler") || !strings.Contains(hint(err), "DATABASE_DIRECT_URL") {
			t.Errorf("%s: %v (%s)", name, err, hint(err))
		}
	}
	for _, url := range []string{"", "  "} {
		if err := Migrate(t.Context(), url); err == nil || !strings.Contains(hint(err), "never guessed") {
			t.Errorf("no URL: %v", err)
		}
	}
	if err := Migrate(t.Context(), "postgres://a:secret@127.0.0.1:1/x?sslmode=disable"); !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody there: %v", err)
	}
}

// TestAFailedStepIsPointedAt: the error keeps file, line and statement; the
// step is rolled back, and those before it stay.
func TestAFailedStepIsPointedAt(t *testing.T) {
	const good = "-- +goose Up\nCREATE TABLE a (id int);\n-- +goose Down\nDROP TABLE a;\n"
	up := func(p *goose.Provider) ([]*goose.MigrationResult, error) { return p.Up(t.Context()) }
	for _, tt := range []struct {
		name, step string
		line       int
	}{
		{"a position", "-- +goose Up\n-- Why.\nCREATE TABLE b (\n    id int,\n\n    -- this one\n    x ïnt_unknown\n);\n", 7},
		{"no position", "-- +goose Up\nCREATE TABLE c (id int PRIMARY KEY);\n\nINSERT INTO c\nVALUES (1), (1);\n", 4},
		{"syntax", "-- +goose Up\nCREATE TABLE d (id int);\nCREATE TABEL e (id int);\n", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := labtest.Database(t, nil)
			files := fstest.MapFS{"00001_good.sql": {Data: []byte(good)}, "00002_bad.sql": {Data: []byte(tt.step)}}
			_, err := migrateWith(t.Context(), env.DirectURL, files, up)
			failed, ok := errors.AsType[*MigrationError](err)
			if !ok {
				t.Fatalf("error %T: %v", err, err)
			}
			if failed.File != "00002_bad.sql" || failed.Line != tt.line || failed.SQL == "" || hint(err) == "" {
				t.Errorf("%s:%d (want line %d): %v", failed.File, failed.Line, tt.line, failed)
			}
			if got := tables(t, connect(t, env.DirectURL)); !slices.Contains(got, "a.id integer YES") || slices.ContainsFunc(got, func(c string) bool { return c[1] == '.' && c[0] != 'a' }) {
				t.Errorf("left: %v", got)
			}
		})
	}
}

// TestChecksAreTheDomains: the lists in the CHECK constraints are those of the
// domain, so that neither grows alone.
func TestChecksAreTheDomains(t *testing.T) {
	conn := connect(t, labtest.Database(t, Migrate).DirectURL)
	text := func(v any) (all []string) {
		switch v := v.(type) {
		case []household.Frequency:
			for _, x := range v {
				all = append(all, string(x))
			}
		case []household.Category:
			for _, x := range v {
				all = append(all, string(x))
			}
		case []household.Priority:
			for _, x := range v {
				all = append(all, string(x))
			}
		case []household.Role:
			for _, x := range v {
				if x.Assignable() {
					all = append(all, string(x))
				}
			}
		case []string:
			all = v
		}
		return all
	}
	for constraint, domain := range map[string]any{
		"tasks_frequency_check":      household.Frequencies(),
		"tasks_category_check":       household.Categories(),
		"tasks_priority_check":       household.Priorities(),
		"contractors_category_check": household.Categories(),
		"documents_kind_check":       household.DocumentKinds(),
		"residence_users_role_check": household.Roles(),
	} {
		var definition string
		check(t, conn.QueryRow(t.Context(), "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1", constraint).Scan(&definition))
		var allowed []string
		for _, m := range regexp.MustCompile(`'([a-z_]+)'`).FindAllStringSubmatch(definition, -1) {
			allowed = append(allowed, m[1])
		}
		if want := text(domain); !slices.Equal(allowed, want) {
			t.Errorf("%s allows %v, the domain has %v", constraint, allowed, want)
		}
	}
}

// TestForeignKeysHaveIndexes: deleting a parent must not scan its children.
func TestForeignKeysHaveIndexes(t *testing.T) {
	conn := connect(t, labtest.Database(t, Migrate).DirectURL)
	rows, err := conn.Query(t.Context(), `SELECT c.conrelid::regclass || ' ' || c.conname
FROM pg_constraint c
WHERE c.contype = 'f' AND NOT EXISTS (
	SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL AND i.indkey[0] = c.conkey[1]
)`)
	check(t, err)
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	check(t, err)
	if len(missing) > 0 {
		t.Errorf("no index: %v", missing)
	}
}

// TestEmailsBecomeBare: what earlier releases let in, in accounts and contractors.
func TestEmailsBecomeBare(t *testing.T) {
	env := labtest.Database(t, nil)
	ctx := t.Context()
	files, err := fs.Sub(migrationFiles, "migrations")
	check(t, err)
	check(t, drop(migrateWith(ctx, env.DirectURL, files, func(p *goose.Provider) ([]*goose.MigrationResult, error) { return p.UpTo(ctx, 3) })))
	conn := connect(t, env.DirectURL)
	accounts := [][2]string{
		{"bob <bob@example.com>", "bob@example.com"},
		{`"l, d" <dave@example.com>`, "dave@example.com"},
		{"<ann.b+c@example.com>", "ann.b+c@example.com"},
		{"eve@example.com (x)", "eve@example.com"},
		{"(x) (y)fay@example.com", "fay@example.com"},
		{"=?utf-8?q?g=c3=a9?= <g@example.com>", "g@example.com"},
		{`"hal"@example.com`, "hal@example.com"},
		{"plain@example.com", "plain@example.com"},
		{"\u0130@example.com", "\u0130@example.com"},
		// The address belongs to someone.
		{"taken@example.com", "taken@example.com"},
		{"tak en <taken@example.com>", "tak en <taken@example.com>"},
		// Two would get it.
		{"one <two@example.com>", "one <two@example.com>"},
		{"two@example.com (2)", "two@example.com (2)"},
		// No bare form, or not one only.
		{`"a b"@example.com`, `"a b"@example.com`},
		{"a@b.example <c@d.example>", "a@b.example <c@d.example>"},
		{"x <a@[192.0.2.1]>", "x <a@[192.0.2.1]>"},
	}
	for _, a := range accounts {
		_, err := conn.Exec(ctx, "INSERT INTO users (email, name, password_hash) VALUES ($1, 'x', 'x')", a[0])
		check(t, err)
	}
	_, err = conn.Exec(ctx, `INSERT INTO residences (owner_id, name) SELECT min(id), 'x' FROM users;
INSERT INTO contractors (residence_id, name, email)
SELECT r.id, 'x', e FROM residences r, unnest(ARRAY['Flo <Flo@Example.com>', 'not an email', '', 'Flo@Example.com (cell)']) e`)
	check(t, err)
	check(t, Migrate(ctx, env.DirectURL))
	rows, err := conn.Query(ctx, "SELECT email FROM users ORDER BY id")
	check(t, err)
	stored, err := pgx.CollectRows(rows, pgx.RowTo[string])
	check(t, err)
	for i, a := range accounts {
		if stored[i] != a[1] {
			t.Errorf("%q became %q, want %q", a[0], stored[i], a[1])
		}
	}
	rows, err = conn.Query(ctx, "SELECT email FROM contractors ORDER BY id")
	check(t, err)
	stored, err = pgx.CollectRows(rows, pgx.RowTo[string])
	check(t, err)
	if want := []string{"Flo@Example.com", "not an email", "", "Flo@Example.com"}; !slices.Equal(stored, want) {
		t.Errorf("contractors: %q, want %q", stored, want)
	}
	var noted int
	check(t, conn.QueryRow(ctx, "SELECT count(*) FROM changes WHERE cardinality(user_ids) = 7 OR cardinality(residence_ids) = 1 AND what = 'outside'").Scan(&noted))
	if noted < 2 {
		t.Error("the caches would not learn what changed")
	}

	// The release before: it lowers by the database's locale, and knows a taken address by the constraint.
	const before = "SELECT id FROM users WHERE lower(email) = lower($1::text)"
	var id int64
	check(t, conn.QueryRow(ctx, before, "Bob@example.com").Scan(&id))
	_, err = conn.Exec(ctx, "INSERT INTO users (email, name, password_hash) VALUES ('BOB@example.com', 'x', 'x')")
	if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || constraintField(pg) != "email" {
		t.Errorf("a taken address: %v", err)
	}
	db := open(t, env)
	for _, left := range []string{"Tak En <taken@example.com>", `"A b"@example.com`} {
		if _, _, err := db.Credentials(ctx, left); err != nil {
			t.Errorf("%s cannot log in: %v", left, err)
		}
	}
	if _, _, err := db.Credentials(ctx, "i\u0307@example.com"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another address opens the account of a dotted I: %v", err)
	}
}

// TestEmailsFoldInAnyLocale: a database whose locale folds more than A to Z
// does not decide which accounts are one.
func TestEmailsFoldInAnyLocale(t *testing.T) {
	env := labtest.Database(t, Migrate)
	conn := connect(t, env.DirectURL)
	// A column with a collation of ICU stands for a database with that locale: the lab's is C.
	_, err := conn.Exec(t.Context(), `DROP INDEX users_email_key`)
	check(t, err)
	_, err = conn.Exec(t.Context(), `ALTER TABLE users ALTER COLUMN email TYPE text COLLATE "tr-x-icu"`)
	check(t, err)
	_, err = conn.Exec(t.Context(), `CREATE UNIQUE INDEX users_email_key ON users (lower(email COLLATE "C"))`)
	check(t, err)
	db := open(t, env)
	apart := []string{"i@example.com", "\u0130@example.com", "i\u0307@example.com", "\u0131@example.com", "k@example.com", "\u212a@example.com", "\u00e4@example.com", "\u00c4@example.com"}
	for _, email := range apart {
		check(t, drop(db.Register(t.Context(), NewUser{Email: email, Name: "x", PasswordHash: "x"}, tokenHash(email))))
	}
	for _, email := range append(apart, "I@EXAMPLE.COM") {
		if u, _, err := db.Credentials(t.Context(), email); err != nil || u.Email != email && email != "I@EXAMPLE.COM" || email == "I@EXAMPLE.COM" && u.Email != "i@example.com" {
			t.Errorf("%+q opens %+q, %v", email, u.Email, err)
		}
	}
}
