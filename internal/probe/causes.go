package probe

import (
	"cmp"
	"slices"
	"strings"
)

// cause is one line of the table of what explains what: where both codes are found, the second is a symptom of the
// first, is listed under it, and is mended with it.
type cause struct {
	code     string
	explains []string
	// when, if set, decides for two findings of those codes; without it the codes are enough.
	when func(o *observation, cause, symptom Finding) bool
}

// causes is that table. Where several causes explain a finding, the first line that fits is taken; a symptom that
// explains others hands them on to its own cause.
func causes() []cause {
	return []cause{
		// Nothing behind a database or a pooler that is gone can be well.
		{code: "HD-D01", explains: []string{"HD-D02"}},
		{code: "HD-D01", explains: []string{"HD-T02", "HD-T12"}, when: serverLostDatabase},
		{code: "HD-P01", explains: []string{"HD-T02", "HD-T12"}, when: serverLostDatabase},
		{code: "HD-P05", explains: []string{"HD-T02", "HD-T12"}, when: serverLostDatabase},
		// A server that does not answer, or is not ready, serves nothing else well.
		{code: "HD-T01", explains: []string{"HD-T12"}},
		{code: "HD-T02", explains: []string{"HD-T12"}},
		// A schema that is behind lacks tables and indexes.
		{code: "HD-D03", explains: []string{"HD-Q01", "HD-Q02", "HD-Q03", "HD-Q04", "HD-Q06", "HD-T12"}},
		// Without an index its table is read from end to end, and that is what takes long.
		{code: "HD-Q01", explains: []string{"HD-Q03", "HD-Q04"}, when: sameTable},
		{code: "HD-Q02", explains: []string{"HD-Q03", "HD-Q04"}, when: sameTable},
		{code: "HD-Q03", explains: []string{"HD-Q04"}, when: costlySameTable},
		// Probe and server are told the same endpoint.
		{code: "HD-P02", explains: []string{"HD-T03"}},
		// Without Redis a read that could be warm asks the database.
		{code: "HD-R01", explains: []string{"HD-T05", "HD-T06", "HD-T07", "HD-T15"}},
		{code: "HD-T13", explains: []string{"HD-T06"}},
		{code: "HD-T07", explains: []string{"HD-T05", "HD-T06"}},
		// What is written all the time is never warm.
		{code: "HD-T16", explains: []string{"HD-T05", "HD-T06"}},
		// Who waits in the pooler's queue holds the app's connections for as long.
		{code: "HD-P04", explains: []string{"HD-T04"}},
		{code: "HD-C01", explains: []string{"HD-T04"}, when: about("DB_MIN_IDLE_CONNS")},
	}
}

// sameTable holds if both findings name a table that they have in common.
func sameTable(_ *observation, cause, symptom Finding) bool {
	return slices.ContainsFunc(cause.about, func(table string) bool { return slices.Contains(symptom.about, table) })
}

// costlySameTable is sameTable for a cause that is more than a remark.
func costlySameTable(o *observation, cause, symptom Finding) bool {
	return costly(o, cause, symptom) && sameTable(o, cause, symptom)
}

// costly holds for a cause that is more than a remark.
func costly(_ *observation, cause, _ Finding) bool { return cause.Severity != Info }

// about holds if the cause is about that very thing.
func about(what string) func(*observation, Finding, Finding) bool {
	return func(_ *observation, cause, _ Finding) bool { return slices.Contains(cause.about, what) }
}

// serverLostDatabase holds if the server says itself that it is the database that it lacks.
func serverLostDatabase(o *observation, _, symptom Finding) bool {
	return symptom.Code != "HD-T02" || o.target != nil && strings.Contains(o.target.Reason, "database")
}

// attribute puts every symptom under its cause: Because names the root, whose cost becomes that of its dearest
// symptom, for it is what a request pays for it. Nothing is dropped.
func attribute(o *observation, table []cause, findings []Finding) {
	parent := make([]int, len(findings))
	for i := range findings {
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
		c.CostMS = max(c.CostMS, findings[i].CostMS)
		c.Outage = c.Outage || findings[i].Outage
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

// rank sorts findings by what a request pays, then by the gravest severity among a cause and its symptoms; equals
// stay in the registry's order, a cause before its symptoms.
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
			-cmp.Compare(a.CostMS, b.CostMS),
			cmp.Compare(gravest[a.root], gravest[b.root]),
			cmp.Compare(a.root, b.root),
			cmp.Compare(len(a.Because), len(b.Because)),
		)
	})
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
