package probe_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// TestExpectedIndexesAreThoseOfTheSchema compares the indexes that store reads from its migrations with
// those of a migrated database, and each DDL with the definition that Postgres gives back.
func TestExpectedIndexesAreThoseOfTheSchema(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	conn, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `
		SELECT indexname::text, indexdef FROM pg_indexes
		WHERE schemaname = current_schema() AND tablename NOT LIKE 'goose%'`)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	var name, definition string
	if _, err := pgx.ForEachRow(rows, []any{&name, &definition}, func() error {
		have[name] = definition
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	expected, err := store.Indexes()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, want := range expected {
		names = append(names, want.Name)
		if file := map[string]string{"tasks_board_idx": "00001_schema.sql", "changes_pkey": "00002_changes.sql"}[want.Name]; file != "" && want.Migration != file || want.Migration == "" {
			t.Errorf("%s is made by %q, want %q", want.Name, want.Migration, file)
		}
		ddl, _, _ := strings.Cut(want.DDL, ";")
		if got := canonical(have[want.Name]); got != canonical(ddl) {
			t.Errorf("%s: the migrations say\n%s\nthe database has\n%s", want.Name, canonical(ddl), got)
		}
	}
	for name := range have {
		if !slices.Contains(names, name) {
			t.Errorf("the database has %s, which store.Indexes does not list", name)
		}
	}
}

// canonical drops what Postgres adds to a definition or leaves out.
func canonical(ddl string) string {
	for _, s := range []string{"CONCURRENTLY ", "IF NOT EXISTS ", "public.", "USING btree ", "(", ")"} {
		ddl = strings.ReplaceAll(ddl, s, "")
	}
	return strings.TrimSpace(ddl)
}
