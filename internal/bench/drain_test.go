package bench

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

func newHitter(t *testing.T, c HitterConfig) *Hitter {
	t.Helper()
	c.Run = NewRunID()
	h, err := NewHitter(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// A stopped attack ends at once when nothing is under way, and what was under
// way is measured.
func TestAttackDrainsWhenStopped(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	h := newHitter(t, HitterConfig{Base: base})
	// One request now, the next in an hour.
	schedule, err := Constant(1.0/3600, 2*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-arrived
		cancel()
		close(release)
	}()
	var got []Sample
	ran := h.Attack(ctx, Attack{
		Schedule: schedule,
		Shots:    func(uint64) Shot { return Shot{Path: "/"} },
		Observe:  func(s Sample) { got = append(got, s) },
	})
	if ran.Sent != 1 || ran.Planned != 2 || len(got) != 1 || got[0].Failed() {
		t.Errorf("sent %d of %d, samples %+v; want the one under way to be measured", ran.Sent, ran.Planned, got)
	}
}
