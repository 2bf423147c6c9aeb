package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counted is a server that counts its connections.
type counted struct {
	*httptest.Server

	opened, closed, atOnce, most atomic.Int64
}

func newCounted(t *testing.T, handler http.HandlerFunc) *counted {
	t.Helper()
	s := &counted{Server: httptest.NewUnstartedServer(handler)}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.opened.Add(1)
			s.atOnce.Add(1)
			for now, most := s.atOnce.Load(), s.most.Load(); now > most; most = s.most.Load() {
				s.most.CompareAndSwap(most, now)
			}
		case http.StateClosed, http.StateHijacked:
			s.closed.Add(1)
			s.atOnce.Add(-1)
		default:
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func isReady(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
}

// A server that closes a kept connection instead of answering: each request that was sent and got no answer is counted,
// also where net/http asks again by itself; one that was never sent is not.
func TestAConnectionThatTheServerClosed(t *testing.T) {
	var drop atomic.Int64 // so many requests in a row get no answer
	var asked atomic.Int64
	s := newCounted(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			return
		}
		if asked.Add(1); drop.Add(-1) >= 0 {
			hijack(w, nil)
		}
	})
	for _, tc := range []struct {
		name, method string
		used, closed bool  // a reply came over the connection before; the server has closed it since
		drop         int64 // requests
		kind         Kind
		asked        int64
		retries      int
	}{
		{name: "read, closed while idle", used: true, closed: true, asked: 1},
		{name: "write, closed while idle", method: http.MethodPost, used: true, closed: true, asked: 1},
		{name: "read, no answer on a used one", used: true, drop: 1, kind: KindRetried, asked: 2, retries: 1},
		{name: "read, no answer at all", used: true, drop: 9, kind: KindReset, asked: 2, retries: 1},
		{name: "write, no answer on a used one", method: http.MethodPost, used: true, drop: 9, kind: KindReset, asked: 1},
		{name: "read, no answer on a new one", drop: 9, kind: KindReset, asked: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			drop.Store(tc.drop)
			asked.Store(0)
			h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), MaxConnections: 1})
			if tc.used {
				if s := h.Once(t.Context(), Shot{Path: "/first"}); s.Failed() {
					t.Fatal(s.Kind)
				}
			}
			if tc.closed {
				const loops = 3 // of net/http: two for the client's end of a connection, one for the server's
				before := runtime.NumGoroutine()
				s.CloseClientConnections()
				isReady(t, "closed at both ends", func() bool { return runtime.NumGoroutine() <= before-loops })
			}
			got := h.Once(t.Context(), Shot{Path: "/", Method: tc.method})
			if got.Kind != tc.kind || asked.Load() != tc.asked || got.Retries != tc.retries {
				t.Errorf("kind %q, asked %d times, %d retries; want %q, %d, %d", got.Kind, asked.Load(), got.Retries, tc.kind, tc.asked, tc.retries)
			}
			if got.Latency != got.Lag+got.Queue+got.Service {
				t.Errorf("%v is not %v + %v + %v", got.Latency, got.Lag, got.Queue, got.Service)
			}
			drop.Store(0)
			if after := h.Once(t.Context(), Shot{Path: "/"}); after.Failed() {
				t.Errorf("the one place on the server was lost: %q", after.Kind)
			}
		})
	}
}

