package warmup

import (
	"fmt"

	"github.com/honeydue/honeydue/internal/report"
)

// Document lays the result out for people; programs get the result itself. It is a pure function.
func (r Result) Document() report.Document {
	t := report.Table{
		Title:   "What each step gained",
		Columns: []string{"Step", "Outcome", "Before ms", "After ms", "Saved ms", "Measured", "Detail"},
		Note:    "Before and after are two measurements of the same thing, the first one cold. A difference of a few percent is noise: it was already warm.",
	}
	for _, s := range r.Steps {
		row := []report.Cell{report.Text(s.Name), report.Toned(s.Status.tone(), string(s.Status))}
		if s.Status == Done {
			row = append(row, report.Number(s.BeforeMS, 1), report.Number(s.AfterMS, 1), report.Number(s.BoughtMS, 1), report.Text(s.Measure))
		} else {
			dash := report.Cell{Text: "-", Right: true}
			row = append(row, dash, dash, dash, report.Cell{})
		}
		t.Rows = append(t.Rows, append(row, report.Text(s.Detail)))
	}
	return report.Document{Schema: Schema, Title: "honeydue warmup", Blocks: []report.Block{t, r.summary()}, Data: r}
}

func (r Result) summary() report.Paragraph {
	count := map[Status]int{}
	var turns int64
	for _, s := range r.Steps {
		count[s.Status]++
		turns += s.DBTurns
	}
	p := report.Paragraph{Tone: report.Good, Text: fmt.Sprintf("Warm after %.1f s: %d steps done, %d skipped, %d failed; %d turns to the database.",
		r.TookMS/1000, count[Done], count[Skipped], count[Failed], turns)}
	if r.Failed() {
		p.Tone = report.Bad
		p.Text = "Not warm. " + p.Text
	}
	return p
}

func (s Status) tone() report.Tone {
	switch s {
	case Done:
		return report.Good
	case Failed:
		return report.Bad
	default:
		return report.Dim
	}
}
