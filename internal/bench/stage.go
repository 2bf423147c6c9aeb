package bench

import "sync/atomic"

// stage is what a request waits for. net/http may dial for a request in a
// goroutine that outlives it, hence atomic.
type stage struct{ at atomic.Int32 }

// The stages, in the order of a request's life.
const (
	stageQueue int32 = iota
	stageDial
	stageTLS
	stageHeader
)

// enter moves on; a stage that was passed does not come back.
func (s *stage) enter(next int32) {
	for {
		now := s.at.Load()
		if next <= now || s.at.CompareAndSwap(now, next) {
			return
		}
	}
}

// of tells a time-out by its stage, and what ended a TLS handshake from what ended
// a request; it leaves the other kinds.
func (s *stage) of(k Kind) Kind {
	at := s.at.Load()
	if at == stageTLS && (k == KindReset || k == KindOther) {
		return KindTLS
	}
	if k != KindTimeout {
		return k
	}
	switch at {
	case stageQueue:
		return KindTimeoutQueue
	case stageDial:
		return KindTimeoutDial
	case stageTLS:
		return KindTimeoutTLS
	}
	return KindTimeoutHeader
}
