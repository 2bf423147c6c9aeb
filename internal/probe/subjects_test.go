package probe_test

import (
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestSubjectsArePickedWithoutATableScan: the more indexes are gone, the coarser the pick. Whoever is
// picked, the hot statements are explained, and the missing index is the first finding.
func TestSubjectsArePickedWithoutATableScan(t *testing.T) {
	env := labtest.Database(t, prepare)
	for _, c := range []struct{ drop, from string }{
		{"", "subject_pick"},
		{"DROP INDEX tasks_board_idx; DROP INDEX tasks_residence_idx", "subject_guess"},
		// The tables are small here, and S14 exempts small ones.
		{"INSERT INTO residences (owner_id, name) SELECT owner_id, 'more' FROM residences, generate_series(1, 3); ANALYZE residences; ALTER TABLE residences DROP CONSTRAINT residences_pkey CASCADE", "subject_blind"},
	} {
		inject(c.drop)(t, &bed{env: env})
		r := undisturbed(t, config(env), func(r facts.Result) bool { return c.drop == "" || foundFirst("HD-Q01")(r) })
		if r.SubjectsFrom != c.from {
			t.Errorf("after %q the users come from %s, want %s", c.drop, r.SubjectsFrom, c.from)
		}
		ran := 0
		for _, h := range r.HotPaths {
			if h.Error == "" && h.Plan != nil && h.Plan.ExecutionMS > 0 {
				ran++
			}
			if h.Name == "auth_lookup" && h.Subject != "empty" && h.Rows != 1 {
				t.Errorf("by %s the %s user has no token: %d rows", c.from, h.Subject, h.Rows)
			}
		}
		if ran != 15 {
			t.Errorf("by %s %d of 15 hot paths were run", c.from, ran)
		}
		if c.drop != "" {
			first(t, r, "HD-Q01")
		}
	}
}
