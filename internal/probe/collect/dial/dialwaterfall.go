package dial

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Waterfall stamps a connection that a client opens by dial: go-redis's, or net/http's. go-redis may go on dialling
// when whoever asked has given up, so what dial writes is read under the lock.
type Waterfall struct {
	Socket                        *Stamps
	mu                            sync.Mutex
	Began, dnsEnd, tcpEnd, tlsEnd time.Time
	byNumber                      bool // the host is an address, and nothing is looked up
	TLSConfig                     *tls.Config
	tls                           *facts.TLS
	tlsTurns                      int
	meter                         *link.Conn
	plain                         *Stamps
}

// Dial connects and times the phases; it is a dialer of net/http and of go-redis.
func (w *Waterfall) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	byNumber := net.ParseIP(host) != nil
	if err == nil && !byNumber {
		ips, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return nil, err
		}
		addr = net.JoinHostPort(ips[0], port)
	}
	w.note(func() { w.dnsEnd, w.byNumber = time.Now(), byNumber })
	c, err := (&net.Dialer{Timeout: facts.ReachTimeout}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	// The stamps stand outside: go-redis looks at the socket of a connection that offers one before each
	// command, and dials again when the meter has none to show.
	meter := link.Meter(c)
	w.note(func() { w.tcpEnd, w.meter = time.Now(), meter })
	stamped := &stampedConn{Conn: meter, stamps: w.Socket}
	if w.TLSConfig == nil {
		w.note(func() { w.plain = w.Socket })
		return stamped, nil
	}
	secure := tls.Client(stamped, w.TLSConfig)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = c.Close() // the handshake's error is the one to tell
		return nil, err
	}
	plain := &Stamps{}
	w.note(func() {
		w.tlsEnd, w.tlsTurns, w.tls, w.plain = time.Now(), len(w.Socket.All()), describeTLS(secure.ConnectionState()), plain
	})
	return &stampedConn{Conn: secure, stamps: plain}, nil
}

func (w *Waterfall) note(what func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what()
}

// Shaken is what TLS agreed on; nil without it.
func (w *Waterfall) Shaken() (t *facts.TLS) {
	w.note(func() { t = w.tls })
	return t
}

// Metered is the connection that was opened last; nil if none was.
func (w *Waterfall) Metered() (c *link.Conn) {
	w.note(func() { c = w.meter })
	return c
}

// Phases lists what the client did; each of Redis's turns is named after its first command.
func (w *Waterfall) Phases() []facts.Phase {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []facts.Phase
	last := w.Began
	add := func(name string, turns int64, end time.Time) {
		if !end.IsZero() {
			out = append(out, facts.Phase{Name: name, Turns: turns, MS: facts.MS(end.Sub(last))})
			last = end
		}
	}
	if w.byNumber {
		last = w.dnsEnd
	} else {
		add("dns", 0, w.dnsEnd)
	}
	add("tcp", 1, w.tcpEnd)
	add("tls", int64(w.tlsTurns), w.tlsEnd)
	if w.plain == nil {
		return out
	}
	for _, t := range w.plain.All() {
		add(respCommand(t.asked), 1, t.Replied)
	}
	return out
}

// Reached is the phase that was begun last.
func (w *Waterfall) Reached() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.dnsEnd.IsZero():
		return "dns"
	case w.tcpEnd.IsZero():
		return "tcp"
	case w.TLSConfig != nil && w.tlsEnd.IsZero():
		return "tls"
	default:
		return "startup"
	}
}

// respCommand names the command with which a RESP request opens, and nothing of its arguments: only
// names that the hand-shake is known to use are let through.
func respCommand(b []byte) string {
	lines := strings.SplitN(string(b), "\r\n", 4)
	if len(lines) >= 3 {
		switch name := strings.ToLower(lines[2]); name {
		case "hello", "auth", "select", "client", "ping", "info":
			return name
		}
	}
	return "command"
}
