package probe

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// poolsConsole is PgBouncer's admin console. The probe does without where there is none.
type poolsConsole struct {
	conn     *pgx.Conn
	database string
	turns    int64
	// last is what SHOW POOLS said of the app's database.
	last poolsRow
}

type poolsRow struct {
	clientsActive, clientsWaiting, serversActive, serversIdle int64
	// maxWait is how long the first client in the queue has waited, in whole seconds and microseconds.
	maxWaitS, maxWaitUS int64
}

func (r poolsRow) maxWaitMS() float64 { return float64(r.maxWaitS)*1000 + float64(r.maxWaitUS)/1000 }

// openPools opens the console and reads SHOW POOLS for a database once. It returns nil if that fails.
func openPools(ctx context.Context, adminURL, database string) *poolsConsole {
	config, err := pgx.ParseConfig(adminURL)
	if err != nil {
		return nil
	}
	config.ConnectTimeout = connectTimeout
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, w, err := connectPG(ctx, config)
	if err != nil {
		return nil
	}
	p := &poolsConsole{conn: conn, database: database}
	for _, phase := range w.phases() {
		p.turns += phase.Turns
	}
	if !p.ask(ctx) {
		p.close(ctx)
		return nil
	}
	return p
}

// ask reads SHOW POOLS into last and reports whether it could.
func (p *poolsConsole) ask(ctx context.Context) bool {
	p.turns++
	var found bool
	err := bound(ctx, queryTimeout, func(ctx context.Context) error {
		results, err := p.conn.PgConn().Exec(ctx, "SHOW POOLS").ReadAll()
		if err != nil || len(results) != 1 {
			return err
		}
		for _, row := range results[0].Rows {
			values := map[string]string{}
			for i, f := range results[0].FieldDescriptions {
				values[f.Name] = string(row[i])
			}
			if values["database"] != p.database {
				continue
			}
			found = true
			number := func(name string) int64 {
				n, _ := strconv.ParseInt(values[name], 10, 64) // a column of another version: 0
				return n
			}
			p.last = poolsRow{
				number("cl_active"), number("cl_waiting"), number("sv_active"), number("sv_idle"),
				number("maxwait"), number("maxwait_us"),
			}
		}
		return nil
	})
	return err == nil && found
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
