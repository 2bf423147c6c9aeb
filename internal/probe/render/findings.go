package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

// findingsTable lists each cause with its symptoms below it; those of one code share a row.
func findingsTable(r facts.Result) report.Table {
	t := emptyFindingsTable()
	for _, f := range causes(r) {
		t.Rows = append(t.Rows, findingRow(f, f.Code, f.Title+".\n"+f.Evidence))
		for _, s := range alike(r.Symptoms(f)) {
			what := s.title() + ".\n" + s.Evidence
			if s.more > 0 {
				what += fmt.Sprintf(" And %d more.", s.more)
			}
			t.Rows = append(t.Rows, findingRow(s.Finding, "└─"+s.Code, what+"\nCaused by "+f.Code+"."))
		}
	}
	return t
}

// causesTable lists the causes alone, and counts what they explain.
func causesTable(r facts.Result) report.Table {
	t := emptyFindingsTable()
	for _, f := range causes(r) {
		what := f.Title + ".\n" + f.Evidence
		var explains []string
		for _, s := range alike(r.Symptoms(f)) {
			explains = append(explains, s.counted(s.Code))
		}
		if len(explains) > 0 {
			what += "\nIt explains " + strings.Join(explains, ", ") + "."
		}
		t.Rows = append(t.Rows, findingRow(f, f.Code, what))
	}
	return t
}

func emptyFindingsTable() report.Table {
	return report.Table{
		Title:   "Findings, most expensive first",
		Columns: []string{"Code", "Severity", "ms/request", "What"},
		Note:    "Each code has a page: " + check.RunbookPage("<code>"),
	}
}

func findingRow(f facts.Finding, code, what string) []report.Cell {
	return []report.Cell{
		report.Text(code), report.Toned(severityTone(f.Severity), string(f.Severity)), costCell(f), report.Text(what),
	}
}

// causes are the findings that stand for themselves.
func causes(r facts.Result) []facts.Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f facts.Finding) bool { return f.Because != "" })
}

// symptoms of one code, by the first of them.
type symptoms struct {
	facts.Finding
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
func alike(findings []facts.Finding) []symptoms {
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
func remedies(r facts.Result) []report.Block {
	var texts []string
	codes := map[string][]string{}
	for _, f := range causes(r) {
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

func costCell(f facts.Finding) report.Cell {
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

func severityTone(s facts.Severity) report.Tone {
	switch s {
	case facts.Critical:
		return report.Bad
	case facts.Warning:
		return report.Warn
	default:
		return report.Dim
	}
}
