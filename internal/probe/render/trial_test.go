package render

import (
	"bytes"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

// TestTrialTable renders the prices of an incident.
func TestTrialTable(t *testing.T) {
	r := incident()
	r.Trial = []facts.Trial{
		{Code: "HD-Q06", Remedy: "honeydue migrate status", NotPriced: "the remedy is not SQL"},
		{Code: "HD-D11", Remedy: "a larger instance", NotPriced: "the remedy is not SQL"},
		{
			Code: "HD-Q01", CostMS: 97.2, Remedy: "CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_board_idx ON tasks (residence_id, completed_at);", Price: &facts.Price{
				Reproduced: true, Statement: "task_board", Subject: "heavy",
				BeforeDBMS: 12.9, AfterDBMS: 2.4, BeforeMS: 124.1, AfterMS: 113.2, BeforeTurns: 1, AfterTurns: 1, SavedMS: 10.5,
			},
		},
		{
			Code: "HD-Q09", Remedy: "ANALYZE tasks;",
			Price: &facts.Price{Statement: "task_board", Subject: "median", BeforeDBMS: 2, AfterDBMS: 2, BeforeMS: 111, AfterMS: 111, BeforeTurns: 1, AfterTurns: 1},
		},
	}
	r.TrialNote = "Measured on synthetic rows, for 300 users."
	for _, format := range []report.Format{report.FormatTable, report.FormatJSON} {
		var got bytes.Buffer
		d := Document(r)
		if err := report.Write(&got, format, report.Document{Schema: d.Schema, Title: d.Title, Blocks: []report.Block{trialTable(r.Trial)}, Data: map[string]any{"trial": r.Trial, "trial_note": r.TrialNote}}, report.Options{Version: "1.2.3", Commit: "abc"}); err != nil {
			t.Fatal(err)
		}
		golden(t, "trial."+string(format), got.Bytes())
	}
}
