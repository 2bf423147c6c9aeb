package dial

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// A server that knows nothing of it may read the first bytes of TLS as the length of a packet and wait for the
// rest of that (PgBouncer 1.24 does). One that has said nothing for ten times as long as TCP's handshake took,
// and for half a second, says nothing more.
const (
	silentTurns = 10
	silentLeast = 500 * time.Millisecond
)

// TryDirectTLS begins TLS on a second connection without asking first, as sslnegotiation=direct does, and
// says how the server takes it: refused by whoever closes, stays silent or does not agree on the protocol's
// name. It ends before any credential is sent. "" means that it could not be tried.
func TryDirectTLS(ctx context.Context, config *pgx.ConnConfig) (how string, turns int64) {
	if config.TLSConfig == nil {
		return "", 0
	}
	if config.SSLNegotiation == "direct" {
		return facts.DirectTLSInUse, 0
	}
	const alpn = "postgresql" // as registered with IANA; Postgres 17+ insists on it
	err := Bound(ctx, facts.ConnectTimeout, func(ctx context.Context) error {
		began := time.Now()
		network, address := pgconn.NetworkAddress(config.Host, config.Port)
		conn, err := config.DialFunc(ctx, network, address)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }() // nothing is lost with it
		meter := link.Meter(conn)
		c := config.TLSConfig.Clone()
		c.NextProtos = []string{alpn}
		secure := tls.Client(meter, c)
		waited, cancel := context.WithTimeout(ctx, max(silentLeast, silentTurns*time.Since(began)))
		defer cancel()
		shaken := secure.HandshakeContext(waited)
		turns = meter.Turns() + 1
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case shaken == nil && secure.ConnectionState().NegotiatedProtocol == alpn:
			how = facts.DirectTLSSupported
		default:
			how = facts.DirectTLSRefused
		}
		return nil
	})
	if err != nil {
		return "", turns
	}
	return how, turns
}
