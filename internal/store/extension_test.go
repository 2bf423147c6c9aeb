package store

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// databaseName is the database that a URL of the lab names.
func databaseName(t testing.TB, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	check(t, err)
	return strings.TrimPrefix(u.Path, "/")
}

// elsewhere makes a database whose tables are in the schema named app and whose extensions are in the one named
// extensions, which is not in the search_path.
func elsewhere(t testing.TB, app, extensions string) labtest.Env {
	t.Helper()
	env := labtest.Database(t, nil)
	name := databaseName(t, env.DirectURL)
	quote := func(s string) string { return pgx.Identifier{s}.Sanitize() }
	statements := []string{
		"CREATE SCHEMA " + quote(app) + " AUTHORIZATION honeydue",
		"CREATE SCHEMA " + quote(extensions),
		"GRANT USAGE ON SCHEMA " + quote(extensions) + " TO PUBLIC",
		"ALTER DATABASE " + quote(name) + " SET search_path = " + quote(app),
	}
	for _, e := range []string{"pg_stat_statements", "pg_prewarm"} {
		statements = append(statements, "ALTER EXTENSION "+e+" SET SCHEMA "+quote(extensions))
	}
	check(t, labtest.Lab(t).Administer(t.Context(), name, statements...))
	check(t, Migrate(t.Context(), env.DirectURL))
	return env
}

func TestExtensionsOutsideTheSearchPath(t *testing.T) {
	for _, schemas := range []struct{ app, extensions, quoted string }{
		{"app", "extensions", `extensions`},
		{"HoneyDue", `Ext "x`, `"Ext ""x"`},
		{"honey.due", "pg.ext", `"pg.ext"`},
	} {
		t.Run(schemas.app, func(t *testing.T) {
			env := elsewhere(t, schemas.app, schemas.extensions)
			conn, err := pgx.Connect(t.Context(), env.DirectURL)
			check(t, err)
			defer conn.Close(context.WithoutCancel(t.Context()))
			e, err := FindExtension(t.Context(), conn, "pg_prewarm")
			check(t, err)
			if !e.Installed() || !e.Available || e.Schema != schemas.quoted {
				t.Errorf("found %+v, want schema %s", e, schemas.quoted)
			}
			if none, err := FindExtension(t.Context(), conn, "no_such_extension"); err != nil || none.Installed() || none.Available {
				t.Errorf("found %+v (%v)", none, err)
			}

			pages, err := OpenPrewarmer(t.Context(), env.DirectURL)
			check(t, err)
			defer pages.Close(t.Context())
			if n, relations, err := pages.Load(t.Context(), 0.5); err != nil || n == 0 || relations == 0 {
				t.Errorf("loaded %d pages of %d relations: %v", n, relations, err)
			}
			stats, err := OpenStatementStats(t.Context(), env.DirectURL, nil)
			check(t, err)
			defer stats.Close(context.WithoutCancel(t.Context()))
			if totals, err := stats.Totals(t.Context()); err != nil || totals.Calls == 0 {
				t.Errorf("totals: %+v %v", totals, err)
			}
			db := open(t, env)
			w := newWorld(t, db)
			_, err = conn.Exec(t.Context(), "ANALYZE")
			check(t, err)
			for _, pick := range SubjectPicks() {
				if _, err := db.Run(t.Context(), pick); err != nil {
					t.Errorf("%s: %v", pick.Name, err)
				}
			}
			if _, _, err := db.UserByToken(t.Context(), w.token); err != nil {
				t.Error(err)
			}
		})
	}
}

// A role that may not use the extension, and a database without it: the error says so and is told apart.
func TestPrewarmNeedsTheExtension(t *testing.T) {
	env := elsewhere(t, "app", "extensions")
	administer := func(statement string) {
		t.Helper()
		check(t, labtest.Lab(t).Administer(t.Context(), databaseName(t, env.DirectURL), statement))
	}
	administer("REVOKE USAGE ON SCHEMA extensions FROM PUBLIC")
	pages, err := OpenPrewarmer(t.Context(), env.DirectURL)
	check(t, err)
	defer pages.Close(t.Context())
	if _, _, err := pages.Load(t.Context(), 0.5); !errors.Is(err, ErrNoPrewarm) || hint(err) == "" {
		t.Errorf("without the right: %v", err)
	}
	administer("DROP EXTENSION pg_prewarm")
	if _, err := OpenPrewarmer(t.Context(), env.DirectURL); !errors.Is(err, ErrNoPrewarm) || hint(err) == "" {
		t.Errorf("without the extension: %v", err)
	}
}
