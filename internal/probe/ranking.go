package probe

import (
	"cmp"
	"slices"
)

// attribute puts every symptom under its cause: Because names the root, whose cost and severity become those of its worst
// symptom, for it is what a request pays for it. Nothing is dropped.
func attribute(o *observation, table []cause, findings []Finding) {
	parent := make([]int, len(findings))
	for i := range findings {
		findings[i].weighs = findings[i].weight()
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
		findings[i].Because, findings[i].root = findings[root].Code, root
		c := &findings[root]
		if findings[i].Severity.AtLeast(c.Severity) {
			c.Severity = findings[i].Severity
		}
		c.CostMS = max(c.CostMS, findings[i].CostMS)
		c.weighs = max(c.weighs, findings[i].weighs)
		c.Outage = c.Outage || findings[i].Outage
		c.WrongAnswers = c.WrongAnswers || findings[i].WrongAnswers
	}
}

// causeOf returns the index of the finding that explains the i-th one, or -1.
func causeOf(o *observation, table []cause, findings []Finding, i int) int {
	for _, c := range table {
		if !slices.Contains(c.explains, findings[i].Code) {
			continue
		}
		for j, f := range findings {
			if f.Code == c.code && (c.when == nil || c.when(o, f, findings[i])) {
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
func (f Finding) weight() float64 {
	if f.Severity == Critical && f.CostMS == 0 {
		return unpricedMS
	}
	return f.CostMS
}

// rank sorts findings: wrong answers before everything else, then by what a request pays, then by the gravest severity
// among a cause and its symptoms; equals stay in the registry's order, a cause before its symptoms.
func rank(findings []Finding) {
	gravest := make([]int, len(findings))
	for i, f := range findings {
		gravest[i] = f.Severity.rank()
	}
	for i, f := range findings {
		gravest[f.root] = min(gravest[f.root], findings[i].Severity.rank())
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			first(a.WrongAnswers, b.WrongAnswers),
			-cmp.Compare(a.weighs, b.weighs),
			cmp.Compare(gravest[a.root], gravest[b.root]),
			cmp.Compare(a.root, b.root),
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

// symptoms lists the findings that a finding explains, in their order.
func (r Result) symptoms(of Finding) []Finding {
	var out []Finding
	for _, f := range r.Findings {
		if f.Because != "" && f.Because == of.Code && f.root == of.root {
			out = append(out, f)
		}
	}
	return out
}
