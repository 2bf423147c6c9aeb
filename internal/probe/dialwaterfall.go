package probe

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/link"
)

// dialWaterfall stamps a connection that a client opens by dial: go-redis's, or net/http's.
type dialWaterfall struct {
	socket                        *stamps
	began, dnsEnd, tcpEnd, tlsEnd time.Time
	byNumber                      bool // the host is an address, and nothing is looked up
	tlsConfig                     *tls.Config
	tls                           *TLS
	tlsTurns                      int
	meter                         *link.Conn
	plain                         *stamps
}

func (w *dialWaterfall) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	w.byNumber = net.ParseIP(host) != nil
	if err == nil && !w.byNumber {
		ips, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return nil, err
		}
		addr = net.JoinHostPort(ips[0], port)
	}
	w.dnsEnd = time.Now()
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	w.tcpEnd = time.Now()
	// The stamps stand outside: go-redis looks at the socket of a connection that offers one before each
	// command, and dials again when the meter has none to show.
	w.meter = link.Meter(c)
	stamped := &stampedConn{Conn: w.meter, stamps: w.socket}
	if w.tlsConfig == nil {
		w.plain = w.socket
		return stamped, nil
	}
	secure := tls.Client(stamped, w.tlsConfig)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = c.Close() // the handshake's error is the one to tell
		return nil, err
	}
	w.tlsEnd, w.tlsTurns = time.Now(), len(w.socket.all())
	w.tls = describeTLS(secure.ConnectionState())
	w.plain = &stamps{}
	return &stampedConn{Conn: secure, stamps: w.plain}, nil
}

// phases lists what the client did; each of Redis's turns is named after its first command.
func (w *dialWaterfall) phases() []Phase {
	var out []Phase
	last := w.began
	add := func(name string, turns int64, end time.Time) {
		if !end.IsZero() {
			out = append(out, Phase{Name: name, Turns: turns, MS: ms(end.Sub(last))})
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
