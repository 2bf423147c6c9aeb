package facts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"regexp"
)

// Explained is what came of one statement for one subject.
type Explained struct {
	Plan    *Plan
	Generic *Plan
	// First is the first of the runs, which met the buffers as they were; nil where none was made.
	First *Plan
	// Analyzed is false where plan is an estimate; then why says so. twice is set where it was run twice at once.
	Analyzed, Twice bool

	Why    string
	Failed *Failure
	// EndedAfterMS is set where statement_timeout ended the execution; then there is no failure but a plan.
	EndedAfterMS float64
}

// FasterOf is the faster of a plan and one that was run after it, with what the later runs met. An estimate gives way.
func (p *Plan) FasterOf(again *Plan) *Plan {
	if p == nil || p.ExecutionMS == 0 {
		return again
	}
	later := again.Kept()
	if p.Later != nil && p.Later.Read < later.Read {
		later = *p.Later
	}
	faster := p
	if again.PlanningMS+again.ExecutionMS < p.PlanningMS+p.ExecutionMS {
		faster = again
	}
	faster.Later = &later
	return faster
}

// Plan is what EXPLAIN (FORMAT JSON) printed, under Postgres's own key names so that it can be pasted
// into a plan viewer. It holds only the fields named here, and its expressions are masked.
type Plan struct {
	Root Node `json:"Plan"`
	// PlanningMS and ExecutionMS are the server's own figures; without ANALYZE both are zero.
	PlanningMS  float64 `json:"Planning Time,omitempty"`
	ExecutionMS float64 `json:"Execution Time,omitempty"`

	// Later is what the runs after the first one met: that of them which read the fewest blocks. It is nil where there was
	// one run, or none.
	Later *Blocks `json:"-"`
	// fine is set where Postgres gives rows per loop with two digits, which it does from version 18.
	fine bool
}

// Node is one step of a plan. Actual figures are means per loop, as Postgres gives them; below a Gather the loops of all
// processes are counted together.
type Node struct {
	Type             string  `json:"Node Type"`
	ParallelAware    bool    `json:"Parallel Aware,omitempty"`
	WorkersPlanned   float64 `json:"Workers Planned,omitempty"`
	WorkersLaunched  float64 `json:"Workers Launched,omitempty"`
	Relationship     string  `json:"Parent Relationship,omitempty"`
	JoinType         string  `json:"Join Type,omitempty"`
	Strategy         string  `json:"Strategy,omitempty"`
	Schema           string  `json:"Schema,omitempty"`
	Relation         string  `json:"Relation Name,omitempty"`
	Alias            string  `json:"Alias,omitempty"`
	Index            string  `json:"Index Name,omitempty"`
	CTE              string  `json:"CTE Name,omitempty"`
	Subplan          string  `json:"Subplan Name,omitempty"`
	ScanDirection    string  `json:"Scan Direction,omitempty"`
	StartupCost      float64 `json:"Startup Cost"`
	TotalCost        float64 `json:"Total Cost"`
	PlanRows         float64 `json:"Plan Rows"`
	PlanWidth        int     `json:"Plan Width"`
	ActualStartup    float64 `json:"Actual Startup Time,omitempty"`
	ActualTotal      float64 `json:"Actual Total Time,omitempty"`
	ActualRows       float64 `json:"Actual Rows,omitempty"`
	ActualLoops      float64 `json:"Actual Loops,omitempty"`
	IndexCond        Expr    `json:"Index Cond,omitempty"`
	RecheckCond      Expr    `json:"Recheck Cond,omitempty"`
	Filter           Expr    `json:"Filter,omitempty"`
	JoinFilter       Expr    `json:"Join Filter,omitempty"`
	HashCond         Expr    `json:"Hash Cond,omitempty"`
	MergeCond        Expr    `json:"Merge Cond,omitempty"`
	OneTimeFilter    Expr    `json:"One-Time Filter,omitempty"`
	CacheKey         Expr    `json:"Cache Key,omitempty"`
	SortKey          []Expr  `json:"Sort Key,omitempty"`
	GroupKey         []Expr  `json:"Group Key,omitempty"`
	SortMethod       string  `json:"Sort Method,omitempty"`
	SortSpaceKB      float64 `json:"Sort Space Used,omitempty"`
	SortSpaceType    string  `json:"Sort Space Type,omitempty"`
	HashBatches      float64 `json:"Hash Batches,omitempty"`
	RemovedByFilter  float64 `json:"Rows Removed by Filter,omitempty"`
	RemovedByRecheck float64 `json:"Rows Removed by Index Recheck,omitempty"`
	RemovedByJoin    float64 `json:"Rows Removed by Join Filter,omitempty"`
	HeapFetches      float64 `json:"Heap Fetches,omitempty"`
	SharedHit        float64 `json:"Shared Hit Blocks,omitempty"`
	SharedRead       float64 `json:"Shared Read Blocks,omitempty"`
	TempRead         float64 `json:"Temp Read Blocks,omitempty"`
	TempWritten      float64 `json:"Temp Written Blocks,omitempty"`
	Children         []Node  `json:"Plans,omitempty"`
}

