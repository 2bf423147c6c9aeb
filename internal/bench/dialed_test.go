package bench

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// resolverOf is a resolver by which every name has the given addresses.
func resolverOf(t *testing.T, addresses ...[4]byte) *net.Resolver {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			for _, a := range addresses {
				if q.Type == dnsmessage.TypeA {
					m.Answers = append(m.Answers, dnsmessage.Resource{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60}, Body: &dnsmessage.AResource{A: a},
					})
				}
			}
			if reply, err := m.Pack(); err == nil {
				_, _ = c.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", c.LocalAddr().String())
	}}
}

// A name with several addresses: the report has them all, with what each was sent.
func TestAddressesOfANameAreNamed(t *testing.T) {
	var asked atomic.Int64
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) })}}
	s.Start()
	t.Cleanup(s.Close)
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port) //nolint:errcheck,forcetypeassert // a TCP listener's
	resolver := resolverOf(t, [4]byte{127, 0, 0, 1}, [4]byte{127, 0, 0, 99})
	h := newHitter(t, HitterConfig{Base: parsed(t, "http://two.test:"+port), resolver: resolver})
	r := newRun(Config{Hitter: h})
	for range 5 {
		if s := h.Once(t.Context(), Shot{Path: "/"}); s.Failed() {
			t.Fatal(s.Kind)
		}
	}
	r.noteMachine()
	want := []Address{{"127.0.0.1:" + port, 1, 5}, {"127.0.0.99:" + port, 0, 0}}
	if got := r.result.Generator.Addresses; !slices.Equal(got, want) || asked.Load() != 5 {
		t.Errorf("%+v, want %+v; the server was asked %d times", got, want, asked.Load())
	}
}

// A dial is not made for a request that has been served over another connection meanwhile, and is for one that is asked again.
func TestAServedRequestIsNotDialed(t *testing.T) {
	s := newCounted(t, func(http.ResponseWriter, *http.Request) {})
	var d dialed
	dial := d.by(&net.Dialer{})
	request := &trip{}
	for _, served := range []bool{true, false} {
		request.served.Store(served)
		c, err := dial(tripContext{t.Context(), request}, "tcp", s.Listener.Addr().String())
		if errors.Is(err, errServed) != served || (c == nil) != served {
			t.Errorf("served: %v, and the dial ended with %v", served, err)
		}
		if c != nil {
			_ = c.Close()
		}
	}
	if n := d.opened.Load(); n != 1 || len(d.places) != 0 {
		t.Errorf("%d connections, %d places taken", n, len(d.places))
	}
}

// A dial that takes long makes nobody else wait.
func TestASlowDialBarsNobody(t *testing.T) {
	var d dialed
	for range 3 * mostDials { // none of which ends
		if _, err := d.place(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
