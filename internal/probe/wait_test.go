package probe_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestPoolerWait keeps both servers of a small pool busy with transactions of other clients, so that
// statements that execute at once come back late.
func TestPoolerWait(t *testing.T) {
	l := labtest.New(t, lab.Config{PoolSize: 2})
	env := l.Env()
	if err := prepare(t.Context(), env.DirectURL); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var holders sync.WaitGroup
	for range 6 {
		holders.Go(func() { hold(ctx, t, env) })
	}
	defer holders.Wait()
	defer stop()

	for name, withConsole := range map[string]bool{"SHOW POOLS": true, "the query beside": false} {
		t.Run(name, func(t *testing.T) {
			c := config(env)
			if !withConsole {
				c.AdminURL = ""
			}
			f := first(t, undisturbed(t, c, foundFirst("HD-P04")), "HD-P04")
			contains(t, f.Evidence, "are explained neither by turns nor by execution")
			if withConsole {
				contains(t, f.Evidence, "SHOW POOLS")
			}
			// A queue that costs a target's 50 ms is critical.
			if want := map[bool]facts.Severity{true: facts.Critical, false: facts.Warning}[f.CostMS >= 50]; f.CostMS <= 0 || f.Severity != want {
				t.Errorf("it costs %v ms and is %s", f.CostMS, f.Severity)
			}
		})
	}
}

// hold runs one transaction after the other, each of which keeps a server for 60 ms.
func hold(ctx context.Context, t *testing.T, env lab.Env) { holdFor(ctx, t, env, 60*time.Millisecond) }

func holdFor(ctx context.Context, t *testing.T, env lab.Env, each time.Duration) {
	config, err := pgx.ParseConfig(env.DatabaseURL)
	if err != nil {
		t.Error("the pooler's URL can't be read")
		return
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil {
		if _, err := conn.Exec(ctx, fmt.Sprintf("SELECT pg_sleep(%f)", each.Seconds())); err != nil && ctx.Err() == nil {
			t.Error(err)
			return
		}
	}
}
