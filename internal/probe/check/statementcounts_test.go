package check

import (
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestHiddenStatements: where most of the time went into statements that can't be told apart, nothing follows.
func TestHiddenStatements(t *testing.T) {
	looks := make([]facts.Activity, FewestSamples)
	judge := func(counted facts.StatementCounts) (means, foreign Outcome) {
		o := watched(facts.ServerFacts{Counted: &counted, Samples: looks, Extensions: facts.ExtensionFacts{There: []string{"pg_stat_statements"}}})
		return statementMeans(o), foreignLoad(o)
	}
	before := facts.StatementCounts{Hidden: facts.CountedStatement{Calls: 5, MS: 100}}
	after := facts.StatementCounts{Hidden: facts.CountedStatement{Calls: 9, MS: 900}, Others: facts.CountedStatement{Calls: 1, MS: 100}}
	for i, got := range func() []Outcome { a, b := judge(after.Since(before)); return []Outcome{a, b} }() {
		if !got.Unknown || !strings.Contains(got.Why, "89%") || !strings.Contains(got.Why, "GRANT pg_monitor") {
			t.Errorf("%d: %+v", i, got)
		}
	}
	few := facts.StatementCounts{Hidden: facts.CountedStatement{Calls: 1, MS: 10}, Others: facts.CountedStatement{Calls: 1, MS: 100}}
	if means, foreign := judge(few); means.Unknown || foreign.Unknown {
		t.Errorf("a few hidden statements hide all: %+v %+v", means, foreign)
	}
	looks = looksOf(facts.PGSession{State: "active"}, 3, 3)
	if _, foreign := judge(facts.StatementCounts{Hidden: facts.CountedStatement{MS: 9000}}); len(foreign.Hits) != 1 {
		t.Errorf("others are busy, whoever is hidden: %+v", foreign)
	}
	if !statementMeans(watched(facts.ServerFacts{})).Unknown {
		t.Error("without pg_stat_statements nothing is known")
	}
}

// TestASlowMeanCostsWhatIsTooMuch: a request pays what the mean lies above the limit that the text names.
func TestASlowMeanCostsWhatIsTooMuch(t *testing.T) {
	counted := facts.StatementCounts{Ours: []facts.CountedStatement{{Name: "auth_lookup", Calls: 100, MS: 100 * (facts.S14HeavyMS + 3)}}}
	out := statementMeans(watched(facts.ServerFacts{Counted: &counted, Extensions: facts.ExtensionFacts{There: []string{"pg_stat_statements"}}}))
	if len(out.Hits) != 1 || out.Hits[0].CostMS != 3 {
		t.Errorf("3 ms too much: %+v", out)
	}
}

// looksOf is a number of looks, of which the first ones show a session.
func looksOf(s facts.PGSession, times, looks int) []facts.Activity {
	out := make([]facts.Activity, looks)
	for i := range times {
		out[i].Sessions = []facts.PGSession{s}
	}
	return out
}

// TestForeignLoad: what counts is how long others were at work in the window. A report that ends in it is counted by the
// server with all of its time, one that still runs with none.
func TestForeignLoad(t *testing.T) {
	report := facts.PGSession{PID: 41, State: "active", App: "psql", XactS: 61}
	lacking := func(change func(*facts.PGSession)) facts.PGSession {
		s := report
		change(&s)
		return s
	}
	for _, c := range []struct {
		name    string
		counted facts.StatementCounts
		looks   []facts.Activity
		found   bool
	}{
		{"a report of a minute ends in the window", facts.StatementCounts{Others: facts.CountedStatement{Calls: 1, MS: 60_000}}, looksOf(report, 1, 8), false},
		{"a report still runs", facts.StatementCounts{}, looksOf(report, 8, 8), true},
		{"it waits for a lock", facts.StatementCounts{}, looksOf(lacking(func(s *facts.PGSession) { s.WaitType = "Lock" }), 8, 8), false},
		{"it waits for its client", facts.StatementCounts{}, looksOf(lacking(func(s *facts.PGSession) { s.WaitType = "Client" }), 8, 8), false},
		{"it waits for a replica", facts.StatementCounts{}, looksOf(lacking(func(s *facts.PGSession) { s.WaitType, s.Wait = "IPC", "SyncRep" }), 8, 8), false},
		{"it thinks", facts.StatementCounts{}, looksOf(lacking(func(s *facts.PGSession) { s.State = facts.IdleInTransaction }), 8, 8), false},
		{"it is the app's", facts.StatementCounts{}, looksOf(lacking(func(s *facts.PGSession) { s.Statement = "auth_lookup" }), 8, 8), false},
		{"it is the probe's", facts.StatementCounts{}, looksOf(lacking(func(s *facts.PGSession) { s.Statement = facts.OwnStatement }), 8, 8), false},
	} {
		out := foreignLoad(watched(facts.ServerFacts{Counted: &c.counted, Samples: c.looks, Extensions: facts.ExtensionFacts{There: []string{"pg_stat_statements"}}}))
		if got := len(out.Hits) > 0; got != c.found || out.Unknown {
			t.Errorf("%s: %+v", c.name, out)
		}
		if c.found && !strings.Contains(out.Hits[0].Evidence, "the oldest was pid 41 (psql), active, its transaction is 61 s old") {
			t.Errorf("%s: %s", c.name, out.Hits[0].Evidence)
		}
	}
	if out := foreignLoad(watched(facts.ServerFacts{Samples: looksOf(report, 2, 2)})); !out.Unknown {
		t.Errorf("two looks are enough: %+v", out)
	}
	if out := foreignLoad(watched(facts.ServerFacts{Samples: looksOf(report, 8, 8)})); len(out.Hits) != 1 {
		t.Errorf("it takes pg_stat_statements: %+v", out)
	}
	long := facts.CountedStatement{Calls: 1, MS: 60_000}
	if got := long.Within(5 * time.Second); got != 5000 {
		t.Errorf("of a minute %v ms lie in five seconds", got)
	}
}
