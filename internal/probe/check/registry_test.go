package check

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

func TestCodesAreUniqueAndWellFormed(t *testing.T) {
	form := regexp.MustCompile(`^HD-[NQPDRCTK]\d\d$`)
	seen := map[string]bool{}
	for _, c := range Registry() {
		if !form.MatchString(c.Code) {
			t.Errorf("the code %q has not the form HD-X00", c.Code)
		}
		if seen[c.Code] {
			t.Errorf("the code %s is there twice", c.Code)
		}
		seen[c.Code] = true
		if c.title == "" || c.severity == "" || c.run == nil || len(c.Needs) == 0 {
			t.Errorf("%s is incomplete: %+v", c.Code, c)
		}
	}
}

// TestEveryCodeHasARunbookPage requires that codes and pages are equal, and that each page answers the
// same five questions.
func TestEveryCodeHasARunbookPage(t *testing.T) {
	folder := filepath.Join("..", "..", "..", "docs", "runbooks")
	files, err := filepath.Glob(filepath.Join(folder, "HD-*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, f := range files {
		pages = append(pages, strings.TrimSuffix(filepath.Base(f), ".md"))
	}
	codes := slices.Sorted(slices.Values(Codes()))
	if !slices.Equal(pages, codes) {
		t.Fatalf("pages and codes differ:\npages %v\ncodes %v", pages, codes)
	}
	for _, c := range Registry() {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", RunbookPage(c.Code)))
		if err != nil {
			t.Fatal(err)
		}
		page := string(text)
		if !strings.HasPrefix(page, "# "+c.Code+": "+c.title+"\n") {
			t.Errorf("%s does not begin with its code and title: # %s: %s", RunbookPage(c.Code), c.Code, c.title)
		}
		for _, section := range []string{"What it means", "How it was measured", "Confirm by hand", "Remedy", "Verify"} {
			if !strings.Contains(page, "\n## "+section+"\n") {
				t.Errorf("%s lacks the section %q", RunbookPage(c.Code), section)
			}
		}
	}
}

// TestNothingKnownIsNoPass judges an observation in which nothing could be measured.
func TestNothingKnownIsNoPass(t *testing.T) {
	results, findings := Judge(Registry(), &facts.Observation{Config: facts.Config{TargetURL: "http://x.example", MetricsURL: "http://x.example:9090", Baseline: &facts.Result{}, Cluster: &facts.Cluster{}}}, nil, nil)
	if len(results) != len(Registry()) || len(findings) != 0 {
		t.Fatalf("%d results and %d findings, want %d and none", len(results), len(findings), len(Registry()))
	}
	for _, r := range results {
		if r.Status != facts.Unknown || r.Why == "" {
			t.Errorf("%s is %q because %q, want unknown and a reason", r.Code, r.Status, r.Why)
		}
	}
}

func TestFindingsAreSortedByWhatTheyCost(t *testing.T) {
	always := func(h hit) func(*facts.Observation) Outcome {
		return func(*facts.Observation) Outcome { return found(h) }
	}
	checks := []Check{
		{Code: "A", severity: facts.Info, run: always(hit{})},
		{Code: "B", severity: facts.Warning, run: always(hit{CostMS: 5})},
		{Code: "C", severity: facts.Critical, run: always(hit{})},
		{Code: "D", severity: facts.Critical, run: always(hit{CostMS: 900})},
		{Code: "E", severity: facts.Critical, outage: true, run: always(hit{CostMS: 3})},
		{Code: "F", severity: facts.Warning, run: always(hit{CostMS: 5})},
	}
	results, findings := Judge(checks, &facts.Observation{}, nil, nil)
	var got []string
	for _, f := range findings {
		got = append(got, f.Code)
	}
	// C fails nobody and has no price: it weighs a second.
	if want := []string{"E", "C", "D", "B", "F", "A"}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
	for i, want := range []facts.Status{facts.Remark, facts.Warn, facts.Fail, facts.Fail, facts.Fail, facts.Warn} {
		if results[i].Status != want {
			t.Errorf("%s is %s, want %s", results[i].Code, results[i].Status, want)
		}
	}
}
