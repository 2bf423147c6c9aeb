package render

import (
	"testing"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestWrongRowsAreTold: a row of the other client's is marked, and a call that failed is not.
func TestWrongRowsAreTold(t *testing.T) {
	judged := func(i facts.Isolation) facts.Finding {
		o := &facts.Observation{Pooler: &facts.PGServer{Pooled: true}}
		o.Ways.Isolation = i
		for _, c := range check.Registry() {
			if c.Code == "HD-P06" {
				_, findings := check.Judge([]check.Check{c}, o, nil, nil)
				if len(findings) == 1 {
					return findings[0]
				}
			}
		}
		t.Fatalf("%+v is not found", i)
		return facts.Finding{}
	}
	f := judged(facts.Isolation{Mode: "exec", Wrong: 1, Answers: 10})
	if !f.WrongAnswers || costCell(f).Text != "wrong" || f.Severity != facts.Critical {
		t.Errorf("a wrong row is %+v, and costs %q", f, costCell(f).Text)
	}
	if f := judged(facts.Isolation{Mode: "exec", Collided: 1, Answers: 10}); f.WrongAnswers {
		t.Errorf("a call that failed is %+v", f)
	}
}
