package probe

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/report"
)

// Terminal lays the result out for a terminal, whose last lines are the ones that are read first: of the
// checks it lists those that ask for attention (all of them if all is set), and it ends with the verdict.
// Everything else is as in Document.
func (r Result) Terminal(all bool) report.Document {
	blocks := r.details()
	if all {
		blocks = append(blocks, checksTable(r.Checks))
	} else {
		blocks = append(blocks, r.attention()...)
	}
	return r.document(append(blocks, report.Paragraph{Tone: report.Dim, Text: r.bill()}, r.verdictBlock()))
}

// Moving is what is looked at while a probe repeats itself: the verdict, what has changed, and the causes. A screen
// shows the first lines of it.
func (r Result) Moving() report.Document {
	blocks := []report.Block{r.verdictBlock()}
	if r.BaselineAt != nil {
		blocks = append(blocks, r.changesBlock())
	}
	if len(r.Findings) > 0 {
		blocks = append(append(blocks, r.causesTable()), r.remedies()...)
	}
	return r.document(blocks)
}

// attention are the checks that did not pass, and how many did. Those that are unknown for one reason share
// a row, where the first of them stands.
func (r Result) attention() []report.Block {
	alike := map[string][]string{}
	passes := 0
	for _, c := range r.Checks {
		switch c.Status {
		case Pass:
			passes++
		case Unknown:
			alike[c.message()] = append(alike[c.message()], c.Code)
		}
	}
	t := checksTable(nil)
	for _, c := range r.Checks {
		codes := alike[c.message()]
		switch {
		case c.Status == Pass, c.Status == Unknown && codes[0] != c.Code:
			continue
		case c.Status == Unknown && len(codes) > 1:
			c.Code, c.Title = fmt.Sprintf("%d checks", len(codes)), strings.Join(codes, ", ")
		}
		t.Rows = append(t.Rows, c.row())
	}
	var out []report.Block
	if len(t.Rows) > 0 {
		out = append(out, t)
	}
	if passes > 0 {
		out = append(out, report.Paragraph{Tone: report.Dim, Text: plural(passes, "check", "checks") + " passed (--all lists them, -o json has them)."})
	}
	return out
}
