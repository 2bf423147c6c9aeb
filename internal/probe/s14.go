package probe

import (
	"fmt"
	"slices"

	"github.com/honeydue/honeydue/internal/store"
)

// The limits of decision S14: execution for the median user, and for one with s14HeavyTasks tasks. Where
// a statement reads tasks, a user with more of them is allowed proportionally more.
const (
	s14MedianMS   = 1.0
	s14HeavyMS    = 8.0
	s14HeavyTasks = 200
)

// s14ExemptRows is the size of a table below which a sequential scan is the better plan.
const s14ExemptRows = 1000

// harmlessRows is the size of a table of which a sequential scan takes less than
// harmlessScanMS, where it was planned and not run: a few pages in memory.
const harmlessRows = 10_000

// harmlessScanMS is how long a sequential scan may take and still be no more than a remark: what S14
// allows a whole statement of the median user. The planner rightly prefers it where a user sees a large
// share of a small table.
const harmlessScanMS = s14MedianMS

// s14Limit returns the execution time in ms that a statement with this plan may take for a subject.
func s14Limit(s store.Subject, p *Plan) float64 {
	switch {
	case s.Label != "heavy":
		return s14MedianMS
	case p != nil && slices.Contains(p.relations(), "tasks"):
		return s14HeavyMS * max(1, float64(s.Tasks)/s14HeavyTasks)
	}
	return s14HeavyMS
}

// judgeS14 judges the time only; sequential scans are added when the tables' sizes are known.
func judgeS14(s store.Subject, e explained) S14Verdict {
	v := S14Verdict{Status: Pass, LimitMS: round(s14Limit(s, e.plan))}
	switch {
	case e.endedAfterMS > 0:
		v.Status = Fail
		v.Why = fmt.Sprintf("more than %.0f ms of execution, when the probe's timeout ended it; %.0f ms are allowed", e.endedAfterMS, v.LimitMS)
	case e.failed != nil:
		v.Status, v.Why = Unknown, e.failed.Error()
	case e.plan == nil:
		v.Status, v.Why = Unknown, "there is no plan"
	case !e.analyzed:
		v.Status, v.Why = Unknown, e.why
	case e.plan.ExecutionMS > v.LimitMS:
		v.Status = Fail
		v.Why = fmt.Sprintf("%.2f ms of execution, %.0f ms are allowed", e.plan.ExecutionMS, v.LimitMS)
	}
	return v
}

// judgeScans adds to the verdict what the tables' sizes say about sequential scans.
func (v *S14Verdict) judgeScans(p *Plan, analyzed bool, schema *schemaFacts) {
	if p == nil {
		return
	}
	for _, scan := range p.sequential() {
		rows := schema.size(scan.Relation, scan.Rows)
		if rows < s14ExemptRows {
			continue
		}
		if v.Why != "" {
			v.Why += "; "
		}
		switch {
		case !analyzed:
			v.Why += fmt.Sprintf("would read all %.0f rows of %s", rows, scan.Relation)
		case scan.MS < harmlessScanMS:
			if v.Status == Pass {
				v.Status = Warn
			}
			v.Why += fmt.Sprintf("reads all %.0f rows of %s in %.1f ms", rows, scan.Relation, scan.MS)
		default:
			v.Status = Fail
			v.Why += fmt.Sprintf("reads all %.0f rows of %s in %.1f ms", rows, scan.Relation, scan.MS)
		}
	}
}
