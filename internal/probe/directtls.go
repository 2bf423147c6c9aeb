package probe

import (
	"context"
	"crypto/tls"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/link"
)

// How a server takes sslnegotiation=direct.
const (
	directTLSInUse     = "in use"
	directTLSSupported = "supported"
	directTLSRefused   = "refused"
)

// tryDirectTLS begins TLS on a second connection without asking first, as sslnegotiation=direct does, and
// says how the server takes it: refused by whoever closes or does not agree on the protocol's name. It
// ends before any credential is sent. "" means that it could not be tried.
func tryDirectTLS(ctx context.Context, config *pgx.ConnConfig) (how string, turns int64) {
	if config.TLSConfig == nil {
		return "", 0
	}
	if config.SSLNegotiation == "direct" {
		return directTLSInUse, 0
	}
	const alpn = "postgresql" // as registered with IANA; Postgres 17+ insists on it
	err := bound(ctx, connectTimeout, func(ctx context.Context) error {
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
		shaken := secure.HandshakeContext(ctx)
		turns = meter.Turns() + 1
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case shaken == nil && secure.ConnectionState().NegotiatedProtocol == alpn:
			how = directTLSSupported
		default:
			how = directTLSRefused
		}
		return nil
	})
	if err != nil {
		return "", turns
	}
	return how, turns
}
