package bench

import (
	"fmt"
	"math"

	"github.com/honeydue/honeydue/internal/bench/stats"
	"github.com/honeydue/honeydue/internal/report"
)

const (
	// maxHeatColumns is how many columns of a heat map can be told apart.
	maxHeatColumns = 150
	// curvePoints is how many points of a percentile curve are drawn.
	curvePoints = 160
)

// charts are the plots of a result: for each phase that followed a schedule its
// course, and the percentiles of all.
func (r Result) charts() []report.Block {
	var out []report.Block
	if c, ok := r.percentiles(); ok {
		out = append(out, c)
	}
	for _, p := range r.Phases {
		if p.Restarts != nil || len(p.Timeline.Slices) == 0 || p.Requests == 0 {
			continue
		}
		out = append(out, p.course())
		if c, ok := p.serverCourse(); ok {
			out = append(out, c)
		}
	}
	return out
}

// course is a phase over time.
func (p Phase) course() report.Charts {
	return report.Charts{
		Title: fmt.Sprintf("Phase %s over time", p.Name),
		Plots: []report.Plot{p.throughput(), p.latencies(), p.heatMap(), p.failures()},
		Note: fmt.Sprintf("In slices of %g s. Latencies, errors and requests over the target stand where the request was due, answers where they came.",
			p.Timeline.SliceMS/1000),
	}
}

// axis is the one time axis of a phase's plots.
func (t Timeline) axis() report.Axis {
	return report.Axis{Time: true, To: float64(len(t.Slices)) * t.SliceMS / 1000}
}

func (p Phase) target() []report.Mark {
	return []report.Mark{{Name: "target " + figure(p.TargetMS), Y: p.TargetMS}}
}

// middle is where a slice's point stands, in seconds.
func (t Timeline) middle(i int) float64 {
	return (t.Slices[i].AtMS + t.SliceMS/2) / 1000
}

// covered is the part of a slice, in seconds, that the phase has lasted.
func (p Phase) covered(i int) float64 {
	return min(p.Timeline.SliceMS, p.DurationMS-p.Timeline.Slices[i].AtMS) / 1000
}

func (p Phase) throughput() report.LineChart {
	t := p.Timeline
	due := report.Line{Name: "due", Colour: report.Grey, Style: report.Dashed}
	ended := report.Line{Name: "answered or failed", Style: report.Area}
	for i, s := range t.Slices {
		// A rate over the last few milliseconds of a phase would be noise.
		if seconds := p.covered(i); seconds >= t.SliceMS/2000 {
			due.Points = append(due.Points, report.Point{X: t.middle(i), Y: float64(s.Requests) / seconds})
			ended.Points = append(ended.Points, report.Point{X: t.middle(i), Y: float64(s.Ended) / seconds})
		}
	}
	return report.LineChart{
		Title: "Throughput", X: t.axis(), Y: report.Axis{Unit: "requests/s"},
		Lines: []report.Line{ended, due}, Empty: "the phase was shorter than a slice",
	}
}

func (p Phase) latencies() report.LineChart {
	top := report.Line{Name: "max", Colour: report.Grey}
	p99 := report.Line{Name: "p99", Colour: report.Amber}
	p50 := report.Line{Name: "p50", Colour: report.Blue}
	value := func(v *float64) float64 {
		if v == nil {
			return math.NaN()
		}
		return *v
	}
	t := p.Timeline
	for i, s := range t.Slices {
		for line, v := range map[*report.Line]*float64{&top: s.MaxMS, &p99: s.P99MS, &p50: s.P50MS} {
			line.Points = append(line.Points, report.Point{X: t.middle(i), Y: value(v)})
		}
	}
	return report.LineChart{
		Title: "Latency", X: t.axis(), Y: report.Axis{Unit: "ms", Log: true},
		Lines: []report.Line{top, p99, p50}, Marks: p.target(),
	}
}

