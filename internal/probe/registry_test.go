package probe

import (
	"slices"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// optional is how many checks are left out where no target, no baseline and no cluster is named.
func optional() (n int) {
	for _, c := range check.Registry() {
		if slices.ContainsFunc(c.Needs, func(p facts.Part) bool {
			return slices.Contains([]facts.Part{facts.AskedTarget, facts.UpTarget, facts.KnowsReads, facts.KnowsMetrics, facts.HasBaseline, facts.AskedCluster}, p)
		}) {
			n++
		}
	}
	return n
}

func TestOnlyAndSkip(t *testing.T) {
	codes := func(only, skip []string) []string {
		results, _ := check.Judge(check.Registry(), &facts.Observation{}, only, skip)
		var out []string
		for _, r := range results {
			out = append(out, r.Code)
		}
		return out
	}
	if got := codes([]string{"HD-Q01", "HD-R02"}, nil); !slices.Equal(got, []string{"HD-Q01", "HD-R02"}) {
		t.Errorf("only gives %v", got)
	}
	if got := codes(nil, []string{"HD-Q01"}); slices.Contains(got, "HD-Q01") || len(got) != len(check.Registry())-1-optional() {
		t.Errorf("skip gives %v", got)
	}
	if got := codes([]string{"HD-Q01"}, []string{"HD-Q01"}); len(got) != 0 {
		t.Errorf("skip does not win over only: %v", got)
	}
	if err := Validate((facts.Config{Only: []string{"HD-X99"}})); err == nil {
		t.Error("a code that does not exist is taken")
	}
}
