package check

import (
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestAScanThatWasNotRun: without a measured time, the size of the table decides whether a sequential scan is worth a
// finding. With --no-analyze a small database has no critical one.
func TestAScanThatWasNotRun(t *testing.T) {
	for rows, want := range map[float64]facts.Severity{facts.S14ExemptRows: facts.Info, facts.HarmlessRows - 1: facts.Info, facts.HarmlessRows: "", 300_000: ""} {
		o := &facts.Observation{
			Hot:    []facts.HotPath{{Name: "task_board", Plan: &facts.Plan{Root: facts.Node{Type: "Seq Scan", Relation: "tasks"}}}},
			Schema: &facts.SchemaFacts{Rows: map[string]float64{"tasks": rows}},
		}
		out := sequentialScan(o)
		if len(out.Hits) != 1 || out.Hits[0].severity != want {
			t.Errorf("%.0f rows: %+v, want severity %q (none: the check's own)", rows, out.Hits, want)
		}
	}
}
