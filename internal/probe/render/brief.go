package render

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/report"
)

// briefFindings is how many findings a message to a channel tells; the rest are counted.
const briefFindings = 5

// brief is the result as a message for the channel of an incident: the verdict, the dearest findings with what they
// cost and the command that mends each, what has changed, and what is not known.
func brief(r facts.Result) []report.Block {
	out := []report.Block{report.Paragraph{Text: r.Verdict}}
	told, left := 0, 0
	for _, f := range r.Findings {
		switch {
		case f.Because != "":
			continue
		case told == briefFindings:
			left++
			continue
		}
		told++
		out = append(out, briefFinding(r, f), report.Verbatim{Text: f.Remedy})
	}
	if r.BaselineAt != nil {
		out = append(out, changesBlock(r))
	}
	var tail []string
	if left > 0 {
		tail = append(tail, fmt.Sprintf("%s in the full report.", facts.Plural(left, "more finding is", "more findings are")))
	}
	if unknown := unknown(r); len(unknown) > 0 {
		tail = append(tail, "Could not be measured: "+strings.Join(unknown, ", ")+".")
	}
	tail = append(tail, bill(r))
	return append(out, report.Paragraph{Text: strings.Join(tail, "\n")})
}

func briefFinding(r facts.Result, f facts.Finding) report.KeyValues {
	cost := ""
	switch {
	case f.Outage:
		cost = ", an outage"
	case f.WrongAnswers:
		cost = ", wrong answers"
	case f.CostMS > 0:
		cost = fmt.Sprintf(", %.1f ms per request", f.CostMS)
	}
	kv := report.KeyValues{
		Title: fmt.Sprintf("%s %s%s: %s", f.Code, f.Severity, cost, f.Title),
		Pairs: []report.Pair{{Key: "Evidence", Value: report.Text(f.Evidence)}},
	}
	var explains []string
	for _, s := range alike(r.Symptoms(f)) {
		explains = append(explains, s.Code+" "+s.title())
	}
	if len(explains) > 0 {
		kv.Pairs = append(kv.Pairs, report.Pair{Key: "Explains", Value: report.Text(strings.Join(explains, "; "))})
	}
	kv.Pairs = append(kv.Pairs, report.Pair{Key: "Page", Value: report.Text(f.Runbook)})
	return kv
}

// unknown lists the codes that could not be judged.
func unknown(r facts.Result) []string {
	var out []string
	for _, c := range r.Checks {
		if c.Status == facts.Unknown {
			out = append(out, c.Code)
		}
	}
	return out
}
