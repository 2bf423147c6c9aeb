package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/report"
)

// serverSide is what the parts behind the target told, as a table, and what is
// not seen of them, as sentences.
func (r Result) serverSide() []report.Block {
	t := report.Table{
		Title:   "The server's side, mean / max of each phase",
		Columns: []string{""},
		Note:    "Read during the load, at most once a second: the server's figures are those of one pod; the figures of the pooler, the database and Redis include all their clients. Means of shares and rates are over the whole phase.",
	}
	var phases []Phase
	var cost SamplingCost
	for _, p := range r.Phases {
		if p.Server == nil {
			continue
		}
		phases = append(phases, p)
		t.Columns = append(t.Columns, p.Name)
		cost.Readings, cost.Turns, cost.MS = cost.Readings+p.Server.Cost.Readings, cost.Turns+p.Server.Cost.Turns, cost.MS+p.Server.Cost.MS
	}
	for _, name := range r.seriesNames() {
		row := []report.Cell{report.Text(seriesTitle(name))}
		for _, p := range phases {
			cell := right("-")
			if s := p.Server.named(name); s != nil {
				cell = right(meanAndMax(s))
			}
			row = append(row, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	if cost.Readings > 0 {
		t.Note += fmt.Sprintf(" The readings themselves: %d, of %d turns and %s in all.", cost.Readings, cost.Turns, figure(cost.MS))
	}
	blocks := []report.Block{t} // without rows it is left out
	if len(r.NotSeen) > 0 {
		lines := make([]string, 0, len(r.NotSeen))
		for _, u := range r.NotSeen {
			lines = append(lines, u.String())
		}
		blocks = append(blocks, report.Paragraph{Text: strings.Join(lines, "\n"), Tone: report.Dim})
	}
	return blocks
}

// meanAndMax are the two figures of a series, one where they are the same.
func meanAndMax(s *Series) string {
	side := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return amount(*v)
	}
	if mean, most := side(s.Mean), side(s.Max); mean != most {
		return mean + " / " + most
	}
	return side(s.Mean)
}

// amount is a figure of any size: plain, but that a whole number has no decimals.
func amount(v float64) string {
	if v == math.Trunc(v) {
		return fmt.Sprintf("%.0f", v)
	}
	return plain(v)
}

// seriesNames are the series that any phase has, in the order of the reports;
// those that this version does not know come last.
func (r Result) seriesNames() []string {
	seen := make(map[string]bool)
	var names, unknown []string
	for _, p := range r.Phases {
		if p.Server == nil {
			continue
		}
		for _, s := range p.Server.Series {
			if !seen[s.Name] && seriesTitle(s.Name) == s.Name {
				unknown = append(unknown, s.Name)
			}
			seen[s.Name] = true
		}
	}
	for _, kind := range seriesKinds() {
		if seen[kind.name] {
			names = append(names, kind.name)
		}
	}
	return append(names, unknown...)
}

// seriesTitle is how the reports call a series.
func seriesTitle(name string) string {
	for _, kind := range seriesKinds() {
		if kind.name == name {
			return kind.title
		}
	}
	return name
}

// bySlice has for each slice of the phase's timeline the values of the series
// that belong to it, empty where there is none.
func (p Phase) bySlice(names []string) [][]string {
	out := make([][]string, len(p.Timeline.Slices))
	for i := range out {
		out[i] = make([]string, len(names))
	}
	if p.Server == nil || p.Timeline.Length() <= 0 {
		return out
	}
	for column, name := range names {
		s := p.Server.named(name)
		if s == nil {
			continue
		}
		for i, v := range s.Values {
			// The last reading may share its slice with the one before, and is of a moment only.
			if at := int(p.Server.middle(i) / p.Timeline.Length()); at < len(out) && out[at][column] == "" {
				out[at][column] = decimal(v)
			}
		}
	}
	return out
}

// serverCourse is the server's side over time, on the axis of the phase's own plots.
func (p Phase) serverCourse() (report.Charts, bool) {
	if p.Server == nil {
		return report.Charts{}, false
	}
	c := report.Charts{
		Title: fmt.Sprintf("The server's side of phase %s", p.Name),
		Note: "Counters are shown as the increase since the previous reading. Each value is drawn in the middle of its interval; " +
			"a gap is a reading that failed.",
	}
	for _, plot := range []struct {
		title, unit string
		lines       []report.Line
		series      []string
		mark        string // a series that does not change
	}{
		{
			"Waiting for a database connection", "ms each", lines(report.Line{Name: "acquire", Colour: report.Amber, Style: report.Area}),
			[]string{"pool_acquire_ms"},
			"",
		},
		{
			"The server's pool", "connections", lines(report.Line{Name: "in use", Style: report.Area}, report.Line{Name: "idle", Colour: report.Grey}),
			[]string{seriesPoolInUse, "pool_idle"},
			seriesPoolMax,
		},
		{
			"The pooler's clients", "clients", lines(report.Line{Name: "cl_waiting", Colour: report.Red, Style: report.Area}, report.Line{Name: "cl_active, idle too", Colour: report.Grey}),
			[]string{seriesPoolerWaiting, "pooler_cl_active"},
			"",
		},
		{
			"The pooler's servers", "connections", lines(report.Line{Name: "sv_active", Style: report.Area}, report.Line{Name: "sv_idle, sv_used", Colour: report.Grey}),
			[]string{seriesPoolerActive, seriesPoolerIdle},
			"",
		},
		{
			"Statements for each request", "calls", lines(report.Line{Name: "calls", Style: report.Area}),
			[]string{"db_calls_per_request"},
			"",
		},
		{
			"Execution in the database", "ms each second", lines(report.Line{Name: "execution", Style: report.Area}),
			[]string{seriesDBBusy},
			"",
		},
		{
			"Hits", "%", lines(report.Line{Name: "lists, of the cache"}, report.Line{Name: "keys, of Redis", Colour: report.Grey}),
			[]string{"cache_hit_pct", "redis_hit_pct"},
			"",
		},
		{
			"CPU of the server", "% of a core", lines(report.Line{Name: "CPU", Colour: report.Amber, Style: report.Area}),
			[]string{seriesCPU},
			seriesCores,
		},
	} {
		chart := report.LineChart{Title: plot.title, X: p.Timeline.axis(), Y: report.Axis{Unit: plot.unit}, Empty: "zero all the time"}
		for i, name := range plot.series {
			s := p.Server.named(name)
			if s == nil {
				continue
			}
			line := plot.lines[i]
			for n, v := range s.Values {
				y := math.NaN()
				if v != nil {
					y = *v
				}
				line.Points = append(line.Points, report.Point{X: p.Server.middle(n).Seconds(), Y: y})
			}
			chart.Lines = append(chart.Lines, line)
		}
		if len(chart.Lines) == 0 {
			continue
		}
		if most := p.Server.named(plot.mark); most != nil && most.Max != nil {
			chart.Marks = append(chart.Marks, limitMark(plot.mark, *most.Max))
		}
		if slices.Contains([]string{"connections", "clients"}, plot.unit) {
			chart.Y.Whole = true
		}
		c.Plots = append(c.Plots, chart)
	}
	return c, len(c.Plots) > 0
}

// limitMark is the most that a plot's values can be.
func limitMark(series string, most float64) report.Mark {
	if series == seriesCores {
		return report.Mark{Name: amount(most) + " cores", Y: 100 * most}
	}
	return report.Mark{Name: "the most, " + amount(most), Y: most}
}

func lines(all ...report.Line) []report.Line { return all }
