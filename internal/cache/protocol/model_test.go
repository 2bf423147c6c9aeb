package protocol

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

const limit = 3_000_000

func explore(t *testing.T, m Model) Result {
	t.Helper()
	began := time.Now()
	r, err := m.Explore(limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d states, %d moves, depth %d, %v", r.States, r.Moves, r.Depth, time.Since(began).Round(time.Millisecond))
	return r
}

// TestPromisesHold explores the protocol as specified under each fault alone
// and under many together.
func TestPromisesHold(t *testing.T) {
	golden(t, "cases.golden", holds(t, append(aloneCases(), keepsCases()...)))
}

// TestSpareParts shows which single parts are the second of two locks.
func TestSpareParts(t *testing.T) {
	holds(t, spareCases())
}

func holds(t *testing.T, cases []keeps) string {
	t.Helper()
	// Cases run side by side and are written down in their order.
	counts := make([]string, len(cases))
	t.Run("cases", func(t *testing.T) {
		for i, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				counts[i] = c.hold(t)
			})
		}
	})
	return strings.Join(counts, "")
}

// hold explores the case and returns what was counted.
func (c *keeps) hold(t *testing.T) string {
	t.Helper()
	r := explore(t, c.model)
	if r.Violation != nil {
		t.Fatalf("broken: %s\n%s", r.Violation.Broken, r.Violation.Trace)
	}
	if !r.Taken[c.needs] {
		t.Errorf("the step %q was never taken", c.needs)
	}
	counted := fmt.Sprintf("%s\n    promised: %s. %d states, %d moves, depth %d\n", c.name, c.model.Promised, r.States, r.Moves, r.Depth)
	if c.breaks == 0 {
		return counted
	}
	m := c.model
	m.Promised = c.breaks
	r = explore(t, m)
	if r.Violation == nil {
		t.Fatalf("%s holds: the fault does not bite, or more could be promised", c.breaks)
	}
	return counted + fmt.Sprintf("    not promised: %s, shortest breach in %d steps\n", c.breaks, len(r.Violation.Trace.Lines))
}

// TestBreakingAStepIsFound breaks the protocol on purpose, one way at a time.
func TestBreakingAStepIsFound(t *testing.T) {
	var traces strings.Builder
	for _, c := range failsCases() {
		t.Run(c.name, func(t *testing.T) {
			r := explore(t, c.model)
			if r.Violation == nil {
				t.Fatalf("nothing was found")
			}
			if r.Violation.Broken&c.want == 0 {
				t.Errorf("broken: %s, want %s", r.Violation.Broken, c.want)
			}
			t.Logf("\n%s", r.Violation.Trace)
			fmt.Fprintf(&traces, "## %s\nbroken: %s, after %d states\n\n%s\n", c.name, r.Violation.Broken, r.States, r.Violation.Trace)
		})
	}
	golden(t, "traces.golden", traces.String())
}

// TestEveryStepIsTaken keeps the tables honest: a step that no case takes is
// a step that nothing checks.
func TestEveryStepIsTaken(t *testing.T) {
	var taken [stepKinds]bool
	note := func(m Model) {
		m.Readers = 2
		r, err := m.Explore(limit)
		if err != nil {
			t.Fatal(err)
		}
		for k, was := range r.Taken {
			taken[k] = taken[k] || was
		}
	}
	all := Model{Writers: 1, Sweepers: 2, Faults: WriterCrashes, Promised: P1, Refresh: true}
	note(all)
	all.Sweepers, all.Blind, all.Faults = 1, true, anything
	note(all)
	all.Blind, all.Faults, all.Promised = false, WriterCutOff, InTime
	note(all)
	all.Faults, all.Promised = RolledBack, Acknowledged
	note(all)
	all.Faults, all.Ages = 0, true
	note(all)
	all.Ages, all.InPod, all.Glance = false, true, true
	note(all)
	for _, b := range []Broken{SkipHold, HoldExpires, TombstonePruned} {
		note(Model{Writers: 1, Sweepers: 1, Broken: b, Faults: inP1, Promised: Swept})
	}
	for k, was := range taken {
		if !was {
			t.Errorf("never taken: %s", StepKind(k))
		}
	}
}

// TestOnlyTheMarkBreaks repairs the cases that the mark breaks by leaving none.
func TestOnlyTheMarkBreaks(t *testing.T) {
	for _, c := range markCases() {
		t.Run(c.name, func(t *testing.T) {
			c.model.Broken |= Unmarked
			if r := explore(t, c.model); r.Violation != nil {
				t.Errorf("broken without a mark: %s\n%s", r.Violation.Broken, r.Violation.Trace)
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if t.Failed() {
		return
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	if got != string(want) {
		t.Errorf("%s differs from what was found; look at the difference after -update:\n%s", path, got)
	}
}
