package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/link"
)

// consoleDatabase is PgBouncer's own: its row is about those who ask.
const consoleDatabase = "pgbouncer"

// Pools is what SHOW POOLS says of a database: the sum over its users.
type Pools struct {
	// ClientsActive are connected and wait for nothing: those with a server
	// connection and those that are idle. ClientsWaiting are in the queue for one.
	ClientsActive, ClientsWaiting int64
	// ServersIdle are free: those that were used lately (sv_idle), and those that
	// have rested for server_check_delay (sv_used).
	ServersActive, ServersIdle int64
	MaxWait                    time.Duration // of the client that has been in the queue for longest
}

// MaxWaitMS is MaxWait in milliseconds.
func (p Pools) MaxWaitMS() float64 { return float64(p.MaxWait.Microseconds()) / 1000 }

// Console is a connection to the pooler's admin console, for one goroutine at
// a time.
type Console struct {
	conn     *pgx.Conn
	database string
}

// OpenConsole connects to an admin console. database is whose pools Pools tells
// of; "" = all databases together. dials counts the connection; it may be nil.
func OpenConsole(ctx context.Context, adminURL, database string, dials *link.Dials) (*Console, error) {
	cc, err := pgx.ParseConfig(adminURL)
	if err != nil {
		return nil, unreadable(consoleURLName, err)
	}
	cc.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // the console knows no other
	conn, err := connectCounted(ctx, cc, dials)
	if err != nil {
		return nil, connectFailure(cc, consoleURLName, err)
	}
	return &Console{conn: conn, database: database}, nil
}

// connectCounted opens one connection whose turns are counted in dials.
func connectCounted(ctx context.Context, cc *pgx.ConnConfig, dials *link.Dials) (*pgx.Conn, error) {
	if dials == nil {
		dials = &link.Dials{}
	}
	cc.DialFunc = pgconn.DialFunc(dials.Wrap(newDialer().DialContext))
	if deadline, ok := ctx.Deadline(); ok {
		cc.ConnectTimeout = time.Until(deadline)
	}
	return pgx.ConnectConfig(ctx, cc)
}

// ConsoleRow is a line of the console's answer by column.
type ConsoleRow map[string]string

// Number reads a column; 0 where this version of the pooler has no such number.
func (r ConsoleRow) Number(column string) int64 {
	n, _ := strconv.ParseInt(r[column], 10, 64)
	return n
}

// Milliseconds reads a column of microseconds.
func (r ConsoleRow) Milliseconds(column string) float64 { return float64(r.Number(column)) / 1000 }

// Show asks SHOW what: one turn. When ctx ends before the answer, the console is closed.
func (c *Console) Show(ctx context.Context, what string) ([]ConsoleRow, error) {
	results, err := c.conn.PgConn().Exec(ctx, "SHOW "+what).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(results) != 1 {
		return nil, fmt.Errorf("the pooler's console answered SHOW %s with no table", what)
	}
	rows := make([]ConsoleRow, 0, len(results[0].Rows))
	for _, values := range results[0].Rows {
		r := ConsoleRow{}
		for i, f := range results[0].FieldDescriptions {
			r[f.Name] = string(values[i])
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// Of keeps the rows of the console's database, whose name stands in column.
func (c *Console) Of(rows []ConsoleRow, column string) []ConsoleRow {
	var out []ConsoleRow
	for _, r := range rows {
		if db := r[column]; db == c.database || c.database == "" && db != consoleDatabase {
			out = append(out, r)
		}
	}
	return out
}

// Pools asks SHOW POOLS. A database that the pooler has no pool of is an error.
func (c *Console) Pools(ctx context.Context) (Pools, error) {
	rows, err := c.Show(ctx, "POOLS")
	if err != nil {
		return Pools{}, err
	}
	rows = c.Of(rows, "database")
	if len(rows) == 0 && c.database != "" {
		return Pools{}, errors.New("the pooler has no pool of this database")
	}
	var sum Pools
	for _, r := range rows { // one for each user
		sum.ClientsActive += r.Number("cl_active")
		sum.ClientsWaiting += r.Number("cl_waiting")
		sum.ServersActive += r.Number("sv_active")
		sum.ServersIdle += r.Number("sv_idle") + r.Number("sv_used")
		wait := time.Duration(r.Number("maxwait"))*time.Second + time.Duration(r.Number("maxwait_us"))*time.Microsecond
		sum.MaxWait = max(sum.MaxWait, wait)
	}
	return sum, nil
}

// Usable reports whether the console is open.
func (c *Console) Usable() bool { return c != nil && !c.conn.IsClosed() }

// Close ends the console. A second Close does nothing.
func (c *Console) Close(ctx context.Context) error {
	if !c.Usable() {
		return nil
	}
	return c.conn.Close(ctx)
}
