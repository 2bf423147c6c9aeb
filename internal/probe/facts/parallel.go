package facts

import "fmt"

// A Gather runs the plan below it in several processes at once. Postgres adds up their loops, so a step's time per loop
// times its loops is the time of all processes together, and may be several times what the statement took.

// Processes is how many processes ran a node, and the planner's own figure: by how much it divided the rows of what they share.
type Processes struct{ Count, Divisor float64 }

// Each calls visit for every node of the plan, parents first, with the processes that ran it.
func (p *Plan) Each(visit func(*Node, Processes)) { p.Root.each(Processes{1, 1}, visit) }

func (n *Node) each(p Processes, visit func(*Node, Processes)) {
	visit(n, p)
	for i := range n.Children {
		n.Children[i].each(n.ProcessesOf(&n.Children[i], p), visit)
	}
}

// ProcessesOf are the processes of a child of a node that was run by p. Directly below a Gather each process runs the plan once for
// each time that the Gather is run: the workers that were launched, and the leader unless parallel_leader_participation is
// off. A child with fewer loops, such as a member of a Parallel Append that is not divided, was run by no more processes
// than it has loops, and so was all that stands below it.
func (n *Node) ProcessesOf(child *Node, p Processes) Processes {
	if (n.Type == "Gather" || n.Type == "Gather Merge") && child.Relationship != "InitPlan" {
		p = Processes{child.ActualLoops / max(n.ActualLoops, 1), n.WorkersPlanned}
		if p.Count > n.WorkersLaunched {
			// The leader takes part, with what the workers' rows leave it of its time (get_parallel_divisor in Postgres).
			p.Divisor += max(0, 1-0.3*n.WorkersPlanned)
		}
	}
	p.Count = max(1, min(p.Count, child.ActualLoops))
	return p
}

// WallMS is the time spent in the node and below it over all its loops, where processes that ran at the same time count
// once.
func (n *Node) WallMS(p Processes) float64 { return n.ActualTotal * max(n.ActualLoops, 1) / p.Count }

// Postgres rounds what it counts per loop: rows to an integer before version 18 and to two digits since, and rows that a
// filter, a recheck or a join removed to an integer in every version.
const (
	integerRounding = 0.5
	digitsRounding  = 0.005
)

// Bounds are the least and the most that a rounded number may have been.
type Bounds struct{ Low, High float64 }

// Exact reports whether the figure is known, and no interval.
func (b Bounds) Exact() bool { return b.Low == b.High }

// String is the number, or from where to where it may be.
func (b Bounds) String() string {
	if b.Exact() {
		return fmt.Sprintf("%.0f", b.Low)
	}
	return fmt.Sprintf("%.0f to %.0f", b.Low, b.High)
}

// overLoops is a mean per loop, rounded by at most by, over all loops. For one loop it is exact.
func overLoops(mean, loops, by float64) Bounds {
	if loops <= 1 {
		return Bounds{mean * loops, mean * loops}
	}
	return Bounds{max(0, mean-by) * loops, (mean + by) * loops}
}

// Rows is what the node gave over all its loops.
func (p *Plan) Rows(n *Node) Bounds {
	by := integerRounding
	if p.fine {
		by = digitsRounding
	}
	return overLoops(n.ActualRows, n.ActualLoops, by)
}

// Removed is what the node read in vain over all its loops.
func Removed(n *Node) Bounds {
	var out Bounds
	for _, mean := range []float64{n.RemovedByFilter, n.RemovedByRecheck, n.RemovedByJoin} {
		if mean > 0 { // a condition that is not there removes nothing
			b := overLoops(mean, n.ActualLoops, integerRounding)
			out.Low, out.High = out.Low+b.Low, out.High+b.High
		}
	}
	return out
}
