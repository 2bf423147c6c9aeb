package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// isolationRounds is how often each client of a safe mode asks. The modes that are not safe fail in the
// first round, for a pooler sends the second client to the connection that the first one has just left.
const isolationRounds = 5

// guardParameters is how many parameters the self-test's statement has in a mode whose second turn may
// meet another client's statement: no statement of an app has as many, so that Postgres refuses to run
// that one (08P01) instead of running it for the probe.
const guardParameters = 61

// testIsolation asks constants by both clients at once, in the app's mode, and compares each answer with
// the question. What is asked differs from everyone else's SQL by the pair's token. See
// docs/decisions/0019-the-isolation-self-test.md for why no mode can harm others by it.
func testIsolation(ctx context.Context, p *pair, mode string, support facts.PreparedSupport) facts.Isolation {
	out := facts.Isolation{Mode: mode}
	switch {
	case !p.usable():
		out.NotRun = "two connections could not be opened"
	case mode == "describe_exec":
		unnamed(ctx, &out, p)
	case mode == "cache_statement":
		named(ctx, &out, p, support)
	case store.PooledSafe(mode):
		wholeCalls(ctx, &out, p)
	default:
		out.NotRun = fmt.Sprintf("%q is not an execution mode", mode)
	}
	if out.NotRun == "" && out.Answers+out.Collided == 0 {
		out.NotRun = cmp.Or(out.CutOff, "no answer came in time")
	}
	return out
}

// wholeCalls lets both clients ask at the same time by pgx's own means.
func wholeCalls(ctx context.Context, out *facts.Isolation, p *pair) {
	modes := map[string]pgx.QueryExecMode{
		"exec": pgx.QueryExecModeExec, "cache_statement": pgx.QueryExecModeCacheStatement, "cache_describe": pgx.QueryExecModeCacheDescribe, "simple_protocol": pgx.QueryExecModeSimpleProtocol,
	}
	sql := fmt.Sprintf("/* honeydue probe %s */ SELECT $1::text", p.token)
	for round := range isolationRounds {
		var wg sync.WaitGroup
		tags, got, errs := make([]string, 2), make([]string, 2), make([]error, 2)
		for i, c := range []*pairClient{p.a, p.b} {
			tags[i] = fmt.Sprintf("%s-%d-%d", p.token, i, round)
			wg.Go(func() {
				errs[i] = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
					return c.conn.QueryRow(ctx, sql, modes[out.Mode], tags[i]).Scan(&got[i])
				})
			})
		}
		wg.Wait()
		for i, err := range errs {
			judge(ctx, out, tags[i], got[i], err)
		}
		if errors.Join(errs...) != nil {
			return
		}
	}
}

// judge counts one answer. An error that is not about a statement says nothing about isolation.
func judge(ctx context.Context, out *facts.Isolation, tag, got string, err error) {
	switch {
	case err == nil:
		out.Answers++
		if got != tag {
			out.Wrong++
		}
	case mixedUp(err):
		out.Collided++
	default:
		out.CutOff = dial.Explain(ctx, "", err).Error()
	}
}

// mixedUp reports whether an error means that the statement on the server was not the client's own: it is
// there already, it is not there, or it takes other parameters. The last is Postgres's own word only with the
// name of the routine that said it: PgBouncer has that code for all that it refuses, a lost server included.
func mixedUp(err error) bool {
	const duplicate, missing, protocol = "42P05", "26000", "08P01"
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == duplicate || pg.Code == missing || pg.Code == protocol && pg.Routine != "")
}

// unnamed does what describe_exec does: the statement without a name is prepared in one turn and run in
// the next, and in between the other client prepares its own.
func unnamed(ctx context.Context, out *facts.Isolation, p *pair) {
	ask := func(tag string) string {
		var list []string
		for i := range guardParameters {
			list = append(list, fmt.Sprintf("$%d::text", i+1))
		}
		return fmt.Sprintf("SELECT '%s'::text WHERE concat(%s) IS NOT NULL", tag, strings.Join(list, ", "))
	}
	parameters := make([][]byte, guardParameters)
	for i := range parameters {
		parameters[i] = []byte("x")
	}
	clients := []*pairClient{p.a, p.b}
	tags := []string{p.token + "-a", p.token + "-b"}
	for i, c := range clients {
		if err := prepareAs(ctx, c, "", ask(tags[i])); err != nil {
			judge(ctx, out, "", "", err)
			return
		}
	}
	for i, c := range clients {
		got, err := runPrepared(ctx, c, "", parameters)
		judge(ctx, out, tags[i], got, err)
	}
}

// named is about cache_statement: the name comes from the SQL, so that two clients with the same SQL
// prepare the same name. What the pooler does with a name has been tried by testPrepared; where it is
// carried along, both clients ask by pgx's own means.
func named(ctx context.Context, out *facts.Isolation, p *pair, support facts.PreparedSupport) {
	switch {
	case !support.Known:
		out.NotRun = support.How
	case support.Carried:
		wholeCalls(ctx, out, p)
	default:
		out.Collided = 1 // the run that did not find its statement
		if support.Taken {
			out.Collided++ // the second client, for whom the name was taken
		}
	}
}

func prepareAs(ctx context.Context, c *pairClient, name, sql string) error {
	return dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		_, err := c.conn.PgConn().Prepare(ctx, name, sql, nil)
		return err
	})
}

// runPrepared runs a prepared statement and gives the first value of its first row.
func runPrepared(ctx context.Context, c *pairClient, name string, parameters [][]byte) (got string, err error) {
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		r := c.conn.PgConn().ExecPrepared(ctx, name, parameters, nil, nil).Read()
		if r.Err == nil && len(r.Rows) > 0 && len(r.Rows[0]) > 0 {
			got = string(r.Rows[0][0])
		}
		return r.Err
	})
	return got, err
}
