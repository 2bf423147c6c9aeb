package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy is the model link: it listens on one address, passes every connection
// on to a target and delays both directions as its Model says. It also counts,
// for itself and without the meter's help, so that it can be the outside
// witness of what a client claims.
type Proxy struct {
	listener *net.TCPListener
	target   string
	model    atomic.Pointer[Model]

	ctx    context.Context //nolint:containedctx // ends the dials of a closing proxy
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	conns  map[*proxied]struct{}
	closed bool
	gate   chan struct{} // closed while traffic flows

	dials, turns, stalls, toServer, toClient atomic.Int64
}

// Counts is what a proxy has seen since it began to listen.
type Counts struct {
	Dials         int64 // connections accepted
	Turns         int64 // round trips over all connections, TCP handshakes not included
	Stalls        int64 // round trips that a sender waited because its congestion window was full, both directions; no turns
	Open          int64 // connections open now
	BytesToServer int64 // bytes delivered to the target
	BytesToClient int64 // bytes delivered to clients
}

// Listen opens a model link on addr (host:port, port 0 for any) towards target.
// ctx bounds the opening only; the proxy works until Close.
func Listen(ctx context.Context, addr, target string, m Model) (*Proxy, error) {
	if err := m.validate(); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("link: listen on %s: %w", addr, err)
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("link: %s is not a TCP address", addr), l.Close())
	}
	p := &Proxy{listener: tcp, target: target, conns: map[*proxied]struct{}{}, gate: make(chan struct{})}
	close(p.gate)
	p.model.Store(&m)
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is the host:port that clients dial.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Target is the host:port that the link leads to.
func (p *Proxy) Target() string { return p.target }

// Model is the behaviour in force.
func (p *Proxy) Model() Model { return *p.model.Load() }

// SetModel changes the behaviour for what is sent from now on, on open
// connections, too. Order within a connection is kept. A changed Seed applies
// to new connections.
func (p *Proxy) SetModel(m Model) error {
	if err := m.validate(); err != nil {
		return err
	}
	p.model.Store(&m)
	return nil
}

// Counts returns what the proxy has seen so far.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	open := int64(len(p.conns))
	p.mu.Unlock()
	return Counts{
		Dials: p.dials.Load(), Turns: p.turns.Load(), Stalls: p.stalls.Load(), Open: open,
		BytesToServer: p.toServer.Load(), BytesToClient: p.toClient.Load(),
	}
}

// CutAll resets every connection at once, on both sides, and returns how many
// there were: what a client sees when a pooler or a NAT gateway restarts.
func (p *Proxy) CutAll() int { return p.cut(func(*proxied) bool { return true }) }

// CutIdle resets the connections that are waiting for nothing (no unanswered
// write), and returns how many there were.
func (p *Proxy) CutIdle() int { return p.cut((*proxied).idle) }

// Pause holds back everything that has not been delivered yet, in both
// directions and for new connections, too, until Resume: a link that went dark.
func (p *Proxy) Pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gate:
		p.gate = make(chan struct{})
	default: // paused already
	}
}

// Resume ends a Pause.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.gate:
	default:
		close(p.gate)
	}
}

// Close stops listening, resets what is open and returns when every goroutine
// of the proxy has ended. A second Close does nothing.
func (p *Proxy) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()

	p.cancel()
	err := p.listener.Close()
	p.CutAll()
	p.wg.Wait()
	if err != nil {
		return fmt.Errorf("link: close %s: %w", p.Addr(), err)
	}
	return nil
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no descriptors left, or an aborted handshake: the next may work
			select {
			case <-p.ctx.Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
			continue
		}
		p.serve(c, time.Now())
	}
}

func (p *Proxy) serve(client *net.TCPConn, accepted time.Time) {
	x := newProxied(p, client, accepted, uint64(p.dials.Add(1))) //nolint:gosec // a counter is never negative
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		x.abort()
		return
	}
	p.conns[x] = struct{}{}
	p.wg.Add(1)
	p.mu.Unlock()
	go func() {
		defer p.wg.Done()
		x.run()
		p.mu.Lock()
		delete(p.conns, x)
		p.mu.Unlock()
	}()
}

func (p *Proxy) cut(which func(*proxied) bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for x := range p.conns {
		if x.ctx.Err() == nil && which(x) {
			x.abort()
			n++
		}
	}
	return n
}

// flowing returns a channel that is closed while the link is not paused.
func (p *Proxy) flowing() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gate
}
