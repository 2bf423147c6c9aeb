package main

import (
	"context"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// ownLabs are the labs that scripts have for themselves, to stop servers in.
type ownLabs struct {
	t    *testing.T
	mu   sync.Mutex
	labs map[*testscript.TestScript]*lab.Lab
}

// commands are "ownlab", which points a script at a migrated database in a lab of its own, and "server stop|start
// redis|pooler|postgres".
func (o *ownLabs) commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){"ownlab": o.open, "server": o.server}
}

func (o *ownLabs) open(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: ownlab")
	}
	l := labtest.New(o.t, lab.Config{})
	o.mu.Lock()
	o.labs[ts] = l
	o.mu.Unlock()
	env := l.Env()
	ts.Check(store.Migrate(o.t.Context(), env.DirectURL))
	ts.Setenv("DATABASE_URL", env.DatabaseURL)
	ts.Setenv("DATABASE_DIRECT_URL", env.DirectURL)
	ts.Setenv("PGBOUNCER_ADMIN_URL", env.AdminURL)
	ts.Setenv("REDIS_URL", env.RedisURL)
}

func (o *ownLabs) server(ts *testscript.TestScript, neg bool, args []string) {
	o.mu.Lock()
	l := o.labs[ts]
	o.mu.Unlock()
	if neg || len(args) != 2 || l == nil {
		ts.Fatalf("usage: server stop|start redis|pooler|postgres, after ownlab")
	}
	do := map[string]func(context.Context) error{
		"stop redis": l.StopRedis, "start redis": l.StartRedis, "stop pooler": l.StopPooler, "start pooler": l.StartPooler,
		"stop postgres": l.StopPostgres, "start postgres": l.StartPostgres,
	}[args[0]+" "+args[1]]
	if do == nil {
		ts.Fatalf("there is no server %s to %s", args[1], args[0])
	}
	ts.Check(do(o.t.Context()))
}
