package link

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// DefaultLossRate is the share of deliveries that a Model with a LossStall and
// no LossRate stalls: 1%, a bad day on a transatlantic path.
const DefaultLossRate = 0.01

// Model says how the link behaves. The zero Model is loopback: nothing is
// delayed.
//
// A link with a round trip has TCP's slow start: a direction that is new or
// was idle sends 14,480 bytes, then waits a round trip for the acknowledgement
// of each flight, and doubles. A wait is a stall of the wire and not a turn:
// nobody asked a second time.
type Model struct {
	RTT         time.Duration // one round trip; each direction takes half of it
	Jitter      time.Duration // each delivery takes up to this much longer, evenly spread
	LossStall   time.Duration // what a lost segment costs: its direction stands still for this long
	LossRate    float64       // share of deliveries that are lost, 0 to 1 (0 with a LossStall: DefaultLossRate)
	Seed        uint64        // same seed, same jitter and losses for the same traffic
	NoSlowStart bool          // the window is always open: any amount leaves at once
}

func (m Model) validate() error {
	if m.RTT < 0 || m.Jitter < 0 || m.LossStall < 0 {
		return fmt.Errorf("link: a model needs durations of 0 or more, not rtt %s, jitter %s, loss stall %s", m.RTT, m.Jitter, m.LossStall)
	}
	if m.LossRate < 0 || m.LossRate > 1 {
		return fmt.Errorf("link: a loss rate is a share from 0 to 1, not %g", m.LossRate)
	}
	return nil
}

func (m Model) lossRate() float64 {
	if m.LossStall > 0 && m.LossRate == 0 {
		return DefaultLossRate
	}
	return m.LossRate
}

// schedule decides when what is sent in one direction of one connection
// arrives. It is a pure function of the model, the seed and what went before;
// it holds no clock.
type schedule struct {
	notBefore time.Time // nothing counts as sent before this: the handshake
	last      time.Time // the arrival of what went before: a byte stream never overtakes itself
	rng       *rand.Rand
	sender    sender
}

// delivery is bytes that arrive together.
type delivery struct {
	at      time.Time
	bytes   int
	stalled bool // they waited a round trip for the sender's window, the first of their round to do so
}

func newSchedule(notBefore time.Time, seed, stream uint64) *schedule {
	return &schedule{
		notBefore: notBefore,
		rng:       rand.New(rand.NewPCG(seed, stream)), //nolint:gosec // a model of a link needs no secrecy
		sender:    newSender(notBefore),
	}
}

// deliveries returns when n bytes that were written at the given moment reach
// the other end, in order; several, when the sender's window does not take
// them at once. No bytes (the end of a stream) are one delivery, too.
func (s *schedule) deliveries(m Model, written time.Time, n int) []delivery {
	if n == 0 || m.RTT == 0 || m.NoSlowStart {
		return []delivery{{at: s.arrival(m, written), bytes: n}}
	}
	if written.Before(s.notBefore) {
		written = s.notBefore
	}
	w := &s.sender
	var all []delivery
	if fits := w.ride(written, n); fits > 0 {
		all = append(all, delivery{at: s.last, bytes: fits})
		n -= fits
	}
	w.wake(written, m.rto())
	open, left, stalled := -1, time.Time{}, false // the delivery that leaves now, and when that is
	for n > 0 {
		room := w.room()
		if room <= 0 {
			stalled = w.wait() || stalled
			continue
		}
		segments := min(room, (n+mss-1)/mss)
		bytes := min(n, segments*mss)
		if open >= 0 && w.now.Equal(left) { // let go by the next acknowledgement of the same moment
			all[open].bytes += bytes
			w.unacked[len(w.unacked)-1].segments += segments
		} else {
			open, left = len(all), w.now
			at := s.arrival(m, left)
			all = append(all, delivery{at: at, bytes: bytes, stalled: stalled})
			stalled = false
			w.unacked = append(w.unacked, burst{ackAt: at.Add(m.RTT - m.RTT/2), segments: segments})
		}
		w.leave(segments)
		w.partial = segments*mss - bytes
		n -= bytes
	}
	return all
}

// arrival returns when a delivery that left at the given moment reaches the
// other end.
func (s *schedule) arrival(m Model, left time.Time) time.Time {
	if left.Before(s.notBefore) {
		left = s.notBefore
	}
	at := left.Add(m.RTT / 2)
	if m.Jitter > 0 {
		at = at.Add(time.Duration(s.rng.Int64N(int64(m.Jitter) + 1)))
	}
	if m.LossStall > 0 && s.rng.Float64() < m.lossRate() {
		at = at.Add(m.LossStall)
	}
	if at.Before(s.last) {
		at = s.last
	}
	s.last = at
	return at
}
