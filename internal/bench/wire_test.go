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
	"net/http/httputil"
	"slices"
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

// The wire asks for what net/http would ask for, as a server reads it.
func TestTheWireSaysWhatNetHTTPSays(t *testing.T) {
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := httputil.DumpRequest(r, true)
		if err != nil {
			panic(err)
		}
		lines := strings.Split(string(text), "\r\n")
		slices.Sort(lines[1:])
		got = append(got, r.RemoteAddr, strings.Join(lines, "\n"))
	}))
	t.Cleanup(s.Close)
	for _, prefix := range []string{"", "/", "/v1", "/v1/", "/?"} {
		base := parsed(t, s.URL)
		if prefix == "/?" {
			base.ForceQuery = true
		} else {
			base.Path = prefix
		}
		own := newHitter(t, HitterConfig{Base: base})
		byNetHTTP := newHitter(t, HitterConfig{Base: base, Transport: httpTransport(HitterConfig{Base: base})})
		byNetHTTP.run = own.run
		byNetHTTP.sender.(*exchange).run = own.run //nolint:errcheck,forcetypeassert // what a Transport makes
		for _, shot := range []Shot{
			{Path: "/"},
			{Path: ""},
			{Path: "/api/tasks/?days=30&q=a%20b"},
			{Path: "/x?"},
			{Path: "/x?a?b=c"},
			{Path: "//x"},
			{Path: "/with%20space/ü/%41;,!*'()"},
			{Path: "/a?b=ü"},
			{Path: "/a#b"},
			{Path: "/~a-b_c.d?x=1:2,3+4"},
			{Path: "/api/", User: User{Token: NewToken("secret")}},
			{Path: "/", Method: http.MethodPost, Body: `{"n":1}`},
			{Path: "/", Method: http.MethodPost},
			{Path: "/", Method: http.MethodPatch, Body: "ü"},
			{Path: "/", Method: http.MethodDelete},
			{Path: "/", Method: http.MethodPut},
			{Path: "/", Method: http.MethodHead},
			// Not to be said in HTTP: neither sends anything.
			{Path: "/a?b=c d\r\nX: y"},
			{Path: "/", User: User{Token: NewToken("a\r\nX: y")}},
			{Path: "/", Method: "GET / HTTP/1.1\r\nX: y\r\n\r\nGET"},
		} {
			got = nil
			one, two := own.Once(t.Context(), shot), byNetHTTP.Once(t.Context(), shot)
			if one.Kind != two.Kind || one.Reply != two.Reply {
				t.Errorf("%q %+v: %q %+v, by net/http %q %+v", prefix, shot, one.Kind, one.Reply, two.Kind, two.Reply)
			}
			switch {
			case len(got) == 0 && one.Kind == KindOther:
			case len(got) != 4:
				t.Errorf("%q %+v: %d requests came", prefix, shot, len(got)/2)
			case got[1] != got[3]:
				t.Errorf("%q %+v:\n%s\nby net/http:\n%s", prefix, shot, got[1], got[3])
			}
		}
	}
}

// A server that closes a connection after it has answered: a read is asked again on another one, once, and the time is
// in its figures; what may not be done twice is not sent on a connection that is known to be closed.
func TestAConnectionThatTheServerClosed(t *testing.T) {
	var drop atomic.Bool
	var asked atomic.Int64
	s := newCounted(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			return
		}
		if asked.Add(1); drop.Load() {
			hijack(w, nil)
		}
	})
	for _, tc := range []struct {
		name, method string
		used, closed bool // a reply came over the connection before; the server has closed it since
		drop         bool // the server ends every connection instead of an answer
		kind         Kind
		asked        int64
	}{
		{name: "read, closed while idle", used: true, closed: true, asked: 1},
		{name: "write, closed while idle", method: http.MethodPost, used: true, closed: true, asked: 1},
		{name: "read, no answer on a used one", used: true, drop: true, kind: KindReset, asked: 2},
		{name: "write, no answer on a used one", method: http.MethodPost, used: true, drop: true, kind: KindReset, asked: 1},
		{name: "read, no answer on a new one", drop: true, kind: KindReset, asked: 1},
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
				before := s.closed.Load()
				s.CloseClientConnections()
				isReady(t, "closed", func() bool { return s.closed.Load() > before })
			}
			got := h.Once(t.Context(), Shot{Path: "/", Method: tc.method})
			if got.Kind != tc.kind || asked.Load() != tc.asked {
				t.Errorf("kind %q, asked %d times; want %q, %d", got.Kind, asked.Load(), tc.kind, tc.asked)
			}
			if got.Latency != got.Lag+got.Queue+got.Service {
				t.Errorf("%v is not %v + %v + %v", got.Latency, got.Lag, got.Queue, got.Service)
			}
			drop.Store(false)
			if after := h.Once(t.Context(), Shot{Path: "/"}); after.Failed() {
				t.Errorf("the one place on the server was lost: %q", after.Kind)
			}
		})
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
		{name: "half a head", handler: raw("HTTP/1.1 200 OK\r\nContent"), kind: KindReset, connections: requests},
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

// TLS without HTTP/2 is the wire's own.
func TestTheWireSpeaksTLS(t *testing.T) {
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
	if n := len(h.sender.(*wire).pool.idle); n != 1 { //nolint:errcheck,forcetypeassert // what NewHitter makes
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
