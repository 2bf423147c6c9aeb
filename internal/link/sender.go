package link

import "time"

const (
	mss           = 1448         // bytes in a segment: Ethernet's 1500 less 40 of headers and 12 of timestamps
	initialWindow = 10           // segments, RFC 6928
	ackEvery      = 2            // segments for which a receiver sends one acknowledgement, RFC 5681 4.2
	maxWindow     = window / mss // segments; what a receiver would have room for
	rtoSlack      = 200 * time.Millisecond
)

// sender is the congestion window of one direction of one connection, the way
// Linux keeps it on a path that drops nothing: RFC 5681's slow start, clocked
// by acknowledgements; the restart after an idle spell (RFC 2861, on by default
// as net.ipv4.tcp_slow_start_after_idle); and RFC 7661's rule that a window
// grows only while the application fills more than half of it. A grown window
// lasts as long as the connection is in use, however little it is used for.
// Cubic and reno are the same here: without a loss neither leaves slow start.
// BBR keeps its own window and is not modelled.
//
// It has no clock of its own: it runs ahead to the moment at which the last
// byte it was given leaves.
type sender struct {
	now     time.Time // the latest event; what is queued later leaves no earlier
	cwnd    int       // segments that may be under way
	sent    int       // segments so far
	acked   int       // segments so far
	unacked []burst   // oldest first
	partial int       // bytes that the last segment has room for
	lastOut time.Time // departure of the last segment

	// The names in brackets are those of Linux' struct tcp_sock.
	limited bool // the window was full at some time in this round [is_cwnd_limited]
	most    int  // when it was not: segments under way at most in this round [max_packets_out]
	judged  int  // the acknowledgement of this segment ends the round [cwnd_usage_seq]

	waited int // the acknowledgement of this segment ends the round trip that a wait belongs to
}

// burst is what left at one moment.
type burst struct {
	ackAt    time.Time
	segments int
}

func newSender(established time.Time) sender {
	return sender{now: established, cwnd: initialWindow, lastOut: established}
}

// rto is how long Linux waits for an acknowledgement: the smoothed round trip
// and its variation, which counts as 200 ms at least. An idle spell longer
// than that costs window.
func (m Model) rto() time.Duration { return m.RTT + max(rtoSlack, m.Jitter) }

// ride returns how many of n bytes, queued at the given moment, still fit into
// a last segment that has not left by then.
func (w *sender) ride(queued time.Time, n int) int {
	if !queued.Before(w.now) {
		return 0
	}
	n = min(n, w.partial)
	w.partial -= n
	return n
}

// wake brings the sender to the moment at which bytes are queued: what was
// acknowledged by then is, and an idle spell takes its toll.
func (w *sender) wake(queued time.Time, rto time.Duration) {
	for len(w.unacked) > 0 && !w.unacked[0].ackAt.After(queued) {
		w.ack()
	}
	if queued.Before(w.now) {
		return // behind what waits already
	}
	w.now = queued
	idle := queued.Sub(w.lastOut)
	if w.underWay() > 0 || idle <= rto {
		return
	}
	// Half of the window for every RTO (tcp_cwnd_restart).
	for idle -= rto; idle > 0 && w.cwnd > initialWindow; idle -= rto {
		w.cwnd /= 2
	}
	w.cwnd = max(w.cwnd, initialWindow)
}

// room is how many segments may leave now.
func (w *sender) room() int { return w.cwnd - w.underWay() }

func (w *sender) underWay() int { return w.sent - w.acked }

// leave sends segments now. The caller has put them into unacked, as it knows
// when they arrive.
func (w *sender) leave(segments int) {
	w.sent += segments
	w.lastOut = w.now
	// What Linux remembers of how full the window is (tcp_cwnd_validate).
	out, full := w.underWay(), w.room() <= 0
	if w.acked >= w.judged || full || (!w.limited && out > w.most) {
		w.limited, w.most, w.judged = full, out, w.sent
	}
}

// grows reports whether an acknowledgement opens the window: the window was
// full, or more than half full (tcp_is_cwnd_limited).
func (w *sender) grows() bool { return w.limited || w.cwnd < 2*w.most }

// wait lets the next acknowledgement come in, for which a full window waits.
// It reports whether that is the first one of a round trip: a later one comes
// from the same flight of segments.
func (w *sender) wait() (newRound bool) {
	if newRound = w.acked >= w.waited; newRound {
		w.waited = w.sent
	}
	w.ack()
	return newRound
}

// ack takes in the next acknowledgement.
func (w *sender) ack() {
	b := &w.unacked[0]
	if b.ackAt.After(w.now) {
		w.now = b.ackAt
	}
	n := min(ackEvery, b.segments)
	b.segments -= n
	if b.segments == 0 {
		w.unacked = w.unacked[1:]
	}
	w.acked += n
	if w.grows() {
		w.cwnd = min(w.cwnd+n, maxWindow)
	}
}
