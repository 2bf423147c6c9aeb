package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// bodyBuffer is for the rest of a body; one is in use for each body that is being read.
const bodyBuffer = 32 << 10

// errSecond says that the server has chosen HTTP/2.
var errSecond = errors.New("the server speaks HTTP/2")

// wire sends over HTTP/1.1, plain or TLS: one goroutine writes the request and
// reads the reply. net/http's Transport needs three for that, and hands over
// between them four times a request, which costs the generator more than all that
// it computes. A server that chooses HTTP/2 is spoken to by net/http.
//
// It is an http.RoundTripper too, for the requests that are not measured, so that
// both share connections and the cap on them.
type wire struct {
	exchange // over HTTP/2

	address string // host:port
	fixed   string // the header lines of every request
	plain   bool   // the target has no path of its own: see appendTarget
	config  *tls.Config
	dialer  net.Dialer
	pool    *pool
	buffers sync.Pool // of *[bodyBuffer]byte

	opened *atomic.Int64 // counts the connections
	second atomic.Bool   // the server speaks HTTP/2
	handed chan *tls.Conn
}

// speaksPlainly reports whether a target is one that the wire knows: net/http
// translates names that are not ASCII, and takes zones off.
func speaksPlainly(base *url.URL) bool {
	return !strings.ContainsFunc(base.Host, func(r rune) bool { return r <= ' ' || r > '~' || r == '%' })
}

func newWire(c HitterConfig, opened *atomic.Int64) *wire {
	w := &wire{
		opened: opened,
		// No probes of TCP's own: they are four system calls for each connection, and every request has a deadline.
		address: c.Base.Host, dialer: net.Dialer{Timeout: c.Timeout, KeepAlive: -1},
		handed: make(chan *tls.Conn, 1),
		fixed:  " HTTP/1.1\r\nHost: " + c.Base.Host + "\r\nUser-Agent: " + c.UserAgent + "\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\nTraceparent: ",
		plain:  (c.Base.Path == "" || c.Base.Path == "/") && c.Base.Opaque == "" && !c.Base.ForceQuery,
	}
	if c.Base.Port() == "" {
		w.address = net.JoinHostPort(c.Base.Hostname(), map[string]string{"http": "80", "https": "443"}[c.Base.Scheme])
	}
	if c.Base.Scheme == "https" {
		w.config = &tls.Config{MinVersion: tls.VersionTLS12}
		if c.TLS != nil {
			w.config = c.TLS.Clone()
		}
		w.config.ServerName = or(w.config.ServerName, c.Base.Hostname())
		w.config.NextProtos = []string{"h2", "http/1.1"}
	}
	w.buffers.New = func() any { return new([bodyBuffer]byte) }
	w.pool = newPool(c.MaxConnections, c.Timeout, w.dial)
	second := httpTransport(c)
	second.DialTLSContext = w.dialSecond
	w.exchange = exchange{base: c.Base, transport: second, run: c.Run, userAgent: c.UserAgent, timeout: c.Timeout}
	return w
}

// connect makes a connection, with the handshake where there is TLS.
func (w *wire) connect(ctx context.Context, handshake func()) (net.Conn, error) {
	conn, err := w.dialer.DialContext(ctx, "tcp", w.address)
	if err != nil {
		return nil, err
	}
	w.opened.Add(1)
	if w.config == nil {
		return conn, nil
	}
	handshake()
	secure := tls.Client(conn, w.config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// dial makes a connection of the pool's. Its error is errSecond where the server
// chose HTTP/2; the connection then waits for dialSecond.
func (w *wire) dial(ctx context.Context, at *stage) (*wireConn, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{ConnectStart: func(string, string) { at.enter(stageDial) }})
	conn, err := w.connect(ctx, func() { at.enter(stageTLS) })
	if err != nil {
		return nil, err
	}
	if secure, ok := conn.(*tls.Conn); ok && secure.ConnectionState().NegotiatedProtocol == "h2" {
		w.second.Store(true)
		select {
		case w.handed <- secure:
			return nil, errSecond
		default: // one waits already
			return nil, errors.Join(errSecond, secure.Close())
		}
	}
	return newWireConn(conn), nil
}

// dialSecond gives net/http's Transport its connections: first the one by which
// it was found that the server speaks HTTP/2.
func (w *wire) dialSecond(ctx context.Context, _, _ string) (net.Conn, error) {
	select {
	case conn := <-w.handed:
		return conn, nil
	default:
	}
	return w.connect(ctx, func() {
		if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.TLSHandshakeStart != nil {
			trace.TLSHandshakeStart()
		}
	})
}

// CloseIdleConnections closes what is idle and gives up what is being dialled.
func (w *wire) CloseIdleConnections() {
	w.pool.drop()
	select {
	case conn := <-w.handed:
		_ = conn.Close() // nobody uses it
	default:
	}
	w.transport.(*http.Transport).CloseIdleConnections() //nolint:errcheck,forcetypeassert // newWire made it
}

// send implements sender.
func (w *wire) send(ctx context.Context, c *call) {
	if w.second.Load() {
		w.exchange.send(ctx, c)
		return
	}
	if len(c.head) == 0 { // it can't be said in HTTP
		c.kind = KindOther
		return
	}
	deadline := c.began.Add(w.timeout)
	replayable := isReplayable(c.shot)
	// A request that may not be sent twice is sent on no connection that has been closed already.
	k, at, err := w.pool.get(ctx, deadline, !replayable)
	for first := true; err == nil; first = false {
		c.connected = time.Now()
		got := w.ask(ctx, k, c, deadline)
		if got.err == nil {
			w.release(ctx, k, got)
			return
		}
		stale := first && k.used && replayable && !got.heard && !isTimeout(got.err) && ctx.Err() == nil
		if !stale {
			w.pool.discard(ctx, k)
			c.kind = got.kind()
			return
		}
		// The server had closed it. As net/http does: once more, on another one.
		c.connected = time.Time{}
		k, at, err = w.pool.instead(ctx, k, deadline)
	}
	if errors.Is(err, errSecond) {
		w.exchange.send(ctx, c)
		return
	}
	c.kind = kindAt(at, kindOfError(err))
}

// isReplayable reports whether a request may be sent again when the first try may
// have come through (RFC 9110, safe methods).
func isReplayable(s Shot) bool {
	switch s.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// outcome is what became of a request on a connection.
type outcome struct {
	err    error
	heard  bool // something of the reply came
	inBody bool // the head of the reply came whole
	reuse  bool
}

// kind is the kind of the failure.
func (o outcome) kind() Kind {
	if o.inBody {
		return kindOfBodyError(o.err)
	}
	return kindAt(stageHeader, kindOfError(o.err))
}

// ask sends a call over a connection and reads the reply to its end.
func (w *wire) ask(ctx context.Context, k *wireConn, c *call, deadline time.Time) outcome {
	if err := k.SetDeadline(deadline); err != nil {
		return outcome{err: err}
	}
	if ctx.Done() == nil { // as in every attack
		return w.say(k, c)
	}
	var o outcome
	done := k.obey(ctx, &o)
	o = w.say(k, c)
	done()
	return o
}

// say writes the request of a call and reads the reply.
func (w *wire) say(k *wireConn, c *call) outcome {
	if _, err := k.Write(c.head); err != nil {
		return outcome{err: err}
	}
	return w.read(k, c)
}

// release gives a connection back, or ends it.
func (w *wire) release(ctx context.Context, k *wireConn, o outcome) {
	if !o.reuse || k.buffer.Buffered() > 0 {
		w.pool.discard(ctx, k)
		return
	}
	k.used = true
	w.pool.put(k)
}
