package bench

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// nan is no number: what was not told.
func nan() float64 { return math.NaN() }

// ServerTimeline is a phase as the parts behind the target told of it, reading by
// reading. All series have a value for each reading after the first, null where
// it could not be told.
type ServerTimeline struct {
	AtMS   []float64    `json:"at_ms"` // of the readings, from the start of the phase
	Series []Series     `json:"series"`
	Cost   SamplingCost `json:"sampling_cost"`
}

// Series is one thing over time. Counters are told as what they gained since the
// reading before, gauges as they were.
type Series struct {
	Name   string `json:"name"` // with its unit; see seriesKinds
	Source string `json:"source"`
	// Mean is over the whole phase: of a share or a rate, that of the sums.
	Mean   *float64   `json:"mean"`
	Max    *float64   `json:"max"`
	Values []*float64 `json:"values"`
}

// SamplingCost is what the readings themselves have cost.
type SamplingCost struct {
	Readings int     `json:"readings"`
	Turns    int64   `json:"turns"` // round trips to all sources together
	MS       float64 `json:"ms"`    // that the readings took
}

// has reports whether a source answered at this moment.
func (i instant) has(source string) bool {
	switch source {
	case sourceServer:
		return i.server != nil
	case sourcePooler:
		return i.pools != nil
	case sourceDatabase:
		return i.statements != nil
	}
	return i.redis != nil
}

// serverTimeline is the plain data of readings. A series without any value is
// left out. What is missing between two readings of a source is in the value of
// the later one.
func serverTimeline(instants []instant, cost SamplingCost) *ServerTimeline {
	out := &ServerTimeline{AtMS: []float64{}, Series: []Series{}, Cost: cost}
	for _, i := range instants[min(1, len(instants)):] {
		out.AtMS = append(out.AtMS, stats.MS(i.at))
	}
	for _, kind := range seriesKinds() {
		s := Series{Name: kind.name, Source: kind.source, Values: make([]*float64, len(out.AtMS))}
		sum, over := 0.0, 0.0
		last := -1
		for at, to := range instants {
			if !to.has(kind.source) || kind.momentary && at == len(instants)-1 {
				continue
			}
			from := last
			if last = at; from < 0 || at == 0 {
				continue
			}
			n, d := kind.of(instants[from], to)
			if !sayable(n) || !sayable(d) || d > 0 && !sayable(n/d) {
				continue
			}
			sum, over = sum+n, over+d
			if d > 0 {
				v := round(n / d)
				s.Values[at-1] = &v
				if s.Max == nil || v > *s.Max {
					s.Max = &v
				}
			}
		}
		if mean := round(sum / over); over > 0 && sayable(mean) {
			s.Mean = &mean
			out.Series = append(out.Series, s)
		}
	}
	return out
}

// mostSayable is far above anything that a source counts: what is more, +Inf
// above all, is a page that is broken, and JSON has no word for it.
const mostSayable = 1e18

// sayable reports whether a figure can be one of a series.
func sayable(v float64) bool { return v >= 0 && v <= mostSayable } // NaN is neither

// named is a series by its name, nil if it was not seen.
func (t *ServerTimeline) named(name string) *Series {
	if t == nil {
		return nil
	}
	for i := range t.Series {
		if t.Series[i].Name == name {
			return &t.Series[i]
		}
	}
	return nil
}

// check says what is wrong with a timeline that was read from a file.
func (t *ServerTimeline) check() error {
	if t == nil {
		return nil
	}
	for i, at := range t.AtMS {
		if !(at >= 0 && at < float64(math.MaxInt64)/1e6) || i > 0 && at < t.AtMS[i-1] {
			return errors.New("the readings of the server's side are in no order")
		}
	}
	for _, s := range t.Series {
		if len(s.Values) != len(t.AtMS) {
			return fmt.Errorf("series %.60q has %d values of %d", s.Name, len(s.Values), len(t.AtMS))
		}
	}
	return nil
}

// middle is the middle of the time that value i tells of.
func (t *ServerTimeline) middle(i int) time.Duration {
	from := 0.0
	if i > 0 {
		from = t.AtMS[i-1]
	}
	return time.Duration((from + t.AtMS[i]) / 2 * float64(time.Millisecond))
}
