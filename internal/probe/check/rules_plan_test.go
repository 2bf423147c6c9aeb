package check

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// planOf reads a document that Postgres 15 printed for EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON).
func planOf(t *testing.T, name string) *facts.Plan {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "plans", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := facts.ParsePlan(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRulesOnRealPlans: each document breaks the one rule that it was made for, and no other.
func TestRulesOnRealPlans(t *testing.T) {
	rules := map[string]func(*facts.Plan) []step{
		"misestimate": func(p *facts.Plan) []step { return misestimates(p, facts.MisestimateFactor) },
		"spill":       spills,
		"heap":        heapFetches,
		"discarded":   discarded,
	}
	for _, c := range []struct {
		plan, rule, node, table string
		least                   float64
	}{
		{plan: "limit_ends_early"},
		{plan: "index_only"},
		{"sort_on_disk", "spill", "Sort", "tasks", 500},
		{"hash_in_batches", "spill", "Hash Join", "task_completions", 100},
		{"rows_discarded", "discarded", "Index Scan", "tasks", 1000},
		{"heap_fetches", "heap", "Index Only Scan", "tasks", 0.5},
		{"misestimate", "misestimate", "Index Scan", "tasks", 100},
	} {
		p := planOf(t, c.plan)
		for name, rule := range rules {
			got := rule(p)
			if name != c.rule {
				if len(got) > 0 {
					t.Errorf("%s breaks %s, too: %s of %s, %.0f", c.plan, name, got[0].node.Type, got[0].table, got[0].factor)
				}
				continue
			}
			if len(got) == 0 {
				t.Errorf("%s does not break %s", c.plan, name)
				continue
			}
			if s := got[0]; s.node.Type != c.node || s.table != c.table || s.factor < c.least || s.rows.Low < facts.RuleLeastRows {
				t.Errorf("%s: %s of %s by %.1f with %.0f rows, want %s of %s by %.1f or more", c.plan, s.node.Type, s.table, s.factor, s.rows.Low, c.node, c.table, c.least)
			}
		}
	}
}

func TestHashIsOfTheShapeAlone(t *testing.T) {
	a, b := planOf(t, "misestimate"), planOf(t, "misestimate")
	b.Root.TotalCost, b.Root.ActualRows, b.ExecutionMS = 1, 2, 3
	if a.Hash() != b.Hash() || len(a.Hash()) != facts.HashLength {
		t.Errorf("the same shape has the hashes %s and %s", a.Hash(), b.Hash())
	}
	b.Root.Children[len(b.Root.Children)-1].Index = "another_idx"
	if a.Hash() == b.Hash() {
		t.Error("another index leaves the hash as it was")
	}
	if a.Hash() == planOf(t, "heap_fetches").Hash() {
		t.Error("two plans have the same hash")
	}
}

func TestStatementsOfARemedy(t *testing.T) {
	for in, want := range map[string]int{
		"ANALYZE tasks;": 1,
		"ALTER TABLE tasks RESET (autovacuum_enabled);\nANALYZE tasks;": 2,
		"ANALYZE tasks;   -- if it stays, look at the disk":             1,
		"honeydue migrate up; kubectl get pods":                         0,
	} {
		if got := statements(in); len(got) != want {
			t.Errorf("%q has the statements %q, want %d", in, got, want)
		}
	}
}
