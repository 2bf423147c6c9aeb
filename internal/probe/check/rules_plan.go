package check

import (
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// step is a node that broke a rule.
type step struct {
	node *facts.Node
	// table is the one that the node reads, or the first below it; empty if there is none.
	table string
	// factor is by how much, at least: see each rule.
	factor float64
	// rows is what the step handled over all its loops.
	rows facts.Bounds
	// ms is the wall time that it took by itself, totalMS with what is below it.
	ms, totalMS float64
	// about is set where the factor was computed from rounded figures, of which it is the least.
	about bool
}

// selfMS is the wall time spent in the node alone. The plans of CTEs and other InitPlans stand beside it, not
// below it, and are not taken off.
func selfMS(n *facts.Node, by facts.Processes) float64 {
	own := n.WallMS(by)
	for i := range n.Children {
		if child := &n.Children[i]; child.Relationship != "InitPlan" {
			own -= child.WallMS(n.ProcessesOf(child, by))
		}
	}
	return max(0, own)
}

// reads is the table of the node or of the first node below it that has one.
func reads(n *facts.Node) string {
	table := ""
	n.Walk(func(m *facts.Node) {
		if table == "" {
			table = m.Relation
		}
	})
	return table
}

// steps collects the nodes that were executed and for which rule returns a factor above 0.
func steps(p *facts.Plan, rule func(*facts.Node, facts.Processes) (factor float64, rows facts.Bounds)) []step {
	var out []step
	p.Each(func(n *facts.Node, by facts.Processes) {
		if n.ActualLoops == 0 {
			return
		}
		if factor, rows := rule(n, by); factor > 0 {
			out = append(out, step{node: n, table: reads(n), factor: factor, rows: rows, ms: selfMS(n, by), totalMS: n.WallMS(by), about: !rows.Exact()})
		}
	})
	return out
}

// misestimates lists the steps on a table whose rows per loop are at least factor times the estimate; the
// lowest such step is where the error begins, and what stands above it inherits it. Estimates that are
// too high are left out: a step under a LIMIT or inside a semi-join ends early and proves nothing.
func misestimates(p *facts.Plan, factor float64) []step {
	return steps(p, func(n *facts.Node, by facts.Processes) (float64, facts.Bounds) {
		rows := p.Rows(n)
		expected := max(n.PlanRows, 1) * max(n.ActualLoops, 1)
		if n.ParallelAware {
			// Both figures are one process's share, but of other numbers of processes: fewer may be launched than planned.
			expected = max(n.PlanRows*by.Divisor, 1) * max(n.ActualLoops, 1) / by.Count
		}
		off := rows.Low / expected
		if n.Relation == "" || rows.Low < facts.RuleLeastRows || off < factor {
			return 0, facts.Bounds{}
		}
		return off, rows
	})
}

// spills lists the steps that wrote to disk what did not fit into work_mem; factor is the KiB written.
func spills(p *facts.Plan) []step {
	return steps(p, func(n *facts.Node, _ facts.Processes) (float64, facts.Bounds) {
		below := 0.0
		for i := range n.Children {
			if n.Children[i].Relationship != "InitPlan" {
				below += n.Children[i].TempWritten
			}
		}
		rows := p.Rows(n)
		switch {
		case n.SortSpaceType == "Disk":
			return max(n.SortSpaceKB, 1), rows
		case n.TempWritten > below && n.Type != "CTE Scan":
			return (n.TempWritten - below) * blockKB, rows
		}
		return 0, facts.Bounds{}
	})
}

// blockKB is the size of a page.
const blockKB = 8

// heapFetches lists the index-only scans that went to the table after all; factor is the share of rows.
func heapFetches(p *facts.Plan) []step {
	return steps(p, func(n *facts.Node, _ facts.Processes) (float64, facts.Bounds) {
		rows := max(p.Rows(n).High, n.HeapFetches)
		if n.Type != "Index Only Scan" || n.HeapFetches < facts.RuleLeastRows || n.HeapFetches < facts.HeapFetchShare*rows {
			return 0, facts.Bounds{}
		}
		return n.HeapFetches / rows, facts.Bounds{Low: n.HeapFetches, High: n.HeapFetches} // Postgres gives their sum
	})
}

// discarded lists the steps that read at least discardedShare rows for each one they keep. A sequential
// scan of a table is HD-Q03's.
func discarded(p *facts.Plan) []step {
	return steps(p, func(n *facts.Node, _ facts.Processes) (float64, facts.Bounds) {
		vain := facts.Removed(n)
		share := vain.Low / max(p.Rows(n).High, 1)
		if n.Type == "Seq Scan" || n.Type == "CTE Scan" || vain.Low < facts.RuleLeastRows || share < facts.DiscardedShare {
			return 0, facts.Bounds{}
		}
		return share, vain
	})
}
