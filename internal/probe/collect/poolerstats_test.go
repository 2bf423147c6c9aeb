package collect

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// TestStatisticsOfAQueue reads the statistics of the pooler that runs here: six clients queue for one server connection.
// What a statement executed is the smaller part of what the pooler calls its time.
func TestStatisticsOfAQueue(t *testing.T) {
	const clients, statements = 6, 5
	env := labtest.New(t, lab.Config{PoolSize: 1}).Env()
	console, err := store.OpenConsole(t.Context(), env.AdminURL, env.DatabaseURL[strings.LastIndex(env.DatabaseURL, "/")+1:strings.Index(env.DatabaseURL, "?")], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close(context.WithoutCancel(t.Context()))
	pools := &poolsConsole{console: console}
	var conns []*pgx.Conn
	for range clients {
		conn, err := pgx.Connect(t.Context(), env.DatabaseURL+"&default_query_exec_mode=simple_protocol")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		conns = append(conns, conn)
	}
	o := &facts.Observation{Config: facts.Config{AdminURL: "set"}, Pooler: &facts.PGServer{Pooled: true}, Ways: facts.WaysFacts{Console: &facts.PoolerFacts{Before: pools.moment(t.Context(), 0)}}}
	var wg sync.WaitGroup
	for _, conn := range conns {
		wg.Go(func() {
			for range statements {
				if _, err := conn.Exec(t.Context(), "SELECT pg_sleep(0.05)"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	o.Ways.Console.After = pools.moment(t.Context(), 1)
	d, why := o.Counted()
	if why != "" {
		t.Fatal(why)
	}
	if d.Queries != clients*statements || d.Transactions != clients*statements || d.Waits < d.Transactions {
		t.Errorf("%d queries, %d transactions and %d waits of %d statements", d.Queries, d.Transactions, d.Waits, clients*statements)
	}
	if d.ExecutedMS() <= 0 || 2*d.ExecutedMS() >= d.QueryMS {
		t.Errorf("%d clients queue, and of %.0f ms %.0f were execution and %.0f waiting", clients, d.QueryMS, d.ExecutedMS(), d.WaitMS)
	}
	if hits := check.IdleInPool(o).Hits; len(hits) > 0 {
		t.Errorf("a queue is taken for idle transactions: %+v", hits)
	}
}
