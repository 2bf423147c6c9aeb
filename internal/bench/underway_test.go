package bench

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// All of an attack may be under way at once: nothing but the cap on connections bounds it, and that is kept.
func TestNothingBoundsWhatIsUnderWay(t *testing.T) {
	const all = 300
	var arrived sync.WaitGroup
	arrived.Add(all)
	s := newCounted(t, func(http.ResponseWriter, *http.Request) {
		arrived.Done()
		arrived.Wait() // for every other one
	})
	h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), Timeout: 20 * time.Second})
	seen := map[uint64]int{}
	ran := h.Attack(t.Context(), Attack{
		Schedule: schedule(t, 3000, 100*time.Millisecond),
		Shots:    func(uint64) Shot { return Shot{Path: "/"} },
		Observe: func(s Sample) {
			if seen[s.Seq]++; s.Failed() {
				t.Errorf("request %d: %q", s.Seq, s.Kind)
			}
		},
	})
	if ran.Sent != all || len(seen) != all {
		t.Errorf("sent %d, %d different ones", ran.Sent, len(seen))
	}
}

func TestTheCapOnConnectionsHolds(t *testing.T) {
	s := newCounted(t, func(http.ResponseWriter, *http.Request) { time.Sleep(time.Millisecond) })
	h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), MaxConnections: 3})
	ended, queued := 0, 0
	h.Attack(t.Context(), Attack{
		Schedule: schedule(t, 4000, 250*time.Millisecond),
		Shots:    func(uint64) Shot { return Shot{Path: "/"} },
		Observe: func(s Sample) {
			if ended++; s.Failed() || s.Latency != s.Lag+s.Queue+s.Service {
				t.Errorf("%+v", s)
			}
			if s.Queue > s.Service {
				queued++
			}
		},
	})
	if ended != 1000 || s.most.Load() > 3 || s.opened.Load() != 3 {
		t.Errorf("%d ended, over %d connections, %d at once", ended, s.opened.Load(), s.most.Load())
	}
	if queued < 500 {
		t.Errorf("only %d of 1,000 say that they waited for one of three connections", queued)
	}
}

// A server that is gone for a while takes no place of the cap with it.
func TestAServerThatComesBack(t *testing.T) {
	at := "127.0.0.1:0"
	serve := func() *httptest.Server {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		at = l.Addr().String()
		s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}}
		s.Start()
		return s
	}
	s := serve()
	h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), MaxConnections: 1})
	for range 2 {
		if got := h.Once(t.Context(), Shot{Path: "/"}); got.Kind != "404" {
			t.Errorf("while it is there: %q", got.Kind)
		}
		s.CloseClientConnections()
		s.Close()
		if got := h.Once(t.Context(), Shot{Path: "/"}); got.Kind != KindConnect {
			t.Errorf("while it is gone: %q", got.Kind)
		}
		s = serve()
	}
	s.Close()
}

// A stopped attack measures what is under way, those in line for a connection too.
func TestAStoppedAttackDrainsItsLine(t *testing.T) {
	release := make(chan struct{})
	s := newCounted(t, func(http.ResponseWriter, *http.Request) { <-release })
	h := newHitter(t, HitterConfig{Base: parsed(t, s.URL), MaxConnections: 2})
	ctx, cancel := context.WithCancel(t.Context())
	var started atomic.Uint64
	go func() {
		for started.Load() < 20 {
			time.Sleep(time.Millisecond)
		}
		cancel()
		close(release)
	}()
	good := uint64(0)
	ran := h.Attack(ctx, Attack{
		Schedule: schedule(t, 200, time.Minute),
		Shots: func(seq uint64) Shot {
			started.Store(seq)
			return Shot{Path: "/"}
		},
		Observe: func(s Sample) {
			if !s.Failed() {
				good++
			}
		},
	})
	if good != ran.Sent || good < 19 || good == ran.Planned {
		t.Errorf("%d of %d answered well, %d planned", good, ran.Sent, ran.Planned)
	}
}

// After Close there is no connection and no goroutine left, whatever the attack met.
func TestNothingIsLeftAfterClose(t *testing.T) {
	s := newCounted(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/close":
			w.Header().Set("Connection", "close")
		case "/drop":
			hijack(w, nil)
		case "/late":
			select {
			case <-time.After(300 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
	})
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts no handshake of TLS
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	before := runtime.NumGoroutine()
	for _, base := range []*url.URL{parsed(t, s.URL), parsed(t, "https://"+silent.Addr().String())} {
		h, err := NewHitter(HitterConfig{Base: base, MaxConnections: 20, Timeout: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		h.Attack(t.Context(), Attack{
			Schedule: schedule(t, 500, 200*time.Millisecond),
			Shots:    func(seq uint64) Shot { return Shot{Path: []string{"/", "/close", "/drop", "/late"}[seq%4]} },
			Observe:  func(Sample) {},
		})
		h.Close()
	}
	isReady(t, "every connection closed", func() bool { return s.opened.Load() == s.closed.Load() })
	isReady(t, "no goroutine more", func() bool { return runtime.NumGoroutine() <= before })
}
