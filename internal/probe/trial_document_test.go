package probe

import (
	"bytes"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/report"
)

// TestTrialTable renders the prices of an incident.
func TestTrialTable(t *testing.T) {
	r := incident()
	r.Trial = []Trial{
		{Code: "HD-Q06", Remedy: "honeydue migrate status", NotPriced: "the remedy is not SQL"},
		{Code: "HD-D11", Remedy: "a larger instance", NotPriced: "the remedy is not SQL"},
		{
			Code: "HD-Q01", CostMS: 97.2, Remedy: "CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_board_idx ON tasks (residence_id, completed_at);", Price: &Price{
				Reproduced: true, Statement: "task_board", Subject: "heavy",
				BeforeDBMS: 12.9, AfterDBMS: 2.4, BeforeMS: 124.1, AfterMS: 113.2, BeforeTurns: 1, AfterTurns: 1, SavedMS: 10.5,
			},
		},
		{
			Code: "HD-Q09", Remedy: "ANALYZE tasks;",
			Price: &Price{Statement: "task_board", Subject: "median", BeforeDBMS: 2, AfterDBMS: 2, BeforeMS: 111, AfterMS: 111, BeforeTurns: 1, AfterTurns: 1},
		},
	}
	r.TrialNote = "Measured on synthetic rows, for 300 users."
	for _, format := range []report.Format{report.FormatTable, report.FormatJSON} {
		var got bytes.Buffer
		d := r.Document()
		if err := report.Write(&got, format, report.Document{Schema: d.Schema, Title: d.Title, Blocks: []report.Block{trialTable(r.Trial)}, Data: map[string]any{"trial": r.Trial, "trial_note": r.TrialNote}}, report.Options{Version: "1.2.3", Commit: "abc"}); err != nil {
			t.Fatal(err)
		}
		golden(t, "trial."+string(format), got.Bytes())
	}
}

// TestATrialWithNothingToTrySaysSo, in the report too; no bed is asked for.
func TestATrialWithNothingToTrySaysSo(t *testing.T) {
	withSQL := Finding{Code: "HD-Q01", Severity: Warning, sql: []string{"SELECT 1"}}
	for _, c := range []struct {
		name     string
		findings []Finding
		want     string
	}{
		{"healthy", nil, "There was nothing to try: no finding has an SQL remedy."},
		{"a remark", []Finding{{Code: "HD-N11", Severity: Info}}, "There was nothing to try"},
		{"behind", []Finding{{Code: "HD-D03", Severity: Critical}, withSQL}, "apply the migrations first"},
		{"no statistics", []Finding{withSQL}, "the statistics could not be read"},
	} {
		r := Result{Findings: c.findings}
		trials, note, err := r.Price(t.Context(), TrialBed{})
		if err != nil || !strings.Contains(note, c.want) {
			t.Errorf("%s: the note is %q (%v), want %q", c.name, note, err, c.want)
		}
		r.Trial, r.TrialNote = trials, note
		var got bytes.Buffer
		if err := report.Write(&got, report.FormatTable, r.Terminal(false), report.Options{}); err != nil || !strings.Contains(got.String(), c.want) {
			t.Errorf("%s: the report does not say it (%v):\n%s", c.name, err, got.String())
		}
	}
}
