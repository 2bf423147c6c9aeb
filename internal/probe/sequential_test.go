package probe

import "testing"

// TestAScanThatWasNotRun: without a measured time, the size of the table decides whether a sequential scan is worth a
// finding. With --no-analyze a small database has no critical one.
func TestAScanThatWasNotRun(t *testing.T) {
	for rows, want := range map[float64]Severity{s14ExemptRows: Info, harmlessRows - 1: Info, harmlessRows: "", 300_000: ""} {
		o := &observation{
			hot:    []HotPath{{Name: "task_board", Plan: &Plan{Root: Node{Type: "Seq Scan", Relation: "tasks"}}}},
			schema: &schemaFacts{rows: map[string]float64{"tasks": rows}},
		}
		out := sequentialScan(o)
		if len(out.hits) != 1 || out.hits[0].severity != want {
			t.Errorf("%.0f rows: %+v, want severity %q (none: the check's own)", rows, out.hits, want)
		}
	}
}
