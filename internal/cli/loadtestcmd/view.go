package loadtestcmd

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/term"
	"github.com/honeydue/honeydue/internal/report"
)

const (
	// shownKinds is how many kinds of errors the view names; the rest is a number.
	shownKinds = 4
	// labelColumns is the room before the figures of a line.
	labelColumns = 12
)

// loadtestView is a load test as a terminal shows it while it runs. Its lines are a pure function of it.
type loadtestView struct {
	title string
	ended []endedPhase
	now   *bench.Progress // nil between two phases
	ascii bool            // the terminal's character set has no blocks
}

// endedPhase is a phase, a step of a climb or a pair of slices with what became of it.
type endedPhase struct {
	name string
	bench.Ended
}

// take puts one report of progress into the view. prefix stands before the phase's name.
func (v *loadtestView) take(prefix string, p bench.Progress) {
	p.Phase = prefix + p.Phase
	if p.Ended != nil {
		v.ended = append(v.ended, endedPhase{p.Phase, *p.Ended})
		v.now = nil
		return
	}
	v.now = &p
}

// lines are the view in so many rows: what is under way comes first, then as many of the phases that have ended, the
// last ones, as there is room for.
func (v *loadtestView) lines(rows int) []report.ScreenLine {
	now := v.under()
	room := max(rows-1-len(now), 0)
	out := []report.ScreenLine{{{Text: v.title, Tone: report.Dim}}}
	ended := v.ended
	if over := len(ended) - room; over > 0 {
		ended = ended[min(over+1, len(ended)):]
		if room > 0 {
			out = append(out, report.ScreenLine{{Text: fmt.Sprintf("%*s%d more before these", labelColumns+2, "", over+1), Tone: report.Dim}})
		}
	}
	word, name := 0, 0
	for _, e := range ended {
		word, name = max(word, len(e.Verdict)), max(name, len(e.name))
	}
	for _, e := range ended {
		out = append(out, report.ScreenLine{
			{Text: fmt.Sprintf("%-*s", word+2, strings.ToUpper(string(e.Verdict))), Tone: toneOf(e.Verdict)},
			{Text: fmt.Sprintf("%-*s  ", name, e.name)},
			{Text: e.Claim, Tone: report.Dim},
		})
	}
	return append(out, now...)
}

// under is what is under way.
func (v *loadtestView) under() []report.ScreenLine {
	p := v.now
	switch {
	case p == nil:
		return nil
	case p.MeasuringFloor:
		return []report.ScreenLine{{{Text: p.Phase + ": measuring the tool's self overhead"}}}
	case p.WarmingUp:
		return []report.ScreenLine{v.head(p, fmt.Sprintf("warming up, %d of %d requests", p.Done, p.Planned), share(p.Done, p.Planned))}
	case p.Length == 0:
		return v.restarts(p)
	}
	head := v.head(p, fmt.Sprintf("%s of %s", term.Clock(p.Elapsed), term.Clock(p.Length)), float64(p.Elapsed)/float64(p.Length))
	return []report.ScreenLine{head, rateLine(p), latencyLine(p), overLine(p), errorLine(p), v.recentLine(p), generatorLine(p)}
}

// restarts is a phase of single requests, each after a restart.
func (v *loadtestView) restarts(p *bench.Progress) []report.ScreenLine {
	head := v.head(p, fmt.Sprintf("%d of %d restarts, %s", p.Done, p.Planned, term.Clock(p.Elapsed)), share(p.Done, p.Planned))
	if p.Done == 0 {
		return []report.ScreenLine{head, figureLine("first", "nothing measured yet, target "+inMillis(p.Target)), errorLine(p)}
	}
	claim := figureLine("first", fmt.Sprintf("%d of %d under %s, p50 %s, slowest %s", p.Done-p.Over, p.Done, inMillis(p.Target), inMillis(p.P50), inMillis(p.P99)))
	claim[1].Tone = worse(p.Over > 0)
	return []report.ScreenLine{head, claim, errorLine(p)}
}

func (v *loadtestView) head(p *bench.Progress, how string, part float64) report.ScreenLine {
	name := p.Phase
	if p.Part != "" {
		name += ", " + p.Part
	}
	return append(report.ScreenLine{{Text: name}, {Text: "  " + how + "  "}}, term.Bar(part, v.ascii)...)
}

