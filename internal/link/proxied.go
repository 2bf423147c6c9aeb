package link

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxied is one connection through the link.
type proxied struct {
	proxy    *Proxy
	client   *net.TCPConn
	accepted time.Time
	up, down *direction // to the server, to the client

	asked atomic.Bool // the client has sent something since the last counted turn

	ctx    context.Context //nolint:containedctx // ends with the connection, and everything it started with it
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	server *net.TCPConn // nil until dialled
}

// direction is one way through a connection.
type direction struct {
	mu       sync.Mutex
	schedule *schedule
	flight   *flight
}

// send puts something under way, and returns how many round trips of it had to
// wait for the sender's window. The lock spans all steps, so that the order of
// sending is the order of arrival.
func (d *direction) send(m Model, e event, data []byte) (stalls int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range d.schedule.deliveries(m, time.Now(), len(data)) {
		d.flight.push(parcel{at: v.at, event: e, data: data[:v.bytes:v.bytes]})
		data = data[v.bytes:]
		if v.stalled {
			stalls++
		}
	}
	return stalls
}

func newProxied(p *Proxy, client *net.TCPConn, accepted time.Time, number uint64) *proxied {
	m := p.Model()
	// The kernel accepted at once. On a real link the client could send nothing
	// before a round trip had passed, and the server, which learns of the
	// connection half a round trip later still, could not speak first.
	clientSide := accepted.Add(m.RTT)
	serverSide := clientSide.Add(m.RTT / 2)
	x := &proxied{
		proxy: p, client: client, accepted: accepted,
		up:   &direction{schedule: newSchedule(clientSide, m.Seed, 2*number), flight: newFlight()},
		down: &direction{schedule: newSchedule(serverSide, m.Seed, 2*number+1), flight: newFlight()},
	}
	x.ctx, x.cancel = context.WithCancel(p.ctx)
	return x
}

// run passes traffic until both directions have ended or the connection is
// aborted, and returns when everything it started has ended.
func (x *proxied) run() {
	defer x.wg.Wait()
	defer x.abort()
	_ = x.client.SetNoDelay(true) // fails on a dead connection only, which the next read finds

	x.wg.Go(func() { x.read(x.client, x.up, &x.asked) })

	half := x.proxy.Model().RTT / 2
	if !x.wait(x.accepted.Add(half)) {
		return
	}
	server, err := x.dial()
	if err != nil {
		x.wait(x.accepted.Add(2 * half)) // the refusal takes its way back
		return
	}
	x.wg.Go(func() { x.read(server, x.down, nil) })
	ended := make(chan struct{}, 2)
	x.wg.Go(func() { x.deliver(server, x.up, x.down, nil, ended) })
	x.wg.Go(func() { x.deliver(x.client, x.down, x.up, &x.asked, ended) })
	for range 2 {
		select {
		case <-ended:
		case <-x.ctx.Done():
			return
		}
	}
	// Both have said all they had to say: an orderly end, which loses nothing
	// that a slow receiver has yet to read.
	_ = x.client.Close()
	_ = server.Close()
}

func (x *proxied) dial() (*net.TCPConn, error) {
	var d net.Dialer
	c, err := d.DialContext(x.ctx, "tcp", x.proxy.target)
	if err != nil {
		return nil, err
	}
	server, ok := c.(*net.TCPConn)
	if !ok {
		return nil, errors.Join(errors.New("link: the target is not a TCP address"), c.Close())
	}
	_ = server.SetNoDelay(true)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ctx.Err() != nil {
		reset(server)
		return nil, x.ctx.Err()
	}
	x.server = server
	return server, nil
}

// read takes what from sends and puts it under way in out, until the stream
// ends. asked is set when the sender is the client.
func (x *proxied) read(from *net.TCPConn, out *direction, asked *atomic.Bool) {
	buf := make([]byte, 64<<10)
	for {
		for out.flight.full() {
			select {
			case <-out.flight.drained:
			case <-x.ctx.Done():
				return
			}
		}
		n, err := from.Read(buf)
		if n > 0 {
			if asked != nil {
				asked.Store(true)
			}
			x.proxy.stalls.Add(out.send(x.proxy.Model(), eventData, bytes.Clone(buf[:n])))
		}
		switch {
		case errors.Is(err, io.EOF):
			out.send(x.proxy.Model(), eventFin, nil)
			return
		case err != nil:
			out.send(x.proxy.Model(), eventReset, nil)
			return
		}
	}
}

// deliver hands over what arrives in in, each parcel at its time, until the
// connection ends. It says so in ended when the stream has: an end is not the
// last parcel, a reset may follow it. A receiver that is gone is reported to
// the other side through back. asked is cleared, and a turn counted, when the
// receiver is the client.
func (x *proxied) deliver(to *net.TCPConn, in, back *direction, asked *atomic.Bool, ended chan<- struct{}) {
	delivered := &x.proxy.toServer
	if asked != nil {
		delivered = &x.proxy.toClient
	}
	for {
		p, ok := in.flight.pop()
		if !ok {
			select {
			case <-in.flight.arrived:
				continue
			case <-x.ctx.Done():
				return
			}
		}
		if !x.wait(p.at) {
			return
		}
		switch p.event {
		case eventReset:
			x.abort()
			return
		case eventFin:
			_ = to.CloseWrite() // fails when the receiver is gone, which its own direction tells
			ended <- struct{}{}
		case eventData:
			if asked != nil && asked.Swap(false) {
				x.proxy.turns.Add(1)
			}
			n, err := to.Write(p.data)
			delivered.Add(int64(n))
			if err != nil {
				back.send(x.proxy.Model(), eventReset, nil)
				return
			}
		}
	}
}

// wait returns true at the given moment (or later, while the link is paused)
// and false as soon as the connection ends.
func (x *proxied) wait(until time.Time) bool {
	if d := time.Until(until); d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-x.ctx.Done():
			return false
		}
	}
	select {
	case <-x.proxy.flowing():
		return true
	case <-x.ctx.Done():
		return false
	}
}

// idle reports whether the client waits for no answer.
func (x *proxied) idle() bool { return !x.asked.Load() }

// abort resets both sides and ends everything that run started. It may be
// called more than once.
func (x *proxied) abort() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cancel()
	reset(x.client)
	if x.server != nil {
		reset(x.server)
	}
}

// reset closes c with a RST in place of a FIN.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