func (p Phase) failures() report.LineChart {
	over := report.Line{Name: "over the target", Colour: report.Amber, Style: report.Bars}
	failed := report.Line{Name: "of these failed", Colour: report.Red, Style: report.Bars}
	t := p.Timeline
	for i, s := range t.Slices {
		over.Points = append(over.Points, report.Point{X: t.middle(i), Y: float64(s.Over)})
		failed.Points = append(failed.Points, report.Point{X: t.middle(i), Y: float64(s.Errors)})
	}
	return report.LineChart{
		Title: "Errors and slow requests", X: t.axis(), Y: report.Axis{Unit: "per slice", Whole: true},
		Lines: []report.Line{over, failed}, Empty: "no request failed or was over the target",
	}
}

func (p Phase) heatMap() report.HeatMap {
	t := p.Timeline
	step := math.Pow(10, 1.0/stats.BucketsPerDecade)
	h := report.HeatMap{
		Title: "Latency heat map", X: t.axis(), Y: report.Axis{Unit: "ms", Log: true}, Marks: p.target(),
	}
	if n := len(t.BucketsMS); n > 0 {
		h.Bounds = append(append([]float64{t.BucketsMS[0] / step}, t.BucketsMS...), t.BucketsMS[n-1]*step)
	}
	width := (len(t.Slices) + maxHeatColumns - 1) / maxHeatColumns
	for from := 0; from < len(t.Slices); from += width {
		slices := t.Slices[from:min(from+width, len(t.Slices))]
		column := report.HeatColumn{
			From: slices[0].AtMS / 1000, To: (slices[len(slices)-1].AtMS + t.SliceMS) / 1000,
			Counts: make([]int, max(len(h.Bounds)-1, 0)),
		}
		requests := 0
		for _, s := range slices {
			requests += s.Requests
			for i, n := range s.Buckets {
				column.Counts[s.FirstBucket+i] += n
			}
		}
		column.Text = fmt.Sprintf("%g to %g s: %s requests", column.From, column.To, report.Thousands(int64(requests)))
		for i := len(column.Counts) - 1; i >= 0; i-- {
			if n := column.Counts[i]; n > 0 {
				column.Text += fmt.Sprintf("\n%s to %s ms: %s", plain(h.Bounds[i]), plain(h.Bounds[i+1]), report.Thousands(int64(n)))
			}
		}
		h.Columns = append(h.Columns, column)
	}
	return h
}

// percentiles is the latency by percentile of all phases, the axis stretched so
// that each nine has the same room: x = -log10(1 - q). A curve ends at the last
// percentile that its samples resolve.
func (r Result) percentiles() (report.Charts, bool) {
	c := report.LineChart{Title: "Latency by percentile", Wide: true, Y: report.Axis{Unit: "ms", Log: true}}
	targets := report.Line{Name: "p99 target", Colour: report.Grey, Style: report.Dots}
	colours := []report.Colour{report.Blue, report.Amber, report.Red, report.Grey}
	most := 0
	for _, p := range r.Phases {
		if p.latency == nil || p.latency.Count() == 0 {
			continue
		}
		n := p.latency.Count()
		most = max(most, n)
		line := report.Line{Name: p.Name, Colour: colours[len(c.Lines)%len(colours)]}
		end := math.Log10(float64(n))
		for i := range curvePoints + 1 {
			x := end * float64(i) / curvePoints
			q := 1 - math.Pow(10, -x)
			line.Points = append(line.Points, report.Point{
				X: x, Y: stats.MS(p.latency.Quantile(q)), Text: fmt.Sprintf("p%.6g", 100*q),
			})
		}
		c.Lines = append(c.Lines, line)
		if p.Restarts == nil {
			targets.Points = append(targets.Points, report.Point{
				X: 2, Y: p.TargetMS, Text: fmt.Sprintf("%s: target p99 %s", p.Name, figure(p.TargetMS)),
			})
		}
	}
	if len(c.Lines) == 0 {
		return report.Charts{}, false
	}
	c.X.Ticks = []report.Tick{{At: 0, Label: "0 %"}, {At: -math.Log10(0.5), Label: "50 %"}}
	for nines := 1; nines <= max(2, int(math.Log10(float64(max(most, 1))))); nines++ {
		q := 100 - math.Pow(10, float64(2-nines))
		c.X.Ticks = append(c.X.Ticks, report.Tick{At: float64(nines), Label: fmt.Sprintf("%.8g %%", q)})
	}
	c.Lines = append(c.Lines, targets)
	return report.Charts{Plots: []report.Plot{c}}, true
}
