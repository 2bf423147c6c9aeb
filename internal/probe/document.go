package probe

import (
	"fmt"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/report"
)

// Document lays the result out for people; programs get the result itself. It is a pure function.
func (r Result) Document() report.Document {
	return r.document(append(r.details(), checksTable(r.Checks), report.Paragraph{Tone: report.Dim, Text: r.bill()}))
}

func (r Result) document(blocks []report.Block) report.Document {
	d := report.Document{Schema: Schema, Title: "honeydue probe", Data: r, Brief: r.brief(), Blocks: blocks}
	for _, c := range r.Checks {
		d.Cases = append(d.Cases, report.Case{
			Suite: "probe", Name: c.Code + " " + c.Title, Status: caseStatus(c.Status),
			Seconds: c.DurationMS / 1000, Message: c.message(),
		})
	}
	return d
}

func (r Result) verdictBlock() report.Block {
	return report.Paragraph{Text: r.Verdict, Tone: r.tone()}
}

// details are all blocks but the checks.
func (r Result) details() []report.Block {
	out := []report.Block{r.verdictBlock()}
	add := func(b ...report.Block) { out = append(out, b...) }
	if len(r.Findings) > 0 {
		add(r.findingsTable())
	}
	if len(r.Trial) > 0 {
		add(trialTable(r.Trial, r.TrialNote))
	}
	if r.BaselineAt != nil {
		add(r.changesBlock())
	}
	add(r.charts()...)
	if len(r.Endpoints) > 0 {
		add(waterfallTable(r.Endpoints))
	}
	if len(r.HotPaths) > 0 {
		add(hotPathTable(r.HotPaths))
	}
	if r.Target != nil {
		add(r.Target.blocks()...)
	}
	add(r.watchedBlocks()...)
	return out
}

func (r Result) tone() report.Tone {
	worst, found := r.Worst()
	switch {
	case found && worst == Critical:
		return report.Bad
	case found:
		return report.Warn
	}
	return report.Good
}

// findingsTable lists each cause with its symptoms below it.
func (r Result) findingsTable() report.Table {
	t := report.Table{
		Title:   "Findings, the dearest first",
		Columns: []string{"Code", "Severity", "ms/request", "What", "Do this"},
		Note:    "Each code has a page: " + RunbookPage("<code>"),
	}
	for _, f := range r.grouped() {
		code, remedy := f.Code, f.Remedy
		if f.Because != "" {
			code, remedy = "└ "+code, "It is a symptom of "+f.Because+" and goes with it."
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(code), report.Toned(severityTone(f.Severity), string(f.Severity)), f.costCell(),
			report.Text(f.Title + ".\n" + f.Evidence), report.Text(remedy),
		})
	}
	return t
}

func (f Finding) costCell() report.Cell {
	switch {
	case f.Outage:
		return report.Cell{Text: "outage", Tone: report.Bad, Right: true}
	case f.CostMS == 0:
		return report.Cell{Text: "-", Right: true}
	}
	return report.Number(f.CostMS, 1)
}

