package collect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// preparedTries is how often something is tried that other traffic may thwart: to make the test, and to
// meet the server connection on which the first client has prepared.
const preparedTries = 3

// roomLeast is how many idle server connections a pool needs for the test to be a guest in it: the test
// holds one and asks for a second one, so that one is left for whoever comes meanwhile.
const roomLeast = 3

// roomToTry says in how why the test is not made. It is made where the mode needs the answer, because then
// every statement of the app is at stake; otherwise only in a pool that has room, as its console must say.
func roomToTry(ctx context.Context, mode string, p *pair, pools *poolsConsole) facts.PreparedSupport {
	const noConsole = "not tested: without the console, it is unknown whether the pool has spare connections"
	switch {
	case !p.usable():
		return facts.PreparedSupport{How: "two connections could not be opened"}
	case mode == "cache_statement":
		return facts.PreparedSupport{}
	case !pools.usable():
		return facts.PreparedSupport{How: noConsole}
	}
	switch now, ok := pools.ask(ctx); {
	case !ok:
		return facts.PreparedSupport{How: noConsole}
	case now.ServersIdle < roomLeast:
		return facts.PreparedSupport{How: fmt.Sprintf("not tested: the pool has too few spare connections (%s, and the test needs %d)",
			facts.Plural(int(now.ServersIdle), "idle server connection", "idle server connections"), roomLeast)}
	}
	return facts.PreparedSupport{}
}

// While one server connection is held, the run on another one may take heldTurns turns, and heldLeast at
// least: what takes longer stands in the pooler's queue, behind the very connection that is held.
const (
	heldTurns = 3
	heldLeast = 100 * time.Millisecond
)

// testPrepared makes the test until it tells something.
func testPrepared(ctx context.Context, p *pair) facts.PreparedSupport {
	out := facts.PreparedSupport{How: "two connections could not be opened"}
	for try := range preparedTries {
		if out.Known || !p.usable() || ctx.Err() != nil {
			break
		}
		out = tryPrepared(ctx, p, p.name(fmt.Sprintf("support%d", try)))
	}
	return out
}

// tryPrepared prepares a name of the pair's own on one server connection, keeps that connection busy by
// a read-only transaction of the other client, and runs the statement: it must now run elsewhere. The
// other client then takes the name off. It holds one server connection for three turns, and for heldTurns
// more (or heldLeast) where there is no second one.
func tryPrepared(ctx context.Context, p *pair, name string) facts.PreparedSupport {
	unknown := func(what string, err error) facts.PreparedSupport {
		return facts.PreparedSupport{How: what + ": " + dial.Explain(ctx, "", err).Error()}
	}
	began := time.Now()
	p.owed = append(p.owed, name) // until it is known to be off
	home, err := p.prepareAndRun(ctx, name)
	turn := time.Since(began)
	if err != nil {
		return unknown("a named statement could not be prepared", err)
	}
	holding := time.Now()
	defer func() { p.held += time.Since(holding) }()
	met, err := p.hold(ctx, name)
	if err != nil {
		return unknown("no server connection could be held", err)
	}
	var got string
	limit := min(facts.QueryTimeout, max(heldLeast, heldTurns*turn))
	err = dial.Bound(ctx, limit, func(ctx context.Context) (err error) {
		got, err = runPrepared(ctx, p.a, name, nil)
		return err
	})
	elsewhere, _ := strconv.Atoi(got) // 0 if it did not run
	taken, release := p.release(ctx, name, met)
	if met && release == nil {
		p.paid(name)
	}
	switch {
	case release != nil:
		return unknown("the held connection could not be released", release)
	case mixedUp(err):
		return facts.PreparedSupport{Known: true, Taken: taken, How: "a statement prepared on one server connection was gone on the next"}
	case err != nil:
		return unknown("it could not be run", err)
	case elsewhere == home:
		return facts.PreparedSupport{How: "the pooler assigned the same server connection twice, so the test shows nothing"}
	}
	// A pooler that carries statements has names of its own for them: it is asked to let go of this one.
	p.paid(name)
	_ = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error { return p.a.conn.PgConn().Deallocate(ctx, name) })
	return facts.PreparedSupport{Known: true, Carried: true, How: "a statement prepared on one server connection ran on another"}
}

func (p *pair) paid(name string) {
	p.owed = slices.DeleteFunc(p.owed, func(owed string) bool { return owed == name })
}

// prepareAndRun prepares and runs in one turn, so that both meet the same server connection, and returns
// the process id of that one.
func (p *pair) prepareAndRun(ctx context.Context, name string) (pid int, err error) {
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
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
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
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
	err = prepareAs(ctx, p.b, name, "SELECT pg_backend_pid()::text")
	taken = mixedUp(err)
	return taken, p.b.exec(ctx, "ROLLBACK TO SAVEPOINT probe; DEALLOCATE "+name+"; ROLLBACK")
}

// forgetMost is how many server connections forget holds at most.
const forgetMost = 10

// forget takes off the names that release did not meet, once the app's endpoint is quiet. One client after
// the other begins a transaction and keeps it, so that each meets another server connection: the pair's two,
// and then a new one at a time while the console says that the pool has one to spare besides; without a
// console (nil) no more than two. A name that is not met keeps a few kB until the pooler closes its connection.
func (p *pair) forget(ctx context.Context, pools *poolsConsole) {
	var holders []*pairClient
	defer func() {
		for _, c := range holders {
			_ = c.exec(ctx, "ROLLBACK") // else Postgres ends it
		}
	}()
	for len(p.owed) > 0 && p.usable() {
		c := p.holder(ctx, len(holders), pools)
		if c == nil {
			return
		}
		holders = append(holders, c)
		p.owed = slices.DeleteFunc(p.owed, func(name string) bool {
			_ = c.exec(ctx, "ROLLBACK")
			met, err := c.begin(ctx, name)
			return err == nil && met && c.exec(ctx, "DEALLOCATE "+name) == nil
		})
	}
}

// holder is the client that may hold one more server connection when held are held; nil if none may.
func (p *pair) holder(ctx context.Context, held int, pools *poolsConsole) *pairClient {
	switch {
	case held == 0:
		return p.a
	case held == 1:
		return p.b
	case held == forgetMost || !pools.spare(ctx):
		return nil
	}
	c := &pairClient{dials: 1}
	p.more = append(p.more, c)
	var err error
	if c.conn, c.w, err = dial.ConnectPG(ctx, p.config); err != nil {
		return nil
	}
	return c
}

func (c *pairClient) exec(ctx context.Context, sql string) error {
	return dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		_, err := c.conn.PgConn().Exec(ctx, sql).ReadAll()
		return err
	})
}

// name is a statement's name that nobody else has.
func (p *pair) name(what string) string {
	return "honeydue_probe_" + what + "_" + strings.ToLower(p.token)
}
