package probe

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// preparedSupport is whether a statement that a client has prepared by name is still there when the
// pooler gives the client another server connection.
type preparedSupport struct {
	known   bool
	carried bool
	how     string // by which it is known, or why it is not
}

// preparedTries is how often the test is made: other traffic may take the place in the pooler that the
// second client was to hold.
const preparedTries = 3

// testPrepared makes the test until it tells something.
func testPrepared(ctx context.Context, p *pair) (out preparedSupport) {
	for try := range preparedTries {
		out = tryPrepared(ctx, p, p.name(fmt.Sprintf("support%d", try)))
		if out.known || !p.usable() || ctx.Err() != nil {
			return out
		}
	}
	return out
}

// tryPrepared prepares a name of the pair's own on one server connection, keeps that connection busy by
// a read-only transaction of the other client, and runs the statement: it must now run elsewhere. It
// holds one server connection for two turns.
func tryPrepared(ctx context.Context, p *pair, name string) preparedSupport {
	if !p.usable() {
		return preparedSupport{how: "there are no two connections"}
	}
	home, err := p.prepareAndRun(ctx, name)
	if err != nil {
		return preparedSupport{how: "a named statement could not be prepared: " + explain(ctx, "", err).Error()}
	}
	defer p.forget(ctx, name)
	if err := p.hold(ctx); err != nil {
		return preparedSupport{how: "no server connection could be held: " + explain(ctx, "", err).Error()}
	}
	got, err := runPrepared(ctx, p.a, name, nil)
	release := bound(ctx, queryTimeout, func(ctx context.Context) error {
		_, err := p.b.conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll()
		return err
	})
	elsewhere, _ := strconv.Atoi(got) // 0 if it did not run
	var pg *pgconn.PgError
	switch {
	case release != nil:
		return preparedSupport{how: "the held connection could not be released: " + explain(ctx, "", release).Error()}
	case errors.As(err, &pg) && mixedUp(pg.Code):
		return preparedSupport{known: true, how: fmt.Sprintf("a statement prepared on one server connection was gone on the next (%s)", pg.Code)}
	case err != nil:
		return preparedSupport{how: "it could not be run: " + explain(ctx, "", err).Error()}
	case elsewhere == home:
		return preparedSupport{how: "the pooler gave the same server connection twice, which tells nothing"}
	}
	// A pooler that carries statements has names of its own for them: it is asked to let go of this one.
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

// hold begins a read-only transaction by the second client. If the probe dies in it, Postgres ends it.
func (p *pair) hold(ctx context.Context) error {
	return bound(ctx, queryTimeout, func(ctx context.Context) error {
		_, err := p.b.conn.PgConn().Exec(ctx, "BEGIN READ ONLY; SET LOCAL idle_in_transaction_session_timeout = '3s'; SELECT 1").ReadAll()
		return err
	})
}