var errNoPlan = errors.New("EXPLAIN returned no plan")

// ParsePlan reads the output of EXPLAIN (FORMAT JSON): an array that holds one plan.
func ParsePlan(b []byte) (*Plan, error) {
	var plans []Plan
	if err := json.Unmarshal(b, &plans); err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	if len(plans) == 0 || plans[0].Root.Type == "" {
		return nil, errNoPlan
	}
	plans[0].fine = regexp.MustCompile(`"Actual Rows": *[0-9]+\.`).Match(b)
	return &plans[0], nil
}

// Walk calls visit for the node and everything below it, parents first.
func (n *Node) Walk(visit func(*Node)) {
	visit(n)
	for i := range n.Children {
		n.Children[i].Walk(visit)
	}
}

// Seen is the number of rows the node read in all its loops, those that a filter threw away included.
func (n *Node) Seen() float64 {
	loops := max(n.ActualLoops, 1)
	return (n.ActualRows + n.RemovedByFilter) * loops
}

// Blocks returns the pages of 8 KiB found in memory and read from disk by the whole plan.
func (p *Plan) Blocks() (hit, read float64) { return p.Root.SharedHit, p.Root.SharedRead }

// Kept are the plan's blocks without those of sequential scans: a large one reads through a small ring of buffers, and
// finds nothing of the run before it however large the memory is.
func (p *Plan) Kept() Blocks {
	b := Blocks{p.Root.SharedHit, p.Root.SharedRead}
	p.Root.Walk(func(n *Node) {
		if n.Type == "Seq Scan" {
			b.Hit, b.Read = b.Hit-n.SharedHit, b.Read-n.SharedRead
		}
	})
	return Blocks{max(0, b.Hit), max(0, b.Read)}
}

// Scan is one place where a plan reads a table; MS is wall time.
type Scan struct {
	Relation string
	Rows, MS float64
}

// Sequential lists the plan's sequential scans, one per node. A step that a run has not reached is none: it
// has read nothing.
func (p *Plan) Sequential() []Scan {
	var out []Scan
	p.Each(func(n *Node, by Processes) {
		if n.Type == "Seq Scan" && (p.ExecutionMS == 0 || n.ActualLoops > 0) {
			out = append(out, Scan{n.Relation, n.Seen(), n.WallMS(by)})
		}
	})
	return out
}

// Relations lists the tables that the plan reads, each once, in the order met.
func (p *Plan) Relations() []string {
	if p == nil {
		return nil
	}
	var out []string
	seen := map[string]bool{}
	p.Root.Walk(func(n *Node) {
		if n.Relation != "" && !seen[n.Relation] {
			seen[n.Relation] = true
			out = append(out, n.Relation)
		}
	})
	return out
}

// Access sums the plan up in a few words for a table cell: how each table is reached.
func (p *Plan) Access() []string {
	var out []string
	seen := map[string]bool{}
	p.Root.Walk(func(n *Node) {
		var how string
		switch n.Type {
		case "Seq Scan":
			how = "seq " + n.Relation
		case "Index Scan", "Index Only Scan", "Bitmap Index Scan":
			how = n.Index
		}
		if how != "" && !seen[how] {
			seen[how] = true
			out = append(out, how)
		}
	})
	return out
}

// HashLength is in hexadecimal digits: 48 bits tell a few dozen plans apart.
const HashLength = 12

// Hash names the shape of a plan: its kinds of step, how they are nested, and the tables and indexes they
// use. Costs, rows, times and values are not part of it, so that two runs of the same plan agree.
func (p *Plan) Hash() string {
	if p == nil {
		return ""
	}
	h := sha256.New()
	p.Root.hashInto(h)
	return hex.EncodeToString(h.Sum(nil))[:HashLength]
}

func (n *Node) hashInto(h hash.Hash) {
	fmt.Fprintf(h, "(%q%q%q%q%q%q", n.Type, n.Relationship, n.JoinType, n.Strategy, n.Relation, n.Index)
	for i := range n.Children {
		n.Children[i].hashInto(h)
	}
	fmt.Fprint(h, ")")
}