// The counts are those of a server that aborts every third request that it sees.
func TestEveryRequestWithoutAnAnswerIsCounted(t *testing.T) {
	const n = 150
	for name, tc := range map[string]struct {
		method        string
		secure, close bool // close: it ends the connection after each answer without saying so
	}{
		"GET": {}, "POST": {method: http.MethodPost}, "DELETE": {method: http.MethodDelete}, "GET over TLS": {secure: true},
		"GET, closed after each answer": {close: true}, "GET over TLS, closed after each answer": {secure: true, close: true},
	} {
		t.Run(name, func(t *testing.T) {
			var seen, aborted atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if seen.Add(1)%3 == 0 {
					aborted.Add(1)
					panic(http.ErrAbortHandler)
				}
				if tc.close {
					hijack(w, []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
				}
			}))
			c := HitterConfig{MaxConnections: 5, Timeout: time.Minute}
			if tc.secure {
				s.StartTLS()
				c.TLS = trusting(t, s.Certificate())
			} else {
				s.Start()
			}
			t.Cleanup(s.Close)
			c.Base = parsed(t, s.URL)
			h := newHitter(t, c)
			tally := newTally(AnyState, time.Minute, time.Minute)
			h.Attack(t.Context(), Attack{
				Schedule: schedule(t, n, time.Second),
				Shots:    func(uint64) Shot { return Shot{Path: "/", Method: tc.method} },
				Observe:  func(s Sample) { tally.observe(0, s) },
			})
			unanswered := tally.kinds[KindReset] + tally.retries
			// Written to a connection that the server had closed by then: no answer, and the server did not see it.
			unseen := n + tally.retries - int(seen.Load())
			if int(aborted.Load())+unseen != unanswered || (unseen != 0 && !tc.close) || tally.all.requests != n {
				t.Errorf("the server saw %d and aborted %d; of %d requests %d were retried, %v",
					seen.Load(), aborted.Load(), tally.all.requests, tally.retries, tally.kinds)
			}
			if tally.all.over < n/4 || tally.all.errors != tally.all.over {
				t.Errorf("%d errors, %d over", tally.all.errors, tally.all.over)
			}
		})
	}
}

// A handshake that is refused is a matter of TLS, however it is refused.
func TestARefusedHandshakeIsTLS(t *testing.T) {
	for name, refuse := range map[string]func(net.Conn){
		"closed": func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096)) // the ClientHello
		},
		"reset": func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			_ = c.(*net.TCPConn).SetLinger(0) //nolint:errcheck,forcetypeassert // a TCP listener's
		},
		"alert":  func(c net.Conn) { _ = tls.Server(c, &tls.Config{MinVersion: tls.VersionTLS12}).Handshake() }, // it has no certificate
		"no TLS": func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) },
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				refuse(c)
				_ = c.Close()
			}
		}()
		if got := newHitter(t, HitterConfig{Base: parsed(t, "https://"+l.Addr().String())}).Once(t.Context(), Shot{Path: "/"}); got.Kind != KindTLS {
			t.Errorf("%s: %q", name, got.Kind)
		}
	}
}

// Connections whose handshake took long are used by the requests that come next, and not thrown away.
func TestSlowHandshakesAreNotWasted(t *testing.T) {
	var number, used atomic.Int64
	var early atomic.Int64 // closed by the client before the attack had ended
	ended := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { used.Add(1) }))
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		time.Sleep(100*time.Millisecond + time.Duration(number.Add(1)*37%200)*time.Millisecond)
		return nil, nil //nolint:nilnil // the server's own
	}}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		select {
		case <-ended:
		default:
			if state == http.StateClosed {
				early.Add(1)
			}
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), TLS: trusting(t, s.Certificate())})
	h.Attack(t.Context(), Attack{
		Schedule: schedule(t, 100, time.Second),
		Shots:    func(uint64) Shot { return Shot{Path: "/"} },
		Observe: func(s Sample) {
			if s.Failed() {
				t.Errorf("request %d: %q", s.Seq, s.Kind)
			}
		},
	})
	close(ended)
	if used.Load() != 100 || early.Load() != 0 {
		t.Errorf("%d requests came; %d of %d connections were closed while it ran", used.Load(), early.Load(), number.Load())
	}
}

