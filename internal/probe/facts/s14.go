package facts

import (
	"fmt"
	"slices"

	"github.com/honeydue/honeydue/internal/store"
)

// The limits of decision S14: execution for the median user, and for one with s14HeavyTasks tasks. Where
// a statement reads tasks, a user with more of them is allowed proportionally more.
const (
	S14MedianMS   = 1.0
	S14HeavyMS    = 8.0
	S14HeavyTasks = 200
)

// S14ExemptRows is the size of a table below which a sequential scan is the better plan.
const S14ExemptRows = 1000

// HarmlessRows is the size of a table of which a sequential scan takes less than
// harmlessScanMS, where it was planned and not run: a few pages in memory.
const HarmlessRows = 10_000

// HarmlessScanMS is how long a sequential scan may take and still be no more than a remark: what S14
// allows a whole statement of the median user. The planner rightly prefers it where a user sees a large
// share of a small table.
const HarmlessScanMS = S14MedianMS

// S14Limit returns the execution time in ms that a statement with this plan may take for a subject.
func S14Limit(s store.Subject, p *Plan) float64 {
	switch {
	case s.Label != "heavy":
		return S14MedianMS
	case p != nil && slices.Contains(p.Relations(), "tasks"):
		return S14HeavyMS * max(1, float64(s.Tasks)/S14HeavyTasks)
	}
	return S14HeavyMS
}

// JudgeS14 judges the time only; sequential scans are added when the tables' sizes are known.
func JudgeS14(s store.Subject, e Explained) S14Verdict {
	v := S14Verdict{Status: Pass, LimitMS: Round(S14Limit(s, e.Plan))}
	switch {
	case e.EndedAfterMS > 0:
		v.Status = Fail
		v.Why = fmt.Sprintf("more than %.0f ms of execution, when the probe's timeout ended it; %.0f ms are allowed", e.EndedAfterMS, v.LimitMS)
	case e.Failed != nil:
		v.Status, v.Why = Unknown, e.Failed.Error()
	case e.Plan == nil:
		v.Status, v.Why = Unknown, "there is no plan"
	case !e.Analyzed:
		v.Status, v.Why = Unknown, e.Why
	case e.Plan.ExecutionMS > v.LimitMS:
		v.Status = Fail
		v.Why = fmt.Sprintf("%.2f ms of execution, %.0f ms are allowed", e.Plan.ExecutionMS, v.LimitMS)
	}
	return v
}

// JudgeScans adds to the verdict what the tables' sizes say about sequential scans.
func (v *S14Verdict) JudgeScans(p *Plan, analyzed bool, schema *SchemaFacts) {
	if p == nil {
		return
	}
	for _, scan := range p.Sequential() {
		rows := schema.Size(scan.Relation, scan.Rows)
		if rows < S14ExemptRows {
			continue
		}
		if v.Why != "" {
			v.Why += "; "
		}
		switch {
		case !analyzed:
			v.Why += fmt.Sprintf("would read all %.0f rows of %s", rows, scan.Relation)
		case scan.MS < HarmlessScanMS:
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

// ReadsWhole reports whether a plan reads a table of S14's size from end to end. Without one it is taken to do so.
func (o *Observation) ReadsWhole(p *Plan) bool {
	if p == nil {
		return true
	}
	for _, scan := range p.Sequential() {
		if o.Schema.Size(scan.Relation, 0) >= S14ExemptRows {
			return true
		}
	}
	return false
}
