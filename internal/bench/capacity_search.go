package bench

import "math"

// search finds the bracket of the capacity: it knows nothing of servers.
type search struct {
	// try measures one rate. Pass and Fail are what they say; Inconclusive counts
	// as not on target, since it does not prove that; Invalid is a rate that the
	// generator can't send, and "" one that was cut off.
	try        func(kind string, rps float64) Verdict
	start, max float64

	lo, hi  float64 // 0 = not known
	invalid float64 // the lowest rate at which the generator did not keep up
}

// run climbs by half as much again until a rate misses, halves the bracket (in
// the logarithm) until its ends are 5% apart, and measures the lower end again,
// lowering it where it does not stand. done says after each step whether to stop.
func (s *search) run(done func() bool) {
	rate := s.start
	for !done() {
		if !s.note(stepClimb, rate) {
			break
		}
		if rate >= s.max {
			break
		}
		rate = min(rate*climb, s.max)
	}
	for rate = s.start / 2; s.lo == 0 && s.hi > 0 && rate >= s.start*lowestShare && !done(); rate /= 2 {
		s.note(stepDescent, rate)
	}
	for s.lo > 0 && s.above() > s.lo*narrow && !done() {
		s.note(stepBisection, math.Sqrt(s.lo*s.above()))
	}
	for range remeasures {
		if s.lo == 0 || done() {
			return
		}
		rate := s.lo
		if s.note(stepCeiling, rate) || done() {
			return
		}
		s.lo = rate / narrow
	}
	s.lo = 0 // nothing stood a second time
}

// note tries a rate and keeps what it says.
func (s *search) note(kind string, rate float64) (met bool) {
	switch s.try(kind, rate) {
	case "": // cut off
	case Pass:
		s.lo = rate
		return true
	case Invalid:
		s.invalid = rate
	default:
		s.hi = rate
		if s.invalid >= rate {
			s.invalid = 0 // the server is the lower bound of the two
		}
	}
	return false
}

// above is the upper end of the bracket, whoever set it; 0 = none.
func (s *search) above() float64 {
	switch {
	case s.invalid == 0:
		return s.hi
	case s.hi == 0:
		return s.invalid
	}
	return min(s.hi, s.invalid)
}
