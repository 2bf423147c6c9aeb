package render

import (
	"slices"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestACauseHidesItsSymptoms judges three checks of which the dearest is a symptom of the cheapest, and requires
// that the cause comes first, at the symptom's price, and that nothing is lost.
func TestACauseHidesItsSymptoms(t *testing.T) {
	table := []check.Cause{{Code: "A", Explains: []string{"B"}}, {Code: "B", Explains: []string{"C"}, When: check.SameThing}}
	findings := []facts.Finding{
		{Code: "C", Severity: facts.Critical, CostMS: 300, Outage: true, About: []string{"tasks"}},
		{Code: "X", Severity: facts.Critical, CostMS: 120},
		{Code: "B", Severity: facts.Warning, CostMS: 7, About: []string{"users", "tasks"}},
		{Code: "A", Severity: facts.Warning},
		{Code: "C", Severity: facts.Critical, CostMS: 2, About: []string{"documents"}},
	}
	for i := range findings {
		findings[i].Root = i
	}
	check.Attribute(&facts.Observation{}, table, findings)
	check.Rank(findings)
	r := facts.Result{Findings: findings}
	var got []string
	for _, f := range findings {
		got = append(got, f.Code+"<"+f.Because)
	}
	if want := []string{"A<", "C<A", "X<", "B<A", "C<"}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
	if f := findings[0]; f.CostMS != 300 || !f.Outage {
		t.Errorf("the cause costs %v (outage %v), and its dearest symptom 300 of an outage", f.CostMS, f.Outage)
	}
	got = nil
	for _, row := range findingsTable(r).Rows {
		got = append(got, row[0].Text)
	}
	if want := []string{"A", "└─C", "└─B", "X", "C"}; !slices.Equal(got, want) {
		t.Errorf("in the table they are %v, want %v", got, want)
	}
	if got, want := check.Verdict(r), "it explains 2 other findings; 2 more findings)."; !strings.HasSuffix(got, want) {
		t.Errorf("the verdict is %q, want it to end with %q", got, want)
	}
	// Without its cause a symptom speaks for itself.
	alone := []facts.Finding{{Code: "B", CostMS: 7}}
	check.Attribute(&facts.Observation{}, table, alone)
	if alone[0].Because != "" {
		t.Errorf("a symptom whose cause was not found is because of %q", alone[0].Because)
	}
}
