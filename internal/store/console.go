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
	ClientsActive, ClientsWaiting int64 // linked to a server connection; in the queue for one
	ServersActive, ServersIdle    int64
	MaxWait                       time.Duration // of the client that has been in the queue for longest
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
		return nil, advise(urlHint, "the URL of the pooler's console cannot be read: %w", redactURL(err))
	}
	cc.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // the console knows no other
	conn, err := connectCounted(ctx, cc, dials)
	if err != nil {
		return nil, fmt.Errorf("the pooler's console: %w", err)
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

// Pools asks SHOW POOLS: one turn. A database that the pooler has no pool of is
// an error. When ctx ends before the answer, the console is closed.
func (c *Console) Pools(ctx context.Context) (Pools, error) {
	results, err := c.conn.PgConn().Exec(ctx, "SHOW POOLS").ReadAll()
	if err != nil {
		return Pools{}, err
	}
	if len(results) != 1 {
		return Pools{}, errors.New("the pooler's console answered SHOW POOLS with no table")
	}
	var sum Pools
	found := c.database == ""
	for _, row := range results[0].Rows {
		values := map[string]string{}
		for i, f := range results[0].FieldDescriptions {
			values[f.Name] = string(row[i])
		}
		if db := values["database"]; db == consoleDatabase || c.database != "" && db != c.database {
			continue
		}
		found = true
		number := func(name string) int64 {
			n, _ := strconv.ParseInt(values[name], 10, 64) // a column of another version: 0
			return n
		}
		sum.ClientsActive += number("cl_active")
		sum.ClientsWaiting += number("cl_waiting")
		sum.ServersActive += number("sv_active")
		sum.ServersIdle += number("sv_idle")
		wait := time.Duration(number("maxwait"))*time.Second + time.Duration(number("maxwait_us"))*time.Microsecond
		sum.MaxWait = max(sum.MaxWait, wait)
	}
	if !found {
		return Pools{}, errors.New("the pooler has no pool of this database")
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
