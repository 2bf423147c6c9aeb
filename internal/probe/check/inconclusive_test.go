package check

import (
	"slices"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// checksOf makes so many passes and unknown checks.
func checksOf(passes, unknown, unasked int) (out []facts.CheckResult) {
	for range passes {
		out = append(out, facts.CheckResult{Code: "HD-Q01", Status: facts.Pass})
	}
	for range unknown {
		out = append(out, facts.CheckResult{Code: "HD-D04", Status: facts.Unknown, Why: "It rained."})
	}
	for range unasked {
		out = append(out, facts.CheckResult{Code: "HD-D02", Status: facts.Unknown, Why: "Nobody named it.", Unasked: true})
	}
	return out
}

// TestWhenAProbeIsInconclusive: from a third of the checks on, or where a hot path or the cache could not be judged.
func TestWhenAProbeIsInconclusive(t *testing.T) {
	finding := []facts.Finding{{Code: "HD-Q01", Severity: facts.Warning, Title: "An index is missing", Evidence: "x."}}
	for _, c := range []struct {
		name  string
		r     facts.Result
		want  bool
		names string // what the verdict says of it
	}{
		{"all is known", facts.Result{Checks: checksOf(3, 0, 0)}, false, ""},
		{"fewer than a third", facts.Result{Checks: checksOf(5, 2, 0)}, false, ""},
		{"a third", facts.Result{Checks: checksOf(4, 2, 0)}, true, "No result for 2 of 6 checks"},
		{"a third, and something is wrong", facts.Result{Checks: checksOf(4, 2, 0), Findings: finding}, true, "No result for 2 of 6 checks"},
		{"what nobody named does not count", facts.Result{Checks: checksOf(4, 1, 9)}, false, ""},
		{"a hot path", facts.Result{Checks: checksOf(9, 1, 0), Unjudged: []string{"the hot path task_board"}}, true, "Not checked at all: the hot path task_board."},
		{"the cache, and something is wrong", facts.Result{Checks: checksOf(9, 1, 0), Unjudged: []string{theCache}, Findings: finding}, true, "Not checked at all: the cache."},
		{"nothing was made", facts.Result{}, false, ""},
	} {
		if got := c.r.Inconclusive(); got != c.want {
			t.Errorf("%s: inconclusive is %v", c.name, got)
		}
		said := Verdict(c.r)
		if !strings.Contains(said, c.names) || c.want && strings.HasPrefix(said, "Nothing wrong") || !c.want && strings.Contains(said, "judged") {
			t.Errorf("%s: the verdict is %q", c.name, said)
		}
	}
}

// TestWhatIsUnjudged: what was asked for and of which nothing is known.
func TestWhatIsUnjudged(t *testing.T) {
	hot := func(except string) (out []facts.HotPath) {
		for _, q := range facts.HotStatements() {
			h := facts.HotPath{Name: q.Name}
			if q.Name != except {
				h.Plan = &facts.Plan{}
			}
			out = append(out, h)
		}
		return out
	}
	failed := hot("task_board")
	for i := range failed {
		if failed[i].Plan == nil {
			failed[i].Error = "42501"
		}
	}
	redis := func(status ...facts.Status) (out []facts.CheckResult) {
		for _, s := range status {
			out = append(out, facts.CheckResult{Code: "HD-R04", Status: s})
		}
		return out
	}
	all := len(facts.HotStatements())
	for _, c := range []struct {
		name   string
		o      facts.Observation
		checks []facts.CheckResult
		want   int
		has    string
	}{
		{"everything was explained", facts.Observation{Config: facts.Config{URL: "x"}, Hot: hot("")}, nil, 0, ""},
		{"a statement was not", facts.Observation{Config: facts.Config{URL: "x"}, Hot: hot("task_board")}, nil, 1, "the hot path task_board"},
		{"a statement has failed, which is a finding", facts.Observation{Config: facts.Config{URL: "x"}, Hot: failed}, nil, 0, ""},
		{"none was", facts.Observation{Config: facts.Config{DirectURL: "x"}}, nil, all, "the hot path auth_lookup"},
		{"no database was named", facts.Observation{}, nil, 0, ""},
		{"no chosen check is about statements", facts.Observation{Config: facts.Config{URL: "x", Only: []string{"HD-D04"}}}, nil, 0, ""},
		{"Redis told nothing", facts.Observation{}, redis(facts.Unknown, facts.Unknown), 1, theCache},
		{"Redis told something", facts.Observation{}, redis(facts.Unknown, facts.Fail), 0, ""},
		{"no Redis was named", facts.Observation{}, []facts.CheckResult{{Code: "HD-R04", Status: facts.Unknown, Unasked: true}}, 0, ""},
	} {
		got := Unjudged(&c.o, c.checks)
		if len(got) != c.want || c.has != "" && !slices.Contains(got, c.has) {
			t.Errorf("%s: %v, want %d with %q", c.name, got, c.want, c.has)
		}
	}
}
