package probe_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// elsewhere makes a database whose tables lie in the schema app, and whose extensions in another one that is not in the
// search_path.
func elsewhere(t *testing.T, app, extensions string) lab.Env {
	t.Helper()
	env := labtest.Database(t, nil)
	u, err := url.Parse(env.DirectURL)
	must(t, err)
	name := strings.TrimPrefix(u.Path, "/")
	quote := func(s string) string { return pgx.Identifier{s}.Sanitize() }
	statements := []string{
		"CREATE SCHEMA " + quote(app) + " AUTHORIZATION " + quote(u.User.Username()),
		"CREATE SCHEMA " + quote(extensions),
		"GRANT USAGE ON SCHEMA " + quote(extensions) + " TO PUBLIC",
		"ALTER DATABASE " + quote(name) + " SET search_path = " + quote(app),
	}
	for _, e := range []string{"pg_stat_statements", "pg_prewarm"} {
		statements = append(statements, "ALTER EXTENSION "+e+" SET SCHEMA "+quote(extensions))
	}
	must(t, labtest.Lab(t).Administer(t.Context(), name, statements...))
	must(t, prepare(t.Context(), env.DirectURL))
	return env
}

// TestSchemasOfAnyName: wherever tables and extensions lie, every check says what it says of a plain database; also
// where something is broken, and the remedy mends it there.
func TestSchemasOfAnyName(t *testing.T) {
	plain := undisturbed(t, config(labtest.Database(t, prepare)), healthy)
	for _, schemas := range []struct{ app, extensions string }{{"app", "extensions"}, {"HoneyDue", "Ext ensions"}, {"honey.due", `pg"ext`}} {
		t.Run(schemas.app, func(t *testing.T) {
			env := elsewhere(t, schemas.app, schemas.extensions)
			r := undisturbed(t, config(env), healthy)
			if len(r.Checks) != len(plain.Checks) {
				t.Fatalf("%d checks, and %d of a plain database", len(r.Checks), len(plain.Checks))
			}
			for i, c := range r.Checks {
				// A remark is a pass with something beside it; whether a table is small enough for one depends on the seed's statistics.
				was := plain.Checks[i]
				if remark := func(s facts.Status) bool { return s == facts.Pass || s == facts.Remark }; c.Status != was.Status && !(remark(c.Status) && remark(was.Status)) {
					t.Errorf("%s is %s, and %s in a plain database: %s", c.Code, c.Status, was.Status, c.Why)
				}
			}
			exec(t, env, "DROP INDEX tasks_board_idx; CREATE TABLE \"Odd.Name\" AS SELECT generate_series(1, 5000) AS n; ANALYZE \"Odd.Name\"")
			c := config(env)
			c.Only = []string{"HD-Q01"}
			apply(t, env, first(t, run(t, c), "HD-Q01").Remedy)
			if got := checkOf(t, run(t, c), "HD-Q01"); got.Status != facts.Pass {
				t.Errorf("after the remedy it is %s: %s", got.Status, got.Why)
			}
		})
	}
}

// TestRightsInAnySchema pastes the grants of HD-Q19 where the schema's name needs quotes.
func TestRightsInAnySchema(t *testing.T) {
	env := elsewhere(t, "Honey.Due", "extensions")
	exec(t, env, `REVOKE ALL ON ALL TABLES IN SCHEMA "Honey.Due" FROM CURRENT_USER; GRANT SELECT ON ALL TABLES IN SCHEMA "Honey.Due" TO CURRENT_USER`)
	c := config(env)
	c.Only = []string{"HD-Q19"}
	apply(t, env, first(t, run(t, c), "HD-Q19").Remedy)
	if got := checkOf(t, run(t, c), "HD-Q19"); got.Status != facts.Pass {
		t.Errorf("after the remedy it is %s: %s", got.Status, got.Why)
	}
}
