package link

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestMeterCountsTurns(t *testing.T) {
	// Each step is w (a write), r (a read of one byte that is there) or R (a
	// read of two bytes in two reads).
	for _, c := range []struct {
		name, steps string
		want        int64
	}{
		{"nothing", "", 0},
		{"a write alone", "w", 0},
		{"the server speaks first", "r", 0},
		{"one statement", "wr", 1},
		{"two statements in turn", "wrwr", 2},
		{"a pipeline", "wwwrrr", 1},
		{"an answer in pieces", "wrrr", 1},
		{"a write while the answer comes", "wrwrr", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, server := net.Pipe()
			defer client.Close()
			defer server.Close()
			m := Meter(client)
			b := make([]byte, 1)
			for _, step := range c.steps {
				var wg sync.WaitGroup
				switch step {
				case 'w':
					wg.Go(func() { _, _ = io.ReadFull(server, make([]byte, 1)) })
					if _, err := m.Write([]byte("q")); err != nil {
						t.Fatal(err)
					}
				case 'r':
					wg.Go(func() { _, _ = server.Write([]byte("a")) })
					if _, err := m.Read(b); err != nil {
						t.Fatal(err)
					}
				}
				wg.Wait()
			}
			if m.Turns() != c.want {
				t.Errorf("%q: %d turns, want %d", c.steps, m.Turns(), c.want)
			}
			if w, r := int64(count(c.steps, 'w')), int64(count(c.steps, 'r')); m.BytesWritten() != w || m.BytesRead() != r {
				t.Errorf("%q: %d bytes written, %d read", c.steps, m.BytesWritten(), m.BytesRead())
			}
		})
	}
}

func TestDialsChargeConnectingApart(t *testing.T) {
	addr := echoServer(t)
	var d Dials
	dial := d.Wrap(new(net.Dialer).DialContext)
	c, err := dial(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m, ok := Of(c)
	if !ok {
		t.Fatal("a dialled connection is not metered")
	}
	turn(t, c) // the start-up
	m.Ready()
	turn(t, c)
	turn(t, c)
	if d.Count() != 1 || d.Open() != 1 || d.Turns() != 2 || m.ConnectTurns() != 2 || m.Turns() != 3 || d.Total() != 3 {
		t.Errorf("count %d, open %d, connecting %d and %d, turns %d, total %d; want 1, 1, 2, 2, 3, 3",
			d.Count(), d.Open(), d.Turns(), m.ConnectTurns(), m.Turns(), d.Total())
	}
	_ = c.Close()
	_ = c.Close()
	if d.Open() != 0 {
		t.Errorf("%d open after two closes of the one connection, want 0", d.Open())
	}
	if _, err := dial(t.Context(), "tcp", "127.0.0.1:1"); err == nil || d.Failed() != 1 || d.Count() != 1 {
		t.Errorf("a refused dial: error %v, failed %d, count %d", err, d.Failed(), d.Count())
	}
}

func TestOfLooksThroughTLS(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	m := Meter(client)
	if got, ok := Of(tls.Client(m, &tls.Config{ServerName: "x"})); !ok || got != m {
		t.Errorf("Of(tls) = %p, %t, want %p", got, ok, m)
	}
	if _, ok := Of(client); ok {
		t.Error("Of found a meter on a bare connection")
	}
	if _, ok := Of(nil); ok {
		t.Error("Of found a meter in nothing")
	}
}

func TestPeerClosed(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*net.TCPConn)
		want bool
	}{
		{"alive", func(*net.TCPConn) {}, false},
		{"alive with unread bytes", func(c *net.TCPConn) { _, _ = c.Write([]byte("notice")) }, false},
		{"FIN", func(c *net.TCPConn) { _ = c.Close() }, true},
		{"FIN behind unread bytes", func(c *net.TCPConn) { _, _ = c.Write([]byte("close_notify")); _ = c.Close() }, true},
		{"RST", func(c *net.TCPConn) { reset(c) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, server := pair(t)
			m := Meter(client)
			if m.PeerClosed() {
				t.Fatal("closed before anything happened")
			}
			c.end(server)
			if got := eventually(func() bool { return m.PeerClosed() }, c.want); got != c.want {
				t.Errorf("PeerClosed = %t, want %t", got, c.want)
			}
			if m.Turns() != 0 {
				t.Errorf("asking cost %d turns", m.Turns())
			}
		})
	}
	client, _ := pair(t)
	m := Meter(client)
	_ = m.Close()
	if !m.PeerClosed() {
		t.Error("a connection closed on our side counts as alive")
	}
}

func TestPeerClosedBesideAReader(t *testing.T) {
	client, server := pair(t)
	m := Meter(client)
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = m.Read(make([]byte, 1)) })
	for range 100 {
		if m.PeerClosed() {
			t.Fatal("closed while a reader waits")
		}
	}
	_ = server.Close()
	wg.Wait()
}

func TestTally(t *testing.T) {
	var none *Tally
	none.AddTurns(1)
	none.AddAcquire(1)
	none.AddDB(1)
	none.AddRedis(1, 1)
	if none.Turns() != 0 || none.Acquire() != 0 || none.DB() != 0 || none.Redis() != 0 || none.RedisTrips() != 0 {
		t.Error("a nil tally counts")
	}
	if TallyFrom(t.Context()) != nil {
		t.Error("a bare context carries a tally")
	}
	ctx, bill := WithTally(t.Context())
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() { charge(ctx) })
	}
	wg.Wait()
	if bill.Turns() != 200 || bill.Acquire() != 100*time.Millisecond || bill.DB() != 100*time.Second ||
		bill.Redis() != 100*time.Minute || bill.RedisTrips() != 300 {
		t.Errorf("turns %d, acquire %s, db %s, redis %s in %d", bill.Turns(), bill.Acquire(), bill.DB(), bill.Redis(), bill.RedisTrips())
	}
}

func charge(ctx context.Context) {
	b := TallyFrom(ctx)
	b.AddTurns(2)
	b.AddAcquire(time.Millisecond)
	b.AddDB(time.Second)
	b.AddRedis(time.Minute, 3)
}

func count(s string, r rune) int {
	n := 0
	for _, x := range s {
		if x == r {
			n++
		}
	}
	return n
}

// TestSegments: the kernel counts what the meter's connection sends. Elsewhere than on Linux it can't be asked.
func TestSegments(t *testing.T) {
	client, server := pair(t)
	m := Meter(client)
	before, known := m.Segments()
	if known != (runtime.GOOS == "linux") {
		t.Fatalf("known is %v on %s", known, runtime.GOOS)
	}
	if !known {
		return
	}
	say(t, client, "a")
	hear(t, server, "a")
	after, _ := m.Segments()
	if after.Sent <= before.Sent || after.Again != 0 || after.RTT <= 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if s, known := m.Segments(); known {
		t.Errorf("a closed connection has %+v", s)
	}
}