func rateLine(p *bench.Progress) report.ScreenLine {
	waiting := ""
	switch {
	case p.Draining:
		waiting = "; finishing what is under way"
	case p.Waiting > 0:
		waiting = fmt.Sprintf(", %d under way", p.Waiting)
	}
	return figureLine("answered", fmt.Sprintf("%.1f/s of %.1f/s due; %d of %d requests%s", p.RateNow, p.RateDue, p.Done, p.Planned, waiting))
}

func latencyLine(p *bench.Progress) report.ScreenLine {
	if p.P99 == 0 {
		return figureLine("latency", "nothing measured yet, target "+inMillis(p.Target))
	}
	return report.ScreenLine{
		label("latency"),
		{Text: "p50 " + inMillis(p.P50) + "  "},
		{Text: "p99 " + inMillis(p.P99), Tone: worse(p.P99 > p.Target)},
		{Text: ", target " + inMillis(p.Target)},
	}
}

func overLine(p *bench.Progress) report.ScreenLine {
	allowed, tone := fmt.Sprintf("%d (%d allowed so far)", p.Over, p.OverAllowed), worse(p.Over > p.OverAllowed)
	if p.OverAllowed < 0 {
		allowed, tone = fmt.Sprintf("%d (too few requests so far to claim a p99)", p.Over), report.Plain
	}
	line := report.ScreenLine{label("over"), {Text: allowed, Tone: tone}}
	if p.Apart > 0 {
		line = append(line, report.Piece{Text: fmt.Sprintf("; %d in another cache state, counted apart", p.Apart), Tone: report.Warn})
	}
	return line
}

func errorLine(p *bench.Progress) report.ScreenLine {
	if p.Errors == 0 {
		return figureLine("errors", "0")
	}
	kinds := slices.SortedFunc(maps.Keys(p.Kinds), func(a, b bench.Kind) int {
		return cmp.Or(cmp.Compare(p.Kinds[b], p.Kinds[a]), cmp.Compare(a, b))
	})
	var parts []string
	for i, k := range kinds {
		if i == shownKinds {
			parts = append(parts, fmt.Sprintf("%d kinds more", len(kinds)-shownKinds))
			break
		}
		parts = append(parts, fmt.Sprintf("%d %s", p.Kinds[k], k))
	}
	return report.ScreenLine{label("errors"), {Text: fmt.Sprintf("%d: %s", p.Errors, strings.Join(parts, ", ")), Tone: report.Bad}}
}

// recentLine draws the p99 of the last minute, slice by slice.
func (v *loadtestView) recentLine(p *bench.Progress) report.ScreenLine {
	if len(p.Recent) == 0 {
		return figureLine("last minute", "-")
	}
	values, highest, over := make([]float64, len(p.Recent)), time.Duration(0), false
	for i, r := range p.Recent {
		values[i] = float64(r.P99)
		if r.P99 == 0 {
			values[i] = math.NaN()
		}
		highest, over = max(highest, r.P99), over || r.Over
	}
	return report.ScreenLine{
		label("last minute"), {Text: report.Sparkline(values, v.ascii), Tone: worse(over)}, {Text: "  p99 up to " + inMillis(highest)},
	}
}

func generatorLine(p *bench.Progress) report.ScreenLine {
	line := figureLine("generator", fmt.Sprintf("lag p99 %s, CPU %.0f%% of a core, of %d", inMillis(p.LagP99), p.CPUPct, p.Cores))
	if p.Connections > 0 {
		line = append(line, report.Piece{Text: fmt.Sprintf(", %d connections opened", p.Connections)})
	}
	if d := p.Descriptors; d.Limit > 0 {
		line = append(line, report.Piece{Text: fmt.Sprintf(", %d of %d descriptors", d.Peak, d.Limit)})
	}
	return line
}

func figureLine(name, text string) report.ScreenLine {
	return report.ScreenLine{label(name), {Text: text}}
}

func label(name string) report.Piece {
	return report.Piece{Text: fmt.Sprintf("  %-*s", labelColumns, name), Tone: report.Dim}
}

func worse(bad bool) report.Tone {
	if bad {
		return report.Bad
	}
	return report.Plain
}

func toneOf(v bench.Verdict) report.Tone {
	switch v {
	case "":
		return report.Plain
	case bench.Pass:
		return report.Good
	case bench.Inconclusive:
		return report.Warn
	}
	return report.Bad
}

func share(done, of int) float64 { return float64(done) / float64(max(of, 1)) }

// inMillis is a duration with digits enough to tell it from another.
func inMillis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms >= 100 || ms == 0:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.2f ms", ms)
}
