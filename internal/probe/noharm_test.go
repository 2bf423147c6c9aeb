package probe_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// written is what Postgres itself has counted of a database, and what is in it.
type written struct {
	inserted, updated, deleted int64
	tables                     int64
	contents                   string
}

// TestProbingWritesNothing compares Postgres's own counters of rows written, its tables and their contents before
// and after a probe of everything; then the same probe must do without any right to write.
func TestProbingWritesNothing(t *testing.T) {
	for name, migrated := range map[string]func(context.Context, string) error{"a schema": prepare, "no schema": nil} {
		t.Run(name, func(t *testing.T) {
			env := labtest.Database(t, migrated)
			before := counters(t, env)
			c := config(env)
			c.Skip = []string{"HD-Q19"}
			run(t, c)
			between := counters(t, env)
			if between != before {
				t.Errorf("the probe left traces:\nbefore %+v\nafter  %+v", before, between)
			}
			// The self-test writes, and rolls back: Postgres counts its rows, and none of them is there.
			run(t, config(env))
			after := counters(t, env)
			if rows := after.inserted - before.inserted; rows > mostSelfTestRows {
				t.Errorf("the self-test has inserted %d rows before it rolled them back", rows)
			}
			after.inserted, after.updated, after.deleted = before.inserted, before.updated, before.deleted
			if after != before {
				t.Errorf("the probe left traces:\nbefore %+v\nafter  %+v", before, after)
			}
		})
	}
	t.Run("every transaction is read-only", func(t *testing.T) {
		env := labtest.Database(t, prepare)
		healthy := run(t, config(env))
		exec(t, env, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`)
		r := run(t, config(env))
		for i, c := range r.Checks {
			if (c.Code == "HD-D19" || c.Code == "HD-Q19") && c.Status == facts.Fail {
				continue // it is about that
			}
			if was := healthy.Checks[i]; c.Code != was.Code || c.Status != was.Status {
				t.Errorf("%s is %s where nothing may be written, and was %s: %s", c.Code, c.Status, was.Status, c.Why)
			}
		}
	})
}

// mostSelfTestRows is how many rows the self-test inserts: a user, two tokens, a residence, and what the change log says
// of it all.
const mostSelfTestRows = 12

// counters waits until the statistics stand still: a backend reports what it did up to a second later, at its end at
// the latest.
func counters(t *testing.T, env lab.Env) written {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	read := func() (w written) {
		// What autovacuum writes on its own, the statistics of tables, and what all databases share is left out.
		err := conn.QueryRow(t.Context(), `
			SELECT sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del),
				(SELECT count(*) FROM pg_tables WHERE schemaname = current_schema())
			FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid
			WHERE NOT c.relisshared AND s.schemaname <> 'pg_toast' AND s.relname NOT IN ('pg_class', 'pg_statistic')`).
			Scan(&w.inserted, &w.updated, &w.deleted, &w.tables)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	const calm = 1200 * time.Millisecond
	last := read()
	for deadline := time.Now().Add(time.Minute); ; {
		time.Sleep(calm)
		now := read()
		if now == last {
			break
		}
		if last = now; time.Now().After(deadline) {
			t.Fatal("the statistics never stand still")
		}
	}
	last.contents = contents(t, conn)
	return last
}

// contents sums up the rows of every table, so that a row put back by hand is found, too.
func contents(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	sums := ""
	for _, name := range names {
		var sum string
		if err := conn.QueryRow(t.Context(), "SELECT count(*) || ':' || coalesce(sum(hashtext(r::text)::bigint), 0) FROM "+pgx.Identifier{name}.Sanitize()+" r").Scan(&sum); err != nil {
			t.Fatal(err)
		}
		sums += fmt.Sprintf("%s=%s ", name, sum)
	}
	return sums
}
