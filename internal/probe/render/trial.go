package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

// trialTable has a row for each finding whose remedy was tried: what it costs where it was found and what the remedy
// saved in the copy. Those that have no price for one reason share a row.
func trialTable(trials []facts.Trial) report.Table {
	t := report.Table{
		Title:   "What the remedies save in the copy, in ms",
		Columns: []string{"Code", "Cost per request there", "Saved in the copy", "Hot path that gains most", "Database", "Wall", "Turns", "Remedy"},
		Spare:   []int{7, 6, 5, 4},
	}
	told := map[string]bool{}
	for _, p := range trials {
		switch {
		case p.Price != nil:
			t.Rows = append(t.Rows, trialRow(p))
		case !told[p.NotPriced]:
			told[p.NotPriced] = true
			dash := report.Cell{Text: "-", Right: true}
			t.Rows = append(t.Rows, []report.Cell{
				report.Text(strings.Join(notPriced(trials, p.NotPriced), ", ")), dash, dash,
				report.Toned(report.Dim, "not priced: "+p.NotPriced), dash, dash, dash,
			})
		}
	}
	return t
}

func trialRow(t facts.Trial) []report.Cell {
	costs := report.Cell{Text: "-", Right: true}
	if t.CostMS > 0 {
		costs = report.Number(t.CostMS, 1)
	}
	where := t.Statement + " for the " + t.Subject + " user"
	if !t.Reproduced {
		where += " (the copy did not show the finding)"
	}
	saved := report.Number(t.SavedMS, 1)
	if t.SavedMS >= facts.HarmlessScanMS {
		saved.Tone = report.Good
	}
	return []report.Cell{
		report.Text(t.Code), costs, saved, report.Text(where),
		beforeAfter("%.1f", t.BeforeDBMS, t.AfterDBMS), beforeAfter("%.1f", t.BeforeMS, t.AfterMS),
		beforeAfter("%d", t.BeforeTurns, t.AfterTurns), report.Text(shortened(t.Remedy)),
	}
}

// notPriced are the codes whose remedies have no price for one reason.
func notPriced(trials []facts.Trial, why string) []string {
	var codes []string
	for _, t := range trials {
		if t.Price == nil && t.NotPriced == why && !slices.Contains(codes, t.Code) {
			codes = append(codes, t.Code)
		}
	}
	return codes
}

func beforeAfter[T int64 | float64](format string, before, after T) report.Cell {
	return report.Cell{Text: fmt.Sprintf(format+"→"+format, before, after), Right: true}
}

// shortened is enough of a remedy to know it by; the whole stands under its code.
func shortened(remedy string) string {
	const most = 72
	if runes := []rune(remedy); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return remedy
}
