package probe

import (
	"bytes"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/probe/render"
	"github.com/honeydue/honeydue/internal/report"
)

// TestATrialWithNothingToTrySaysSo, in the report too; no bed is asked for.
func TestATrialWithNothingToTrySaysSo(t *testing.T) {
	withSQL := facts.Finding{Code: "HD-Q01", Severity: facts.Warning, SQL: []string{"SELECT 1"}}
	for _, c := range []struct {
		name     string
		findings []facts.Finding
		want     string
	}{
		{"healthy", nil, "There was nothing to try: no finding has an SQL remedy."},
		{"a remark", []facts.Finding{{Code: "HD-N11", Severity: facts.Info}}, "There was nothing to try"},
		{"behind", []facts.Finding{{Code: "HD-D03", Severity: facts.Critical}, withSQL}, "apply the migrations first"},
		{"no statistics", []facts.Finding{withSQL}, "the statistics could not be read"},
	} {
		r := facts.Result{Findings: c.findings}
		trials, note, err := Price(t.Context(), r, TrialBed{})
		if err != nil || !strings.Contains(note, c.want) {
			t.Errorf("%s: the note is %q (%v), want %q", c.name, note, err, c.want)
		}
		r.Trial, r.TrialNote = trials, note
		var got bytes.Buffer
		if err := report.Write(&got, report.FormatTable, render.Terminal(r, false), report.Options{}); err != nil || !strings.Contains(got.String(), c.want) {
			t.Errorf("%s: the report does not say it (%v):\n%s", c.name, err, got.String())
		}
	}
}
