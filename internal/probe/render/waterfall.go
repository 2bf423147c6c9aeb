package render

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

// waterfallTable has a line for each phase and a pair of columns for each endpoint.
func waterfallTable(endpoints []facts.Endpoint) report.Table {
	t := report.Table{Title: "Connecting, phase by phase", Columns: []string{"Phase"}}
	var names, notes []string
	for _, e := range endpoints {
		t.Spare = append([]int{len(t.Columns)}, t.Spare...)
		t.Columns = append(t.Columns, e.Name+" turns", e.Name+" ms")
		names = mergePhases(names, e.Phases)
		for _, n := range e.Notes {
			notes = append(notes, e.Name+": "+n+".")
		}
		if e.TLS != nil && e.TLS.HelloRetry {
			notes = append(notes, fmt.Sprintf("%s: TLS took an extra turn (HelloRetryRequest, %s).", e.Name, e.TLS.Curve))
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
	sum := func(name string, turns func(facts.Endpoint) report.Cell, ms func(facts.Endpoint) float64) {
		row := []report.Cell{report.Text(name)}
		for _, e := range endpoints {
			cell := report.Number(ms(e), 1)
			if e.FloorMS == 0 && name != "total" {
				cell = report.Cell{Text: "-", Right: true} // it was not reached
			}
			row = append(row, turns(e), cell)
		}
		t.Rows = append(t.Rows, row)
	}
	none := func(facts.Endpoint) report.Cell { return report.Cell{Right: true} }
	sum("total", func(e facts.Endpoint) report.Cell { return report.Count(e.ConnectTurns) }, func(e facts.Endpoint) float64 { return e.ConnectMS })
	sum("minimum RTT", none, func(e facts.Endpoint) float64 { return e.FloorMS })
	sum("jitter", none, func(e facts.Endpoint) float64 { return e.JitterMS })
	return t
}

// mergePhases adds the names that are new, each after the one that it follows.
func mergePhases(names []string, phases []facts.Phase) []string {
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
func phaseOf(e facts.Endpoint, name string) (turns, ms report.Cell) {
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
