package probe_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestHypoPGShowsTheGain: where the extension is there, the finding says what the index would do; where it
// is not, the finding is the same without. Nothing hypothetical is left behind.
func TestHypoPGShowsTheGain(t *testing.T) {
	env := labtest.Database(t, prepare)
	inject("DROP INDEX tasks_board_idx; DROP INDEX tasks_residence_idx")(t, &bed{env: env})
	conn, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var installed bool
	if err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'hypopg')").Scan(&installed); err != nil {
		t.Fatal(err)
	}
	f := first(t, undisturbed(t, config(env), foundFirst("HD-Q01")), "HD-Q01")
	contains(t, f.Evidence, "tasks_board_idx")
	if got := strings.Contains(f.Evidence, "(with it, the planner's cost estimate for task_board"); got != installed {
		t.Errorf("HypoPG is installed: %v, and the evidence is %q", installed, f.Evidence)
	}
	t.Log(f.Evidence)
}
