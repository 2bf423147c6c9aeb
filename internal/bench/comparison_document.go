package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/bench/stats"
	"github.com/honeydue/honeydue/internal/report"
)

// blocks is the comparison's part of the report. What a reason of the verdict
// says is not said again.
func (c *Comparison) blocks(reasons []string) []report.Block {
	if c == nil {
		return nil
	}
	tone := report.Good
	switch c.Finding {
	case stats.Regression:
		tone = report.Bad
	case stats.TooFew:
		tone = report.Warn
	default:
		if len(c.unseen()) > 0 {
			tone = report.Warn
		}
	}
	text := c.String()
	if c.Finding == stats.NoDifference {
		text += fmt.Sprintf(". This does not prove that there is none: up to %+.1f%% is not excluded", 100*c.EffectCI[1])
	}
	t := report.Table{
		Title:   "Slice p99s, in ms",
		Columns: []string{"server", "url", "slices", "median", "least", "most"},
		Note: fmt.Sprintf("The load alternated between the servers (%s; A is the baseline), %s each, with the same requests. The verdict is about these slices; whether either side meets the p99 target above does not matter here. A change counts from %.0f%%.",
			c.Order, figure(c.SliceLengthMS), 100*c.MinEffect),
	}
	for _, side := range []struct {
		name string
		Side
	}{{PhaseAgainst, c.Baseline}, {PhaseTarget, c.Target}} {
		row := []report.Cell{report.Text(side.name), report.Text(side.URL), report.Count(int64(len(side.SliceP99MS)))}
		if len(side.SliceP99MS) > 0 {
			row = append(row, number(side.MedianP99MS), number(slices.Min(side.SliceP99MS)), number(slices.Max(side.SliceP99MS)))
		}
		t.Rows = append(t.Rows, row)
	}
	blocks := []report.Block{t}
	if !slices.Contains(reasons, c.String()) {
		blocks = []report.Block{report.Paragraph{Text: text, Tone: tone}, t}
	}
	if len(c.Dropped) > 0 && !slices.Contains(reasons, c.Dropped[0]) {
		blocks = append(blocks, report.Paragraph{Text: "Not counted: " + strings.Join(c.Dropped, "\nNot counted: "), Tone: report.Warn})
	}
	return blocks
}

// junit is the one case of a comparison.
func (c *Comparison) junit(v Verdict, seconds float64) report.Case {
	return report.Case{Suite: "loadtest", Name: "comparison", Status: status(v), Seconds: seconds, Message: strings.Join(append([]string{c.String()}, c.unseen()...), "\n")}
}
