package render

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

func hotPathTable(hot []facts.HotPath) report.Table {
	t := report.Table{
		Title:   "Hot paths: wall = turns x minimum RTT + planning + execution + residual, in ms",
		Columns: []string{"Statement", "User", "Turns", "Wall", "Network", "Planning", "Execution", "Residual", "Execution SLO", "Reached by"},
		Spare:   []int{9, 2, 4, 8, 5},
		Note: fmt.Sprintf("Wall is the median of the runs through the app's endpoint. The execution SLO allows %.0f ms of execution, %.0f ms for the heavy user (per %d tasks where tasks are read), and no sequential scan of a table of %d rows or more.",
			facts.S14MedianMS, facts.S14HeavyMS, facts.S14HeavyTasks, facts.S14ExemptRows),
	}
	last, reached := "", ""
	for _, h := range hot {
		name, access := h.Name, strings.Join(h.Access, ", ")
		if name == last {
			name = ""
			if access != "" && access == reached {
				access = "the same"
			}
		}
		last, reached = h.Name, strings.Join(h.Access, ", ")
		row := []report.Cell{report.Text(name), report.Text(h.Subject)}
		if h.Runs > 0 {
			residual := report.Number(h.ResidualMS, 1)
			if h.ResidualName != "" {
				residual.Text += " " + h.ResidualName
				residual.Tone = report.Warn
			}
			row = append(row, report.Count(h.Turns), report.Number(h.WallMS, 1), report.Number(h.NetworkMS, 1),
				report.Number(h.PlanningMS, 2), report.Number(h.ExecutionMS, 2), residual)
		} else {
			dash := report.Cell{Text: "-", Right: true}
			row = append(row, dash, dash, dash, measuredCell(h.PlanningMS), measuredCell(h.ExecutionMS), dash)
		}
		row = append(row, s14Cell(h), report.Text(access))
		t.Rows = append(t.Rows, row)
	}
	return t
}

// measuredCell shows a time that is 0 only if it was not measured.
func measuredCell(ms float64) report.Cell {
	if ms == 0 {
		return report.Cell{Text: "-", Right: true}
	}
	return report.Number(ms, 2)
}

func s14Cell(h facts.HotPath) report.Cell {
	switch {
	case h.Error != "":
		return report.Toned(report.Bad, "failed: "+h.Error)
	case h.S14.Status == facts.Pass:
		return report.Toned(report.Good, fmt.Sprintf("holds, limit %.0f", h.S14.LimitMS))
	case h.S14.Status == facts.Warn:
		return report.Toned(report.Warn, fmt.Sprintf("within time, limit %.0f: %s", h.S14.LimitMS, h.S14.Why))
	case h.S14.Status == facts.Fail:
		return report.Toned(report.Bad, "broken: "+h.S14.Why)
	default:
		return report.Toned(report.Warn, "unknown: "+h.S14.Why)
	}
}
