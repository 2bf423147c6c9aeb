package probe

// Rules over one executed plan. Each is a pure function: it names the steps that break it and leaves the
// judgement of what they cost to the check.

const (
	// ruleLeastRows is how many rows a step must handle, over all its loops, before a rule looks at it:
	// the size from which S14 forbids to read a table from end to end.
	ruleLeastRows = s14ExemptRows
	// misestimateFactor is pgMustard's: from a factor of 10 on it calls an estimate wrong.
	misestimateFactor = 10
	// misestimateRemark is the factor that is worth a remark although S14 holds. It is 100 and not 10,
	// because the joins here go over CTEs, which have no statistics, and a heavy user lies 10 to 50 times
	// above the mean by his nature. explain.depesz.com turns from yellow to orange at 100, too.
	misestimateRemark = 100
	// discardedShare is how many rows a step throws away for each one it keeps before it is called
	// wasteful: pgMustard's advice on an index begins where a filter removes more than 9 of 10 rows.
	discardedShare = 10
	// heapFetchShare is the share of an index-only scan's rows for which the table had to be visited:
	// from a half on it is an index scan that calls itself something else.
	heapFetchShare = 0.5
	// coldLeastBlocks is 2 MiB read at first sight. A board of 2,000 tasks is 300 pages in all.
	coldLeastBlocks = 256
	// coldShare is the share of pages that were not in memory. PgHero warns where less than 99% of reads
	// hit over days; one single run deserves more patience.
	coldShare = 0.5
)

// step is a node that broke a rule.
type step struct {
	node *Node
	// table is the one that the node reads, or the first below it; empty if there is none.
	table string
	// factor is by how much, at least: see each rule.
	factor float64
	// rows is what the step handled over all its loops.
	rows bounds
	// ms is the wall time that it took by itself, totalMS with what is below it.
	ms, totalMS float64
	// about is set where the factor was computed from rounded figures, of which it is the least.
	about bool
}

// selfMS is the wall time spent in the node alone. The plans of CTEs and other InitPlans stand beside it, not
// below it, and are not taken off.
func (n *Node) selfMS(by processes) float64 {
	own := n.wallMS(by)
	for i := range n.Children {
		if child := &n.Children[i]; child.Relationship != "InitPlan" {
			own -= child.wallMS(n.processesOf(child, by))
		}
	}
	return max(0, own)
}

// reads is the table of the node or of the first node below it that has one.
func (n *Node) reads() string {
	table := ""
	n.Walk(func(m *Node) {
		if table == "" {
			table = m.Relation
		}
	})
	return table
}

// steps collects the nodes that were executed and for which rule returns a factor above 0.
func (p *Plan) steps(rule func(*Node, processes) (factor float64, rows bounds)) []step {
	var out []step
	p.each(func(n *Node, by processes) {
		if n.ActualLoops == 0 {
			return
		}
		if factor, rows := rule(n, by); factor > 0 {
			out = append(out, step{node: n, table: n.reads(), factor: factor, rows: rows, ms: n.selfMS(by), totalMS: n.wallMS(by), about: !rows.exact()})
		}
	})
	return out
}

// misestimates lists the steps on a table whose rows per loop are at least factor times the estimate; the
// lowest such step is where the error begins, and what stands above it inherits it. Estimates that are
// too high are left out: a step under a LIMIT or inside a semi-join ends early and proves nothing.
func (p *Plan) misestimates(factor float64) []step {
	return p.steps(func(n *Node, by processes) (float64, bounds) {
		rows := p.rows(n)
		expected := max(n.PlanRows, 1) * max(n.ActualLoops, 1)
		if n.ParallelAware {
			// Both figures are one process's share, but of other numbers of processes: fewer may be launched than planned.
			expected = max(n.PlanRows*by.divisor, 1) * max(n.ActualLoops, 1) / by.count
		}
		off := rows.low / expected
		if n.Relation == "" || rows.low < ruleLeastRows || off < factor {
			return 0, bounds{}
		}
		return off, rows
	})
}

// spills lists the steps that wrote to disk what did not fit into work_mem; factor is the KiB written.
func (p *Plan) spills() []step {
	return p.steps(func(n *Node, _ processes) (float64, bounds) {
		below := 0.0
		for i := range n.Children {
			if n.Children[i].Relationship != "InitPlan" {
				below += n.Children[i].TempWritten
			}
		}
		rows := p.rows(n)
		switch {
		case n.SortSpaceType == "Disk":
			return max(n.SortSpaceKB, 1), rows
		case n.TempWritten > below && n.Type != "CTE Scan":
			return (n.TempWritten - below) * blockKB, rows
		}
		return 0, bounds{}
	})
}

// blockKB is the size of a page.
const blockKB = 8

// heapFetches lists the index-only scans that went to the table after all; factor is the share of rows.
func (p *Plan) heapFetches() []step {
	return p.steps(func(n *Node, _ processes) (float64, bounds) {
		rows := max(p.rows(n).high, n.HeapFetches)
		if n.Type != "Index Only Scan" || n.HeapFetches < ruleLeastRows || n.HeapFetches < heapFetchShare*rows {
			return 0, bounds{}
		}
		return n.HeapFetches / rows, bounds{n.HeapFetches, n.HeapFetches} // Postgres gives their sum
	})
}

// discarded lists the steps that read at least discardedShare rows for each one they keep. A sequential
// scan of a table is HD-Q03's.
func (p *Plan) discarded() []step {
	return p.steps(func(n *Node, _ processes) (float64, bounds) {
		vain := removed(n)
		share := vain.low / max(p.rows(n).high, 1)
		if n.Type == "Seq Scan" || n.Type == "CTE Scan" || vain.low < ruleLeastRows || share < discardedShare {
			return 0, bounds{}
		}
		return share, vain
	})
}

// cold reports whether most of the pages that a statement touched when it was first run were not in
// Postgres's memory.
func (f *FirstRun) cold() bool {
	return f != nil && f.ReadBlocks >= coldLeastBlocks && f.ReadBlocks >= coldShare*(f.ReadBlocks+f.HitBlocks)
}
