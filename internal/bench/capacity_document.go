package bench

import (
	"github.com/honeydue/honeydue/internal/report"
)

// blocks is the capacity's part of the report.
func (c *Capacity) blocks() []report.Block {
	if c == nil {
		return nil
	}
	text, shown := c.Summary, report.Good
	if c.RPS == 0 {
		shown = report.Bad
	}
	if c.Evidence != "" {
		text += "\nEvidence: " + c.Evidence
	}
	t := report.Table{
		Title:   "Steps, in ms",
		Columns: []string{"step", "rate/s", "verdict", "requests", "errors", "over", "p99", "lag p99"},
		Note:    "A step that is not on target, or does not prove it, is above the capacity. The ceiling is the highest rate on target, measured again.",
	}
	for _, s := range c.Steps {
		kind := s.Kind
		if s.Remeasure {
			kind += ", again"
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(kind), right(rate(s.RPS)), report.Toned(tone(s.Verdict), word(s.Verdict)),
			report.Count(int64(s.Requests)), report.Count(int64(s.Errors)), report.Count(int64(s.Over)), number(s.P99MS), number(s.LagP99MS),
		})
	}
	return []report.Block{report.Paragraph{Text: text, Tone: shown}, t}
}

// junit is the one case of a search for the capacity.
func (c *Capacity) junit(v Verdict) report.Case {
	return report.Case{Suite: "loadtest", Name: ProfileCapacity, Status: status(v), Message: c.Summary}
}
