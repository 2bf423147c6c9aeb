package link

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// echoServer answers everything with itself.
func echoServer(t *testing.T) string {
	return server(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
}

// server runs serve for each connection and closes it afterwards; it ends with
// the test.
func server(t *testing.T, serve func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	serveAll(t, l, serve)
	return l.Addr().String()
}

// serveAll is server on a listener that is there.
func serveAll(t *testing.T, l *net.TCPListener, serve func(*net.TCPConn)) {
	t.Helper()
	var mu sync.Mutex
	open := map[*net.TCPConn]bool{}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			wg.Go(func() {
				defer func() {
					mu.Lock()
					delete(open, c)
					mu.Unlock()
					_ = c.Close()
				}()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
}

func startProxy(t *testing.T, target string, m Model) *Proxy {
	t.Helper()
	p, err := Listen(t.Context(), "127.0.0.1:0", target, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func dialProxy(t *testing.T, p *Proxy) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return tcp(t, c)
}

func pair(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = s.Close() })
	return tcp(t, c), s
}

func tcp(t *testing.T, c net.Conn) *net.TCPConn {
	t.Helper()
	x, ok := c.(*net.TCPConn)
	if !ok {
		t.Fatalf("a %T is no TCP connection", c)
	}
	return x
}

// turn is one round trip of one byte.
func turn(t *testing.T, c net.Conn) {
	t.Helper()
	say(t, c, "q")
	hear(t, c, "q")
}

func say(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Error(err)
	}
}

// hear reads exactly s.
func hear(t *testing.T, c net.Conn, s string) {
	t.Helper()
	b := make([]byte, len(s))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != s {
		t.Errorf("read %q (%v), want %q", b, err, s)
	}
}

// least runs f n times and returns the shortest time.
func least(n int, f func()) time.Duration {
	best := time.Duration(1<<63 - 1)
	for range n {
		began := time.Now()
		f()
		best = min(best, time.Since(began))
	}
	return best
}

// remeasured measures until what it measured is good: a busy machine only adds
// to a time, so the least of many runs is the link's own, and a link that is
// wrong is wrong in all of them.
func remeasured(t *testing.T, measure func() (good bool, what string)) {
	t.Helper()
	var what string
	for range 20 {
		var good bool
		if good, what = measure(); good {
			return
		}
	}
	t.Error(what)
}

// eventually asks until the answer is want or a minute has passed, and returns
// the last answer.
func eventually[T comparable](ask func() T, want T) T {
	deadline := time.Now().Add(time.Minute)
	for {
		got := ask()
		if got == want || time.Now().After(deadline) {
			return got
		}
		time.Sleep(time.Millisecond)
	}
}
