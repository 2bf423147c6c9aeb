package link

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestDeliveries: whatever is written, every byte arrives once, in order, no
// earlier than the link allows and no earlier than with an open window; and
// what follows a byte does not change when it arrives.
func TestDeliveries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := func(label string, limit int) time.Duration {
			return time.Duration(rapid.IntRange(0, limit).Draw(t, label)) * time.Millisecond
		}
		m := Model{RTT: ms("rtt", 300), Seed: rapid.Uint64().Draw(t, "seed")}
		if rapid.Bool().Draw(t, "disturbed") {
			m.Jitter, m.LossStall, m.LossRate = ms("jitter", 50), ms("stall", 500), rapid.Float64Range(0, 1).Draw(t, "rate")
		}
		open := m
		open.NoSlowStart = true
		begin := time.Unix(1_700_000_000, 0)
		slow, long, free := newSchedule(begin, m.Seed, 1), newSchedule(begin, m.Seed, 1), newSchedule(begin, m.Seed, 1)
		written, last := begin, begin
		writes := rapid.IntRange(1, 20).Draw(t, "writes")
		for i := range writes {
			written = written.Add(ms("gap", 900))
			n := rapid.IntRange(0, 300_000).Draw(t, "bytes")
			all := slow.deliveries(m, written, n)
			sum := 0
			for _, d := range all {
				if d.at.Before(last) || d.at.Before(written.Add(m.RTT/2)) {
					t.Fatalf("written at %s, after what arrives at %s: %+v", written, last, all)
				}
				last = d.at
				sum += d.bytes
			}
			if sum != n {
				t.Fatalf("%d bytes written, %d arrive: %+v", n, sum, all)
			}
			at := free.deliveries(open, written, n)[0].at
			if m.Jitter == 0 && m.LossStall == 0 && last.Before(at) {
				t.Fatalf("%d bytes arrive at %s, and at %s with an open window", n, last, at)
			}
			// The same past, but the last write is longer.
			if i == writes-1 {
				extra := rapid.IntRange(1, 300_000).Draw(t, "extra")
				if got := arrivalOf(long.deliveries(m, written, n+extra), n); n > 0 && !got.Equal(last) {
					t.Fatalf("the last of %d bytes arrives at %s, and at %s with %d behind it", n, last, got, extra)
				}
			} else {
				long.deliveries(m, written, n)
			}
		}
	})
}

// arrivalOf returns when the nth byte arrives.
func arrivalOf(all []delivery, n int) time.Time {
	for _, d := range all {
		if n -= d.bytes; n <= 0 {
			return d.at
		}
	}
	return time.Time{}
}

// TestSegmentsThatWaitAreFilled: writes behind a full window go out in whole
// segments, so that the reads of a proxy don't show on the wire.
func TestSegmentsThatWaitAreFilled(t *testing.T) {
	m := Model{RTT: oceanRTT}
	begin := time.Unix(1_700_000_000, 0)
	const four = (10 + 20 + 40 + 80) * mss // what four flights carry
	for _, c := range []struct {
		bytes int
		want  time.Duration
	}{{four, 7 * oceanRTT / 2}, {four + 1, 9 * oceanRTT / 2}} {
		s := newSchedule(begin, 1, 1)
		for left := c.bytes; left > 0; left -= 50_000 {
			s.deliveries(m, begin, min(left, 50_000))
		}
		if got := s.last.Sub(begin); got != c.want {
			t.Errorf("%d bytes in writes of 50,000 arrive after %s, want %s", c.bytes, got, c.want)
		}
	}
}

// TestIdleHalvesTheWindowForEachTimeout: an RTO is a round trip and 200 ms.
func TestIdleHalvesTheWindowForEachTimeout(t *testing.T) {
	rto := Model{RTT: oceanRTT}.rto()
	for _, c := range []struct {
		idle time.Duration
		want int
	}{
		{rto, 100}, {rto + 1, 50}, {2 * rto, 50}, {2*rto + 1, 25}, {3*rto + 1, 12}, {4*rto + 1, 10}, {time.Hour, 10},
	} {
		w := newSender(time.Unix(1_700_000_000, 0))
		w.cwnd = 100
		w.wake(w.lastOut.Add(c.idle), rto)
		if w.cwnd != c.want {
			t.Errorf("idle for %s: a window of 100 became %d, want %d", c.idle, w.cwnd, c.want)
		}
	}
	w := newSender(time.Unix(1_700_000_000, 0))
	w.cwnd, w.sent, w.unacked = 100, 1, []burst{{ackAt: w.now.Add(2 * time.Hour), segments: 1}}
	if w.wake(w.now.Add(time.Hour), rto); w.cwnd != 100 {
		t.Errorf("a window of 100 became %d during a wait for an acknowledgement, which is not idleness", w.cwnd)
	}
}

