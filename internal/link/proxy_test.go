package link

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// rtt is long enough that the scheduler's noise stays small beside it.
const rtt = 60 * time.Millisecond

func TestPipelinedStatementsCostOneRoundTripAndSequentialOnesTwo(t *testing.T) {
	p := startProxy(t, echoServer(t), Model{RTT: rtt})
	c := dialProxy(t, p)
	turn(t, c) // connecting is charged elsewhere
	sequential, pipelined := time.Hour, time.Hour
	remeasured(t, func() (bool, string) {
		base := p.Counts().Turns
		sequential = min(sequential, least(1, func() { turn(t, c); turn(t, c) }))
		if got := p.Counts().Turns - base; got != 2 {
			t.Errorf("two sequential statements: %d turns", got)
		}
		pipelined = min(pipelined, least(1, func() {
			say(t, c, "a")
			say(t, c, "b")
			hear(t, c, "a")
			hear(t, c, "b")
		}))
		ratio := float64(sequential) / float64(pipelined)
		return ratio > 1.6 && ratio < 2.6, fmt.Sprintf("sequential/pipelined = %s/%s = %.2f, want about 2", sequential, pipelined, ratio)
	})
	if sequential < 2*rtt {
		t.Errorf("two sequential statements took %s, less than two round trips of %s", sequential, rtt)
	}
	if pipelined < rtt {
		t.Errorf("two pipelined statements took %s, less than a round trip of %s", pipelined, rtt)
	}
}

func TestHandshakeIsCharged(t *testing.T) {
	p := startProxy(t, echoServer(t), Model{RTT: rtt})
	c := dialProxy(t, p)
	turn(t, c)
	dials, first, warm := int64(1), time.Hour, time.Hour
	remeasured(t, func() (bool, string) {
		dials++
		first = min(first, least(1, func() { turn(t, dialProxy(t, p)) }))
		warm = min(warm, least(1, func() { turn(t, c) }))
		ratio := float64(first) / float64(warm)
		return ratio > 1.6 && ratio < 2.6, fmt.Sprintf("first/warm = %s/%s = %.2f, want about 2", first, warm, ratio)
	})
	if first < 2*rtt {
		t.Errorf("dial and the first statement took %s, less than the two round trips they cost", first)
	}
	if got := p.Counts().Dials; got != dials {
		t.Errorf("%d dials, want %d", got, dials)
	}
}

func TestServerDoesNotSpeakBeforeTheHandshakeIsOver(t *testing.T) {
	addr := server(t, func(c *net.TCPConn) { _, _ = c.Write([]byte("hello")) })
	p := startProxy(t, addr, Model{RTT: rtt})
	took := least(1, func() { hear(t, dialProxy(t, p), "hello") })
	if took < 2*rtt {
		t.Errorf("the banner came after %s, less than two round trips", took)
	}
}

func TestBytesArriveUnchangedUnderJitterAndLoss(t *testing.T) {
	for _, m := range []Model{
		{},
		{RTT: 2 * time.Millisecond},
		{RTT: 2 * time.Millisecond, Jitter: time.Millisecond, LossStall: 3 * time.Millisecond, LossRate: 0.05, Seed: 9},
	} {
		p := startProxy(t, echoServer(t), m)
		c := dialProxy(t, p)
		data := make([]byte, 3*window) // more than the window: back-pressure has to work
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _ = c.Write(data)
			_ = c.CloseWrite()
		})
		got, err := io.ReadAll(c)
		wg.Wait()
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%+v: %d bytes back of %d, error %v", m, len(got), len(data), err)
		}
		if n := p.Counts(); n.BytesToServer != int64(len(data)) || n.BytesToClient != int64(len(data)) {
			t.Errorf("%+v: counted %d to the server, %d to the client, want %d", m, n.BytesToServer, n.BytesToClient, len(data))
		}
	}
}

func TestASlowReaderHoldsTheSenderBack(t *testing.T) {
	release := make(chan struct{})
	addr := server(t, func(c *net.TCPConn) {
		<-release
		_, _ = io.Copy(io.Discard, c)
	})
	p := startProxy(t, addr, Model{})
	c := dialProxy(t, p)
	_ = c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	n, err := c.Write(make([]byte, 64<<20))
	if err == nil {
		t.Errorf("64 MB fit into a link whose window is %d", window)
	}
	t.Logf("held back after %d bytes", n)
	close(release)
}

func TestHalfClose(t *testing.T) {
	addr := server(t, func(c *net.TCPConn) {
		all, _ := io.ReadAll(c)
		_, _ = c.Write(bytes.ToUpper(all))
	})
	p := startProxy(t, addr, Model{RTT: 4 * time.Millisecond})
	c := dialProxy(t, p)
	say(t, c, "after the end of mine")
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || string(got) != "AFTER THE END OF MINE" {
		t.Errorf("got %q, %v", got, err)
	}
	_ = c.Close()
	if open := eventually(func() int64 { return p.Counts().Open }, 0); open != 0 {
		t.Errorf("%d connections open after both ends closed", open)
	}
}

