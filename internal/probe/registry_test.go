package probe

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestCodesAreUniqueAndWellFormed(t *testing.T) {
	form := regexp.MustCompile(`^HD-[NQPDRCTK]\d\d$`)
	seen := map[string]bool{}
	for _, c := range registry() {
		if !form.MatchString(c.code) {
			t.Errorf("the code %q has not the form HD-X00", c.code)
		}
		if seen[c.code] {
			t.Errorf("the code %s is there twice", c.code)
		}
		seen[c.code] = true
		if c.title == "" || c.severity == "" || c.run == nil || len(c.needs) == 0 {
			t.Errorf("%s is incomplete: %+v", c.code, c)
		}
	}
}

// TestEveryCodeHasARunbookPage requires that codes and pages are equal, and that each page answers the
// same five questions.
func TestEveryCodeHasARunbookPage(t *testing.T) {
	folder := filepath.Join("..", "..", "docs", "runbooks")
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
	for _, c := range registry() {
		text, err := os.ReadFile(filepath.Join("..", "..", RunbookPage(c.code)))
		if err != nil {
			t.Fatal(err)
		}
		page := string(text)
		if !strings.HasPrefix(page, "# "+c.code+": "+c.title+"\n") {
			t.Errorf("%s does not begin with its code and title: # %s: %s", RunbookPage(c.code), c.code, c.title)
		}
		for _, section := range []string{"What it means", "How it was measured", "Confirm by hand", "Remedy", "Verify"} {
			if !strings.Contains(page, "\n## "+section+"\n") {
				t.Errorf("%s lacks the section %q", RunbookPage(c.code), section)
			}
		}
	}
}

// TestNothingKnownIsNoPass judges an observation in which nothing could be measured.
func TestNothingKnownIsNoPass(t *testing.T) {
	results, findings := judge(registry(), &observation{config: Config{TargetURL: "http://x.example", MetricsURL: "http://x.example:9090", Baseline: &Result{}, Cluster: &Cluster{}}}, nil, nil)
	if len(results) != len(registry()) || len(findings) != 0 {
		t.Fatalf("%d results and %d findings, want %d and none", len(results), len(findings), len(registry()))
	}
	for _, r := range results {
		if r.Status != Unknown || r.Why == "" {
			t.Errorf("%s is %q because %q, want unknown and a reason", r.Code, r.Status, r.Why)
		}
	}
}

// optional is how many checks are left out where no target, no baseline and no cluster is named.
func optional() (n int) {
	for _, c := range registry() {
		if slices.ContainsFunc(c.needs, func(p part) bool {
			return slices.Contains([]part{askedTarget, upTarget, knowsReads, knowsMetrics, hasBaseline, askedCluster}, p)
		}) {
			n++
		}
	}
	return n
}

func TestOnlyAndSkip(t *testing.T) {
	codes := func(only, skip []string) []string {
		results, _ := judge(registry(), &observation{}, only, skip)
		var out []string
		for _, r := range results {
			out = append(out, r.Code)
		}
		return out
	}
	if got := codes([]string{"HD-Q01", "HD-R02"}, nil); !slices.Equal(got, []string{"HD-Q01", "HD-R02"}) {
		t.Errorf("only gives %v", got)
	}
	if got := codes(nil, []string{"HD-Q01"}); slices.Contains(got, "HD-Q01") || len(got) != len(registry())-1-optional() {
		t.Errorf("skip gives %v", got)
	}
	if got := codes([]string{"HD-Q01"}, []string{"HD-Q01"}); len(got) != 0 {
		t.Errorf("skip does not win over only: %v", got)
	}
	if err := (Config{Only: []string{"HD-X99"}}).Validate(); err == nil {
		t.Error("a code that does not exist is taken")
	}
}

func TestFindingsAreSortedByWhatTheyCost(t *testing.T) {
	always := func(h hit) func(*observation) outcome { return func(*observation) outcome { return found(h) } }
	checks := []check{
		{code: "A", severity: Info, run: always(hit{})},
		{code: "B", severity: Warning, run: always(hit{costMS: 5})},
		{code: "C", severity: Critical, run: always(hit{})},
		{code: "D", severity: Critical, run: always(hit{costMS: 900})},
		{code: "E", severity: Critical, outage: true, run: always(hit{costMS: 3})},
		{code: "F", severity: Warning, run: always(hit{costMS: 5})},
	}
	results, findings := judge(checks, &observation{}, nil, nil)
	var got []string
	for _, f := range findings {
		got = append(got, f.Code)
	}
	// C fails nobody and has no price: it weighs a second.
	if want := []string{"E", "C", "D", "B", "F", "A"}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
	for i, want := range []Status{Remark, Warn, Fail, Fail, Fail, Warn} {
		if results[i].Status != want {
			t.Errorf("%s is %s, want %s", results[i].Code, results[i].Status, want)
		}
	}
}
