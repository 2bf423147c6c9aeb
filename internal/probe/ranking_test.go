package probe

import (
	"slices"
	"testing"
)

// TestWhatRanksFirst: wrong answers before whatever takes long, and what is critical without a price before what costs
// less than a second.
func TestWhatRanksFirst(t *testing.T) {
	table := []cause{{code: "HD-P03", explains: []string{"HD-P06"}, enough: "one mode"}, {code: "HD-K01", explains: []string{"HD-K03"}, enough: "one pod"}}
	wrong := Finding{Code: "HD-P06", Severity: Critical, WrongAnswers: true}
	jitter := Finding{Code: "HD-N04", Severity: Warning, CostMS: 30}
	queue := Finding{Code: "HD-P04", Severity: Warning, CostMS: 1200}
	locks := Finding{Code: "HD-D04", Severity: Critical, CostMS: 60_000}
	outage := Finding{Code: "HD-T01", Severity: Critical, Outage: true, CostMS: failedMS}
	expired := Finding{Code: "HD-N09", Severity: Critical}
	mode := Finding{Code: "HD-P03", Severity: Critical}
	drift := Finding{Code: "HD-C01", Severity: Warning}
	remark := Finding{Code: "HD-N01", Severity: Info}
	restarted := Finding{Code: "HD-K01", Severity: Warning}
	unready := Finding{Code: "HD-K03", Severity: Critical}
	for _, c := range []struct {
		name     string
		findings []Finding
		want     []string
	}{
		{"wrong rows before all", []Finding{jitter, outage, locks, wrong}, []string{"HD-P06", "HD-D04", "HD-T01", "HD-N04"}},
		{"with their cause", []Finding{jitter, outage, mode, wrong}, []string{"HD-P03", "HD-P06", "HD-T01", "HD-N04"}},
		{"critical without a price", []Finding{jitter, drift, queue, expired}, []string{"HD-P04", "HD-N09", "HD-N04", "HD-C01"}},
		{"a symptom of that kind", []Finding{jitter, restarted, unready}, []string{"HD-K01", "HD-K03", "HD-N04"}},
		{"a remark is the last", []Finding{remark, drift, jitter}, []string{"HD-N04", "HD-C01", "HD-N01"}},
	} {
		findings := slices.Clone(c.findings)
		for i := range findings {
			findings[i].root = i
		}
		attribute(&observation{}, table, findings)
		rank(findings)
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

// TestWrongRowsAreTold: a row of the other client's is marked, and a call that failed is not.
func TestWrongRowsAreTold(t *testing.T) {
	judged := func(i isolation) Finding {
		o := &observation{pooler: &pgServer{pooled: true}}
		o.ways.isolation = i
		for _, c := range registry() {
			if c.code == "HD-P06" {
				_, findings := judge([]check{c}, o, nil, nil)
				if len(findings) == 1 {
					return findings[0]
				}
			}
		}
		t.Fatalf("%+v is not found", i)
		return Finding{}
	}
	f := judged(isolation{mode: "exec", wrong: 1, answers: 10})
	if !f.WrongAnswers || f.costCell().Text != "wrong" || f.Severity != Critical {
		t.Errorf("a wrong row is %+v, and costs %q", f, f.costCell().Text)
	}
	if f := judged(isolation{mode: "exec", collided: 1, answers: 10}); f.WrongAnswers {
		t.Errorf("a call that failed is %+v", f)
	}
}
