package app

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestProxyIsTold: the probe goes by the proxy that it is told of, and by no other.
func TestProxyIsTold(t *testing.T) {
	elsewhere := &url.URL{Scheme: "http", Host: "127.0.0.1:1"} // nobody listens there
	c := facts.Config{TargetURL: "http://server.example", Proxy: func(*http.Request) (*url.URL, error) { return elsewhere, nil }}
	if s := ProbeWeb(t.Context(), c, nil); s != nil {
		t.Errorf("it draws a proxy's waterfall: %+v", s.Endpoint)
	}
	if s := AskTarget(t.Context(), c); s.Failed == nil || s.Failed.Kind != facts.KindRefused {
		t.Errorf("it did not go by the proxy: %v", s.Failed)
	}
	t.Setenv("HTTP_PROXY", elsewhere.String())
	c.Proxy = nil
	if newTargetClient(c.TargetURL, "", c.Proxy).transport.Proxy != nil {
		t.Error("it takes a proxy from the environment")
	}
}
