package probe

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/honeydue/honeydue/internal/store"
)

// costCeiling is the plan cost up to which a statement is run for ANALYZE, in the planner's units: one
// unit is about one page of 8 KiB read in sequence, so this is 800 MB.
const costCeiling = 100_000

// explainer asks for plans, one statement at a time, each in a read-only transaction that is rolled back.
type explainer struct {
	conn *pgx.Conn
	// analyze runs the statements that are no writes and cost less than costCeiling.
	analyze bool
	// generic asks for the generic plan as well. It prepares a statement in the session, so conn must be
	// a connection to Postgres itself.
	generic bool
	// dbMS adds up what the servers spent on it.
	dbMS float64
	// rows adds up what the statements gave while they were analysed.
	rows int64
	// prepared numbers the statements prepared so far, so that no two share a name.
	prepared int
}

// explained is what came of one statement for one subject.
type explained struct {
	plan    *Plan
	generic *Plan
	// first is the first of the runs, which met the buffers as they were; nil where none was made.
	first *Plan
	// analyzed is false where plan is an estimate; then why says so.
	analyzed bool
	why      string
	failed   *failure
}

// statement explains q for each subject and returns one answer for each.
func (e *explainer) statement(ctx context.Context, q store.Query, subjects []store.Subject) []explained {
	out := make([]explained, len(subjects))
	if err := e.custom(ctx, q, subjects, out); err != nil {
		e.rollback(ctx)
		for i := range out {
			out[i].failed = explain(ctx, "", err)
		}
		return out
	}
	if !e.generic || q.Write {
		return out
	}
	if err := e.genericPlan(ctx, q, subjects, out); err != nil {
		// The generic plan is an extra: without it the rest stands.
		e.rollback(ctx)
	}
	return out
}

// custom asks for the estimates of all subjects in one turn, and in a second one runs those that may be
// run. Each is run twice and the faster one kept: the first also pays for the catalogue and the buffers
// of a session that nobody else uses. In a third turn those just above S14's limit are looked at again.
func (e *explainer) custom(ctx context.Context, q store.Query, subjects []store.Subject, out []explained) error {
	first := readOnly()
	for i, s := range subjects {
		read := planInto(&out[i].plan)
		first.Queue("EXPLAIN (FORMAT JSON) "+q.SQL, q.Sample(s)...).Query(read)
	}
	if err := e.send(ctx, first); err != nil {
		return err
	}
	second := &pgx.Batch{}
	for i, s := range subjects {
		switch {
		case !e.analyze:
			out[i].why = "it was not run: --no-analyze"
		case q.Write:
			out[i].why = "it was not run: it writes"
		case out[i].plan.Root.TotalCost > costCeiling:
			out[i].why = fmt.Sprintf("it was not run: its estimated cost %.0f is above %d", out[i].plan.Root.TotalCost, costCeiling)
		default:
			out[i].analyzed = true
			for range 2 {
				second.Queue("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+q.SQL, q.Sample(s)...).Query(e.runInto(&out[i]))
			}
		}
	}
	if err := e.send(ctx, second); err != nil {
		return err
	}
	third := &pgx.Batch{}
	for i, s := range subjects {
		if out[i].analyzed && worthAnotherLook(out[i].plan, s) {
			for range 5 {
				third.Queue("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+q.SQL, q.Sample(s)...).Query(e.fasterInto(&out[i].plan))
			}
		}
	}
	third.Queue("ROLLBACK")
	return e.send(ctx, third)
}

// worthAnotherLook reports whether a statement is above S14's limit, or one of its sequential scans above
// what is harmless, by so little that a busy machine may be all there is to it. What is far above it is
// not run again.
func worthAnotherLook(p *Plan, s store.Subject) bool {
	little := func(ms, limit float64) bool { return ms > limit && ms < 10*limit }
	if little(p.ExecutionMS, s14Limit(s, p)) || little(p.PlanningMS, planningLeastMS) {
		return true
	}
	for _, scan := range p.sequential() {
		if little(scan.MS, harmlessScanMS) {
			return true
		}
	}
	return false
}

// genericPlan prepares q and explains its execution under the plan that does not look at the values. All
// of it is one simple query, thus one turn; EXPLAIN EXECUTE takes no parameters, so values are literals.
func (e *explainer) genericPlan(ctx context.Context, q store.Query, subjects []store.Subject, out []explained) error {
	e.prepared++
	name := fmt.Sprintf("honeydue_probe_%d", e.prepared)
	sql := append(beginReadOnly(), "SET LOCAL plan_cache_mode = force_generic_plan", "PREPARE "+name+" AS "+q.SQL)
	for _, s := range subjects {
		values, err := literals(e.conn.TypeMap(), q.Sample(s))
		if err != nil {
			return err
		}
		call := name
		if values != "" {
			call += "(" + values + ")"
		}
		sql = append(sql, "EXPLAIN (FORMAT JSON) EXECUTE "+call)
	}
	sql = append(sql, "DEALLOCATE "+name, "ROLLBACK")
	results, err := e.conn.PgConn().Exec(ctx, strings.Join(sql, ";\n")).ReadAll()
	if err != nil {
		return err
	}
	next := 0
	for _, r := range results {
		if len(r.Rows) != 1 || next == len(out) {
			continue
		}
		if out[next].generic, err = ParsePlan(r.Rows[0][0]); err != nil {
			return err
		}
		next++
	}
	return nil
}

func (e *explainer) send(ctx context.Context, b *pgx.Batch) error {
	return bound(ctx, 2*queryTimeout, func(ctx context.Context) error {
		return e.conn.SendBatch(ctx, b).Close()
	})
}

// rollback ends a transaction that an error has left open.
func (e *explainer) rollback(ctx context.Context) {
	if e.conn.IsClosed() || e.conn.PgConn().TxStatus() == 'I' {
		return
	}
	_ = bound(ctx, queryTimeout, func(ctx context.Context) error { // the error that led here is the one to tell
		return e.conn.PgConn().Exec(ctx, "ROLLBACK").Close()
	})
}

func planInto(to **Plan) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		text, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[[]byte])
		if err != nil {
			return err
		}
		*to, err = ParsePlan(text)
		return err
	}
}

