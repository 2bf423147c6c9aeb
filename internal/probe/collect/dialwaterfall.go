package collect

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

// dialWaterfall stamps a connection that a client opens by dial: go-redis's, or net/http's. go-redis may go on dialling
// when whoever asked has given up, so what dial writes is read under the lock.
type dialWaterfall struct {
	socket                        *stamps
	mu                            sync.Mutex
	began, dnsEnd, tcpEnd, tlsEnd time.Time
	byNumber                      bool // the host is an address, and nothing is looked up
	tlsConfig                     *tls.Config
	tls                           *facts.TLS
	tlsTurns                      int
	meter                         *link.Conn
	plain                         *stamps
}

func (w *dialWaterfall) dial(ctx context.Context, network, addr string) (net.Conn, error) {
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
	stamped := &stampedConn{Conn: meter, stamps: w.socket}
	if w.tlsConfig == nil {
		w.note(func() { w.plain = w.socket })
		return stamped, nil
	}
	secure := tls.Client(stamped, w.tlsConfig)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = c.Close() // the handshake's error is the one to tell
		return nil, err
	}
	plain := &stamps{}
	w.note(func() {
		w.tlsEnd, w.tlsTurns, w.tls, w.plain = time.Now(), len(w.socket.all()), describeTLS(secure.ConnectionState()), plain
	})
	return &stampedConn{Conn: secure, stamps: plain}, nil
}

func (w *dialWaterfall) note(what func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what()
}

// shaken is what TLS agreed on; nil without it.
func (w *dialWaterfall) shaken() (t *facts.TLS) {
	w.note(func() { t = w.tls })
	return t
}

// metered is the connection that was opened last; nil if none was.
func (w *dialWaterfall) metered() (c *link.Conn) {
	w.note(func() { c = w.meter })
	return c
}

// phases lists what the client did; each of Redis's turns is named after its first command.
func (w *dialWaterfall) phases() []facts.Phase {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []facts.Phase
	last := w.began
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
	for _, t := range w.plain.all() {
		add(respCommand(t.asked), 1, t.replied)
	}
	return out
}

func (w *dialWaterfall) reached() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.dnsEnd.IsZero():
		return "dns"
	case w.tcpEnd.IsZero():
		return "tcp"
	case w.tlsConfig != nil && w.tlsEnd.IsZero():
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
