package collect

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// poolsConsole is PgBouncer's admin console. The probe does without where there is none.
type poolsConsole struct {
	mu      sync.Mutex // one question at a time: the queue and the servers are watched at once
	console *store.Console
	closed  atomic.Bool // what console.Usable said last: it must not be asked while a question is under way
	dials   link.Dials
	// last is what SHOW POOLS said of the app's database; seen is whether it ever did.
	last store.Pools
	seen bool
	// size is how many server connections the pool may have; 0 if that was not read.
	size atomic.Int64
}

// openPools opens the console, to ask for one database.
func openPools(ctx context.Context, adminURL, database string) (*poolsConsole, *facts.Failure) {
	p := &poolsConsole{}
	err := dial.Bound(ctx, facts.ConnectTimeout, func(ctx context.Context) (err error) {
		p.console, err = store.OpenConsole(ctx, adminURL, database, &p.dials)
		return err
	})
	if err != nil {
		return nil, dial.Explain(ctx, "", err)
	}
	return p, nil
}

// ask reads SHOW POOLS and reports whether it could. A database that no client has used yet has no pool.
func (p *poolsConsole) ask(ctx context.Context) (now store.Pools, ok bool) {
	p.mu.Lock()
	defer p.unlock()
	err := dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) (err error) {
		now, err = p.console.Pools(ctx)
		return err
	})
	if err != nil {
		return store.Pools{}, false
	}
	p.last, p.seen = now, true
	return now, true
}

// spare reports whether a server connection may be taken so that another client still gets one at once: one that is
// idle, or one that the pooler has room to open.
func (p *poolsConsole) spare(ctx context.Context) bool {
	if !p.usable() {
		return false
	}
	now, ok := p.ask(ctx)
	return ok && hasSpare(now, p.size.Load())
}

// hasSpare is spare by one answer of SHOW POOLS.
func hasSpare(now store.Pools, size int64) bool {
	open := now.ServersActive + now.ServersIdle
	return now.ServersIdle > 1 || now.ServersIdle == 1 && open < size
}

// show asks the console one thing.
func (p *poolsConsole) show(ctx context.Context, what string) (rows []store.ConsoleRow, err error) {
	p.mu.Lock()
	defer p.unlock()
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) (err error) {
		rows, err = p.console.Show(ctx, what)
		return err
	})
	return rows, err
}

// waiting is how many clients are in the queue now, -1 if that can't be told.
func (p *poolsConsole) waiting(ctx context.Context) int64 {
	if !p.usable() {
		return -1
	}
	if now, ok := p.ask(ctx); ok {
		return now.ClientsWaiting
	}
	return -1
}

// turns is what the console has cost, its TCP handshake included.
func (p *poolsConsole) turns() int64 { return p.dials.Total() + p.dials.Count() }

func (p *poolsConsole) usable() bool { return p != nil && !p.closed.Load() }

func (p *poolsConsole) unlock() {
	p.closed.Store(!p.console.Usable())
	p.mu.Unlock()
}

func (p *poolsConsole) close(ctx context.Context) {
	if !p.usable() {
		return
	}
	_ = dial.Bound(ctx, facts.QueryTimeout, p.console.Close) // nothing is lost with it
}
