package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// PGWaterfall records one attempt to connect to Postgres or to its pooler, from the name look-up to the
// first ReadyForQuery. pgx connects as it does in the app; the recorder only looks on, at two heights:
// the socket (turns) and the protocol above TLS (what each turn was).
type PGWaterfall struct {
	began          time.Time
	dnsEnd         time.Time
	byNumber       bool // the host is an address, and nothing is looked up
	dialed, tcpEnd time.Time
	tlsEnd         time.Time
	Socket         *Stamps
	protocol       *Stamps
	Meter          *link.Conn
	Attempts       int
	wantTLS, isTLS bool
	directTLS      bool
	tlsTurns       int
	state          tls.ConnectionState
	raw            net.Conn // its read deadline is reachTimeout's until the log-in
}

// ConnectPG opens one connection by pgx and returns what each phase took. On an error the waterfall
// holds the phases that were reached.
func ConnectPG(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, *PGWaterfall, error) {
	w := &PGWaterfall{began: time.Now()}
	config = config.Copy()
	w.wantTLS = config.TLSConfig != nil
	w.directTLS = config.SSLNegotiation == "direct"

	lookup := config.LookupFunc
	config.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		addrs, err := lookup(ctx, host)
		w.dnsEnd, w.byNumber = time.Now(), net.ParseIP(host) != nil
		return addrs, err
	}
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		// A fallback (another address, or no TLS) dials again: the waterfall tells the last attempt.
		w.Attempts++
		w.Socket, w.protocol, w.tlsEnd, w.tcpEnd, w.Meter = &Stamps{}, &Stamps{}, time.Time{}, time.Time{}, nil
		w.dialed = time.Now()
		c, err := dialInTime(ctx, dial, network, addr)
		if err != nil {
			return nil, err
		}
		w.tcpEnd = time.Now()
		if err := c.SetReadDeadline(w.tcpEnd.Add(facts.ReachTimeout)); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		w.raw = c
		w.Meter = link.Meter(&stampedConn{Conn: c, stamps: w.Socket})
		return w.Meter, nil
	}
	config.AfterNetConnect = func(ctx context.Context, _ *pgconn.Config, c net.Conn) (net.Conn, error) {
		// pgx would shake hands within its first write; doing it here separates TLS from start-up.
		secure, ok := c.(*tls.Conn)
		if !ok {
			return c, w.raw.SetReadDeadline(time.Time{})
		}
		w.isTLS = true
		if err := secure.HandshakeContext(ctx); err != nil {
			return c, err
		}
		w.tlsEnd, w.state = time.Now(), secure.ConnectionState()
		w.tlsTurns = len(w.Socket.All())
		if !w.directTLS {
			w.tlsTurns--
		}
		return c, w.raw.SetReadDeadline(time.Time{})
	}
	config.BuildFrontend = func(r io.Reader, out io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(&stampedReader{r, w.protocol}, &stampedWriter{out, w.protocol})
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if w.Socket != nil {
		w.Socket.Stop()
		w.protocol.Stop()
	}
	return conn, w, err
}

// dialInTime bounds TCP's handshake.
func dialInTime(ctx context.Context, dial pgconn.DialFunc, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, facts.ReachTimeout)
	defer cancel()
	return dial(ctx, network, addr)
}

type stampedReader struct {
	r io.Reader
	s *Stamps
}

func (s *stampedReader) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if n > 0 {
		s.s.read(b[:n])
	}
	return n, err
}

type stampedWriter struct {
	w io.Writer
	s *Stamps
}

func (s *stampedWriter) Write(b []byte) (int, error) {
	s.s.wrote(b)
	return s.w.Write(b)
}

// Phases lists the steps reached, in order. Each lasts from the end of the one before it, so that they
// add up to the whole. A host that is an address has no step "dns".
func (w *PGWaterfall) Phases() []facts.Phase {
	var out []facts.Phase
	last := w.began
	add := func(name string, turns int64, end time.Time) {
		if end.IsZero() {
			return
		}
		out = append(out, facts.Phase{Name: name, Turns: turns, MS: facts.MS(end.Sub(last))})
		last = end
	}
	if w.byNumber {
		last = w.dnsEnd
	} else {
		add("dns", 0, w.dnsEnd)
	}
	if w.Attempts > 1 {
		add("earlier_attempts", 0, w.dialed)
	}
	add("tcp", 1, w.tcpEnd)
	if w.isTLS && w.Socket != nil {
		if turns := w.Socket.All(); !w.directTLS && len(turns) > 0 {
			add("ssl_request", 1, turns[0].Replied)
		}
		add("tls", int64(w.tlsTurns), w.tlsEnd)
	}
	if w.protocol == nil {
		return out
	}
	for _, step := range startup(w.protocol.All()) {
		add(step.name, 1, step.replied)
	}
	return out
}

type startupStep struct {
	name    string
	replied time.Time
}

// startup names the turns of the start-up by what the server had answered before: an authentication
// request of type 10 asks for SASL's first message, 11 for its final one, 3 and 5 for a password.
func startup(turns []Turn) []startupStep {
	const saslOffer, saslContinue, cleartext, md5 = 10, 11, 3, 5
	name := "startup"
	var out []startupStep
	for _, t := range turns {
		out = append(out, startupStep{name, t.Replied})
		switch authType(t.answer) {
		case saslOffer:
			name = "sasl_first"
		case saslContinue:
			name = "sasl_final"
		case cleartext, md5:
			name = "password"
		default:
			// ReadyForQuery, or an error: connecting is over either way.
			return out
		}
	}
	return out
}

// authType returns the type in an Authentication message, or -1 if b opens with any other message.
func authType(b []byte) int {
	if len(b) < 9 || b[0] != 'R' {
		return -1
	}
	return int(b[5])<<24 | int(b[6])<<16 | int(b[7])<<8 | int(b[8])
}

// Reached names the phase in which an attempt that failed stood.
func (w *PGWaterfall) Reached() string {
	switch {
	case w.dnsEnd.IsZero(), w.Attempts == 0:
		return "dns"
	case w.tcpEnd.IsZero():
		return "tcp"
	case w.wantTLS && !w.isTLS:
		return "ssl_request"
	case w.wantTLS && w.tlsEnd.IsZero():
		return "tls"
	case len(w.protocol.All()) <= 1:
		return "startup"
	default:
		return "authentication"
	}
}

// TLS is what the handshake agreed on; nil without TLS.
func (w *PGWaterfall) TLS() *facts.TLS {
	if w.tlsEnd.IsZero() {
		return nil
	}
	return describeTLS(w.state)
}

func describeTLS(state tls.ConnectionState) *facts.TLS {
	out := &facts.TLS{Version: tls.VersionName(state.Version), HelloRetry: state.HelloRetryRequest}
	if state.CurveID != 0 {
		out.Curve = state.CurveID.String()
	}
	if len(state.PeerCertificates) > 0 {
		out.NotAfter, out.NotBefore = state.PeerCertificates[0].NotAfter, state.PeerCertificates[0].NotBefore
	}
	return out
}

// Quickest is the quickest turn of connecting after TCP's own; 0 if there was none.
func Quickest(e facts.Endpoint) time.Duration {
	return time.Duration(max(0, check.TurnOfConnecting(e)) * float64(time.Millisecond))
}
