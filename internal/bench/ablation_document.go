package bench

import (
	"fmt"
	"math"
	"strings"

	"github.com/honeydue/honeydue/internal/report"
)

// Document is the report of an ablation. It is pure.
func (a Ablation) Document() report.Document {
	d := report.Document{Schema: AblateSchema, Title: "loadtest ablate: what each tuned decision buys at " + figure(a.LinkRTTMS), Data: a}
	if len(a.Rows) > 0 {
		d.Blocks = append(d.Blocks, a.decisions())
	}
	if len(a.Paths) > 0 {
		d.Blocks = append(d.Blocks, a.paths())
	}
	for _, r := range a.Rows {
		d.Blocks = append(d.Blocks, report.Paragraph{Text: fmt.Sprintf("%s: %s -> %s. %s", r.Decision, r.Old, r.Tuned, r.Method)})
	}
	for _, f := range a.Failures {
		d.Blocks = append(d.Blocks, report.Paragraph{Text: f.Variant + " could not be measured: " + f.Error, Tone: report.Bad})
	}
	if len(a.NotMeasured) > 0 {
		d.Blocks = append(d.Blocks, report.Paragraph{Text: "Interrupted; not measured, or with fewer samples than planned: " + strings.Join(a.NotMeasured, ", "), Tone: report.Warn})
	}
	return d
}

func (a Ablation) decisions() report.Table {
	t := report.Table{
		Columns: []string{"decision", "measured", "n", "starts", "turned back", "tuned", "what it buys"},
		Note: fmt.Sprintf("R = %s between the server and its database. Each figure has its 95%% interval, or its range below 6 samples. A difference is claimed if the intervals do not overlap, nor do the figures of the single starts, it is at least 5%%, and a time, a share or a heap was measured after %d starts of each side; for turns and other counts one start is enough. The load alternates between the servers; /readyz was requested every 20 ms.",
			figure(a.LinkRTTMS), fewestStarts),
	}
	for _, r := range a.Rows {
		name := r.Decision + " " + r.Title
		if len(r.Figures) == 0 {
			t.Rows = append(t.Rows, []report.Cell{report.Text(name), report.Toned(report.Warn, "not measured")})
		}
		for _, f := range r.Figures {
			t.Rows = append(t.Rows, []report.Cell{
				report.Text(name), report.Text(f.Label), right(counts(f.WithOld.N, f.Tuned.N)), right(counts(f.WithOld.Starts, f.Tuned.Starts)), f.WithOld.cell(), f.Tuned.cell(), a.buys(f),
			})
			name = ""
		}
	}
	return t
}

// counts are those of both sides.
func counts(old, tuned int) string {
	if old == tuned {
		return report.Thousands(int64(old))
	}
	return report.Thousands(int64(old)) + "/" + report.Thousands(int64(tuned))
}

func (s Spread) String() string {
	text := amount(s.Value)
	if s.Low != s.High {
		text += fmt.Sprintf(" [%s, %s]", amount(s.Low), amount(s.High))
	}
	if s.Errors > 0 {
		text += fmt.Sprintf(", %d failed", s.Errors)
	}
	return text
}

func (s Spread) cell() report.Cell {
	c := right(s.String())
	if s.Errors > 0 {
		c.Tone = report.Bad
	}
	return c
}

// buys says the difference in words, and nothing more than was seen.
func (a Ablation) buys(f AblatedFigure) report.Cell {
	unit := f.unit()
	size := amount(math.Abs(f.Buys)) + unit
	if math.Abs(f.Buys) == 1 {
		size = strings.TrimSuffix(size, "s")
	}
	if r := math.Abs(f.Buys) / a.LinkRTTMS; unit == " ms" && a.LinkRTTMS > 0 && r >= 0.05 {
		size += fmt.Sprintf(" (%.1f R)", r)
	}
	switch {
	case f.WithOld.Value != f.Tuned.Value && !f.enough():
		return report.Toned(report.Dim, "too few starts to say")
	case !f.Seen:
		return report.Toned(report.Dim, fmt.Sprintf("no difference seen: %s vs %s%s", amount(f.WithOld.Value), amount(f.Tuned.Value), unit))
	case f.Buys > 0:
		return report.Toned(report.Good, size+" less")
	}
	return report.Toned(report.Warn, size+" more")
}

// unit is the measure's, as one writes it after a number.
func (f AblatedFigure) unit() string {
	i := strings.LastIndexByte(f.Measure, '_')
	switch f.Measure[i+1:] {
	case "ms":
		return " ms"
	case "turns":
		return " turns"
	case "pct":
		return " points"
	case "mb":
		return " MB"
	}
	return ""
}

func (a Ablation) paths() report.Table {
	t := report.Table{
		Title:   "Before the tuning, turned back, and tuned",
		Columns: []string{"path of a request", "before the tuning, in production", "everything turned back, here", "turns", "aim", "tuned, here", "turns"},
		Note:    "ms, p50. The figures from before the tuning come from another system: the real link, Neon, and the app of that time, which sent statements one after the other that this server no longer has (S10). Compare the order of the rows, not their sizes. GET /api/tasks/ as a whole is a mix of these: loadtest --phases mixed measures it.",
	}
	for _, p := range a.Paths {
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(p.Path), right("~" + amount(p.BeforeMS)), p.OldApp.cell(), right(p.OldAppTurns.String()), right(p.Aim), p.Tuned.cell(), right(p.TunedTurns.String()),
		})
	}
	return t
}
