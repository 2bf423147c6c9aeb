package bench

import (
	"container/list"
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

const (
	// idleConnections and idleFor bound what is kept of connections that nobody
	// uses, as net/http's Transport was told to keep them for a load test.
	idleConnections = 10_000
	idleFor         = 90 * time.Second
	// staleAfter is how long a connection may have been idle before it is looked at
	// first: below that a server that closes it is rare, and the look costs a system call.
	staleAfter = time.Second
)

// pool is the connections to one server. The one used last is used next; with
// none idle, those who want one wait in line while connections are dialled for
// them, at most so many as are allowed. Whoever is first in line gets the next
// connection, dialled or given back. What it bounds by itself are the dials under
// way, and not the connections: see dials.
type pool struct {
	dial    func(context.Context, *stage) (*wireConn, error)
	most    int // open at once; 0 = as many as are wanted
	timeout time.Duration

	mu    sync.Mutex
	idle  []*wireConn // the one used last is the last
	line  list.List   // of *waiter
	open  int         // connections, with those being dialled
	under dials
	ended sync.WaitGroup // of the dials
}

// waiter waits for a connection.
type waiter struct {
	given   chan delivery // of one
	stage   stage
	dialled bool // a dial was begun because of it, and has not failed
}

type delivery struct {
	conn *wireConn
	err  error
}

func newPool(most int, timeout time.Duration, dial func(context.Context, *stage) (*wireConn, error)) *pool {
	return &pool{dial: dial, most: most, timeout: timeout, under: dials{patience: dialPatience}}
}

// get gives a connection, or says why there was none by the deadline and in
// which stage that was. A careful caller wants one that is not known to be dead.
func (p *pool) get(ctx context.Context, deadline time.Time, careful bool) (*wireConn, int32, error) {
	p.mu.Lock()
	for len(p.idle) > 0 {
		k := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		p.mu.Unlock()
		if age := time.Since(k.usedAt); age < staleAfter && !careful || age < idleFor && k.alive() {
			return k, stageHeader, nil
		}
		k.close()
		p.mu.Lock()
		p.open--
		p.more(ctx)
	}
	w := &waiter{given: make(chan delivery, 1)}
	place := p.line.PushBack(w)
	p.more(ctx)
	p.mu.Unlock()

	over := time.NewTimer(time.Until(deadline))
	defer over.Stop()
	err := os.ErrDeadlineExceeded
	select {
	case d := <-w.given:
		return d.conn, w.stage.at.Load(), d.err
	case <-over.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case d := <-w.given: // in the same moment
		if d.err != nil {
			return nil, w.stage.at.Load(), d.err
		}
		p.give(d.conn)
	default:
		p.line.Remove(place)
	}
	return nil, p.waitedFor(w), err
}

// waitedFor is the stage that one was in who got no connection. One in line for
// want of a dial, with room under the cap, waited for what the dials wait for.
func (p *pool) waitedFor(w *waiter) int32 {
	if !w.dialled && !p.full() && len(p.under.all) > 0 {
		w = p.under.all[0].because
	}
	return w.stage.at.Load()
}

// full reports whether the cap on connections is reached.
func (p *pool) full() bool { return p.most > 0 && p.open >= p.most }

// put gives a connection back for others to use.
func (p *pool) put(k *wireConn) {
	k.usedAt = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.give(k)
}

// give hands a connection to the first in line, or keeps it.
func (p *pool) give(k *wireConn) {
	if first := p.line.Front(); first != nil {
		p.line.Remove(first).(*waiter).given <- delivery{conn: k} //nolint:errcheck,forcetypeassert // the line holds nothing else
		return
	}
	if len(p.idle) >= idleConnections {
		k.close()
		p.open--
		return
	}
	if len(p.idle) > 0 && k.usedAt.Sub(p.idle[0].usedAt) > idleFor { // a burst has passed
		p.idle[0].close()
		p.idle[0] = nil
		p.idle = p.idle[1:]
		p.open--
	}
	p.idle = append(p.idle, k)
}

// discard ends a connection; its place is for the next in line.
func (p *pool) discard(ctx context.Context, k *wireConn) {
	k.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
	p.more(ctx)
}

// instead ends a connection and dials another in its place, for the same request.
func (p *pool) instead(ctx context.Context, k *wireConn, deadline time.Time) (*wireConn, int32, error) {
	k.close()
	inTime, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	var at stage
	fresh, err := p.dial(inTime, &at)
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.open--
		p.more(ctx)
	}
	return fresh, at.at.Load(), err
}

// more dials for those in line until there is a dial for each, as far as it is
// allowed. A dial outlives the request that it was begun for, as whoever is next
// needs it as well. It is called with the lock held.
func (p *pool) more(ctx context.Context) {
	for at := p.line.Front(); at != nil && len(p.under.all) < p.line.Len() && !p.full(); at = at.Next() {
		w := at.Value.(*waiter) //nolint:errcheck,forcetypeassert // the line holds nothing else
		if w.dialled {
			continue
		}
		now := time.Now()
		if wait := p.under.wait(now); wait > 0 {
			p.under.after(wait, func() {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.under.again = nil
				p.more(ctx)
			})
			return
		}
		p.open++
		w.dialled = true
		ctx, giveUp := context.WithTimeout(context.WithoutCancel(ctx), p.timeout)
		d := &oneDial{began: now, because: w, giveUp: giveUp}
		p.under.begin(d)
		p.ended.Go(func() { p.dialFor(ctx, at, d) })
	}
}

// dialFor makes a connection because of one in line. Whoever is first by then
// gets it; an error is only for the one it was made for.
func (p *pool) dialFor(ctx context.Context, at *list.Element, d *oneDial) {
	k, err := p.dial(ctx, &d.because.stage)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.under.end(d, err == nil)
	if err == nil {
		d.because.dialled = false // where it was overtaken, and is still in line, it may need another
		p.give(k)
	} else {
		p.open--
		if isOf(&p.line, at) {
			p.line.Remove(at)
			d.because.given <- delivery{err: err}
		}
		for next := p.line.Front(); next != nil && errors.Is(err, errSecond); next = p.line.Front() {
			p.line.Remove(next).(*waiter).given <- delivery{err: err} //nolint:errcheck,forcetypeassert // the line holds nothing else
		}
	}
	p.more(ctx)
}

// isOf reports whether an element is still in its list.
func isOf(l *list.List, e *list.Element) bool {
	return e.Next() != nil || e.Prev() != nil || l.Front() == e
}

// drop closes what is idle and gives up what is being dialled. The pool can be
// used on.
func (p *pool) drop() {
	p.mu.Lock()
	p.under.stop()
	p.mu.Unlock()
	p.ended.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.idle {
		k.close()
	}
	p.open -= len(p.idle)
	clear(p.idle)
	p.idle = p.idle[:0]
}
