package probe

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"github.com/honeydue/honeydue/internal/report"
)

// attentive is an incident with some checks more: passes, and unknowns for one reason.
func attentive() Result {
	r := incident()
	console := "PGBOUNCER_ADMIN_URL is not set."
	r.Checks = append(r.Checks,
		CheckResult{Code: "HD-P09", Title: "The pooler has little left to give", Status: Unknown, Why: console},
		CheckResult{Code: "HD-P10", Title: "Statements have waited in the pooler", Status: Unknown, Why: console},
		CheckResult{Code: "HD-N06", Title: "Packets to the database are lost", Status: Pass, Why: "TCP sent 0 of 240 segments again."},
		CheckResult{Code: "HD-P13", Title: "A setting of the pooler drifted", Status: Unknown, Why: console},
	)
	r.Findings[2].Remedy = "CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_board_idx ON tasks (residence_id, completed_at) WHERE NOT archived; ANALYZE tasks;"
	return r
}

func written(t *testing.T, d report.Document, width int) string {
	t.Helper()
	var out bytes.Buffer
	if err := report.Write(&out, report.FormatTable, d, report.Options{Width: width}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestTerminal: of the checks those that ask for attention, and the verdict last.
func TestTerminal(t *testing.T) {
	r := attentive()
	got := written(t, r.Terminal(false), 100)
	golden(t, "terminal.table", []byte(got))
	for part, times := range map[string]int{
		"\n3 checks": 1, "HD-P09, HD-P10, HD-P13": 1, "2 checks passed (--all lists them, -o json has them).": 1, "\nHD-P02": 0, "\nHD-N06": 0,
	} {
		if n := strings.Count(got, part); n != times {
			t.Errorf("%q is there %d times, want %d", part, n, times)
		}
	}
	if flat := strings.Join(strings.Fields(got), " "); !strings.HasSuffix(flat, r.Verdict) {
		t.Errorf("the last words are not the verdict %q", r.Verdict)
	}
	all := written(t, r.Terminal(true), 0)
	for _, c := range r.Checks {
		if !strings.Contains(all, "\n"+c.Code+" ") {
			t.Errorf("with --all %s is missing", c.Code)
		}
	}
	if strings.Contains(all, "--all") {
		t.Error("with --all it still says that there is more")
	}
}

// TestRoundOfAWatch: nothing but what may move.
func TestRoundOfAWatch(t *testing.T) {
	got := written(t, attentive().Moving(), 100)
	for part, want := range map[string]bool{"Findings, the dearest first": true, "Changed since the baseline": true, "Connecting, phase by phase": false, "Checks": false} {
		if strings.Contains(got, part) != want {
			t.Errorf("%q is there: %v, want %v", part, !want, want)
		}
	}
}

// TestNoLineIsWiderThanTheTerminal, whatever the tables hold.
func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	for _, width := range []int{100, 140, 200} {
		for line := range strings.SplitSeq(written(t, attentive().Terminal(true), width), "\n") {
			if w := runewidth.StringWidth(line); w > width {
				t.Errorf("at %d columns a line is %d wide: %s", width, w, line)
			}
		}
	}
}
