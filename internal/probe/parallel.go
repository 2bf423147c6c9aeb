package probe

import "fmt"

// A Gather runs the plan below it in several processes at once. Postgres adds up their loops, so a step's time per loop
// times its loops is the time of all processes together, and may be several times what the statement took.

// processes is how many processes ran a node, and the planner's own figure: by how much it divided the rows of what they share.
type processes struct{ count, divisor float64 }

// each calls visit for every node of the plan, parents first, with the processes that ran it.
func (p *Plan) each(visit func(*Node, processes)) { p.Root.each(processes{1, 1}, visit) }

func (n *Node) each(p processes, visit func(*Node, processes)) {
	visit(n, p)
	for i := range n.Children {
		n.Children[i].each(n.processesOf(&n.Children[i], p), visit)
	}
}

// processesOf are the processes of a child of a node that was run by p. Directly below a Gather each process runs the plan once for
// each time that the Gather is run: the workers that were launched, and the leader unless parallel_leader_participation is
// off. A child with fewer loops, such as a member of a Parallel Append that is not divided, was run by no more processes
// than it has loops, and so was all that stands below it.
func (n *Node) processesOf(child *Node, p processes) processes {
	if (n.Type == "Gather" || n.Type == "Gather Merge") && child.Relationship != "InitPlan" {
		p = processes{child.ActualLoops / max(n.ActualLoops, 1), n.WorkersPlanned}
		if p.count > n.WorkersLaunched {
			// The leader takes part, with what the workers' rows leave it of its time (get_parallel_divisor in Postgres).
			p.divisor += max(0, 1-0.3*n.WorkersPlanned)
		}
	}
	p.count = max(1, min(p.count, child.ActualLoops))
	return p
}

// wallMS is the time spent in the node and below it over all its loops, where processes that ran at the same time count
// once.
func (n *Node) wallMS(p processes) float64 { return n.ActualTotal * max(n.ActualLoops, 1) / p.count }

// Postgres rounds what it counts per loop: rows to an integer before version 18 and to two digits since, and rows that a
// filter, a recheck or a join removed to an integer in every version.
const (
	integerRounding = 0.5
	digitsRounding  = 0.005
)

// bounds are the least and the most that a rounded number may have been.
type bounds struct{ low, high float64 }

func (b bounds) exact() bool { return b.low == b.high }

// String is the number, or from where to where it may be.
func (b bounds) String() string {
	if b.exact() {
		return fmt.Sprintf("%.0f", b.low)
	}
	return fmt.Sprintf("%.0f to %.0f", b.low, b.high)
}

// overLoops is a mean per loop, rounded by at most by, over all loops. For one loop it is exact.
func overLoops(mean, loops, by float64) bounds {
	if loops <= 1 {
		return bounds{mean * loops, mean * loops}
	}
	return bounds{max(0, mean-by) * loops, (mean + by) * loops}
}

// rows is what the node gave over all its loops.
func (p *Plan) rows(n *Node) bounds {
	by := integerRounding
	if p.fine {
		by = digitsRounding
	}
	return overLoops(n.ActualRows, n.ActualLoops, by)
}

// removed is what the node read in vain over all its loops.
func removed(n *Node) bounds {
	var out bounds
	for _, mean := range []float64{n.RemovedByFilter, n.RemovedByRecheck, n.RemovedByJoin} {
		if mean > 0 { // a condition that is not there removes nothing
			b := overLoops(mean, n.ActualLoops, integerRounding)
			out.low, out.high = out.low+b.low, out.high+b.high
		}
	}
	return out
}
