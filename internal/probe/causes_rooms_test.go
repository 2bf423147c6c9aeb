package probe

import (
	"slices"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/store"
)

// TestWhatAStatementExplains takes every line of the table of causes from one check of statements to others: it holds
// for the same table and for a cause that is more than a remark, and for nothing else.
func TestWhatAStatementExplains(t *testing.T) {
	lines := 0
	for _, c := range causesOfRooms() {
		for _, symptom := range c.explains {
			if !strings.HasPrefix(c.code, "HD-Q") || !strings.HasPrefix(symptom, "HD-Q") {
				continue
			}
			lines++
			for _, f := range []struct {
				name     string
				severity Severity
				about    []string
				explains bool
			}{
				{"the same table", Warning, []string{"contractors", "tasks"}, true},
				{"another table", Warning, []string{"contractors"}, false},
				{"a remark", Info, []string{"tasks"}, false},
				{"no table", Critical, nil, false},
			} {
				findings := []Finding{
					{Code: c.code, Severity: f.severity, about: f.about},
					{Code: symptom, Severity: Critical, CostMS: 300, about: []string{"tasks", "residences"}, root: 1},
				}
				attribute(&observation{}, causesOfRooms(), findings)
				if got := findings[1].Because == c.code; got != f.explains {
					t.Errorf("%s, %s: it explains %s: %v", c.code, f.name, symptom, got)
				}
				if paid := findings[0].CostMS > 0; paid != f.explains {
					t.Errorf("%s, %s: it costs what %s does: %v", c.code, f.name, symptom, paid)
				}
			}
		}
	}
	if lines < 18 {
		t.Errorf("only %d lines were judged", lines)
	}
}

// TestStatementFindingsNameTables: without them the table of causes could not tell one statement from another.
func TestStatementFindingsNameTables(t *testing.T) {
	scan := Node{Type: "Index Only Scan", Relation: "contractors", Index: "contractors_residence_idx", PlanRows: 1, ActualRows: 5000, ActualLoops: 1, HeapFetches: 5000, RemovedByFilter: 100_000}
	plan := &Plan{ExecutionMS: 50, PlanningMS: 60, Root: Node{
		Type: "Sort", SortSpaceType: "Disk", SortSpaceKB: 5000, TotalCost: 100, PlanRows: 1, ActualRows: 5000, ActualLoops: 1, Children: []Node{scan},
	}}
	generic := &Plan{Root: Node{TotalCost: 5000}}
	path := HotPath{Name: "contractor_list", Subject: "heavy", Plan: plan, GenericPlan: generic, ExecutionMS: 50, PlanningMS: 60, PlanHash: "now", FirstRun: &FirstRun{ExecutionMS: 90, ReadBlocks: 5000}}
	then := path
	then.PlanHash, then.ExecutionMS = "then", 1
	o := &observation{
		config: Config{Baseline: &Result{HotPaths: []HotPath{then}}}, hot: []HotPath{path},
		facts: &databaseFacts{tables: map[string]tableFacts{"contractors": {estimated: 10, live: 10, dead: 1e6, changed: 1e6, analyzed: true}}},
	}
	for code, run := range map[string]func(*observation) outcome{
		"HD-Q08": deadRows, "HD-Q09": staleStatistics, "HD-Q10": genericPlan, "HD-Q11": spill, "HD-Q12": misestimate,
		"HD-Q13": discardedRows, "HD-Q14": heapFetched, "HD-Q15": coldReads, "HD-Q16": planningDominates, "HD-Q17": planDrift,
	} {
		o.expected = nil
		if code == "HD-Q08" || code == "HD-Q09" {
			o.expected = []store.Index{{Name: "contractors_residence_idx", Table: "contractors"}}
		}
		out := run(o)
		if len(out.hits) != 1 || !slices.Equal(out.hits[0].about, []string{"contractors"}) {
			t.Errorf("%s: %+v, want one hit about contractors", code, out)
		}
	}
}