// fasterInto keeps the plan that ran fastest; an estimate gives way to any.
func (e *explainer) fasterInto(to **Plan) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var p *Plan
		if err := planInto(&p)(rows); err != nil {
			return err
		}
		e.dbMS += p.PlanningMS + p.ExecutionMS
		e.rows += int64(p.Root.ActualRows * p.Root.ActualLoops)
		if old := *to; old == nil || old.ExecutionMS == 0 || p.PlanningMS+p.ExecutionMS < old.PlanningMS+old.ExecutionMS {
			*to = p
		}
		return nil
	}
}

// runInto is fasterInto that also keeps the first run as it was.
func (e *explainer) runInto(to *explained) func(pgx.Rows) error {
	faster := e.fasterInto(&to.plan)
	return func(rows pgx.Rows) error {
		if err := faster(rows); err != nil {
			return err
		}
		if to.first == nil {
			to.first = to.plan
		}
		return nil
	}
}

// literals renders arguments as SQL literals, separated by commas. They never leave the connection.
func literals(m *pgtype.Map, args []any) (string, error) {
	out := make([]string, len(args))
	for i, arg := range args {
		if arg == nil {
			out[i] = "NULL"
			continue
		}
		t, ok := m.TypeForValue(arg)
		if !ok {
			return "", fmt.Errorf("argument %d has type %T, which has no SQL literal", i+1, arg)
		}
		text, err := m.Encode(t.OID, pgtype.TextFormatCode, arg, nil)
		if err != nil {
			return "", fmt.Errorf("argument %d: %w", i+1, err)
		}
		if text == nil {
			out[i] = "NULL"
			continue
		}
		out[i] = "'" + strings.ReplaceAll(string(text), "'", "''") + "'"
	}
	return strings.Join(out, ", "), nil
}
