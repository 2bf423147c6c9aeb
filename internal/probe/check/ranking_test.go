package check

import (
	"slices"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestWhatRanksFirst: wrong answers before whatever takes long, and what is critical without a price before what costs
// less than a second.
func TestWhatRanksFirst(t *testing.T) {
	table := []Cause{{Code: "HD-P03", Explains: []string{"HD-P06"}, enough: "one mode"}, {Code: "HD-K01", Explains: []string{"HD-K03"}, enough: "one pod"}}
	wrong := facts.Finding{Code: "HD-P06", Severity: facts.Critical, WrongAnswers: true}
	jitter := facts.Finding{Code: "HD-N04", Severity: facts.Warning, CostMS: 30}
	queue := facts.Finding{Code: "HD-P04", Severity: facts.Warning, CostMS: 1200}
	locks := facts.Finding{Code: "HD-D04", Severity: facts.Critical, CostMS: 60_000}
	outage := facts.Finding{Code: "HD-T01", Severity: facts.Critical, Outage: true, CostMS: failedMS}
	expired := facts.Finding{Code: "HD-N09", Severity: facts.Critical}
	mode := facts.Finding{Code: "HD-P03", Severity: facts.Critical}
	drift := facts.Finding{Code: "HD-C01", Severity: facts.Warning}
	remark := facts.Finding{Code: "HD-N01", Severity: facts.Info}
	restarted := facts.Finding{Code: "HD-K01", Severity: facts.Warning}
	unready := facts.Finding{Code: "HD-K03", Severity: facts.Critical}
	for _, c := range []struct {
		name     string
		findings []facts.Finding
		want     []string
	}{
		{"wrong rows before all", []facts.Finding{jitter, outage, locks, wrong}, []string{"HD-P06", "HD-D04", "HD-T01", "HD-N04"}},
		{"with their cause", []facts.Finding{jitter, outage, mode, wrong}, []string{"HD-P03", "HD-P06", "HD-T01", "HD-N04"}},
		{"critical without a price", []facts.Finding{jitter, drift, queue, expired}, []string{"HD-P04", "HD-N09", "HD-N04", "HD-C01"}},
		{"a symptom of that kind", []facts.Finding{jitter, restarted, unready}, []string{"HD-K01", "HD-K03", "HD-N04"}},
		{"a remark is the last", []facts.Finding{remark, drift, jitter}, []string{"HD-N04", "HD-C01", "HD-N01"}},
	} {
		findings := slices.Clone(c.findings)
		for i := range findings {
			findings[i].Root = i
		}
		Attribute(&facts.Observation{}, table, findings)
		Rank(findings)
		var got []string
		for _, f := range findings {
			got = append(got, f.Code)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: the order is %v, want %v", c.name, got, c.want)
		}
		if findings[0].Code == "HD-P03" && !findings[0].WrongAnswers {
			t.Errorf("%s: the cause is not told to give wrong answers", c.name)
		}
	}
}
