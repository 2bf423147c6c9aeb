package report

import (
	"fmt"
	"math"
	"strconv"
)

// maxTicks ends a row of ticks whose step is too small or too large for a float.
const maxTicks = 20

// scale maps values to positions: lo to from, hi to to.
type scale struct {
	axis     Axis
	lo, hi   float64
	from, to float64
	ticks    []Tick
}

// newScale fits an axis to values from lo to hi, with about so many ticks, and places it between two positions. The
// ends move out to round numbers, except those of a time and of an axis with ticks of its own.
func newScale(a Axis, lo, hi, from, to float64, about int) scale {
	// A time and an axis from zero have no logarithm.
	a.Log = a.Log && !a.Time && (a.Ticks == nil || lo > 0)
	s := scale{axis: a, lo: lo, hi: hi, from: from, to: to}
	switch {
	case a.Ticks != nil:
		s.ticks = a.Ticks
	case a.Time:
		s.ticks = timeTicks(hi, about)
	case a.Log:
		s.fitLog()
	default:
		s.fitLinear(about)
	}
	if s.hi <= s.lo {
		s.hi = s.lo + 1
	}
	return s
}

// at is the position of a value, kept within the plot.
func (s scale) at(v float64) float64 {
	lo, hi := s.lo, s.hi
	if s.axis.Log {
		lo, hi, v = math.Log10(lo), math.Log10(hi), math.Log10(max(v, s.lo))
	}
	share := min(max((v-lo)/(hi-lo), 0), 1)
	if math.IsNaN(share) {
		share = 0
	}
	return s.from + share*(s.to-s.from)
}

// holds reports whether a value can be drawn at its own position.
func (s scale) holds(v float64) bool { return !math.IsNaN(v) && v >= s.lo && v <= s.hi }

func (s *scale) fitLinear(about int) {
	s.lo = min(s.lo, 0)
	if s.hi <= s.lo {
		s.hi = s.lo + 1
	}
	step := roundStep((s.hi - s.lo) / float64(about))
	if s.axis.Whole {
		step = max(step, 1)
	}
	s.hi = math.Ceil(s.hi/step-1e-9) * step
	for i := 0; float64(i)*step <= s.hi*(1+1e-9) && i <= maxTicks; i++ {
		v := float64(i) * step
		s.ticks = append(s.ticks, Tick{v, numeral(v)})
	}
}

// roundStep is the least of 1, 2 and 5 times a power of ten that is not below v.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// fitLog moves the ends out to 1, 2 or 5 times a power of ten. All of these are ticks where there is room, else
// powers alone.
func (s *scale) fitLog() {
	if !(s.lo > 0) || !(s.hi >= s.lo) {
		s.lo, s.hi = 1, 10 // nothing to show
	}
	var all []float64
	first, last := int(math.Floor(math.Log10(s.lo)))-1, int(math.Ceil(math.Log10(s.hi)))+1
	for k := first; k <= last; k++ {
		for _, m := range []float64{1, 2, 5} {
			all = append(all, m*math.Pow(10, float64(k)))
		}
	}
	lo, hi := 0, len(all)-1
	for all[lo+1] <= s.lo*(1+1e-9) {
		lo++
	}
	for all[hi-1] >= s.hi*(1-1e-9) && hi-1 > lo {
		hi--
	}
	s.lo, s.hi = all[lo], all[hi]
	const roomy = 8
	every := 1
	if hi-lo > roomy {
		every = 3 * ((hi-lo)/(3*roomy) + 1) // every third is a power of ten
	}
	for i := lo; i <= hi; i++ {
		if i%every == 0 {
			s.ticks = append(s.ticks, Tick{all[i], numeral(all[i])})
		}
	}
}

// timeTicks are round moments from 0 to hi seconds, at most about so many.
func timeTicks(hi float64, about int) []Tick {
	step := 86400.0
	for _, s := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200} {
		if hi/s <= float64(about) {
			step = s
			break
		}
	}
	for hi/step > float64(about) {
		step *= 2
	}
	label := moment
	if hi <= 120 {
		label = func(v float64) string { return numeral(v) + " s" }
	}
	var ticks []Tick
	for i := 0; float64(i)*step <= hi && i <= maxTicks; i++ {
		ticks = append(ticks, Tick{float64(i) * step, label(float64(i) * step)})
	}
	return ticks
}

// moment writes seconds as a person would: 45.5 s, 2 min, 2:30 min, 1:20 h. Seconds are left out from an hour on.
func moment(seconds float64) string {
	n := int(seconds)
	switch {
	case seconds == 0:
		return "0"
	case seconds < 60:
		return numeral(seconds) + " s"
	case n < 3600 && n%60 == 0:
		return fmt.Sprintf("%d min", n/60)
	case n < 3600:
		return fmt.Sprintf("%d:%02d min", n/60, n%60)
	case n%3600 == 0:
		return fmt.Sprintf("%d h", n/3600)
	}
	return fmt.Sprintf("%d:%02d h", n/3600, n/60%60)
}

// numeral writes a number to three digits, without a fraction from 100 on.
func numeral(v float64) string {
	if math.Abs(v) >= 100 {
		return Thousands(int64(math.Round(v)))
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
