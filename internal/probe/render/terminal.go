package render

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

// Terminal lays the result out for a terminal, whose last lines are the ones that are read first: of the
// checks it lists those that ask for attention (all of them if all is set), and it ends with the verdict.
// Everything else is as in Document.
func Terminal(r facts.Result, all bool) report.Document {
	blocks := details(r)
	if all {
		blocks = append(blocks, checksTable(r.Checks))
	} else {
		blocks = append(blocks, attention(r)...)
	}
	return document(r, append(blocks, report.Paragraph{Tone: report.Dim, Text: bill(r)}, verdictBlock(r)))
}

// Moving is what is looked at while a probe repeats itself: the verdict, what has changed, and the causes. A screen
// shows the first lines of it.
func Moving(r facts.Result) report.Document {
	blocks := []report.Block{verdictBlock(r)}
	if r.BaselineAt != nil {
		blocks = append(blocks, changesBlock(r))
	}
	if len(r.Findings) > 0 {
		blocks = append(append(blocks, causesTable(r)), remedies(r)...)
	}
	return document(r, blocks)
}

// attention are the checks that did not pass, and how many did. Those that are unknown for one reason share
// a row, where the first of them stands.
func attention(r facts.Result) []report.Block {
	alike := map[string][]string{}
	passes := 0
	for _, c := range r.Checks {
		switch c.Status {
		case facts.Pass:
			passes++
		case facts.Unknown:
			alike[message(c)] = append(alike[message(c)], c.Code)
		}
	}
	t := checksTable(nil)
	for _, c := range r.Checks {
		codes := alike[message(c)]
		switch {
		case c.Status == facts.Pass, c.Status == facts.Unknown && codes[0] != c.Code:
			continue
		case c.Status == facts.Unknown && len(codes) > 1:
			c.Code, c.Title = fmt.Sprintf("%d checks", len(codes)), strings.Join(codes, ", ")
		}
		t.Rows = append(t.Rows, checkRow(c))
	}
	var out []report.Block
	if len(t.Rows) > 0 {
		out = append(out, t)
	}
	if passes > 0 {
		out = append(out, report.Paragraph{Tone: report.Dim, Text: facts.Plural(passes, "check", "checks") + " passed (--all lists them, -o json has them)."})
	}
	return out
}
