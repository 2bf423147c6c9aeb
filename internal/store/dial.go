package store

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/honeydue/honeydue/internal/link"
)

// newDialer opens sockets that notice a silently dropped peer: by keep-alive
// when idle, by the user time-out (Linux) when data is in flight.
func newDialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3},
		Control:         setUserTimeout,
	}
}

// neverPing is pgxpool's ShouldPing: no hidden turn.
func neverPing(context.Context, pgxpool.ShouldPingParams) bool { return false }

// dropIfPeerClosed is pgxpool's PrepareConn: a connection whose FIN or RST has
// arrived while it was idle is destroyed and the next one taken. It costs one
// system call and no turn.
func dropIfPeerClosed(_ context.Context, c *pgx.Conn) (bool, error) {
	m, metered := link.Of(c.PgConn().Conn())
	return !metered || !m.PeerClosed(), nil
}
