package probe

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
)

// poolsConsole is PgBouncer's admin console. The probe does without where there is none.
type poolsConsole struct {
	mu       sync.Mutex // one question at a time: the queue and the servers are watched at once
	conn     *pgx.Conn
	database string
	turns    int64
	// last is what SHOW POOLS said of the app's database; seen is whether it ever did.
	last poolsRow
	seen bool
}

type poolsRow struct {
	clientsActive, clientsWaiting, serversActive, serversIdle int64
	// maxWait is how long the first client in the queue has waited, in whole seconds and microseconds.
	maxWaitS, maxWaitUS int64
}

func (r poolsRow) maxWaitMS() float64 { return float64(r.maxWaitS)*1000 + float64(r.maxWaitUS)/1000 }

// openPools opens the console, to ask for one database.
func openPools(ctx context.Context, adminURL, database string) (*poolsConsole, *failure) {
	config, err := pgx.ParseConfig(adminURL)
	if err != nil {
		return nil, explain(ctx, "config", err)
	}
	config.ConnectTimeout = connectTimeout
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, w, err := connectPG(ctx, config)
	if err != nil {
		return nil, explain(ctx, w.reached(), err)
	}
	p := &poolsConsole{conn: conn, database: database}
	for _, phase := range w.phases() {
		p.turns += phase.Turns
	}
	return p, nil
}

// ask reads SHOW POOLS into last and reports whether it could. A database that no client has used yet
// has no pool.
func (p *poolsConsole) ask(ctx context.Context) bool {
	rows, err := p.show(ctx, "POOLS")
	rows = p.of(rows, "database")
	if err != nil || len(rows) == 0 {
		return false
	}
	p.last = poolsRow{}
	for _, r := range rows { // one for each user
		p.last.clientsActive += r.number("cl_active")
		p.last.clientsWaiting += r.number("cl_waiting")
		p.last.serversActive += r.number("sv_active")
		p.last.serversIdle += r.number("sv_idle")
		if wait := (poolsRow{maxWaitS: r.number("maxwait"), maxWaitUS: r.number("maxwait_us")}); wait.maxWaitMS() > p.last.maxWaitMS() {
			p.last.maxWaitS, p.last.maxWaitUS = wait.maxWaitS, wait.maxWaitUS
		}
	}
	p.seen = true
	return true
}

// waiting is how many clients are in the queue now, -1 if that can't be told.
func (p *poolsConsole) waiting(ctx context.Context) int64 {
	if !p.usable() || !p.ask(ctx) {
		return -1
	}
	return p.last.clientsWaiting
}

func (p *poolsConsole) usable() bool { return p != nil && p.conn != nil && !p.conn.IsClosed() }

func (p *poolsConsole) close(ctx context.Context) {
	if !p.usable() {
		return
	}
	_ = bound(context.WithoutCancel(ctx), queryTimeout, p.conn.Close) // nothing is lost with it
}
