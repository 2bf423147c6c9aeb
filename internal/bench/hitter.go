package bench

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// singles is the attack number of the requests of Once; attacks count from 1.
const singles = 0

// DefaultTimeout is how long a request may take before it counts as failed.
const DefaultTimeout = 5 * time.Second

// HitterConfig says whom a Hitter hits, and how.
type HitterConfig struct {
	Base           *url.URL      // scheme, host and, if any, a path before each shot's path
	MaxConnections int           // open at once; 0 = as many as the load needs
	Timeout        time.Duration // of one request, connecting included; 0 = DefaultTimeout
	TLS            *tls.Config   // nil = the system's trust
	UserAgent      string
	Run            RunID
	Transport      http.RoundTripper // what sends the requests; nil = HTTP, by the fields above
}

// Hitter sends scheduled requests to one server over one set of connections.
// Attacks may run one after the other or at once.
type Hitter struct {
	base      *url.URL
	transport http.RoundTripper // of the requests that are not measured; over the same connections
	sender    sender
	timeout   time.Duration
	run       RunID
	userAgent string
	attacks   atomic.Uint32
	singles   atomic.Uint64
	opened    atomic.Int64 // connections
	verdicts  *verdicts
}

// NewHitter makes a Hitter. Close it to give its connections back.
//
// HTTP/2 is spoken only where a TLS server offers it. No proxy of the
// environment is used: the figures are to be the server's.
func NewHitter(c HitterConfig) (*Hitter, error) {
	if c.Base == nil || c.Base.Host == "" || (c.Base.Scheme != "http" && c.Base.Scheme != "https") {
		return nil, fmt.Errorf("the target must be an http or https URL with a host")
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.UserAgent == "" {
		c.UserAgent = "honeydue-loadtest"
	}
	h := &Hitter{verdicts: newVerdicts(), base: c.Base, timeout: c.Timeout, run: c.Run, userAgent: c.UserAgent, transport: c.Transport}
	switch {
	case c.Transport == nil && speaksPlainly(c.Base):
		w := newWire(c, &h.opened)
		h.transport, h.sender = w, w
		return h, nil
	case c.Transport == nil:
		h.transport = httpTransport(c)
	}
	h.sender = &exchange{base: c.Base, transport: h.transport, run: c.Run, userAgent: c.UserAgent, timeout: c.Timeout}
	if t, ok := h.transport.(*http.Transport); ok {
		h.countDials(t)
	}
	return h, nil
}

func httpTransport(c HitterConfig) *http.Transport {
	dialer := &net.Dialer{Timeout: c.Timeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     c.TLS,
		ForceAttemptHTTP2:   c.Base.Scheme == "https",
		MaxConnsPerHost:     c.MaxConnections,
		MaxIdleConnsPerHost: idleConnections,
		IdleConnTimeout:     idleFor,
		// The body is counted as it was sent, and not unpacked: that is the
		// phone's work, not the server's.
		DisableCompression: true,
	}
}

// Close gives back the connections. No request may be under way; there may be others afterwards.
func (h *Hitter) Close() { (&http.Client{Transport: h.transport}).CloseIdleConnections() }

// Attack is one scheduled run of requests.
type Attack struct {
	Schedule Schedule
	Shots    Shots
	// Observe is called once for each request, one call at a time, in the order
	// in which they end, as far as two moments can be told apart.
	Observe func(Sample)
	// Tick, if set, is called about once a second between two calls of Observe.
	Tick func(elapsed time.Duration)
}

// Ran says how an attack went as a whole.
type Ran struct {
	Attack  uint32 // its number, the one in its trace ids
	Sent    uint64
	Planned uint64
	Elapsed time.Duration // to the end of the last reply
	Span    time.Duration // to the start of the last request
}

// Achieved is the rate in requests per second at which requests were started.
func (r Ran) Achieved(s Schedule) float64 {
	if r.Sent == 0 {
		return 0
	}
	return float64(r.Sent) / (s.At(r.Sent) + r.Late(s)).Seconds()
}

// Late is how late the last request was sent.
func (r Ran) Late(s Schedule) time.Duration {
	if r.Sent == 0 {
		return 0
	}
	return max(0, r.Span-s.At(r.Sent-1))
}

// Attack sends the requests of a.Schedule and returns when each has ended. When
// ctx ends, no further request starts; those under way are waited for, at most
// the Hitter's timeout, and are observed. That is no error: Ran.Sent says it.
func (h *Hitter) Attack(ctx context.Context, a Attack) Ran {
	return newCrew(h.sender, a, h.attacks.Add(1), h.verdicts).run(ctx)
}

// Once sends a single request now and measures it. The moment it is due is the
// moment of the call.
func (h *Hitter) Once(ctx context.Context, shot Shot) Sample {
	var c call
	c.begin(singles, h.singles.Add(1), shot)
	h.sender.prepare(&c)
	c.began = time.Now()
	h.sender.send(ctx, &c)
	c.ended = time.Now()
	return c.sample(c.began, h.verdicts)
}

// stay makes a redirect an answer: the page behind it is not what is measured.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
