package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
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
	transport http.RoundTripper
	timeout   time.Duration
	run       RunID
	userAgent string
	attacks   atomic.Uint32
	singles   atomic.Uint64
	opened    atomic.Int64 // connections: see countDials
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
	if c.Transport == nil {
		c.Transport = httpTransport(c)
	}
	h := &Hitter{base: c.Base, timeout: c.Timeout, run: c.Run, userAgent: c.UserAgent, transport: c.Transport}
	if t, ok := c.Transport.(*http.Transport); ok {
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
		MaxIdleConnsPerHost: vegeta.DefaultConnections,
		IdleConnTimeout:     90 * time.Second,
		// The body is counted as it was sent, and not unpacked: that is the
		// phone's work, not the server's.
		DisableCompression: true,
	}
}

// Close gives back the connections.
func (h *Hitter) Close() { (&http.Client{Transport: h.transport}).CloseIdleConnections() }

// Attack is one scheduled run of requests.
type Attack struct {
	Schedule Schedule
	Shots    Shots
	// Observe is called once for each request, one call at a time, in the order
	// in which they end.
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
	number := h.attacks.Add(1)
	x := newExchange(h, a.Shots, number)
	attacker := vegeta.NewAttacker(
		vegeta.Client(&http.Client{Transport: x, CheckRedirect: stay}),
		vegeta.MaxBody(0),
	)
	blank := func(t *vegeta.Target) error {
		t.Method, t.URL = http.MethodGet, h.base.String()
		return nil
	}

	began := time.Now()
	pace := &pacer{Schedule: a.Schedule, began: began, stop: ctx.Done()}
	results := attacker.Attack(blank, pace, 0, "")

	ran := Ran{Attack: number, Planned: a.Schedule.Count()}
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	for {
		select {
		case <-seconds.C:
			if a.Tick != nil {
				a.Tick(time.Since(began))
			}
		case r, more := <-results:
			if !more {
				return ran
			}
			ran.Sent++
			ran.Span = max(ran.Span, r.Timestamp.Sub(began))
			ran.Elapsed = max(ran.Elapsed, r.End().Sub(began))
			a.Observe(x.sample(r, began.Add(a.Schedule.At(r.Seq))))
		}
	}
}

// sample joins vegeta's times with the note of the same request.
func (x *exchange) sample(r *vegeta.Result, due time.Time) Sample {
	n := x.take(r.Seq)
	s := Sample{
		// Judged here, not in the request: looking at a body takes time that is not the server's.
		Seq: r.Seq, Shot: n.shot, Kind: n.kept.judge(n.kind), Reply: n.reply,
		Latency: r.End().Sub(due),
		Lag:     r.Timestamp.Sub(due),
		Queue:   r.Latency,
	}
	if !n.connected.IsZero() {
		s.Queue = n.connected.Sub(r.Timestamp)
		s.Service = r.End().Sub(n.connected)
	}
	if s.Kind == KindNone && r.Error != "" {
		s.Kind = KindOther
	}
	return s
}

// Once sends a single request now and measures it. The moment it is due is the
// moment of the call.
func (h *Hitter) Once(ctx context.Context, shot Shot) Sample {
	seq := h.singles.Add(1)
	x := newExchange(h, func(uint64) Shot { return shot }, singles)
	client := http.Client{Transport: x, CheckRedirect: stay}
	began := time.Now()
	r := vegeta.Result{Seq: seq, Timestamp: began}
	if err := discard(ctx, &client, h.base.String(), seq); err != nil {
		r.Error = err.Error()
	}
	r.Latency = time.Since(began)
	return x.sample(&r, began)
}

// discard sends the blank request that an exchange turns into the real one, and
// reads the reply to its end.
func discard(ctx context.Context, client *http.Client, target string, seq uint64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set(seqHeader, strconv.FormatUint(seq, 10))
	reply, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, reply.Body)
	return errors.Join(err, reply.Body.Close())
}

// stay makes a redirect an answer: the page behind it is not what is measured.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// pacer ties a schedule to the moment it began. vegeta keeps that moment to
// itself; here both the pace and the latencies are counted from the same one.
type pacer struct {
	Schedule
	began time.Time
	stop  <-chan struct{}
	timer *time.Timer
}

// Pace waits until the request is due, so that an attack that is stopped ends
// at once and not after the next request. vegeta calls it from one goroutine.
func (p *pacer) Pace(_ time.Duration, hits uint64) (time.Duration, bool) {
	select {
	case <-p.stop:
		return 0, true
	default:
	}
	wait, end := p.Schedule.Pace(time.Since(p.began), hits)
	if end || wait == 0 {
		return 0, end
	}
	if p.timer == nil {
		p.timer = time.NewTimer(wait)
	} else {
		p.timer.Reset(wait)
	}
	select {
	case <-p.timer.C:
		return 0, false
	case <-p.stop:
		p.timer.Stop()
		return 0, true
	}
}

func cutQuery(path string) (string, string, bool) { return strings.Cut(path, "?") }

// joinPath puts the target's own path, if any, before a shot's path.
func joinPath(base, path string) string {
	return strings.TrimSuffix(base, "/") + "/" + strings.TrimPrefix(path, "/")
}
