package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// preparedSupport is whether a statement that a client has prepared by name is still there when the
// pooler gives the client another server connection.
type preparedSupport struct {
	known   bool
	carried bool
	taken   bool   // a second client could not prepare the same name
	how     string // by which it is known, or why it is not
}

// preparedTries is how often something is tried that other traffic may thwart: to make the test, and to
// meet the server connection on which the first client has prepared.
const preparedTries = 3

// testPrepared makes the test until it tells something.
func testPrepared(ctx context.Context, p *pair) preparedSupport {
	out := preparedSupport{how: "there are no two connections"}
	for try := range preparedTries {
		if out.known || !p.usable() || ctx.Err() != nil {
			break
		}
		out = tryPrepared(ctx, p, p.name(fmt.Sprintf("support%d", try)))
	}
	return out
}

// tryPrepared prepares a name of the pair's own on one server connection, keeps that connection busy by
// a read-only transaction of the other client, and runs the statement: it must now run elsewhere. The
// other client then takes the name off. It holds one server connection for three turns.
func tryPrepared(ctx context.Context, p *pair, name string) preparedSupport {
	unknown := func(what string, err error) preparedSupport {
		return preparedSupport{how: what + ": " + explain(ctx, "", err).Error()}
	}
	home, err := p.prepareAndRun(ctx, name)
	if err != nil {
		return unknown("a named statement could not be prepared", err)
	}
	met, err := p.hold(ctx, name)
	if err != nil {
		return unknown("no server connection could be held", err)
	}
	got, err := runPrepared(ctx, p.a, name, nil)
	elsewhere, _ := strconv.Atoi(got) // 0 if it did not run
	taken, release := p.release(ctx, name, met)
	if !met {
		p.owed = append(p.owed, name) // if the pooler carries it, none of its connections knows that name
	}
	var pg *pgconn.PgError
	switch {
	case release != nil:
		return unknown("the held connection could not be released", release)
	case errors.As(err, &pg) && mixedUp(pg.Code):
		return preparedSupport{known: true, taken: taken, how: fmt.Sprintf("a statement prepared on one server connection was gone on the next (%s)", pg.Code)}
	case err != nil:
		return unknown("it could not be run", err)
	case elsewhere == home:
		return preparedSupport{how: "the pooler gave the same server connection twice, which tells nothing"}
	}
	// A pooler that carries statements has names of its own for them: it is asked to let go of this one.
	p.owed = slices.DeleteFunc(p.owed, func(owed string) bool { return owed == name })
	_ = bound(ctx, queryTimeout, func(ctx context.Context) error { return p.a.conn.PgConn().Deallocate(ctx, name) })
	return preparedSupport{known: true, carried: true, how: "a statement prepared on one server connection ran on another"}
}

// prepareAndRun prepares and runs in one turn, so that both meet the same server connection, and returns
// the process id of that one.
func (p *pair) prepareAndRun(ctx context.Context, name string) (pid int, err error) {
	err = bound(ctx, queryTimeout, func(ctx context.Context) error {
		pipeline := p.a.conn.PgConn().StartPipeline(ctx)
		pipeline.SendPrepare(name, "SELECT pg_backend_pid()::text", nil)
		pipeline.SendQueryPrepared(name, nil, nil, nil)
		err := pipeline.Sync()
		for err == nil {
			var r any
			if r, err = pipeline.GetResults(); err != nil {
				break
			}
			if _, over := r.(*pgconn.PipelineSync); over {
				break
			}
			if rows, ok := r.(*pgconn.ResultReader); ok {
				read := rows.Read()
				if err = read.Err; err == nil && len(read.Rows) == 1 {
					pid, err = strconv.Atoi(string(read.Rows[0][0]))
				}
			}
		}
		return errors.Join(err, pipeline.Close())
	})
	return pid, err
}

// hold begins a read-only transaction by the second client, if it can on the server connection that
// knows the name: a pooler usually gives the one that was used last. If the probe dies in it, Postgres
// ends it.
func (p *pair) hold(ctx context.Context, name string) (met bool, err error) {
	for try := range preparedTries {
		if try > 0 {
			if err := p.b.exec(ctx, "ROLLBACK"); err != nil {
				return false, err
			}
		}
		met, err = p.b.begin(ctx, name)
		if met || err != nil {
			return met, err
		}
	}
	return false, nil
}

// begin begins a read-only transaction and says whether its server connection knows the name.
func (c *pairClient) begin(ctx context.Context, name string) (met bool, err error) {
	err = bound(ctx, queryTimeout, func(ctx context.Context) error {
		results, err := c.conn.PgConn().Exec(ctx, fmt.Sprintf("BEGIN READ ONLY; SET LOCAL idle_in_transaction_session_timeout = '3s'; SELECT 1 FROM pg_prepared_statements WHERE name = '%s'; SAVEPOINT probe", name)).ReadAll()
		met = err == nil && len(results) > 2 && len(results[2].Rows) == 1
		return err
	})
	return met, err
}

// release ends what hold began. On the server connection that knows the name it first tries to prepare
// it once more, as a second client with the same SQL would, and then takes it off.
func (p *pair) release(ctx context.Context, name string, met bool) (taken bool, err error) {
	if !met {
		return false, p.b.exec(ctx, "ROLLBACK")
	}
	var pg *pgconn.PgError
	err = prepareAs(ctx, p.b, name, "SELECT pg_backend_pid()::text")
	taken = errors.As(err, &pg) && mixedUp(pg.Code)
	return taken, p.b.exec(ctx, "ROLLBACK TO SAVEPOINT probe; DEALLOCATE "+name+"; ROLLBACK")
}

// forgetDepth is how many server connections are looked at for what is owed.
const forgetDepth = 5

// forget takes off the names that release did not meet, once the app's endpoint is quiet. Client after
// client begins a transaction and keeps it, so that each meets another server connection. A name that is
// not met keeps a few kB until the pooler closes its connection.
func (p *pair) forget(ctx context.Context, config *pgx.ConnConfig) {
	var holders []*pairClient
	defer func() {
		for _, c := range holders {
			_ = c.exec(ctx, "ROLLBACK") // else Postgres ends it
		}
	}()
	for depth := range forgetDepth {
		if len(p.owed) == 0 || !p.usable() {
			return
		}
		clients := []*pairClient{p.a, p.b}
		if depth >= len(clients) {
			extra := &pairClient{dials: 1}
			var err error
			p.extra = append(p.extra, extra)
			if extra.conn, extra.w, err = connectPG(ctx, config); err != nil {
				return
			}
			clients = append(clients, extra)
		}
		c := clients[min(depth, len(clients)-1)]
		holders = append(holders, c)
		p.owed = slices.DeleteFunc(p.owed, func(name string) bool {
			_ = c.exec(ctx, "ROLLBACK")
			met, err := c.begin(ctx, name)
			return err == nil && met && c.exec(ctx, "DEALLOCATE "+name) == nil
		})
	}
}

func (c *pairClient) exec(ctx context.Context, sql string) error {
	return bound(ctx, queryTimeout, func(ctx context.Context) error {
		_, err := c.conn.PgConn().Exec(ctx, sql).ReadAll()
		return err
	})
}
