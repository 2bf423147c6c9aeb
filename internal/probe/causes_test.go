package probe

import (
	"slices"
	"strings"
	"testing"
)

// TestCausesNameCodes requires that the table names codes that exist, in an order in which no circle is possible.
func TestCausesNameCodes(t *testing.T) {
	codes := Codes()
	edges := map[string][]string{}
	for _, c := range causes() {
		edges[c.code] = append(edges[c.code], c.explains...)
		if (c.when == nil) == (c.enough == "") {
			t.Errorf("%s explains %v: it needs a condition, or a reason why the codes are enough", c.code, c.explains)
		}
		for _, code := range append([]string{c.code}, c.explains...) {
			if !slices.Contains(codes, code) {
				t.Errorf("the table of causes names %s, which is no check", code)
			}
		}
	}
	var walk func(code string, path []string)
	walk = func(code string, path []string) {
		if slices.Contains(path, code) {
			t.Fatalf("the table of causes goes round: %s", strings.Join(append(path, code), " explains "))
		}
		for _, next := range edges[code] {
			walk(next, append(slices.Clone(path), code))
		}
	}
	for code := range edges {
		walk(code, nil)
	}
}

// TestACauseHidesItsSymptoms judges three checks of which the dearest is a symptom of the cheapest, and requires
// that the cause comes first, at the symptom's price, and that nothing is lost.
func TestACauseHidesItsSymptoms(t *testing.T) {
	table := []cause{{code: "A", explains: []string{"B"}}, {code: "B", explains: []string{"C"}, when: sameThing}}
	findings := []Finding{
		{Code: "C", Severity: Critical, CostMS: 300, Outage: true, about: []string{"tasks"}},
		{Code: "X", Severity: Critical, CostMS: 120},
		{Code: "B", Severity: Warning, CostMS: 7, about: []string{"users", "tasks"}},
		{Code: "A", Severity: Warning},
		{Code: "C", Severity: Critical, CostMS: 2, about: []string{"documents"}},
	}
	for i := range findings {
		findings[i].root = i
	}
	attribute(&observation{}, table, findings)
	rank(findings)
	r := Result{Findings: findings}
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
	for _, row := range r.findingsTable().Rows {
		got = append(got, row[0].Text)
	}
	if want := []string{"A", "└─C", "└─B", "X", "C"}; !slices.Equal(got, want) {
		t.Errorf("in the table they are %v, want %v", got, want)
	}
	if got, want := verdict(r), "it explains 2 other findings; 2 more findings)."; !strings.HasSuffix(got, want) {
		t.Errorf("the verdict is %q, want it to end with %q", got, want)
	}
	// Without its cause a symptom speaks for itself.
	alone := []Finding{{Code: "B", CostMS: 7}}
	attribute(&observation{}, table, alone)
	if alone[0].Because != "" {
		t.Errorf("a symptom whose cause was not found is because of %q", alone[0].Because)
	}
}
