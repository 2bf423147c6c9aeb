package check

import (
	"cmp"
	"slices"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Attribute puts every symptom under its cause: Because names the root, whose cost and severity become those of its worst
// symptom, for it is what a request pays for it. Nothing is dropped.
func Attribute(o *facts.Observation, table []Cause, findings []facts.Finding) {
	parent := make([]int, len(findings))
	for i := range findings {
		findings[i].Weighs = weight(findings[i])
		parent[i] = causeOf(o, table, findings, i)
	}
	for i := range findings {
		root := i
		// The table has no circles; the bound is for the day when it has.
		for range findings {
			if parent[root] < 0 {
				break
			}
			root = parent[root]
		}
		if root == i {
			continue
		}
		findings[i].Because, findings[i].Root = findings[root].Code, root
		c := &findings[root]
		if findings[i].Severity.AtLeast(c.Severity) {
			c.Severity = findings[i].Severity
		}
		c.CostMS = max(c.CostMS, findings[i].CostMS)
		c.Weighs = max(c.Weighs, findings[i].Weighs)
		c.Outage = c.Outage || findings[i].Outage
		c.WrongAnswers = c.WrongAnswers || findings[i].WrongAnswers
	}
}

// causeOf returns the index of the finding that explains the i-th one, or -1.
func causeOf(o *facts.Observation, table []Cause, findings []facts.Finding, i int) int {
	for _, c := range table {
		if !slices.Contains(c.Explains, findings[i].Code) {
			continue
		}
		for j, f := range findings {
			if f.Code == c.Code && (c.When == nil || c.When(o, f, findings[i])) {
				return j
			}
		}
	}
	return -1
}

// unpricedMS is what a critical finding weighs that has no price in time, as a certificate that has expired, or ids
// that run out: it goes before whatever costs a request less than a second.
const unpricedMS = 1000

// weight is what a finding counts as among the others, in ms.
func weight(f facts.Finding) float64 {
	if f.Severity == facts.Critical && f.CostMS == 0 {
		return unpricedMS
	}
	return f.CostMS
}

// Rank sorts findings: wrong answers before everything else, then by what a request pays, then by the gravest severity
// among a cause and its symptoms; equals stay in the registry's order, a cause before its symptoms.
func Rank(findings []facts.Finding) {
	gravest := make([]int, len(findings))
	for i, f := range findings {
		gravest[i] = f.Severity.Rank()
	}
	for i, f := range findings {
		gravest[f.Root] = min(gravest[f.Root], findings[i].Severity.Rank())
	}
	slices.SortStableFunc(findings, func(a, b facts.Finding) int {
		return cmp.Or(
			first(a.WrongAnswers, b.WrongAnswers),
			-cmp.Compare(a.Weighs, b.Weighs),
			cmp.Compare(gravest[a.Root], gravest[b.Root]),
			cmp.Compare(a.Root, b.Root),
			cmp.Compare(len(a.Because), len(b.Because)),
		)
	})
}

// first puts what is true before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
