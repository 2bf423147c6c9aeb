package facts

import (
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/link"
)

// JudgeProxy sets ProxyBetween: TCP's round trip takes less than a quarter of the floor, which is at least
// 5 ms, so someone nearer than the server ends the connection. TCP's is the least of the handshake's, which
// a lost segment or a busy machine may have delayed, and of what the kernel has seen since (m may be nil).
// The round trip that a quick handshake saved is then found in the phase after it.
func (e *Endpoint) JudgeProxy(m *link.Conn) {
	const least, share = 5.0, 0.25
	limit := share * e.FloorMS
	for i, p := range e.Phases {
		if p.Name != "tcp" {
			continue
		}
		e.TCPRoundTripMS = p.MS
		if kernel := kernelRTT(m); kernel > 0 && MS(kernel) < p.MS {
			e.TCPRoundTripMS = MS(kernel)
		}
		if e.FloorMS < least || e.TCPRoundTripMS >= limit {
			return
		}
		e.ProxyBetween = true
		note := fmt.Sprintf("TCP connects in %.1f ms, but a turn takes %.1f ms: a proxy (or a simulated link) in front of the server answers", e.TCPRoundTripMS, e.FloorMS)
		if i+1 < len(e.Phases) && p.MS < limit {
			if next := e.Phases[i+1]; next.MS > 1.6*e.FloorMS*float64(max(next.Turns, 1)) {
				note += fmt.Sprintf("; the handshake's round trip is counted in %s (%.1f ms)", next.Name, next.MS)
			}
		}
		e.Notes = append(e.Notes, note)
		return
	}
}

// kernelRTT is the shortest round trip that the kernel tells of; 0 where it can't be asked.
func kernelRTT(m *link.Conn) time.Duration {
	if m == nil {
		return 0
	}
	n, ok := m.Segments()
	switch {
	case !ok:
		return 0
	case n.LeastRTT > 0:
		return min(n.LeastRTT, n.RTT)
	}
	return n.RTT
}
