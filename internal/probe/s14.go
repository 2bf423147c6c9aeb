package probe

import (
	"fmt"

	"github.com/honeydue/honeydue/internal/store"
)

// The limits of decision S14: execution for the median user, and for one with s14HeavyTasks tasks. A
// user with more tasks is allowed proportionally more.
const (
	s14MedianMS   = 1.0
	s14HeavyMS    = 8.0
	s14HeavyTasks = 200
)

// s14ExemptRows is the size of a table below which a sequential scan is the better plan.
const s14ExemptRows = 1000

// s14Limit returns the execution time that a hot statement may take for a subject, in ms.
func s14Limit(s store.Subject) float64 {
	if s.Label == "heavy" {
		return s14HeavyMS * max(1, float64(s.Tasks)/s14HeavyTasks)
	}
	return s14MedianMS
}

// judgeS14 judges the time only; sequential scans are added when the tables' sizes are known.
func judgeS14(s store.Subject, e explained) S14Verdict {
	v := S14Verdict{Status: Pass, LimitMS: s14Limit(s)}
	switch {
	case e.failed != nil:
		v.Status, v.Why = Unknown, e.failed.Error()
	case e.plan == nil:
		v.Status, v.Why = Unknown, "there is no plan"
	case !e.analyzed:
		v.Status, v.Why = Unknown, e.why
	case e.plan.ExecutionMS > v.LimitMS:
		v.Status = Fail
		v.Why = fmt.Sprintf("%.2f ms of execution, %.0f are allowed", e.plan.ExecutionMS, v.LimitMS)
	}
	return v
}
