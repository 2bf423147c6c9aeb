package render

import (
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

// Document lays the result out for people; programs get the result itself. It is a pure function.
func Document(r facts.Result) report.Document {
	return document(r, append(details(r), checksTable(r.Checks), report.Paragraph{Tone: report.Dim, Text: bill(r)}))
}

// pipedWidth is how wide a table is in a file or a pipe: a line that a pager shows on a usual screen.
const pipedWidth = 140

func document(r facts.Result, blocks []report.Block) report.Document {
	d := report.Document{
		Schema: facts.Schema, Title: "honeydue probe", Width: pipedWidth, Data: r, Brief: brief(r), Blocks: blocks,
		Seconds: r.DurationMS / 1000, // the checks share their evidence and what it took
	}
	for _, c := range r.Checks {
		d.Cases = append(d.Cases, report.Case{Suite: "probe", Name: c.Code + " " + c.Title, Status: caseStatus(c.Status), Message: message(c)})
	}
	return d
}

func verdictBlock(r facts.Result) report.Block {
	return report.Paragraph{Text: r.Verdict, Tone: tone(r)}
}

// details are all blocks but the checks.
func details(r facts.Result) []report.Block {
	out := []report.Block{verdictBlock(r)}
	add := func(b ...report.Block) { out = append(out, b...) }
	if len(r.Findings) > 0 {
		add(findingsTable(r))
		add(remedies(r)...)
	}
	if r.TrialNote != "" {
		add(report.Paragraph{Text: r.TrialNote})
	}
	if len(r.Trial) > 0 {
		add(trialTable(r.Trial))
	}
	if r.BaselineAt != nil {
		add(changesBlock(r))
	}
	add(charts(r)...)
	if len(r.Endpoints) > 0 {
		add(waterfallTable(r.Endpoints))
	}
	if len(r.HotPaths) > 0 {
		add(hotPathTable(r.HotPaths))
	}
	if r.Target != nil {
		add(blocks(*r.Target)...)
	}
	add(watchedBlocks(r)...)
	return out
}

func tone(r facts.Result) report.Tone {
	worst, found := r.Worst()
	switch {
	case found && worst == facts.Critical || r.Unmeasured() != "":
		return report.Bad
	case found || r.Inconclusive():
		return report.Warn
	}
	return report.Good
}

// changesBlock says what differs from the baseline.
func changesBlock(r facts.Result) report.Block {
	since := r.BaselineAt.UTC().Format(time.RFC3339)
	if len(r.Changes) == 0 {
		return report.Paragraph{Text: "Nothing has changed since the baseline of " + since + "."}
	}
	t := report.Table{Title: "Changed since the baseline of " + since, Columns: []string{"What", "Before", "After", "ms/request"}}
	for _, c := range r.Changes {
		tone, delta := report.Plain, report.Cell{Text: "-", Right: true}
		if c.Worse {
			tone = report.Warn
		}
		if c.DeltaMS != 0 {
			delta = report.Cell{Text: fmt.Sprintf("%+.1f", c.DeltaMS), Tone: tone, Right: true}
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(c.What), report.Text(c.Before), report.Toned(tone, c.After), delta})
	}
	return t
}

func checksTable(checks []facts.CheckResult) report.Table {
	t := report.Table{Title: "Checks", Columns: []string{"Code", "Outcome", "Looked for", "Why"}}
	for _, c := range checks {
		t.Rows = append(t.Rows, checkRow(c))
	}
	return t
}

func checkRow(c facts.CheckResult) []report.Cell {
	tone := report.Good
	switch c.Status {
	case facts.Fail:
		tone = report.Bad
	case facts.Warn:
		tone = report.Warn
	case facts.Unknown, facts.Remark:
		tone = report.Dim
	}
	return []report.Cell{report.Text(c.Code), report.Toned(tone, string(c.Status)), report.Text(c.Title), report.Text(message(c))}
}

// message is why a check ended as it did; a symptom's begins with its cause.
func message(c facts.CheckResult) string {
	if c.Because == "" {
		return c.Why
	}
	return "Caused by " + c.Because + ": " + c.Why
}

func bill(r facts.Result) string {
	bill := fmt.Sprintf("This probe took %.1f s. It opened %s to the database, used %s and %.1f ms of EXPLAIN ANALYZE time there (timed runs not included), read %s, and used %s on Redis.",
		r.DurationMS/1000, facts.Plural(r.Cost.Connects, "connection", "connections"), facts.Plural(int(r.Cost.DBTurns), "turn", "turns"),
		r.Cost.DBMS, facts.Plural(int(r.Cost.Rows), "row", "rows"), facts.Plural(int(r.Cost.RedisTurns), "turn", "turns"))
	if n := r.Cost.TargetRequests; n > 0 {
		bill += fmt.Sprintf(" It sent %s to the running server.", facts.Plural(int(n), "request", "requests"))
	}
	return bill
}

func caseStatus(s facts.Status) report.Status {
	switch s {
	case facts.Pass:
		return report.Passed
	case facts.Remark:
		return report.Remarked
	case facts.Unknown:
		return report.Skipped
	default:
		return report.Failed
	}
}
