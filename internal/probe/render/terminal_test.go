package render

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

// attentive is an incident with some checks more: passes, and unknowns for one reason.
func attentive() facts.Result {
	r := incident()
	console := "PGBOUNCER_ADMIN_URL is not set."
	r.Checks = append(r.Checks,
		facts.CheckResult{Code: "HD-P09", Title: "Pooler near its limits: connections are running out", Status: facts.Unknown, Why: console},
		facts.CheckResult{Code: "HD-P10", Title: "Pooler wait time: statements have waited for a server connection", Status: facts.Unknown, Why: console},
		facts.CheckResult{Code: "HD-N06", Title: "TCP retransmissions: packets to the database are lost", Status: facts.Pass, Why: "TCP retransmitted 0 of 240 segments."},
		facts.CheckResult{Code: "HD-P13", Title: "PgBouncer configuration drift: a setting differs from its tuned value", Status: facts.Unknown, Why: console},
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
	got := written(t, Terminal(r, false), 100)
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
	all := written(t, Terminal(r, true), 0)
	for _, c := range r.Checks {
		if !strings.Contains(all, "\n"+c.Code+" ") {
			t.Errorf("with --all %s is missing", c.Code)
		}
	}
	if strings.Contains(all, "--all") {
		t.Error("with --all it still says that there is more")
	}
}

// TestRoundOfAWatch: nothing but what may move, and what has moved before the rest.
func TestRoundOfAWatch(t *testing.T) {
	got := written(t, Moving(attentive()), 100)
	at := -1
	for _, part := range []string{"Changed since the baseline", "Findings, most expensive first", "It explains HD-Q03.", "Fix for HD-Q06:"} {
		next := strings.Index(got, part)
		if next <= at {
			t.Errorf("%q stands at %d, after what ends at %d, in\n%s", part, next, at, got)
		}
		at = next
	}
	for _, part := range []string{"Connecting, phase by phase", "Checks", "└─"} {
		if strings.Contains(got, part) {
			t.Errorf("%q is there", part)
		}
	}
}

// TestTablesFitTheTerminal: no line of a table is wider than the terminal, and no name is cut in two; what is to be
// copied is in one piece at any width.
func TestTablesFitTheTerminal(t *testing.T) {
	r := attentive()
	r.HotPaths[3].Name, r.HotPaths[3].Error = "contractor_list", "the server returned an error (42P01: a relation does not exist)"
	for _, width := range []int{60, 80, 100, 140, 200} {
		got := written(t, Terminal(r, true), width)
		copied := map[string]bool{}
		for _, f := range causes(r) {
			copied[f.Remedy] = true
		}
		for line := range strings.SplitSeq(got, "\n") {
			if w := runewidth.StringWidth(line); w > width && !copied[line] {
				t.Errorf("at %d columns a line is %d wide: %s", width, w, line)
			}
			delete(copied, line)
		}
		if len(copied) > 0 {
			t.Errorf("at %d columns these can't be copied: %v", width, copied)
		}
		for _, name := range []string{"\ntask_board ", "\ncontractor_list ", "\n└─HD-Q03 ", "\nssl_request ", "tasks_board_idx", "DB_MIN_IDLE_CONNS"} {
			if !strings.Contains(got, name) {
				t.Errorf("at %d columns %q is not whole in\n%s", width, name, got)
			}
		}
	}
	if got := written(t, Terminal(r, true), 60); !strings.Contains(got, "No room for: Reached by, ") {
		t.Errorf("the table does not say what it left out:\n%s", got)
	}
}

// TestSymptomsOfOneCodeAreCounted: a missing migration takes 28 indexes with it.
func TestSymptomsOfOneCodeAreCounted(t *testing.T) {
	const times = 28
	r := facts.Result{Findings: []facts.Finding{{Code: "HD-D03", Severity: facts.Critical, Title: "Pending migrations: the schema is older than this version", Remedy: "honeydue migrate up"}}}
	var evidence []string
	for i := range times {
		evidence = append(evidence, fmt.Sprintf("index_%d is not there.", i))
		r.Findings = append(r.Findings, facts.Finding{Code: "HD-Q01", Severity: facts.Warning, Title: "Missing index: an expected index does not exist", Evidence: evidence[i], Because: "HD-D03"})
	}
	r.Checks = []facts.CheckResult{{Code: "HD-Q01", Status: facts.Fail, Why: check.SomeOf(evidence)}}
	var markdown bytes.Buffer
	if err := report.Write(&markdown, report.FormatMarkdown, Document(r), report.Options{}); err != nil {
		t.Fatal(err)
	}
	table := written(t, Terminal(r, false), 0)
	for part, want := range map[string]int{
		"└─HD-Q01": 1, "Missing index: an expected index does not exist (28 times).": 1, "index_0 is not there. And 27 more.": 1,
		"index_1 is not there. index_2 is not there. And 25 more.": 1, "index_3": 0,
	} {
		if n := strings.Count(table, part); n != want {
			t.Errorf("%q is there %d times, want %d, in\n%s", part, n, want, table)
		}
	}
	if !strings.Contains(markdown.String(), "Explains: HD-Q01 Missing index: an expected index does not exist (28 times)\n") {
		t.Errorf("the message to the channel is\n%s", markdown.String())
	}
	if got := written(t, Moving(r), 0); !strings.Contains(got, "It explains HD-Q01 (28 times).") {
		t.Errorf("a round says\n%s", got)
	}
}