// TestWindowGrowsOnlyWhenItIsUsed: a hundred replies of five segments leave the
// window as it was, one of six makes it grow, to twice that. A window that was
// full long ago does not grow for that.
func TestWindowGrowsOnlyWhenItIsUsed(t *testing.T) {
	for _, c := range []struct{ first, segments, want int }{
		{0, 1, 10}, {0, 5, 10}, {0, 6, 12}, {0, 9, 18}, {10, 1, 20}, {10, 10, 20}, {10, 11, 22},
	} {
		now := time.Unix(1_700_000_000, 0)
		s := newSchedule(now, 1, 1)
		send := func(segments int) {
			s.deliveries(Model{RTT: oceanRTT}, now, segments*mss)
			now = now.Add(oceanRTT)
		}
		send(c.first)
		for range 100 {
			send(c.segments)
		}
		if got := s.sender.cwnd; got != c.want && got != c.want+1 { // an acknowledgement covers two
			t.Errorf("a reply of %d segments and many of %d: a window of %d, want %d", c.first, c.segments, got, c.want)
		}
	}
}

// TestAFullWindowIsRememberedUntilItIsAcknowledged: twelve segments that leave
// in the same round as a full window grow it by twelve, though they fill
// little more than half of it.
func TestAFullWindowIsRememberedUntilItIsAcknowledged(t *testing.T) {
	begin := time.Unix(1_700_000_000, 0)
	s := newSchedule(begin, 1, 1)
	for _, w := range []struct {
		at             time.Duration
		segments, want int // the window at that moment, before they leave
	}{{0, 9, 10}, {oceanRTT / 2, 1, 10}, {oceanRTT, 12, 19}, {2 * oceanRTT, 1, 32}} {
		s.sender.wake(begin.Add(w.at), Model{RTT: oceanRTT}.rto())
		if got := s.sender.cwnd; got != w.want {
			t.Errorf("after %s the window is %d, want %d", w.at, got, w.want)
		}
		s.deliveries(Model{RTT: oceanRTT}, begin.Add(w.at), w.segments*mss)
	}
}

// TestSlowStartThroughTheProxy: the wire's round trips are stalls and no turns,
// in both directions. The least time and the most stalls of a few tries are
// the link's own: a busy machine adds time, and saves stalls while it sleeps.
func TestSlowStartThroughTheProxy(t *testing.T) {
	const small, large = 10_000, 150_000
	for _, c := range []struct {
		name  string
		serve func(*net.TCPConn)
		ask   func(net.Conn, int) error
	}{
		{"replies", reply, ask},
		{"requests", swallow, tell},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startProxy(t, server(t, c.serve), Model{RTT: rtt})
			stalls := int64(0)
			fresh := func(n int) time.Duration {
				return least(4, func() {
					before := p.Counts()
					conn := dialProxy(t, p)
					if err := c.ask(conn, n); err != nil {
						t.Error(err)
					}
					after := p.Counts()
					stalls = max(stalls, after.Stalls-before.Stalls)
				})
			}
			one := fresh(small)
			if stalls != 0 {
				t.Errorf("%d bytes stalled %d times", small, stalls)
			}
			four := fresh(large)
			if stalls != 3 {
				t.Errorf("%d bytes stalled %d times, want 3", large, stalls)
			}
			// The handshake's round trip is in both.
			if ratio := float64(four) / float64(one); ratio < 2 || ratio > 3 {
				t.Errorf("fresh connections: %d bytes in %s, %d bytes in %s: a ratio of %.2f, want 5/2", large, four, small, one, ratio)
			}
		})
	}
}

// tell sends n bytes, and how many they are before them, and waits for the
// reply to the last.
func tell(c net.Conn, n int) error {
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(n)), make([]byte, n)...)); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c, 1)
	return err
}

// swallow is the server of tell.
func swallow(c *net.TCPConn) {
	size := make([]byte, 4)
	for {
		if _, err := io.ReadFull(c, size); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(size))); err != nil {
			return
		}
		if _, err := c.Write([]byte{1}); err != nil {
			return
		}
	}
}