// Ways to end a reply: each is read to its end, and the connection is used on only where it may be.
func TestWaysToEndAReply(t *testing.T) {
	raw := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { hijack(w, []byte(text)) }
	}
	const requests = 5
	for _, tc := range []struct {
		name        string
		handler     http.HandlerFunc
		bytes       int64
		kind        Kind
		connections int64
	}{
		{name: "closes after each", handler: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }, connections: requests},
		{name: "chunked", handler: func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				_, _ = io.WriteString(w, strings.Repeat("x", 20_000))
				_ = http.NewResponseController(w).Flush()
			}
		}, bytes: 60_000, connections: 1},
		{name: "chunked with a trailer", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "abc")
			w.Header().Set("X-Sum", "1")
		}, bytes: 3, connections: 1},
		{name: "early hints", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = io.WriteString(w, "abc")
		}, bytes: 3, connections: 1},
		{name: "a large body", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000000")
			_, _ = w.Write(make([]byte, 1_000_000))
		}, bytes: 1_000_000, connections: 1},
		{name: "not modified", handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, connections: 1},
		{name: "until the end", handler: raw("HTTP/1.1 200 OK\r\n\r\nabc"), bytes: 3, connections: requests},
		{name: "HTTP/1.0", handler: raw("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"), bytes: 3, connections: requests},
		{name: "more than was asked for", handler: raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef"), bytes: 3, connections: requests},
		{name: "no HTTP", handler: raw("SSH-2.0-x\r\n"), kind: KindOther, connections: requests},
		{name: "half a head", handler: raw("HTTP/1.1 200 OK\r\nContent"), kind: KindOther, connections: requests},
		{name: "half a chunk", handler: raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), kind: KindBody, connections: requests},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newCounted(t, tc.handler)
			h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), MaxConnections: 1})
			for range requests {
				if got := h.Once(t.Context(), Shot{Path: "/"}); got.Kind != tc.kind || (tc.kind == KindNone && got.Reply.Bytes != tc.bytes) {
					t.Errorf("kind %q, %d bytes; want %q, %d", got.Kind, got.Reply.Bytes, tc.kind, tc.bytes)
				}
			}
			if n := s.opened.Load(); n != tc.connections {
				t.Errorf("%d connections, want %d", n, tc.connections)
			}
		})
	}
}

// The connection by which it is found that a server speaks HTTP/2 is the one that is used.
func TestTheFirstConnectionServesHTTP2(t *testing.T) {
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.EnableHTTP2 = true
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), TLS: trusting(t, s.Certificate())})
	for range 3 {
		if got := h.Once(t.Context(), Shot{Path: "/"}); got.Failed() || got.Reply.Proto != 2 {
			t.Errorf("%q over HTTP/%d", got.Kind, got.Reply.Proto)
		}
	}
	if _, _, err := h.Ask(t.Context()); err == nil || strings.Contains(err.Error(), "HTTP/2") {
		t.Errorf("what is not measured goes the same way: %v", err)
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestTLSWithoutHTTP2(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Proto, " ", r.Host)
	}))
	t.Cleanup(s.Close)
	h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), TLS: trusting(t, s.Certificate())})
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPost} {
		got := h.Once(t.Context(), Shot{Path: "/", Method: method})
		if got.Failed() || got.Reply.Proto != 1 || got.Reply.Bytes != int64(len("HTTP/1.1 "+h.base.Host)) {
			t.Errorf("%s: %q, HTTP/%d, %d bytes", method, got.Kind, got.Reply.Proto, got.Reply.Bytes)
		}
	}
	if n := h.dialed.opened.Load(); n != 1 {
		t.Errorf("%d connections were made for three requests", n)
	}
}

// A single request ends with its context, and takes no time-out for it.
func TestOnceEndsWithItsContext(t *testing.T) {
	arrived := make(chan struct{}, 1)
	s := newCounted(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), Timeout: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if got := h.Once(ctx, Shot{Path: "/"}); got.Kind != KindOther {
		t.Errorf("kind %q", got.Kind)
	}
	if got := h.Once(ctx, Shot{Path: "/"}); got.Kind != KindOther {
		t.Errorf("with a context that has ended: %q", got.Kind)
	}
}

func trusting(t *testing.T, certificate *x509.Certificate) *tls.Config {
	t.Helper()
	trust, err := TrustAlso(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	if err != nil {
		t.Fatal(err)
	}
	return trust
}
