package collect

import (
	"errors"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestOnlyTheWinnerIsTimed dials two addresses at once, as Go does for a host with two: the one that fails, before or
// after the other, leaves no trace. Under -race it also holds that the hooks may run beside the reader.
func TestOnlyTheWinnerIsTimed(t *testing.T) {
	const loser, winner = "[2001:db8::1]:443", "192.0.2.1:443"
	for _, late := range []bool{false, true} {
		var s httpStages
		hooks := s.trace()
		hooks.ConnectStart("tcp", loser)
		time.Sleep(60 * time.Millisecond)
		var all sync.WaitGroup
		var began time.Time
		fail := func() { hooks.ConnectDone("tcp", loser, errors.New("refused")) }
		if !late {
			fail()
		}
		all.Go(func() {
			began = time.Now()
			hooks.ConnectStart("tcp", winner)
			hooks.ConnectDone("tcp", winner, nil)
		})
		if late {
			all.Wait()
			all.Go(fail)
		}
		var a answer
		all.Wait()
		s.into(&a, time.Now())
		if most := time.Since(began); a.tcp <= 0 || a.tcp > most {
			t.Errorf("the loser ends late: %v: TCP took %v, the winner had %v, and the loser 60 ms more", late, a.tcp, most)
		}
		all.Go(fail)
		s.into(&a, time.Now())
		all.Wait()
	}
}

// TestProxyIsTold: the probe goes by the proxy that it is told of, and by no other.
func TestProxyIsTold(t *testing.T) {
	elsewhere := &url.URL{Scheme: "http", Host: "127.0.0.1:1"} // nobody listens there
	c := facts.Config{TargetURL: "http://server.example", Proxy: func(*http.Request) (*url.URL, error) { return elsewhere, nil }}
	if s := probeWeb(t.Context(), c, nil); s != nil {
		t.Errorf("it draws a proxy's waterfall: %+v", s.Endpoint)
	}
	if s := askTarget(t.Context(), c); s.Failed == nil || s.Failed.Kind != facts.KindRefused {
		t.Errorf("it did not go by the proxy: %v", s.Failed)
	}
	t.Setenv("HTTP_PROXY", elsewhere.String())
	c.Proxy = nil
	if newTargetClient(c.TargetURL, "", c.Proxy).transport.Proxy != nil {
		t.Error("it takes a proxy from the environment")
	}
}
