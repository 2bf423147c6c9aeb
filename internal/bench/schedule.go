package bench

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"time"
)

// MaxRequests is the most requests that one schedule may hold.
const MaxRequests = 1_000_000_000

// Piece is one straight piece of a load shape: the rate goes from From to To
// requests per second over the time Over. A constant rate has From equal to To.
type Piece struct {
	From, To float64
	Over     time.Duration
}

// Schedule says when each request is due. It is a pure value: no clock, no
// state, safe for concurrent use.
type Schedule struct {
	pieces []placed
	count  uint64
	whole  int // count, as most callers want it
	over   time.Duration
}

// placed is a piece with the moment and the sequence number it starts at.
type placed struct {
	Piece
	start time.Duration
	first uint64
	count uint64
	// arrivals, if set, are the piece's moments; its rate is then their mean.
	arrivals *arrivals
}

// Constant is the schedule of a steady rate (requests per second).
func Constant(rate float64, over time.Duration) (Schedule, error) {
	return NewSchedule(Piece{From: rate, To: rate, Over: over})
}

// NewSchedule puts pieces one after the other. The first request of each piece
// is due at the piece's start.
func NewSchedule(pieces ...Piece) (Schedule, error) {
	if len(pieces) == 0 {
		return Schedule{}, errors.New("a schedule needs at least one piece")
	}
	var s Schedule
	for i, p := range pieces {
		if err := p.validate(); err != nil {
			return Schedule{}, fmt.Errorf("piece %d of the schedule: %w", i+1, err)
		}
		n := p.requests()
		s.pieces = append(s.pieces, placed{Piece: p, start: s.over, first: s.count, count: n})
		s.count += n
		s.over += p.Over
	}
	if s.count > MaxRequests {
		return Schedule{}, fmt.Errorf("the schedule holds %d requests; the most is %d", s.count, MaxRequests)
	}
	s.whole = int(s.count)
	return s, nil
}

// At returns when request seq is due, counted from the start of the attack.
// It never decreases with seq. A seq past Count continues the last piece.
func (s Schedule) At(seq uint64) time.Duration {
	if len(s.pieces) == 0 {
		return 0
	}
	i := sort.Search(len(s.pieces), func(i int) bool {
		return s.pieces[i].first+s.pieces[i].count > seq
	})
	if i == len(s.pieces) {
		i--
	}
	p := s.pieces[i]
	if p.arrivals != nil {
		return p.start + p.arrivals.at(seq-p.first)
	}
	return p.start + p.at(seq-p.first)
}

// Count is the number of requests of the whole schedule.
func (s Schedule) Count() uint64 { return s.count }

// Requests is Count as an int.
func (s Schedule) Requests() int { return s.whole }

// Duration is the planned length of the whole schedule.
func (s Schedule) Duration() time.Duration { return s.over }

// DueBy is the number of requests that are due at the moment elapsed or before.
func (s Schedule) DueBy(elapsed time.Duration) uint64 {
	if elapsed < 0 {
		return 0
	}
	lo, hi := uint64(0), s.count
	for lo < hi {
		mid := lo + (hi-lo)/2
		if s.At(mid) <= elapsed {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// MeanRate is the requests per second over the whole schedule.
func (s Schedule) MeanRate() float64 {
	if s.over <= 0 {
		return 0
	}
	return float64(s.count) / s.over.Seconds()
}

func (p Piece) validate() error {
	for _, r := range []float64{p.From, p.To} {
		if math.IsNaN(r) || math.IsInf(r, 0) || r < 0 {
			return fmt.Errorf("a rate of %v requests per second is not possible", r)
		}
	}
	switch {
	case p.From == 0 && p.To == 0:
		return errors.New("the rate must be above zero")
	case p.Over <= 0:
		return fmt.Errorf("the duration must be above zero, not %v", p.Over)
	case (p.From+p.To)/2*p.Over.Seconds() > MaxRequests:
		return fmt.Errorf("more than %d requests", MaxRequests)
	}
	return nil
}

// at is the moment of the n-th request of the piece. n requests have been sent
// after t when From·t + slope·t²/2 = n; this is the root of that, in the form
// that does not lose digits when the slope is small.
func (p Piece) at(n uint64) time.Duration {
	if n == 0 {
		return 0
	}
	slope := (p.To - p.From) / p.Over.Seconds()
	root := math.Sqrt(max(0, p.From*p.From+2*slope*float64(n)))
	return time.Duration(math.Round(2 * float64(n) / (p.From + root) * float64(time.Second)))
}

// requests counts the requests that are due before the end of the piece.
func (p Piece) requests() uint64 {
	n := uint64(math.Ceil((p.From + p.To) / 2 * p.Over.Seconds()))
	for n > 0 && p.at(n-1) >= p.Over {
		n--
	}
	for p.at(n) < p.Over {
		n++
	}
	return n
}
