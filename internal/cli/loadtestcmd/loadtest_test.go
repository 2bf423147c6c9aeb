package loadtestcmd

import (
	"errors"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// Nothing can be compared with a server that is not there, whichever of the two it is.
func TestUnansweredNamesTheServerThatIsMissing(t *testing.T) {
	up := func(name string) bench.Phase { return bench.Phase{Name: name, Requests: 100} }
	down := func(name string) bench.Phase {
		return bench.Phase{Name: name, Requests: 100, Errors: 100, ErrorKinds: map[string]int{string(bench.KindConnect): 100}}
	}
	const target, baseline = "http://127.0.0.1:1", "http://127.0.0.1:2"
	pair := func(phases ...bench.Phase) bench.Result {
		r := bench.Result{Verdict: bench.Inconclusive, Target: target, Phases: phases, Comparison: &bench.Comparison{}}
		r.Comparison.Baseline.URL = baseline
		return r
	}
	for name, c := range map[string]struct {
		result bench.Result
		names  []string // none: no error
	}{
		"one server, up":   {result: bench.Result{Target: target, Phases: []bench.Phase{up("get")}}},
		"one server, down": {bench.Result{Verdict: bench.Fail, Target: target, Phases: []bench.Phase{down("get")}}, []string{target}},
		"one phase of two": {result: bench.Result{Verdict: bench.Fail, Target: target, Phases: []bench.Phase{up("warm"), down("cold")}}},
		"both up":          {result: pair(up(bench.PhaseAgainst), up(bench.PhaseTarget))},
		"both down":        {pair(down(bench.PhaseAgainst), down(bench.PhaseTarget)), []string{target, baseline}},
		"baseline down":    {pair(down(bench.PhaseAgainst), up(bench.PhaseTarget)), []string{baseline}},
		"target down":      {pair(up(bench.PhaseAgainst), down(bench.PhaseTarget)), []string{target}},
	} {
		err := unanswered(c.result)
		failed, _ := errors.AsType[*exit.Error](err)
		if (err != nil) != (len(c.names) > 0) || failed != nil && failed.Code != exit.Failed {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, url := range []string{target, baseline} {
			named := false
			for _, n := range c.names {
				named = named || n == url
			}
			if err != nil && strings.Contains(err.Error(), url) != named {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
