package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// errNoRealPath says that this process can't put a distance between two
// sockets of the kernel.
var errNoRealPath = errors.New("link: no namespaces, or no TUN device, for this process")

// TestModelBesideRealTCP measures every spell through the proxy, and, where
// this process may make network namespaces, through the kernel's TCP over the
// same distance, and prints both. Both have to cost the round trips that the
// table says. A busy machine adds time, and takes some where it lengthens the
// kernel's RTO; so what is off is measured again, and the nearest counts.
func TestModelBesideRealTCP(t *testing.T) {
	p := startProxy(t, server(t, reply), Model{RTT: oceanRTT})
	ways := []*way{{name: "model", dial: func() (net.Conn, error) { return net.Dial("tcp", p.Addr()) }}}

	path, err := openRealPath(oceanRTT)
	switch {
	case errors.Is(err, errNoRealPath):
		t.Logf("The real half is not available here, only the model was measured: %v", err)
	case err != nil:
		t.Fatal(err)
	default:
		defer path.close()
		for _, congestion := range []string{"cubic", "reno"} {
			l, err := path.listen(t.Context(), congestion)
			if err != nil {
				t.Fatalf("%s: %v", congestion, err)
			}
			serveAll(t, l, reply)
			ways = append(ways, &way{name: "kernel, " + congestion, dial: func() (net.Conn, error) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				return path.dial(ctx, l.Addr().String(), congestion)
			}})
		}
	}

	for round := range 10 {
		var wg sync.WaitGroup
		for _, w := range ways {
			wg.Go(func() { w.measure(t, round < 2) })
		}
		wg.Wait()
	}

	var b strings.Builder
	fmt.Fprintf(&b, "round trips of %s for a reply\n%-27s %8s %5s", oceanRTT, "connection", "bytes", "want")
	for _, w := range ways {
		fmt.Fprintf(&b, " %22s", w.name)
	}
	for i, s := range spells {
		for j, size := range sizes {
			fmt.Fprintf(&b, "\n%-27s %8d %5d", s.name, size, s.want[j])
			for _, w := range ways {
				took := w.took[place{i, j}]
				fmt.Fprintf(&b, " %14.2f (%3d ms)", float64(took)/float64(oceanRTT), took.Milliseconds())
				if trips(took) != s.want[j] {
					t.Errorf("%s, %d bytes, %s: %s is not %d round trips", s.name, size, w.name, took, s.want[j])
				}
			}
		}
	}
	t.Log(b.String())
}

// way is one way to a server, and what an exchange took on it.
type way struct {
	name string
	dial func() (net.Conn, error)
	took map[place]time.Duration
}

// place is a field of the table: a spell and a size.
type place struct{ spell, size int }

// trips is how many round trips a time is.
func trips(took time.Duration) int { return int((took + oceanRTT/2) / oceanRTT) }

// measure measures every field of the table once, or those only that are off
// yet. Each has a connection of its own, and they begin one
// after the other rather than at once.
func (w *way) measure(t *testing.T, all bool) {
	if w.took == nil {
		w.took = map[place]time.Duration{}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, s := range spells {
		for j, size := range sizes {
			at := place{i, j}
			mu.Lock()
			best, known := w.took[at]
			mu.Unlock()
			if known && !all && trips(best) == s.want[j] {
				continue
			}
			wg.Go(func() {
				took, err := onWire(w.dial, s, size)
				if err != nil {
					t.Errorf("%s, %d bytes, %s: %v", s.name, size, w.name, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if want := time.Duration(s.want[j]) * oceanRTT; !known || (took-want).Abs() < (best-want).Abs() {
					w.took[at] = took
				}
			})
			time.Sleep(17 * time.Millisecond)
		}
	}
	wg.Wait()
}

// onWire returns the time of an exchange after a spell. The handshake's round
// trip is taken off: the kernel's dial waits for it, the model's first write.
func onWire(dial func() (net.Conn, error), s spell, size int) (time.Duration, error) {
	began := time.Now()
	conn, err := dial()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(began.Add(30 * time.Second))
	failed := error(nil)
	began = began.Add(oceanRTT)
	c := &caller{
		exchange: func(n int) time.Duration {
			failed = errors.Join(failed, ask(conn, n))
			took := time.Since(began)
			began = time.Now()
			return took
		},
		rest: func(d time.Duration) {
			time.Sleep(d)
			began = time.Now()
		},
	}
	s.past(c, size)
	return c.exchange(size), failed
}
