package bench

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"
)

// Real failures of real connections, each of its kind.
func TestKinds(t *testing.T) {
	handler := func(h http.HandlerFunc) func(*testing.T) *url.URL {
		return func(t *testing.T) *url.URL {
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			return parsed(t, s.URL)
		}
	}
	status := func(code int) func(*testing.T) *url.URL {
		return handler(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
		})
	}
	tests := []struct {
		kind   Kind
		server func(*testing.T) *url.URL
	}{
		{KindNone, status(http.StatusOK)},
		{KindNone, status(http.StatusNoContent)},
		{KindRedirect, status(http.StatusMovedPermanently)},
		{KindLimited, status(http.StatusTooManyRequests)},
		{KindClient, status(http.StatusNotFound)},
		{KindServer, status(http.StatusBadGateway)},
		{KindDNS, func(t *testing.T) *url.URL { return parsed(t, "http://no-such-host.invalid") }},
		{KindConnect, func(t *testing.T) *url.URL {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			return parsed(t, "http://"+l.Addr().String())
		}},
		{KindTLS, func(t *testing.T) *url.URL { // a certificate that nobody trusts
			s := httptest.NewUnstartedServer(http.NotFoundHandler())
			s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the refusal
			s.StartTLS()
			t.Cleanup(s.Close)
			return parsed(t, s.URL)
		}},
		{KindReset, handler(func(w http.ResponseWriter, _ *http.Request) { hijack(w, nil) })},
		{KindBody, handler(func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, []byte("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"))
		})},
		{KindTimeout, handler(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })},
		{KindTimeout, handler(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})},
	}
	for _, tc := range tests {
		h := newHitter(t, HitterConfig{Base: tc.server(t), Timeout: 300 * time.Millisecond})
		s := h.Once(t.Context(), Shot{Path: "/"})
		if s.Kind != tc.kind {
			t.Errorf("%s: kind %q, want %q", h.base, s.Kind, tc.kind)
		}
		if s.Kind != KindNone && !slices.Contains(Kinds(), s.Kind) {
			t.Errorf("kind %q is not listed", s.Kind)
		}
	}
}

func hijack(w http.ResponseWriter, reply []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = conn.Write(reply)
	_ = conn.Close()
}

func parsed(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
