package link

import (
	"context"
	"net"
	"sync/atomic"
)

// DialFunc is the shape of net.Dialer.DialContext, which pgconn and go-redis
// take as theirs.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Dials counts connections and what it cost to open them, apart from the
// turns of requests. The zero value is ready to use; it is safe for concurrent
// use.
type Dials struct {
	count  atomic.Int64
	failed atomic.Int64
	turns  atomic.Int64
	total  atomic.Int64
	open   atomic.Int64
}

// Wrap returns a DialFunc whose connections are metered (see Of) and counted
// here. The TCP handshake is charged as one connecting turn; later turns are
// charged as connecting until Conn.Ready is called.
func (d *Dials) Wrap(dial DialFunc) DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			d.failed.Add(1)
			return nil, err
		}
		m := Meter(c)
		m.dials = d
		d.count.Add(1)
		d.open.Add(1)
		m.countConnect()
		return m, nil
	}
}

// Count is the number of connections opened so far.
func (d *Dials) Count() int64 { return d.count.Load() }

// Failed is the number of dials that ended in an error.
func (d *Dials) Failed() int64 { return d.failed.Load() }

// Turns is what connecting has cost so far: one for each TCP handshake and
// every turn of a connection before its Ready.
func (d *Dials) Turns() int64 { return d.turns.Load() }

// Total is every turn on every connection, TCP handshakes not included: the
// figure that an outside counting proxy sees.
func (d *Dials) Total() int64 { return d.total.Load() }

// Open is the number of connections that are open now.
func (d *Dials) Open() int64 { return d.open.Load() }
