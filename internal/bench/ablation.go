package bench

import (
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// AblateSchema names the shape of an Ablation as JSON.
const AblateSchema = "honeydue.loadtest-ablate/1"

// Ablation is what each tuned decision buys: measured with the decision turned
// back, and with everything as it was settled on.
type Ablation struct {
	LinkRTTMS  float64   `json:"link_rtt_ms"`
	Rounds     int       `json:"rounds"` // starts of each server that is measured from its start on
	StartedAt  time.Time `json:"started_at"`
	DurationMS float64   `json:"duration_ms"`
	Rows       []Ablated `json:"decisions"`
	// Paths are the four of the mission's table, beside the app with everything
	// turned back; none if that was not asked for.
	Paths []AblatedPath `json:"paths"`
	// Failures are variants that could not be measured, NotMeasured those that
	// were left when the run was interrupted.
	Failures    []AblationFailure `json:"failures"`
	NotMeasured []string          `json:"not_measured"`
}

// Ablated is one decision.
type Ablated struct {
	Decision string          `json:"decision"`
	Title    string          `json:"title"`
	Old      string          `json:"old"`
	Tuned    string          `json:"tuned"`
	Method   string          `json:"method"` // under which conditions, and what was not measured
	Figures  []AblatedFigure `json:"figures"`
}

// AblatedFigure is one measure of a decision. Its unit is the end of the
// measure's name.
type AblatedFigure struct {
	Measure string `json:"measure"`
	Label   string `json:"label"`
	WithOld Spread `json:"with_old"`
	Tuned   Spread `json:"tuned"`
	// Buys is WithOld minus Tuned: above zero where the decision helps. It means
	// something only if Seen: the two intervals have nothing in common, the
	// difference is at least 5% of the larger figure, and a time was measured four
	// times on each side at least.
	Buys float64 `json:"buys"`
	Seen bool    `json:"seen"`
}

// Spread is a figure with what it rests on.
type Spread struct {
	N      int     `json:"n"`
	Errors int     `json:"errors"` // counted as no less than the time-out
	Value  float64 `json:"value"`
	// Low and High are the 95% interval of the figure, or for fewer than 6 samples
	// the least and the greatest of them.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// fewestTimes is the fewest times of a side that may show a difference: ranges of
// four and four that do not touch happen by chance in 1 of 35 comparisons, of
// three and three in 1 of 10.
const fewestTimes = 4

// AblatedPath is one row of the mission's table.
type AblatedPath struct {
	Path     string  `json:"path"`
	BeforeMS float64 `json:"mission_before_ms"` // as the mission has it: measured on another system
	Aim      string  `json:"mission_aim"`
	// OldApp has everything turned back.
	OldApp      Spread `json:"old_app_ms"`
	Tuned       Spread `json:"tuned_ms"`
	OldAppTurns Spread `json:"old_app_turns"`
	TunedTurns  Spread `json:"tuned_turns"`
}

// AblationFailure is a variant that could not be measured.
type AblationFailure struct {
	Variant string `json:"variant"`
	Error   string `json:"error"`
}

// Measure is something that is measured, under a name that ends in its unit.
type Measure string

// The measures.
const (
	ReadyMS      Measure = "ready_ms"
	StartTurns   Measure = "start_turns"
	StartDials   Measure = "start_connections"
	FirstMS      Measure = "first_request_ms"
	FirstTurns   Measure = "first_request_turns"
	FirstDials   Measure = "first_request_connections"
	BurstMS      Measure = "burst_ms"
	BurstMaxMS   Measure = "burst_slowest_ms"
	ColdMS       Measure = "cold_read_ms"
	ColdTurns    Measure = "cold_read_turns"
	AccountMS    Measure = "cold_account_ms"
	AccountTurns Measure = "cold_account_turns"
	WarmMS       Measure = "warm_read_ms"
	WarmP99MS    Measure = "warm_read_p99_ms"
	WarmTurns    Measure = "warm_read_turns"
	OpeningMS    Measure = "opening_ms"
	OpeningAsks  Measure = "opening_asks_database_pct"
	WriteMS      Measure = "write_ms"
	WriteTurns   Measure = "write_turns"
	BareMS       Measure = "write_without_lists_ms"
	BareTurns    Measure = "write_without_lists_turns"
	FullNewMS    Measure = "full_redis_new_user_ms"
	FullNewAsks  Measure = "full_redis_new_user_asks_database_pct"
	FullBusyMS   Measure = "full_redis_busy_user_ms"
	FullBusyAsks Measure = "full_redis_busy_user_asks_database_pct"
	FullIdleMS   Measure = "full_redis_idle_user_ms"
	FullIdleAsks Measure = "full_redis_idle_user_asks_database_pct"
	FullRefused  Measure = "full_redis_refused_commands"
	FloodEntries Measure = "flood_remembered_users"
	FloodHeapMB  Measure = "flood_heap_growth_mb"
)

// label says a measure in words.
func (m Measure) label() string {
	switch m {
	case ReadyMS:
		return "start to /readyz, ms"
	case StartTurns:
		return "round trips on the link until then, all connections"
	case StartDials:
		return "connections opened until then"
	case FirstMS:
		return "first request, ms"
	case FirstTurns:
		return "its DB turns"
	case FirstDials:
		return "connections opened meanwhile"
	case BurstMS:
		return "25 new users at once: p50, ms"
	case BurstMaxMS:
		return "the slowest of the 25, ms"
	case ColdMS:
		return "cold board: p50, ms"
	case ColdTurns:
		return "cold board: DB turns"
	case AccountMS:
		return "cold /api/auth/me/: p50, ms"
	case AccountTurns:
		return "cold /api/auth/me/: DB turns"
	case WarmMS:
		return "warm board: p50, ms"
	case WarmP99MS:
		return "warm board: p99, ms"
	case WarmTurns:
		return "warm board: DB turns"
	case OpeningMS:
		return "a request of the replay: p50, ms"
	case OpeningAsks:
		return "requests that ask the database, %"
	case WriteMS:
		return "starting a task: p50, ms"
	case WriteTurns:
		return "starting a task: DB turns"
	case BareMS:
		return "the same while lists are not cached: p50, ms"
	case BareTurns:
		return "the same while lists are not cached: DB turns"
	case FullNewMS:
		return "Redis full: a new user's second board: p50, ms"
	case FullNewAsks:
		return "of those, ask the database, %"
	case FullBusyMS:
		return "Redis full: the board of one seen just before: p50, ms"
	case FullBusyAsks:
		return "of those, ask the database, %"
	case FullIdleMS:
		return "Redis full: the board of one not seen since: p50, ms"
	case FullIdleAsks:
		return "of those, ask the database, %"
	case FullRefused:
		return "commands that Redis refused for want of memory"
	case FloodEntries:
		return "users in the pod's memory after the flood"
	case FloodHeapMB:
		return "heap that the flood has left behind, MB"
	}
	return string(m)
}

// share tells a measure whose samples are 0 or 100 and whose figure is their mean.
func (m Measure) share() bool { return strings.HasSuffix(string(m), "_pct") }

// timed tells a measure that chance plays with: what a request takes of turns and
// connections does not vary by itself. The turns of a start do, by how TLS
// happens to cut its records.
func (m Measure) timed() bool { return strings.HasSuffix(string(m), "_ms") || m == StartTurns }

// Samples are the measured values of one variant, by measure.
type Samples struct {
	values map[Measure][]float64
	errors map[Measure]int
}

// NewSamples holds none yet.
func NewSamples() *Samples {
	return &Samples{values: make(map[Measure][]float64), errors: make(map[Measure]int)}
}

// Add adds a value.
func (s *Samples) Add(m Measure, v float64) { s.values[m] = append(s.values[m], v) }

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
	s.Add(took, ms(latency))
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

// source is the measure whose samples a measure is taken from.
func (m Measure) source() Measure {
	if m == WarmP99MS {
		return WarmMS
	}
	return m
}

// Spread is the figure of a measure: the median, for a p99 that, for a share the mean.
func (s *Samples) Spread(m Measure) Spread {
	v := slices.Sorted(slices.Values(s.values[m.source()]))
	out := Spread{N: len(v), Errors: s.errors[m.source()]}
	if len(v) == 0 {
		return out
	}
	switch {
	case m.share():
		out.Value, out.Low, out.High = shareOf(v)
	case m == WarmP99MS:
		lo, hi := P99Ranks(len(v))
		out.Value = v[int(math.Ceil(0.99*float64(len(v))))-1]
		out.Low, out.High = v[max(lo, 1)-1], v[len(v)-1] // without an upper bound: the greatest that was seen
		if hi > 0 {
			out.High = v[hi-1]
		}
	default:
		lo, hi := medianRanks(len(v))
		out.Value, out.Low, out.High = median(v), v[lo-1], v[hi-1]
	}
	out.Value, out.Low, out.High = round(out.Value), round(out.Low), round(out.High)
	return out
}

// medianRanks returns the ranks (1 = the least) of the two samples that enclose
// the true median with at least 95% confidence, whatever the distribution; with
// fewer than 6 samples nothing does, and it is the least and the greatest.
func medianRanks(n int) (lo, hi int) {
	const side = risk / 2
	lo = sort.Search(n/2, func(k int) bool { return binomialCDF(k, n, 0.5) > side })
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
		enough := !m.timed() || min(f.WithOld.N, f.Tuned.N) >= fewestTimes
		f.Seen = enough && apart && math.Abs(f.Buys) >= DefaultMinEffect*max(f.WithOld.Value, f.Tuned.Value)
		out = append(out, f)
	}
	return out
}
