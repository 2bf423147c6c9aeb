package probe

import (
	"context"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// poolsConsole is PgBouncer's admin console. The probe does without where there is none.
type poolsConsole struct {
	console *store.Console
	dials   link.Dials
	// last is what SHOW POOLS said of the app's database.
	last store.Pools
}

// openPools opens the console and reads SHOW POOLS for a database once. It returns nil if that fails.
func openPools(ctx context.Context, adminURL, database string) *poolsConsole {
	p := &poolsConsole{}
	err := bound(ctx, connectTimeout, func(ctx context.Context) (err error) {
		p.console, err = store.OpenConsole(ctx, adminURL, database, &p.dials)
		return err
	})
	if err != nil || !p.ask(ctx) {
		p.close(ctx)
		return nil
	}
	return p
}

// ask reads SHOW POOLS into last and reports whether it could.
func (p *poolsConsole) ask(ctx context.Context) bool {
	err := bound(ctx, queryTimeout, func(ctx context.Context) error {
		said, err := p.console.Pools(ctx)
		if err == nil {
			p.last = said
		}
		return err
	})
	return err == nil
}

// waiting is how many clients are in the queue now, -1 if that can't be told.
func (p *poolsConsole) waiting(ctx context.Context) int64 {
	if !p.usable() || !p.ask(ctx) {
		return -1
	}
	return p.last.ClientsWaiting
}

// turns is what the console has cost, its TCP handshake included.
func (p *poolsConsole) turns() int64 { return p.dials.Total() + p.dials.Count() }

func (p *poolsConsole) usable() bool { return p != nil && p.console.Usable() }

func (p *poolsConsole) close(ctx context.Context) {
	if !p.usable() {
		return
	}
	_ = bound(context.WithoutCancel(ctx), queryTimeout, p.console.Close) // nothing is lost with it
}
