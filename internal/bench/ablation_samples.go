package bench

import (
	"math"
	"slices"
	"sort"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// fewestStarts is the fewest starts of a side that may show a difference in what
// chance plays with: four and four that do not mix happen by chance in 1 of 35
// comparisons, three and three in 1 of 10. More samples after one start are no
// substitute: they share its luck.
const fewestStarts = 4

// Samples are the measured values of one variant, by measure and by start of
// the server: what was measured after one start has its luck in common.
type Samples struct {
	values map[Measure][]float64
	starts map[Measure][]int // of each value, the start that it belongs to
	errors map[Measure]int
	start  int
}

// NewSamples holds none yet.
func NewSamples() *Samples {
	return &Samples{values: make(map[Measure][]float64), starts: make(map[Measure][]int), errors: make(map[Measure]int)}
}

// Add adds a value.
func (s *Samples) Add(m Measure, v float64) {
	s.values[m], s.starts[m] = append(s.values[m], v), append(s.starts[m], s.start)
}

// Empty reports whether nothing was measured.
func (s *Samples) Empty() bool { return len(s.values) == 0 }

// answer adds a request: its time from the moment it was due, and unless it failed its turns.
func (s *Samples) answer(took, turns Measure, sample Sample, timeout time.Duration) {
	latency := sample.Latency
	if sample.Failed() {
		s.errors[took]++
		latency = max(latency, timeout)
	} else if turns != "" && sample.Reply.Turns >= 0 {
		s.Add(turns, float64(sample.Reply.Turns))
	}
	s.Add(took, stats.MS(latency))
}

// asks adds whether an answered request went to the database.
func (s *Samples) asks(m Measure, sample Sample) {
	switch {
	case sample.Failed():
	case sample.Reply.Turns > 0:
		s.Add(m, 100)
	default:
		s.Add(m, 0)
	}
}

// Spread is the figure of a measure: the median, for a p99 that, for a share the mean.
func (s *Samples) Spread(m Measure) Spread {
	v := slices.Sorted(slices.Values(s.values[m.source()]))
	out := Spread{N: len(v), Starts: len(s.byStart(m)), Errors: s.errors[m.source()]}
	if len(v) == 0 {
		return out
	}
	switch {
	case m.share():
		out.Value, out.Low, out.High = shareOf(v)
	case m == WarmP99MS:
		lo, hi := stats.P99Ranks(len(v))
		out.Value = p99Of(v)
		out.Low, out.High = v[max(lo, 1)-1], v[len(v)-1] // without an upper bound: the greatest that was seen
		if hi > 0 {
			out.High = v[hi-1]
		}
	default:
		lo, hi := medianRanks(len(v))
		out.Value, out.Low, out.High = stats.Median(v), v[lo-1], v[hi-1]
	}
	out.Value, out.Low, out.High = round(out.Value), round(out.Low), round(out.High)
	return out
}

// p99Of is the p99 of sorted samples.
func p99Of(v []float64) float64 { return v[stats.RankOf(0.99, len(v))-1] }

// medianRanks returns the ranks (1 = the least) of the two samples that enclose
// the true median with at least 95% confidence, whatever the distribution; with
// fewer than 6 samples nothing does, and it is the least and the greatest.
func medianRanks(n int) (lo, hi int) {
	const side = stats.Risk / 2
	lo = sort.Search(n/2, func(k int) bool { return stats.BinomialCDF(k, n, 0.5) > side })
	lo = max(lo, 1)
	return lo, n + 1 - lo
}

// shareOf is the mean of samples that are 0 or 100, with Wilson's 95% interval.
func shareOf(v []float64) (mean, low, high float64) {
	const z = 1.959964 // of 95%
	n, p := float64(len(v)), 0.0
	for _, x := range v {
		p += x / 100 / n
	}
	middle, half := (p+z*z/(2*n))/(1+z*z/n), z/(1+z*z/n)*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return 100 * p, max(0, 100*(middle-half)), min(100, 100*(middle+half))
}

// Ablate gives the figures of a decision. A measure without samples on a side
// is left out.
func Ablate(old, tuned *Samples, measures ...Measure) []AblatedFigure {
	out := []AblatedFigure{}
	for _, m := range measures {
		f := AblatedFigure{Measure: string(m), Label: m.label(), WithOld: old.Spread(m), Tuned: tuned.Spread(m)}
		if f.WithOld.N == 0 || f.Tuned.N == 0 {
			continue
		}
		f.Buys = round(f.WithOld.Value - f.Tuned.Value)
		apart := f.WithOld.Low > f.Tuned.High || f.WithOld.High < f.Tuned.Low
		f.Seen = f.enough() && apart && startsApart(old.byStart(m), tuned.byStart(m)) && math.Abs(f.Buys) >= stats.DefaultMinEffect*max(f.WithOld.Value, f.Tuned.Value)
		out = append(out, f)
	}
	return out
}

// enough reports whether the figure rests on so many starts that a difference can
// be told from chance.
func (f AblatedFigure) enough() bool {
	return !Measure(f.Measure).chancy() || min(f.WithOld.Starts, f.Tuned.Starts) >= fewestStarts
}

// byStart is the figure of a measure, start by start: the median, for a p99 that,
// for a share the mean.
func (s *Samples) byStart(m Measure) []float64 {
	figure := stats.Median
	switch {
	case m.share():
		figure = func(v []float64) float64 { mean, _, _ := shareOf(v); return mean }
	case m == WarmP99MS:
		figure = func(v []float64) float64 { return p99Of(slices.Sorted(slices.Values(v))) }
	}
	m = m.source()
	var out, one []float64
	for i, v := range s.values[m] {
		one = append(one, v)
		if last := i+1 == len(s.values[m]); last || s.starts[m][i+1] != s.starts[m][i] {
			out, one = append(out, figure(one)), nil
		}
	}
	return out
}

// startsApart reports whether the starts of one side all lie on one side of
// those of the other. A slow minute of the machine, which one start has met with
// all its requests, is no difference.
func startsApart(old, tuned []float64) bool {
	return slices.Min(old) > slices.Max(tuned) || slices.Max(old) < slices.Min(tuned)
}
