package collect

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// TestSettingsOfTheNextConnection: what a role or a database is given shows in no session that is open already.
func TestSettingsOfTheNextConnection(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	open := func() *pgx.Conn {
		conn, err := pgx.Connect(t.Context(), env.DirectURL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(t.Context()) })
		return conn
	}
	old := open()
	alter := func(what string) {
		t.Helper()
		sql := "DO $$ BEGIN EXECUTE format('ALTER " + strings.ReplaceAll(what, "'", "''") + "', current_database()); END $$"
		if _, err := old.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	judged := func(app *pgx.Conn) check.Outcome {
		t.Helper()
		read, err := readSession(t.Context(), app)
		if err != nil {
			t.Fatal(err)
		}
		return check.GenericPlan(&facts.Observation{Facts: &facts.DatabaseFacts{SessionFacts: *read}})
	}
	if out := judged(old); len(out.Hits) != 0 {
		t.Fatalf("nothing was set, and it finds %+v", out)
	}
	alter("DATABASE %I SET enable_indexscan = 'off'")
	if out := judged(old); len(out.Hits) != 1 || !strings.HasPrefix(out.Hits[0].Evidence, "enable_indexscan is off for this database") || !strings.Contains(out.Hits[0].Remedy, `ALTER DATABASE :"DBNAME" RESET enable_indexscan;`) {
		t.Errorf("enable_indexscan = off of the database: %+v", out)
	}
	alter("DATABASE %I RESET enable_indexscan")
	alter("DATABASE %I SET plan_cache_mode = 'force_generic_plan'")
	if out := judged(old); len(out.Hits) != 1 || !strings.Contains(out.Hits[0].Evidence, "is set for this database and takes effect when") {
		t.Errorf("plan_cache_mode of the database: %+v", out)
	}
	if out := judged(open()); len(out.Hits) != 1 || !strings.Contains(out.Hits[0].Evidence, "sessions run with") || !strings.Contains(out.Hits[0].Remedy, `ALTER DATABASE :"DBNAME" RESET plan_cache_mode;`) {
		t.Errorf("a session that has it: %+v", out)
	}
	// A role's own setting wins over the database's.
	alter("ROLE CURRENT_USER IN DATABASE %I SET plan_cache_mode = 'auto'")
	if out := judged(old); len(out.Hits) != 0 {
		t.Errorf("the role's own auto wins, and it finds %+v", out)
	}
	alter("ROLE CURRENT_USER IN DATABASE %I SET plan_cache_mode = 'force_generic_plan'")
	if out := judged(old); len(out.Hits) != 1 || !strings.Contains(out.Hits[0].Evidence, "the app's role in this database") || !strings.Contains(out.Hits[0].Remedy, `psql "$DATABASE_URL" -v`) {
		t.Errorf("plan_cache_mode of the role: %+v", out)
	}
}