// changesBlock says what differs from the baseline.
func (r Result) changesBlock() report.Block {
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

func severityTone(s Severity) report.Tone {
	switch s {
	case Critical:
		return report.Bad
	case Warning:
		return report.Warn
	default:
		return report.Dim
	}
}

// waterfallTable has a line for each phase and a pair of columns for each endpoint.
func waterfallTable(endpoints []Endpoint) report.Table {
	t := report.Table{Title: "Connecting, phase by phase", Columns: []string{"Phase"}}
	var names, notes []string
	for _, e := range endpoints {
		t.Columns = append(t.Columns, e.Name+" turns", "ms")
		names = mergePhases(names, e.Phases)
		for _, n := range e.Notes {
			notes = append(notes, e.Name+": "+n+".")
		}
		if e.TLS != nil && e.TLS.HelloRetry {
			notes = append(notes, fmt.Sprintf("%s: TLS took a second turn (HelloRetryRequest, %s).", e.Name, e.TLS.Curve))
		}
		if e.Error != "" {
			notes = append(notes, e.Name+" failed: "+e.Error+".")
		}
	}
	t.Note = strings.Join(notes, "\n")
	for _, name := range names {
		row := []report.Cell{report.Text(name)}
		for _, e := range endpoints {
			turns, ms := phaseOf(e, name)
			row = append(row, turns, ms)
		}
		t.Rows = append(t.Rows, row)
	}
	sum := func(name string, turns func(Endpoint) report.Cell, ms func(Endpoint) float64) {
		row := []report.Cell{report.Text(name)}
		for _, e := range endpoints {
			cell := report.Number(ms(e), 1)
			if e.FloorMS == 0 && name != "in all" {
				cell = report.Cell{Text: "-", Right: true} // it was not reached
			}
			row = append(row, turns(e), cell)
		}
		t.Rows = append(t.Rows, row)
	}
	none := func(Endpoint) report.Cell { return report.Cell{Right: true} }
	sum("in all", func(e Endpoint) report.Cell { return report.Count(e.ConnectTurns) }, func(e Endpoint) float64 { return e.ConnectMS })
	sum("floor of a turn", none, func(e Endpoint) float64 { return e.FloorMS })
	sum("jitter", none, func(e Endpoint) float64 { return e.JitterMS })
	return t
}

// mergePhases adds the names that are new, each after the one that it follows.
func mergePhases(names []string, phases []Phase) []string {
	at := 0
	for _, p := range phases {
		found := -1
		for i, n := range names {
			if n == p.Name {
				found = i
			}
		}
		if found < 0 {
			names = append(names[:at], append([]string{p.Name}, names[at:]...)...)
			at++
			continue
		}
		at = found + 1
	}
	return names
}

// phaseOf sums the phases of that name: a hand-shake may send the same command twice.
func phaseOf(e Endpoint, name string) (turns, ms report.Cell) {
	var n int64
	var took float64
	found := false
	for _, p := range e.Phases {
		if p.Name == name {
			n, took, found = n+p.Turns, took+p.MS, true
		}
	}
	if !found {
		return report.Cell{Right: true}, report.Cell{Right: true}
	}
	return report.Count(n), report.Number(took, 1)
}

func hotPathTable(hot []HotPath) report.Table {
	t := report.Table{
		Title:   "Hot paths: wall = turns x floor + planning + execution + residual, in ms",
		Columns: []string{"Statement", "User", "Turns", "Wall", "Network", "Planning", "Execution", "Residual", "S14", "Reached by"},
		Note: fmt.Sprintf("Wall is the median of the runs through the app's endpoint. S14 allows %.0f ms of execution, the heavy user %.0f ms (where tasks are read: for each %d of them), and no scan of a whole table of %d rows or more.",
			s14MedianMS, s14HeavyMS, s14HeavyTasks, s14ExemptRows),
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

func s14Cell(h HotPath) report.Cell {
	switch {
	case h.Error != "":
		return report.Toned(report.Bad, "failed: "+h.Error)
	case h.S14.Status == Pass:
		return report.Toned(report.Good, fmt.Sprintf("holds, limit %.0f", h.S14.LimitMS))
	case h.S14.Status == Warn:
		return report.Toned(report.Warn, fmt.Sprintf("holds in time, limit %.0f: %s", h.S14.LimitMS, h.S14.Why))
	case h.S14.Status == Fail:
		return report.Toned(report.Bad, "broken: "+h.S14.Why)
	default:
		return report.Toned(report.Warn, "unknown: "+h.S14.Why)
	}
}

func checksTable(checks []CheckResult) report.Table {
	t := report.Table{Title: "Checks", Columns: []string{"Code", "Outcome", "Looked for", "Why"}}
	for _, c := range checks {
		t.Rows = append(t.Rows, c.row())
	}
	return t
}

func (c CheckResult) row() []report.Cell {
	tone := report.Good
	switch c.Status {
	case Fail:
		tone = report.Bad
	case Warn:
		tone = report.Warn
	case Unknown:
		tone = report.Dim
	}
	return []report.Cell{report.Text(c.Code), report.Toned(tone, string(c.Status)), report.Text(c.Title), report.Text(c.message())}
}

// message is why a check ended as it did; a symptom's begins with its cause.
func (c CheckResult) message() string {
	if c.Because == "" {
		return c.Why
	}
	return "Because of " + c.Because + ": " + c.Why
}

func (r Result) bill() string {
	bill := fmt.Sprintf("This probe took %.1f s; it opened %s to the database, spent %s there and %.1f ms of its time under EXPLAIN ANALYZE (the timed runs come on top), read %s, and spent %s on Redis.",
		r.DurationMS/1000, plural(r.Cost.Connects, "connection", "connections"), plural(int(r.Cost.DBTurns), "turn", "turns"),
		r.Cost.DBMS, plural(int(r.Cost.Rows), "row", "rows"), plural(int(r.Cost.RedisTurns), "turn", "turns"))
	if n := r.Cost.TargetRequests; n > 0 {
		bill += fmt.Sprintf(" The running server answered %s.", plural(int(n), "request", "requests"))
	}
	return bill
}

func caseStatus(s Status) report.Status {
	switch s {
	case Pass:
		return report.Passed
	case Unknown:
		return report.Errored
	default:
		return report.Failed
	}
}
