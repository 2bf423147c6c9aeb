package bench

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/honeydue/honeydue/internal/report"
)

// sheet is the CSV form: one row for each slice of each phase, the series of the
// server's side in the columns after its own.
func (r Result) sheet() *report.Sheet {
	s := &report.Sheet{Columns: []string{
		"phase", "at_ms", "slice_ms", "requests", "ended", "errors", "over", "p50_ms", "p99_ms", "max_ms",
	}}
	series := r.seriesNames()
	s.Columns = append(s.Columns, series...)
	for _, p := range r.Phases {
		server := p.bySlice(series)
		for i, slice := range p.Timeline.Slices {
			s.Rows = append(s.Rows, append([]string{
				p.Name, decimal(&slice.AtMS), decimal(&p.Timeline.SliceMS),
				strconv.Itoa(slice.Requests), strconv.Itoa(slice.Ended), strconv.Itoa(slice.Errors), strconv.Itoa(slice.Over),
				decimal(slice.P50MS), decimal(slice.P99MS), decimal(slice.MaxMS),
			}, server[i]...))
		}
	}
	return s
}

// decimal is a number as programs read it, empty when there is none.
func decimal(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

// histogramLog writes the interval log of HdrHistogram: one line for each slice
// that has requests, tagged with its phase, its values in nanoseconds and its
// maximum in milliseconds.
func (r Result) histogramLog(w io.Writer) error {
	log := hdrhistogram.NewHistogramLogWriter(w)
	base := r.StartedAt.Truncate(time.Second).UnixMilli() // the format has whole seconds here
	log.SetBaseTime(base)
	for _, write := range []func() error{
		log.OutputLogFormatVersion,
		func() error {
			return log.OutputComment("[honeydue loadtest of " + oneLine(r.Target) + ", latencies in ns]")
		},
		func() error { return log.OutputBaseTime(base) },
		func() error { return log.OutputStartTime(base) },
		log.OutputLegend,
	} {
		if err := write(); err != nil {
			return err
		}
	}
	for _, p := range r.Phases {
		if err := p.intervals(log); err != nil {
			return err
		}
	}
	return nil
}

func (p Phase) intervals(log *hdrhistogram.HistogramLogWriter) error {
	began := p.Timeline.StartedAt.UnixMilli()
	for i, s := range p.Timeline.Slices {
		if s.latency == nil {
			continue
		}
		h := s.latency.h.Clone() // the stamps belong to the log and not to the slice
		h.SetTag(logTag(p.Name))
		at := began + (time.Duration(i) * p.Timeline.Length()).Milliseconds()
		h.SetStartTimeMs(at)
		h.SetEndTimeMs(at + p.Timeline.Length().Milliseconds())
		if err := log.OutputIntervalPackedHistogram(h); err != nil {
			return err
		}
	}
	return nil
}

// logTag is a phase's name without what ends a tag or a line of the log.
func logTag(name string) string {
	return strings.Map(func(r rune) rune {
		if r == ',' || r <= ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, name)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
