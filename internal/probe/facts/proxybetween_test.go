package facts

import (
	"net"
	"runtime"
	"testing"

	"github.com/honeydue/honeydue/internal/link"
)

// TestTheKernelKnowsAProxy: a handshake that a lost segment or a busy machine has delayed hides a proxy, and the
// kernel's own round trip shows it.
func TestTheKernelKnowsAProxy(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	e := Endpoint{FloorMS: 110, Phases: []Phase{{"tcp", 1, 240}, {"ssl_request", 1, 111}}}
	e.JudgeProxy(link.Meter(c))
	if asked := runtime.GOOS == "linux"; e.ProxyBetween != asked || asked && e.TCPRoundTripMS >= 27 {
		t.Errorf("proxy %v, TCP's round trip %.1f ms", e.ProxyBetween, e.TCPRoundTripMS)
	}
	alone := Endpoint{FloorMS: 110, Phases: []Phase{{"tcp", 1, 240}}}
	if alone.JudgeProxy(nil); alone.ProxyBetween {
		t.Error("without the kernel's word a slow handshake is taken for a proxy")
	}
}
