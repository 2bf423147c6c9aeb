package probe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/report"
)

// findingsTable lists each cause with its symptoms below it; those of one code share a row.
func (r Result) findingsTable() report.Table {
	t := emptyFindingsTable()
	for _, f := range r.causes() {
		t.Rows = append(t.Rows, f.row(f.Code, f.Title+".\n"+f.Evidence))
		for _, s := range alike(r.symptoms(f)) {
			what := s.title() + ".\n" + s.Evidence
			if s.more > 0 {
				what += fmt.Sprintf(" And %d more.", s.more)
			}
			t.Rows = append(t.Rows, s.row("└─"+s.Code, what+"\nCaused by "+f.Code+"."))
		}
	}
	return t
}

// causesTable lists the causes alone, and counts what they explain.
func (r Result) causesTable() report.Table {
	t := emptyFindingsTable()
	for _, f := range r.causes() {
		what := f.Title + ".\n" + f.Evidence
		var explains []string
		for _, s := range alike(r.symptoms(f)) {
			explains = append(explains, s.counted(s.Code))
		}
		if len(explains) > 0 {
			what += "\nIt explains " + strings.Join(explains, ", ") + "."
		}
		t.Rows = append(t.Rows, f.row(f.Code, what))
	}
	return t
}

func emptyFindingsTable() report.Table {
	return report.Table{
		Title:   "Findings, most expensive first",
		Columns: []string{"Code", "Severity", "ms/request", "What"},
		Note:    "Each code has a page: " + RunbookPage("<code>"),
	}
}

func (f Finding) row(code, what string) []report.Cell {
	return []report.Cell{
		report.Text(code), report.Toned(severityTone(f.Severity), string(f.Severity)), f.costCell(), report.Text(what),
	}
}

// causes are the findings that stand for themselves.
func (r Result) causes() []Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Because != "" })
}

// symptoms of one code, by the first of them.
type symptoms struct {
	Finding
	more int
}

func (s symptoms) counted(name string) string {
	if s.more == 0 {
		return name
	}
	return fmt.Sprintf("%s (%d times)", name, s.more+1)
}

func (s symptoms) title() string { return s.counted(s.Title) }

// alike puts findings of one code together, where the first of them stands.
func alike(findings []Finding) []symptoms {
	var out []symptoms
	for _, f := range findings {
		if i := slices.IndexFunc(out, func(s symptoms) bool { return s.Code == f.Code }); i >= 0 {
			out[i].more++
			continue
		}
		out = append(out, symptoms{Finding: f})
	}
	return out
}

// remedies are what mends each cause, on lines of their own: in a table's cell a command can't be copied. Causes that
// one text mends share it.
func (r Result) remedies() []report.Block {
	var texts []string
	codes := map[string][]string{}
	for _, f := range r.causes() {
		if codes[f.Remedy] == nil {
			texts = append(texts, f.Remedy)
		}
		if !slices.Contains(codes[f.Remedy], f.Code) {
			codes[f.Remedy] = append(codes[f.Remedy], f.Code)
		}
	}
	var out []report.Block
	for _, text := range texts {
		if text != "" {
			out = append(out, report.Verbatim{Title: "Fix for " + strings.Join(codes[text], " and ") + ":", Text: text})
		}
	}
	return out
}

func (f Finding) costCell() report.Cell {
	switch {
	case f.Outage:
		return report.Cell{Text: "outage", Tone: report.Bad, Right: true}
	case f.WrongAnswers:
		return report.Cell{Text: "wrong", Tone: report.Bad, Right: true}
	case f.CostMS == 0:
		return report.Cell{Text: "-", Right: true}
	}
	return report.Number(f.CostMS, 1)
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
