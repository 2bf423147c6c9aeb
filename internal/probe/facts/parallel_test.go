package facts

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestWallTimeOfRealPlans: no step of a statement takes longer than the statement, in every form that Postgres runs in
// parallel.
func TestWallTimeOfRealPlans(t *testing.T) {
	env := labtest.Database(t, nil)
	conn, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for _, sql := range []string{
		"CREATE TABLE a AS SELECT i, i % 100 AS b, repeat('x', 100) AS t FROM generate_series(1, 30000) i", "CREATE TABLE c AS SELECT * FROM a", "ANALYZE a, c",
		"SET parallel_setup_cost = 0", "SET parallel_tuple_cost = 0", "SET min_parallel_table_scan_size = 0", "SET max_parallel_workers_per_gather = 2",
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct{ set, sql, node string }{
		"gather":          {"", "SELECT count(*) FROM a WHERE length(t) < 5", "Gather"},
		"gather merge":    {"", "SELECT i FROM a WHERE length(t) > 5 ORDER BY t, i LIMIT 10", "Gather Merge"},
		"parallel append": {"", "SELECT count(*) FROM (SELECT t FROM a UNION ALL SELECT t FROM c) u WHERE length(t) < 5", "Append"},
		"parallel hash":   {"SET enable_mergejoin = off; SET enable_nestloop = off", "SELECT count(*) FROM a JOIN c USING (i) WHERE length(a.t) > 5", "Hash Join"},
		"leader out":      {"SET parallel_leader_participation = off", "SELECT count(*) FROM a WHERE length(t) < 5", "Gather"},
	} {
		t.Run(name, func(t *testing.T) {
			var p *Plan
			labtest.Eventually(t, "a plan that runs in two processes", func() bool { // the workers of the server may be busy with other tests
				p = planAfter(t, conn, c.set, c.sql)
				most := 0.0
				p.Each(func(_ *Node, by Processes) { most = max(most, by.Count) })
				return most >= 2
			})
			seen, longest := false, 0.0
			p.Each(func(n *Node, by Processes) {
				seen = seen || n.Type == c.node
				longest = max(longest, n.ActualTotal*n.ActualLoops)
				if wall := n.WallMS(by); wall > p.ExecutionMS {
					t.Errorf("%s took %v ms of a statement of %v ms", n.Type, wall, p.ExecutionMS)
				}
			})
			if !seen {
				t.Errorf("no %s is in the plan", c.node)
			}
			t.Logf("%v ms of all processes in %v ms", longest, p.ExecutionMS)
		})
	}
}

func planAfter(t *testing.T, conn *pgx.Conn, set, sql string) *Plan {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	var text []byte
	if err := tx.QueryRow(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+sql).Scan(&text); err != nil {
		t.Fatal(err)
	}
	p, err := ParsePlan(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
