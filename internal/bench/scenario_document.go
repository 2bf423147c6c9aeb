package bench

import "github.com/honeydue/honeydue/internal/report"

// thresholds is the table of the limits in addition to the p99 of each phase.
func (r Result) thresholds() report.Table {
	t := report.Table{
		Title:   "Thresholds",
		Columns: []string{"phase", "threshold", "verdict", "claim"},
		Note:    "Each is claimed by the same exact bound as a p99: so many over at most, or it is not shown at 95%.",
	}
	for _, p := range r.Phases {
		for _, one := range p.Thresholds {
			t.Rows = append(t.Rows, []report.Cell{
				report.Text(p.Name), report.Text(one.subject()), report.Toned(tone(one.Verdict), word(one.Verdict)), report.Text(one.claim()),
			})
		}
	}
	return t
}

// madeAndLeft tells what the run has made on the target, and what stays there.
func (r Result) madeAndLeft() report.KeyValues {
	value := report.Text(r.Data.sentence())
	if !r.Data.CleanedUp {
		value = value.WithTone(report.Bad)
	}
	return report.KeyValues{Title: "Data on the target", Pairs: []report.Pair{
		{Key: "named", Value: report.Textf("loadtest %s", r.Data.Run)}, {Key: "made", Value: value},
	}}
}

// thresholdCases are the thresholds in JUnit's terms.
func (p Phase) thresholdCases() (cases []report.Case) {
	for _, one := range p.Thresholds {
		c := report.Case{Suite: "loadtest", Name: p.Name + ": " + one.subject(), Status: report.Errored, Message: one.claim()}
		switch one.Verdict {
		case Pass:
			c.Status = report.Passed
		case Fail:
			c.Status = report.Failed
		}
		cases = append(cases, c)
	}
	return cases
}
