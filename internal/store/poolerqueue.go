package store

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/link"
)

// QueuedInPooler reports whether a notice is PgBouncer's announcement that the client has been waiting for a server connection for
// query_wait_notify seconds (1.25 and newer, 5 by default). It has no SQLSTATE of its own, so that its text has to do.
func QueuedInPooler(n *pgconn.Notice) bool {
	const announcement = "No server connection available"
	return n != nil && strings.HasPrefix(n.Message, announcement)
}

// poolerQueue counts these announcements on the connections of a pool.
type poolerQueue struct{ announced atomic.Int64 }

// announcedAt is the key under which a connection keeps when the last one came.
const announcedAt = "announced_at"

// heard is pgx's OnNotice. It is called by whoever reads from the connection.
func (p *poolerQueue) heard(conn *pgconn.PgConn, n *pgconn.Notice) {
	if QueuedInPooler(n) {
		p.announced.Add(1)
		conn.CustomData()[announcedAt] = time.Now()
	}
}

// charge puts an announcement that came since then on the request's bill.
func (p *poolerQueue) charge(tally *link.Tally, conn *pgx.Conn, since time.Time) {
	data := conn.PgConn().CustomData()
	if at, ok := data[announcedAt].(time.Time); ok && at.After(since) {
		tally.AddPoolerWait(at.Sub(since))
	}
	delete(data, announcedAt)
}
