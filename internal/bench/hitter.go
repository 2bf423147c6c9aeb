package bench

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// singles is the attack number of the requests of Once; attacks count from 1.
const singles = 0

// DefaultTimeout is how long a request may take before it counts as failed.
const DefaultTimeout = 5 * time.Second

const (
	// idleConnections and idleFor bound what is kept of connections that nobody uses.
	idleConnections = 10_000
	idleFor         = 90 * time.Second
)

// HitterConfig says whom a Hitter hits, and how.
type HitterConfig struct {
	Base           *url.URL      // scheme, host and, if any, a path before each shot's path
	MaxConnections int           // open at once; 0 = as many as the load needs
	Timeout        time.Duration // of one request, connecting included; 0 = DefaultTimeout
	TLS            *tls.Config   // nil = the system's trust
	UserAgent      string
	Run            RunID
	Transport      http.RoundTripper // what sends the requests; nil = HTTP, by the fields above

	resolver *net.Resolver // nil = the system's
}

// Hitter sends scheduled requests to one server over one set of connections.
// Attacks may run one after the other or at once.
type Hitter struct {
	base      *url.URL
	transport http.RoundTripper
	timeout   time.Duration
	run       RunID
	userAgent string
	attacks   atomic.Uint32
	singles   atomic.Uint64
	dialed    dialed
	header    http.Header // of every request
	verdicts  *verdicts
	rooms     rooms
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
	h := &Hitter{base: c.Base, timeout: c.Timeout, run: c.Run, userAgent: c.UserAgent, transport: c.Transport, verdicts: newVerdicts()}
	h.header = http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "User-Agent": {c.UserAgent}}
	if h.transport != nil {
		return h, nil
	}
	transport, err := h.overHTTP(c)
	if err != nil {
		return nil, err
	}
	h.transport = transport
	return h, nil
}

// overHTTP is the transport of a server that is asked over the network.
func (h *Hitter) overHTTP(c HitterConfig) (*http.Transport, error) {
	t := &http.Transport{
		// No probes of TCP's own: they are four system calls for each connection, and every request has a deadline.
		DialContext:         h.dialed.by(&net.Dialer{Timeout: c.Timeout, KeepAlive: -1, Resolver: c.resolver}),
		TLSClientConfig:     c.TLS,
		TLSHandshakeTimeout: c.Timeout,
		MaxConnsPerHost:     c.MaxConnections,
		MaxIdleConnsPerHost: idleConnections,
		IdleConnTimeout:     idleFor,
		// The body is counted as it was sent, and not unpacked: that is the
		// phone's work, not the server's.
		DisableCompression: true,
	}
	if c.Base.Scheme == "https" {
		// The errors of net/http's own copy of HTTP/2 have no types that could be told apart.
		if _, err := http2.ConfigureTransports(t); err != nil { //nolint:staticcheck // Transport.Protocols is that copy
			return nil, fmt.Errorf("setting HTTP/2 up: %w", err)
		}
	}
	return t, nil
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

// stay makes a redirect an answer: the page behind it is not what is measured.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
