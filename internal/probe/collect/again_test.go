package collect

import (
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// TestWorthAnotherLook: a little above a limit a busy moment may be all there
// is to it; far above it, and below it, one look is enough.
func TestWorthAnotherLook(t *testing.T) {
	heavy := store.Subject{Label: "heavy", Tasks: 200}
	for _, c := range []struct {
		name            string
		execution, scan float64
		want            bool
	}{
		{"below both", 3, 0.9, false},
		{"a little above S14", 9, 0, true},
		{"far above S14", 90, 0, false},
		{"a scan a little above what is harmless", 3, 2, true},
		{"a scan far above it", 3, 11, false},
	} {
		p := &facts.Plan{ExecutionMS: c.execution}
		if c.scan > 0 {
			p.Root = facts.Node{Type: "Seq Scan", Relation: "contractors", ActualTotal: c.scan, ActualLoops: 1}
		}
		if got := worthAnotherLook(p, heavy); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
