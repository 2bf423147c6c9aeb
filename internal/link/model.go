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
type Model struct {
	RTT       time.Duration // one round trip; each direction takes half of it
	Jitter    time.Duration // each delivery takes up to this much longer, evenly spread
	LossStall time.Duration // what a lost segment costs: its direction stands still for this long
	LossRate  float64       // share of deliveries that are lost, 0 to 1 (0 with a LossStall: DefaultLossRate)
	Seed      uint64        // same seed, same jitter and losses for the same traffic
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
// it holds no clock. Effects that depend on the volume in flight (TCP slow
// start) belong here, too.
type schedule struct {
	notBefore time.Time // nothing counts as sent before this: the handshake
	last      time.Time // the arrival of what went before: a byte stream never overtakes itself
	rng       *rand.Rand
}

func newSchedule(notBefore time.Time, seed, stream uint64) *schedule {
	return &schedule{
		notBefore: notBefore,
		rng:       rand.New(rand.NewPCG(seed, stream)), //nolint:gosec // a model of a link needs no secrecy
	}
}

// arrival returns when a delivery that was sent at the given moment reaches
// the other end.
func (s *schedule) arrival(m Model, sent time.Time) time.Time {
	if sent.Before(s.notBefore) {
		sent = s.notBefore
	}
	at := sent.Add(m.RTT / 2)
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
