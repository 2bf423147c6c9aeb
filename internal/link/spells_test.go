package link

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
)

// oceanRTT is that of the distance this project is about.
const oceanRTT = 110 * time.Millisecond

// spell is what a connection did before the exchange that counts.
type spell struct {
	name string
	past func(c *caller, size int)
	want [4]int // round trips, for each of sizes
}

var sizes = [4]int{10_000, 30_000, 80_000, 150_000}

// spells is the table that the pure schedule, the proxy and the kernel are all
// held to.
var spells = []spell{
	{"fresh", func(*caller, int) {}, [4]int{1, 2, 3, 4}},
	{"hot", heat, [4]int{1, 1, 1, 1}},
	{"hot, 2 s idle", func(c *caller, size int) {
		heat(c, size)
		c.rest(2 * time.Second)
	}, [4]int{1, 2, 3, 4}},
	{"once, 0.45 s idle", func(c *caller, size int) { // one RTO: half of the window
		c.exchange(size)
		c.rest(450 * time.Millisecond)
	}, [4]int{1, 2, 2, 2}},
	{"hot, 0.2 s idle", func(c *caller, size int) {
		heat(c, size)
		c.rest(200 * time.Millisecond)
	}, [4]int{1, 1, 1, 1}},
	{"small replies only", func(c *caller, _ int) {
		for range 15 {
			c.exchange(1_000)
		}
	}, [4]int{1, 2, 3, 4}},
	{"hot, 2 s of small replies", func(c *caller, size int) {
		heat(c, size)
		for range 18 {
			c.exchange(1_000)
		}
	}, [4]int{1, 1, 1, 1}},
}

// heat grows the window to what replies of this size need.
func heat(c *caller, size int) {
	for range 3 {
		c.exchange(size)
	}
}

// caller is the client of one connection: it asks for a reply of so many bytes
// and says how long that took.
type caller struct {
	exchange func(reply int) time.Duration
	rest     func(time.Duration)
}

// TestScheduleCostsTheRoundTripsOfTCP runs the spells on the pure schedule,
// where nobody sleeps, with large replies and with large requests.
func TestScheduleCostsTheRoundTripsOfTCP(t *testing.T) {
	for _, s := range spells {
		for i, size := range sizes {
			for _, m := range []Model{{RTT: oceanRTT}, {RTT: oceanRTT, NoSlowStart: true}, {}} {
				for _, upload := range []bool{false, true} {
					c := onSchedule(m, upload)
					s.past(c, size)
					want := time.Duration(s.want[i]) * m.RTT
					if m.NoSlowStart {
						want = m.RTT
					}
					if got := c.exchange(size); got != want {
						t.Errorf("%s, %d bytes, upload %t, %+v: %s, want %s", s.name, size, upload, m, got, want)
					}
				}
			}
		}
	}
}

// onSchedule is a caller whose time is that of the model. With upload it is
// the request that is large.
func onSchedule(m Model, upload bool) *caller {
	now := time.Unix(1_700_000_000, 0)
	up, down := newSchedule(now, 1, 0), newSchedule(now, 1, 1)
	arrive := func(s *schedule, n int) {
		all := s.deliveries(m, now, n)
		now = all[len(all)-1].at
	}
	return &caller{
		exchange: func(n int) time.Duration {
			began := now
			if upload {
				arrive(up, n)
				arrive(down, requestSize)
			} else {
				arrive(up, requestSize)
				arrive(down, n)
			}
			return now.Sub(began)
		},
		rest: func(d time.Duration) { now = now.Add(d) },
	}
}

// requestSize is what a request takes: how long a reply it wants.
const requestSize = 4

func ask(c net.Conn, n int) error {
	if _, err := c.Write(binary.BigEndian.AppendUint32(nil, uint32(n))); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c, int64(n))
	return err
}

// reply answers requests, each with one write.
func reply(c *net.TCPConn) {
	request := make([]byte, requestSize)
	for {
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		if _, err := c.Write(make([]byte, binary.BigEndian.Uint32(request))); err != nil {
			return
		}
	}
}
