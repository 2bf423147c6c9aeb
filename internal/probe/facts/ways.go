package facts

import (
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/link"
)

// WaysFacts is what was measured of the ways to the servers and of the pooler, besides the waterfalls.
type WaysFacts struct {
	Isolation Isolation
	Prepared  PreparedSupport
	Startup   StartupParameters
	Transfers Transfers
	DirectTLS string
	// Console is nil where it was not asked; consoleFailed says why it could not be.
	Console       *PoolerFacts
	ConsoleFailed *Failure
	// Database is the pooler's name of the app's.
	Database string
	// PoolerVersion is PgBouncer's, nil where its console was not asked.
	PoolerVersion Release
	Web           *WebServer
	// Handshakes are the ms of each turn of connecting that the pooler itself answered.
	Handshakes []float64
	// ClosedAfter is how long a connection of the probe's own was idle before the app's endpoint closed it for that, and
	// closedFor what it said; empty if none was.
	ClosedAfter time.Duration
	ClosedFor   string
	// Segments are the sums over the probe's connections to Postgres; nil where the kernel can't be asked.
	Segments *link.Segments

	// OwnMS is for how long transactions of the probe's own were open, without executing anything, while the pooler counted.
	OwnMS float64
	// OwnTurns is how many round trips of the probe's own needed a server connection meanwhile, at most: some of the pair's are
	// parts of transactions.
	OwnTurns       int64
	Began          time.Time
	DirectTLSTurns int64
}

// Notes are shown with the waterfall of the app's endpoint.
func (w *WaysFacts) Notes() []string {
	var out []string
	if w.DirectTLS != "" {
		out = append(out, "sslnegotiation=direct: "+w.DirectTLS)
	}
	for _, t := range w.Transfers.List {
		if t.IdleMS != nil {
			out = append(out, fmt.Sprintf("a result of %d kB arrives within %.1f ms on a hot connection, %.1f ms after an idle period", t.KB, t.HotMS, *t.IdleMS))
		}
	}
	return out
}
