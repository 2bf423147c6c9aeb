package probe

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// scanOf is a sequential scan of tasks in a plan, its figures per loop.
func scanOf(ms, rows, loops float64, more string) string {
	return fmt.Sprintf(`{"Node Type":"Seq Scan","Parent Relationship":"Outer","Relation Name":"tasks","Actual Total Time":%v,"Actual Rows":%v,"Actual Loops":%v%s}`, ms, rows, loops, more)
}

func planFrom(t *testing.T, root string) *Plan {
	t.Helper()
	p, err := ParsePlan([]byte(`[{"Plan":` + root + `,"Planning Time":1,"Execution Time":101}]`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWallTimeBelowAGather: a step takes as long as its processes did side by side, not one after the other.
func TestWallTimeBelowAGather(t *testing.T) {
	gather := func(kind string, launched, loops float64, below string) string {
		return fmt.Sprintf(`{"Node Type":%q,"Actual Total Time":%v,"Actual Loops":%v,"Workers Planned":2,"Workers Launched":%v,"Plans":[%s]}`, kind, 100/loops, loops, launched, below)
	}
	const parallel = `,"Parallel Aware":true`
	for name, c := range map[string]struct {
		root string
		want float64
	}{
		"two workers and the leader":   {gather("Gather", 2, 1, scanOf(90, 500, 3, parallel)), 90},
		"gather merge":                 {gather("Gather Merge", 2, 1, scanOf(90, 500, 3, parallel)), 90},
		"workers alone":                {gather("Gather", 2, 1, scanOf(90, 500, 2, parallel)), 90},
		"one worker was launched":      {gather("Gather", 1, 1, scanOf(90, 500, 2, parallel)), 90},
		"no worker was launched":       {gather("Gather", 0, 1, scanOf(90, 500, 1, parallel)), 90},
		"a gather that is run again":   {gather("Gather", 2, 10, scanOf(9, 500, 30, parallel)), 90},
		"the inner side of a loop":     {gather("Gather", 2, 1, `{"Node Type":"Nested Loop","Parent Relationship":"Outer","Actual Total Time":95,"Actual Loops":3,"Plans":[`+scanOf(0.1, 1, 2700, "")+`]}`), 90},
		"one member, one process":      {gather("Gather", 2, 1, `{"Node Type":"Append","Parallel Aware":true,"Parent Relationship":"Outer","Actual Total Time":60,"Actual Loops":3,"Plans":[`+scanOf(60, 500, 1, "")+`]}`), 60},
		"loops of one process":         {gather("Gather", 2, 1, `{"Node Type":"Append","Parallel Aware":true,"Parent Relationship":"Outer","Actual Total Time":60,"Actual Loops":3,"Plans":[{"Node Type":"Nested Loop","Parent Relationship":"Member","Actual Total Time":60,"Actual Loops":1,"Plans":[`+scanOf(0.5, 1, 100, "")+`]}]}`), 50},
		"what the leader did before":   {gather("Gather", 2, 1, `{"Node Type":"Seq Scan","Parent Relationship":"InitPlan","Relation Name":"tasks","Actual Total Time":5,"Actual Rows":1,"Actual Loops":4}`), 20},
		"fewer workers the last time":  {gather("Gather", 1, 10, scanOf(9, 500, 30, parallel)), 90},
		"no gather, one after another": {`{"Node Type":"Nested Loop","Actual Total Time":95,"Actual Loops":1,"Plans":[` + scanOf(30, 500, 3, "") + `]}`, 90},
	} {
		p := planFrom(t, c.root)
		scans := p.sequential()
		if len(scans) != 1 || scans[0].MS != c.want {
			t.Errorf("%s: %+v, want %v ms", name, scans, c.want)
		}
		p.each(func(n *Node, by processes) {
			if got := n.selfMS(by); got > p.ExecutionMS || got < 0 {
				t.Errorf("%s: %s took %v ms by itself", name, n.Type, got)
			}
		})
	}
}

// TestRoundedRowsGiveBounds: means per loop are rounded, so over many loops a quotient of them says nothing.
func TestRoundedRowsGiveBounds(t *testing.T) {
	at := func(rows string, removed, loops float64) *Plan {
		return planFrom(t, fmt.Sprintf(`{"Node Type":"Index Scan","Relation Name":"tasks","Plan Rows":1,"Actual Rows":%s,"Actual Loops":%v,"Rows Removed by Filter":%v}`, rows, loops, removed))
	}
	for name, c := range map[string]struct {
		p      *Plan
		factor float64 // 0: no finding
		rows   bounds
	}{
		"2.5 for each one looked like 1000":   {at("0", 1, 1000), 0, bounds{}},
		"rounded, and surely many":            {at("1", 40, 1000), 39.5 / 1.5, bounds{39500, 40500}},
		"rounded, and perhaps fewer than ten": {at("1", 12, 1000), 0, bounds{}},
		"version 18 knows what was kept":      {at("0.40", 12, 1000), 11.5 / 0.405, bounds{11500, 12500}},
		"one loop is exact":                   {at("100", 2500, 1), 25, bounds{2500, 2500}},
		"one loop of version 18":              {at("100.00", 2500, 1), 25, bounds{2500, 2500}},
	} {
		got := c.p.discarded()
		switch {
		case c.factor == 0 && len(got) == 0:
		case len(got) != 1 || got[0].rows != c.rows || got[0].factor < c.factor-0.01 || got[0].factor > c.factor+0.01:
			t.Errorf("%s: %+v, want %v of %v", name, got, c.factor, c.rows)
		case got[0].about != !c.rows.exact():
			t.Errorf("%s: about is %v", name, got[0].about)
		}
	}
	if got := at("10", 0, 1000).misestimates(10); len(got) != 0 {
		t.Errorf("10 rows a loop may be 9.5: %+v", got)
	}
	if got := at("11", 0, 1000).misestimates(10); len(got) != 1 || got[0].factor != 10.5 {
		t.Errorf("11 rows a loop are 10.5 at least: %+v", got)
	}
}

// TestFewerWorkersThanPlanned: the planner's rows are a share for the workers that it planned, and the rows of a run one of
// those that came.
func TestFewerWorkersThanPlanned(t *testing.T) {
	of := func(planned, launched, planRows, rows, loops float64) *Plan {
		return planFrom(t, fmt.Sprintf(`{"Node Type":"Gather","Actual Loops":1,"Workers Planned":%v,"Workers Launched":%v,"Plans":[
			{"Node Type":"Seq Scan","Parallel Aware":true,"Relation Name":"tasks","Plan Rows":%v,"Actual Rows":%v,"Actual Loops":%v}]}`, planned, launched, planRows, rows, loops))
	}
	for name, p := range map[string]*Plan{
		"none of twelve came":         of(12, 0, 1000, 12_000, 1),
		"all came":                    of(2, 2, 1000, 800, 3),
		"two came, the leader is out": of(2, 2, 1000, 1000, 2),
	} {
		if got := p.misestimates(misestimateFactor); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := of(2, 2, 10, 800, 3).misestimates(misestimateFactor); len(got) != 1 || got[0].factor > 100 || got[0].factor < 99 {
		t.Errorf("2400 rows instead of 24: %+v", got)
	}
}

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
				p.each(func(_ *Node, by processes) { most = max(most, by.count) })
				return most >= 2
			})
			seen, longest := false, 0.0
			p.each(func(n *Node, by processes) {
				seen = seen || n.Type == c.node
				longest = max(longest, n.ActualTotal*n.ActualLoops)
				if wall := n.wallMS(by); wall > p.ExecutionMS {
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
