package bench

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// dialed counts the connections that were opened, and what went to each address
// of the target's name.
type dialed struct {
	opened atomic.Int64
	once   sync.Once
	places chan struct{} // one taken for each dial under way: see place

	mu        sync.Mutex
	addresses map[string]*usedAddress
}

// usedAddress is one address of a target.
type usedAddress struct {
	connections, requests atomic.Int64
}

// dialedConn is a connection that counts what is written to it.
type dialedConn struct {
	net.Conn

	to      *usedAddress
	written atomic.Int64

	looked   sync.Once // at what TLS has negotiated
	isSecond atomic.Bool
}

// Write implements io.Writer.
func (c *dialedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// dialedOf is our own part of a connection, nil where there is none.
func dialedOf(c net.Conn) *dialedConn {
	secure, ok := c.(*tls.Conn)
	if !ok {
		own, _ := c.(*dialedConn)
		return own
	}
	own, ok := secure.NetConn().(*dialedConn)
	if ok {
		own.looked.Do(func() { own.isSecond.Store(secure.ConnectionState().NegotiatedProtocol == http2.NextProtoTLS) })
	}
	return own
}

const (
	// mostDials is how many dials may be under way that could have ended by now. When
	// the machine or the server has stood still, hundreds of requests are due in one
	// moment, and the first few connections serve them all; a dial for each would cost
	// both sides more than the requests do.
	mostDials = 16
	// dialPatience is how long a dial counts among those: a far host's handshake, or a
	// lost packet, makes nobody else wait. mostDials in that time are 1,600 a second, and
	// another machine is sent 1,000 requests at most.
	dialPatience = 10 * time.Millisecond
)

// errServed says that a request has a connection that another one gave back, and
// its own dial is not needed.
var errServed = errors.New("the request has another connection")

// place waits for one of mostDials places; after dialPatience it is given back by itself.
func (d *dialed) place(ctx context.Context) (leave func(), err error) {
	d.once.Do(func() { d.places = make(chan struct{}, mostDials) })
	select {
	case d.places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	once := sync.OnceFunc(func() { <-d.places })
	late := time.AfterFunc(dialPatience, once)
	return func() {
		late.Stop()
		once()
	}, nil
}

// by is a dialer's DialContext, counted.
func (d *dialed) by(dialer *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		leave, err := d.place(ctx)
		if err != nil {
			return nil, err
		}
		defer leave()
		if t, ok := ctx.Value(tripKey{}).(*trip); ok {
			if t.served.Load() {
				return nil, errServed
			}
			t.at.enter(stageDial) // may still be called when the request has ended
		}
		_, port, _ := net.SplitHostPort(address)
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{DNSDone: func(info httptrace.DNSDoneInfo) {
			for _, a := range info.Addrs { // also those that nobody asks then
				d.address(net.JoinHostPort(a.String(), port))
			}
		}})
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		d.opened.Add(1)
		to := d.address(c.RemoteAddr().String())
		to.connections.Add(1)
		return &dialedConn{Conn: c, to: to}, nil
	}
}

// address is what is counted of an address.
func (d *dialed) address(at string) *usedAddress {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.addresses == nil {
		d.addresses = make(map[string]*usedAddress)
	}
	used := d.addresses[at]
	if used == nil {
		used = &usedAddress{}
		d.addresses[at] = used
	}
	return used
}

// Address is one address that the target's name has, and what was sent there.
type Address struct {
	Address     string `json:"address"`
	Connections int    `json:"connections_opened"`
	Requests    int    `json:"requests"`
}

// all is every address, the one with the most requests first.
func (d *dialed) all() []Address {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Address
	for at, used := range d.addresses {
		out = append(out, Address{at, int(used.connections.Load()), int(used.requests.Load())})
	}
	slices.SortFunc(out, func(a, b Address) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Address, b.Address))
	})
	return out
}
