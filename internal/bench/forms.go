package bench

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/honeydue/honeydue/internal/report"
)

// sheet is the CSV form: one row for each slice of each phase, in the order in
// which they began, the series of the server's side in the columns after its own.
func (r Result) sheet() *report.Sheet {
	s := &report.Sheet{Columns: []string{
		"phase", "time", "at_ms", "slice_ms", "requests", "ended", "errors", "over", "p50_ms", "p99_ms", "max_ms",
	}}
	series := r.seriesNames()
	s.Columns = append(s.Columns, series...)
	server := make(map[*Phase][][]string)
	for i := range r.Phases {
		server[&r.Phases[i]] = r.Phases[i].bySlice(series)
	}
	for _, row := range r.slicesInTime() {
		p, slice := row.phase, row.phase.Timeline.Slices[row.slice]
		s.Rows = append(s.Rows, append([]string{
			p.Name, row.at.Format("2006-01-02T15:04:05.000Z07:00"), decimal(&slice.AtMS), decimal(&p.Timeline.SliceMS),
			strconv.Itoa(slice.Requests), strconv.Itoa(slice.Ended), strconv.Itoa(slice.Errors), strconv.Itoa(slice.Over),
			decimal(slice.P50MS), decimal(slice.P99MS), decimal(slice.MaxMS),
		}, server[p][row.slice]...))
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
// that has requests, its values in nanoseconds and its maximum in milliseconds.
// Where more than one phase has requests, each line is tagged with its phase:
// readers of the format leave tagged lines out unless they are asked for the tag.
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
	measured := 0
	for _, p := range r.Phases {
		if p.Requests > 0 {
			measured++
		}
	}
	for _, row := range r.slicesInTime() {
		latency := row.phase.Timeline.Slices[row.slice].latency
		if latency == nil {
			continue
		}
		h := latency.H.Clone() // the stamps belong to the log and not to the slice
		if measured > 1 {
			h.SetTag(logTag(row.phase.Name))
		}
		at := row.at.UnixMilli()
		h.SetStartTimeMs(at)
		h.SetEndTimeMs(at + row.phase.Timeline.Length().Milliseconds())
		if err := log.OutputIntervalPackedHistogram(h); err != nil {
			return err
		}
	}
	return nil
}

// sliceInTime is one slice of a phase and when it began.
type sliceInTime struct {
	at    time.Time
	phase *Phase
	slice int
}

// slicesInTime is every slice of every phase, in the order in which they began.
func (r Result) slicesInTime() []sliceInTime {
	var all []sliceInTime
	for i := range r.Phases {
		p := &r.Phases[i]
		for j := range p.Timeline.Slices {
			all = append(all, sliceInTime{p.Timeline.moment(j), p, j})
		}
	}
	slices.SortStableFunc(all, func(a, b sliceInTime) int { return a.at.Compare(b.at) })
	return all
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