func TestResetIsPassedOn(t *testing.T) {
	t.Run("from the server", func(t *testing.T) {
		addr := server(t, func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 1))
			reset(c)
		})
		c := dialProxy(t, startProxy(t, addr, Model{RTT: 4 * time.Millisecond}))
		say(t, c, "x")
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client got %v, want a reset", err)
		}
	})
	t.Run("from the client", func(t *testing.T) {
		got, arrived := make(chan error, 1), make(chan struct{})
		addr := server(t, func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 1))
			close(arrived)
			_, err := c.Read(make([]byte, 1))
			got <- err
		})
		c := dialProxy(t, startProxy(t, addr, Model{RTT: 4 * time.Millisecond}))
		say(t, c, "x")
		<-arrived // a reset discards what has not been read
		reset(c)
		if err := <-got; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the server got %v, want a reset", err)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		p := startProxy(t, "127.0.0.1:1", Model{RTT: 4 * time.Millisecond})
		c := dialProxy(t, p)
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client got %v, want a reset", err)
		}
	})
	t.Run("a server that closed and is written to", func(t *testing.T) {
		addr := server(t, func(*net.TCPConn) {}) // closes at once
		p := startProxy(t, addr, Model{RTT: 4 * time.Millisecond})
		c := dialProxy(t, p)
		if _, err := io.ReadAll(c); err != nil {
			t.Fatalf("the FIN came as %v", err)
		}
		failed := eventually(func() bool { _, err := c.Write([]byte("x")); return err != nil }, true)
		if !failed {
			t.Error("writes to a server that is gone never fail")
		}
	})
}

func TestCutAllAndCutIdle(t *testing.T) {
	// The server answers a line, but keeps silent after "wait".
	addr := server(t, func(c *net.TCPConn) {
		b := make([]byte, 64)
		for {
			n, err := c.Read(b)
			if err != nil {
				return
			}
			if !strings.HasPrefix(string(b[:n]), "wait") {
				_, _ = c.Write(b[:n])
			}
		}
	})
	p := startProxy(t, addr, Model{})
	idle, busy := dialProxy(t, p), dialProxy(t, p)
	turn(t, idle)
	turn(t, busy)
	say(t, busy, "wait")
	eventually(func() int64 { return p.Counts().BytesToServer }, 6)
	if n := p.CutIdle(); n != 1 {
		t.Errorf("CutIdle cut %d, want the idle one", n)
	}
	if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the idle connection got %v, want a reset", err)
	}
	if n := p.CutAll(); n != 1 {
		t.Errorf("CutAll cut %d, want the one that is left", n)
	}
	if _, err := busy.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the busy connection got %v, want a reset", err)
	}
	turn(t, dialProxy(t, p)) // new connections work
}

func TestPauseHoldsEverythingBack(t *testing.T) {
	p := startProxy(t, echoServer(t), Model{})
	c := dialProxy(t, p)
	turn(t, c)
	p.Pause()
	p.Pause()
	fresh := dialProxy(t, p)
	say(t, c, "x")
	say(t, fresh, "y")
	for _, held := range []*net.TCPConn{c, fresh} {
		_ = held.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
		if n, err := held.Read(make([]byte, 1)); err == nil {
			t.Errorf("%d bytes came through a paused link", n)
		}
		_ = held.SetReadDeadline(time.Time{})
	}
	p.Resume()
	p.Resume()
	hear(t, c, "x")
	hear(t, fresh, "y")
}

func TestSetModelAppliesToOpenConnections(t *testing.T) {
	p := startProxy(t, echoServer(t), Model{})
	c := dialProxy(t, p)
	turn(t, c)
	if err := p.SetModel(Model{RTT: rtt}); err != nil {
		t.Fatal(err)
	}
	if took := least(1, func() { turn(t, c) }); took < rtt {
		t.Errorf("a turn took %s after the link became %s long", took, rtt)
	}
	if p.Model().RTT != rtt {
		t.Errorf("the model in force says %s", p.Model().RTT)
	}
	if err := p.SetModel(Model{RTT: -1}); err == nil {
		t.Error("a negative round trip was taken")
	}
}

func TestCloseUnderTrafficLeavesNoGoroutine(t *testing.T) {
	addr := echoServer(t)
	before := runtime.NumGoroutine()
	p, err := Listen(t.Context(), "127.0.0.1:0", addr, Model{RTT: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	for range 20 {
		c := dialProxy(t, p)
		clients.Go(func() {
			b := make([]byte, 32<<10)
			for {
				if _, err := c.Write(b); err != nil {
					return
				}
				if _, err := io.ReadFull(c, b); err != nil {
					return
				}
			}
		})
	}
	eventually(func() bool { return p.Counts().Turns > 100 }, true)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	clients.Wait()
	// What remains is the echo server's, and ends with its connections.
	if left := eventually(func() bool { return runtime.NumGoroutine() <= before }, true); !left {
		t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
	}
	if open := p.Counts().Open; open != 0 {
		t.Errorf("%d connections open after Close", open)
	}
	if _, err := net.Dial("tcp", p.Addr()); err == nil {
		t.Error("a closed proxy still listens")
	}
}

func TestProxyAndMeterAgree(t *testing.T) {
	p := startProxy(t, echoServer(t), Model{RTT: time.Millisecond, Jitter: time.Millisecond})
	var d Dials
	dial := d.Wrap(new(net.Dialer).DialContext)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			c, err := dial(t.Context(), "tcp", p.Addr())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for j := range 10 + i {
				if j%3 == 0 { // a pipeline of two, its answer read in two pieces
					say(t, c, "pq")
					hear(t, c, "p")
					hear(t, c, "q")
				}
				turn(t, c)
			}
		})
	}
	wg.Wait()
	if n := p.Counts(); n.Turns != d.Total() || n.Dials != d.Count() {
		t.Errorf("the proxy saw %d turns in %d dials, the meters %d in %d", n.Turns, n.Dials, d.Total(), d.Count())
	}
}
