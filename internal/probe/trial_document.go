package probe

import "github.com/honeydue/honeydue/internal/report"

// trialTable has a line for each finding: what its remedy saved in the lab, or why that is not known.
func trialTable(trials []Trial, note string) report.Table {
	t := report.Table{
		Title:   "What the remedies would save, tried in the lab",
		Columns: []string{"Code", "Remedy", "Hot path that gains most", "Database before", "after, ms", "Wall before", "after, ms", "Turns", "after", "Saves, ms"},
		Note:    note,
	}
	for _, p := range trials {
		row := []report.Cell{report.Text(p.Code), report.Text(p.Remedy)}
		if p.Price == nil {
			row = append(row, report.Toned(report.Dim, "not priced: "+p.NotPriced))
			for len(row) < len(t.Columns) {
				row = append(row, report.Cell{Text: "-", Right: true})
			}
			t.Rows = append(t.Rows, row)
			continue
		}
		where := p.Statement + " for the " + p.Subject + " user"
		if !p.Reproduced {
			where += " (the lab did not show the finding)"
		}
		saved := report.Number(p.SavedMS, 1)
		if p.SavedMS >= harmlessScanMS {
			saved.Tone = report.Good
		}
		t.Rows = append(t.Rows, append(row, report.Text(where),
			report.Number(p.BeforeDBMS, 1), report.Number(p.AfterDBMS, 1), report.Number(p.BeforeMS, 1), report.Number(p.AfterMS, 1),
			report.Count(p.BeforeTurns), report.Count(p.AfterTurns), saved))
	}
	return t
}
