package check

import (
	"maps"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name string
		r    facts.Result
		want string
	}{
		{"all well", facts.Result{Checks: []facts.CheckResult{{Status: facts.Pass}, {Status: facts.Pass}}}, "Nothing wrong was found: 2 checks passed."},
		{
			"a part unknown",
			facts.Result{Checks: []facts.CheckResult{{Status: facts.Pass}, {Status: facts.Pass}, {Status: facts.Pass}, {Status: facts.Unknown}, {Status: facts.Unknown, Unasked: true}}, HotPaths: []facts.HotPath{{Runs: 3, Turns: 1, WallMS: 112.3}}},
			"Nothing wrong was found: 3 checks passed, and 2 could not be measured; a hot statement takes 112.3 ms in 1 turn.",
		},
		{
			"a third unknown, or more",
			facts.Result{Checks: []facts.CheckResult{{Status: facts.Pass}, {Status: facts.Unknown, Why: "It was dark."}, {Status: facts.Unknown, Why: "It rained."}, {Status: facts.Unknown, Why: "It rained."}, {Status: facts.Pass}}},
			"Inconclusive, because too little could be measured: 2 checks passed, and 3 could not be measured. No result for 3 of 5 checks. The most common reason: It rained.",
		},
		{
			"all unknown",
			facts.Result{Checks: []facts.CheckResult{{Status: facts.Pass, Given: true}, {Status: facts.Unknown, Why: "Nobody named it.", Unasked: true}, {Status: facts.Unknown, Why: "It was dark."}}},
			"Nothing could be measured: It was dark.",
		},
		{
			"a cost",
			facts.Result{Findings: []facts.Finding{{Code: "HD-Q01", Severity: facts.Critical, Title: "An index is missing", Evidence: "x is not there.", CostMS: 11.54}, {}}},
			"An index is missing. x is not there. It costs 11.5 ms per request (HD-Q01; 1 more finding).",
		},
		{"only a remark", facts.Result{Findings: []facts.Finding{{Severity: facts.Info}}, Checks: []facts.CheckResult{{Status: facts.Pass}}}, "Nothing wrong was found: 1 check passed, 1 note."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Verdict(c.r); got != c.want {
				t.Errorf("the verdict is %q, want %q", got, c.want)
			}
		})
	}
}

// TestRemarksComeAndGo: what is found is news however little it matters, and is none when only that has changed.
func TestRemarksComeAndGo(t *testing.T) {
	of := func(statuses map[string]facts.Status) (r facts.Result) {
		for code, status := range statuses {
			r.Checks = append(r.Checks, facts.CheckResult{Code: code, Status: status})
		}
		return r
	}
	before := of(map[string]facts.Status{"HD-N01": facts.Pass, "HD-N11": facts.Remark, "HD-Q03": facts.Remark})
	after := of(map[string]facts.Status{"HD-N01": facts.Remark, "HD-N11": facts.Pass, "HD-Q03": facts.Fail})
	got := map[string]string{}
	for _, c := range Since(after, before) {
		code, _, _ := strings.Cut(c.What, " ")
		got[code] = c.Before + " -> " + c.After
	}
	if want := map[string]string{"HD-N01": "not found -> found", "HD-N11": "found -> not found"}; !maps.Equal(got, want) {
		t.Errorf("it says %v, want %v", got, want)
	}
}
