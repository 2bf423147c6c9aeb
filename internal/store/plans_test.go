package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// planNode is what the test reads of EXPLAIN's JSON.
type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Cost     float64    `json:"Total Cost"`
	Plans    []planNode `json:"Plans"`
}

func (n planNode) walk(f func(planNode)) {
	f(n)
	for _, p := range n.Plans {
		p.walk(f)
	}
}

type explained struct {
	Plan      planNode
	Planning  float64 `json:"Planning Time"`
	Execution float64 `json:"Execution Time"`
}

// explain runs EXPLAIN in a transaction that is rolled back: as the planner
// sees the values, or as it plans for any value (what a prepared statement
// ends up with after five executions).
func explain(t *testing.T, conn *pgx.Conn, q Query, s Subject, generic bool) explained {
	t.Helper()
	ctx := t.Context()
	tx, err := conn.Begin(ctx)
	check(t, err)
	defer func() { check(t, tx.Rollback(context.WithoutCancel(ctx))) }()
	options := "(ANALYZE, BUFFERS, FORMAT JSON) "
	if q.Write {
		options = "(FORMAT JSON) "
	}
	sql, args := "EXPLAIN "+options+q.SQL, q.Sample(s)
	if generic {
		_, err = tx.Exec(ctx, "SET LOCAL plan_cache_mode = force_generic_plan")
		check(t, err)
		_, err = tx.Prepare(ctx, "explained", q.SQL)
		check(t, err)
		defer func() { check(t, conn.Deallocate(context.WithoutCancel(ctx), "explained")) }()
		sql = "EXPLAIN " + options + "EXECUTE explained" + places(len(args))
	}
	var out []byte
	check(t, tx.QueryRow(ctx, sql, append([]any{pgx.QueryExecModeSimpleProtocol}, args...)...).Scan(&out))
	var plans []explained
	check(t, json.Unmarshal(out, &plans))
	return plans[0]
}

func places(n int) string {
	if n == 0 {
		return ""
	}
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("$%d", i+1)
	}
	return " (" + strings.Join(all, ", ") + ")"
}

// exemptRows: a smaller table may be scanned (decision 1, S14).
const exemptRows = 1000

// jitCost is half of Postgres' jit_above_cost: a plan beyond that is compiled
// first, which takes longer than running it, by seconds.
const jitCost = 50_000

// TestNoStatementScansATable: every statement of the catalogue, for a heavy, a
// median and an empty user, by custom and by generic plan.
func TestNoStatementScansATable(t *testing.T) {
	env := labtest.Database(t, Migrate)
	check(t, drop(Seed(t.Context(), env.DirectURL, SeedOptions{
		Users: 1500, TasksPerResidence: 12, CompletionsPerTask: 1, Seed: 3, TokensOut: discard{},
	})))
	db := open(t, env)
	subjects, err := db.Subjects(t.Context())
	check(t, err)
	conn := connect(t, env.DirectURL)
	rows := map[string]float64{}
	sizes, err := conn.Query(t.Context(), "SELECT relname, reltuples FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
	check(t, err)
	var table string
	var count float64
	_, err = pgx.ForEachRow(sizes, []any{&table, &count}, func() error { rows[table] = count; return nil })
	check(t, err)
	if rows["users"] < exemptRows || rows["tasks"] < 30*exemptRows || rows["contractors"] < exemptRows || rows["documents"] < exemptRows {
		t.Fatalf("too few rows to prove anything: %v", rows)
	}
	for _, q := range Catalogue() {
		for _, s := range subjects {
			for _, generic := range []bool{false, true} {
				e := explain(t, conn, q, s, generic)
				if e.Plan.Cost > jitCost {
					t.Errorf("%s for %s (generic %v): a cost of %.0f", q.Name, s.Label, generic, e.Plan.Cost)
				}
				e.Plan.walk(func(n planNode) {
					if n.Type == "Seq Scan" && rows[n.Relation] > exemptRows {
						t.Errorf("%s for %s (generic %v): Seq Scan on %s with %.0f rows", q.Name, s.Label, generic, n.Relation, rows[n.Relation])
					}
				})
				if q.Hot {
					t.Logf("%s, %s, generic %v: planning %.2f ms, execution %.3f ms (%d tasks)", q.Name, s.Label, generic, e.Planning, e.Execution, s.Tasks)
				}
			}
		}
	}
	// And the test can see a scan: without the board's indexes there is one.
	for _, index := range []string{"tasks_board_idx", "tasks_residence_idx"} {
		_, err := conn.Exec(t.Context(), "DROP INDEX "+index)
		check(t, err)
	}
	blind := true
	explain(t, conn, taskBoard, subjects[0], false).Plan.walk(func(n planNode) { blind = blind && n.Type != "Seq Scan" })
	if blind {
		t.Error("without its indexes the board is read without a scan: this test proves nothing")
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkBoard reports what the server itself needs for the board (S14: under
// 1 ms for the median user, at most 8 ms for 200 tasks), network left out.
func BenchmarkBoard(b *testing.B) {
	env := labtest.Database(b, Migrate)
	check(b, drop(Seed(b.Context(), env.DirectURL, SeedOptions{Seed: 1, TokensOut: discard{}})))
	db := open(b, env)
	subjects, err := db.Subjects(b.Context())
	check(b, err)
	for _, s := range subjects {
		b.Run(fmt.Sprintf("%s-%d-tasks", s.Label, s.Tasks), func(b *testing.B) {
			cards := 0
			for b.Loop() {
				_, rows, err := db.Board(b.Context(), s.TokenHash, time.Now(), household.DueSoonDays)
				check(b, err)
				cards = len(rows.Cards)
			}
			b.ReportMetric(float64(cards), "cards")
		})
	}
}
