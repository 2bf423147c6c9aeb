package probe

import (
	"slices"
	"strings"
	"testing"
)

// checksOf makes so many passes and unknown checks.
func checksOf(passes, unknown, unasked int) (out []CheckResult) {
	for range passes {
		out = append(out, CheckResult{Code: "HD-Q01", Status: Pass})
	}
	for range unknown {
		out = append(out, CheckResult{Code: "HD-D04", Status: Unknown, Why: "It rained."})
	}
	for range unasked {
		out = append(out, CheckResult{Code: "HD-D02", Status: Unknown, Why: "Nobody named it.", unasked: true})
	}
	return out
}

// TestWhenAProbeIsInconclusive: from a third of the checks on, or where a hot path or the cache could not be judged.
func TestWhenAProbeIsInconclusive(t *testing.T) {
	finding := []Finding{{Code: "HD-Q01", Severity: Warning, Title: "An index is missing", Evidence: "x."}}
	for _, c := range []struct {
		name  string
		r     Result
		want  bool
		names string // what the verdict says of it
	}{
		{"all is known", Result{Checks: checksOf(3, 0, 0)}, false, ""},
		{"fewer than a third", Result{Checks: checksOf(5, 2, 0)}, false, ""},
		{"a third", Result{Checks: checksOf(4, 2, 0)}, true, "2 of 6 checks have no result"},
		{"a third, and something is wrong", Result{Checks: checksOf(4, 2, 0), Findings: finding}, true, "2 of 6 checks have no result"},
		{"what nobody named does not count", Result{Checks: checksOf(4, 1, 9)}, false, ""},
		{"a hot path", Result{Checks: checksOf(9, 1, 0), Unjudged: []string{"the hot path task_board"}}, true, "Not checked at all: the hot path task_board."},
		{"the cache, and something is wrong", Result{Checks: checksOf(9, 1, 0), Unjudged: []string{theCache}, Findings: finding}, true, "Not checked at all: the cache."},
		{"nothing was made", Result{}, false, ""},
	} {
		if got := c.r.Inconclusive(); got != c.want {
			t.Errorf("%s: inconclusive is %v", c.name, got)
		}
		said := verdict(c.r)
		if !strings.Contains(said, c.names) || c.want && strings.HasPrefix(said, "Nothing wrong") || !c.want && strings.Contains(said, "judged") {
			t.Errorf("%s: the verdict is %q", c.name, said)
		}
	}
}

// TestWhatIsUnjudged: what was asked for and of which nothing is known.
func TestWhatIsUnjudged(t *testing.T) {
	hot := func(except string) (out []HotPath) {
		for _, q := range hotStatements() {
			h := HotPath{Name: q.Name}
			if q.Name != except {
				h.Plan = &Plan{}
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
	redis := func(status ...Status) (out []CheckResult) {
		for _, s := range status {
			out = append(out, CheckResult{Code: "HD-R04", Status: s})
		}
		return out
	}
	all := len(hotStatements())
	for _, c := range []struct {
		name   string
		o      observation
		checks []CheckResult
		want   int
		has    string
	}{
		{"everything was explained", observation{config: Config{URL: "x"}, hot: hot("")}, nil, 0, ""},
		{"a statement was not", observation{config: Config{URL: "x"}, hot: hot("task_board")}, nil, 1, "the hot path task_board"},
		{"a statement has failed, which is a finding", observation{config: Config{URL: "x"}, hot: failed}, nil, 0, ""},
		{"none was", observation{config: Config{DirectURL: "x"}}, nil, all, "the hot path auth_lookup"},
		{"no database was named", observation{}, nil, 0, ""},
		{"no chosen check is about statements", observation{config: Config{URL: "x", Only: []string{"HD-D04"}}}, nil, 0, ""},
		{"Redis told nothing", observation{}, redis(Unknown, Unknown), 1, theCache},
		{"Redis told something", observation{}, redis(Unknown, Fail), 0, ""},
		{"no Redis was named", observation{}, []CheckResult{{Code: "HD-R04", Status: Unknown, unasked: true}}, 0, ""},
	} {
		got := c.o.unjudged(c.checks)
		if len(got) != c.want || c.has != "" && !slices.Contains(got, c.has) {
			t.Errorf("%s: %v, want %d with %q", c.name, got, c.want, c.has)
		}
	}
}
