package probe

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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
	// generic asks for the generic plan as well. Before Postgres 16 that prepares a statement in the session, so conn
	// must be a connection to Postgres itself.
	generic bool
	// dbMS adds up what the servers spent on it.
	dbMS float64
	// rows adds up what the statements gave while they were analysed.
	rows          int64
	serverVersion int
	// cutOffs counts the statements that the probe's own time-outs ended under ANALYZE; lost is the one that took the
	// connection with it.
	cutOffs int
	lost    *failure
	later   int // how often it has paused for another look
}

// mostCutOffs is how many statements may go on until the time-out before no more are run: each takes 2 s.
const mostCutOffs = 2

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
	// endedAfterMS is set where statement_timeout ended the execution; then there is no failure but a plan.
	endedAfterMS float64
}

// statement explains q for each subject and returns one answer for each.
func (e *explainer) statement(ctx context.Context, q store.Query, subjects []store.Subject) []explained {
	out := make([]explained, len(subjects))
	if e.lost != nil {
		for i := range out {
			out[i].failed = e.lost
		}
		return out
	}
	if err := e.custom(ctx, q, subjects, out); err != nil {
		rollback(ctx, e.conn)
		f := explain(ctx, "", err)
		e.giveUp(f, out)
		if f.cutOff() && e.conn.IsClosed() {
			e.lost = f
		}
		if !f.cutOff() || e.lost != nil || out[0].plan == nil {
			return out
		}
	}
	if !e.generic || q.Write {
		return out
	}
	if err := e.genericPlan(ctx, q, subjects, out); err != nil {
		// The generic plan is an extra: without it the rest stands.
		rollback(ctx, e.conn)
		if e.conn.IsClosed() {
			e.lost = explain(ctx, "", err)
		}
	}
	return out
}

// giveUp notes why a statement was not explained, or not run to its end: then the plain plan stands.
func (e *explainer) giveUp(f *failure, out []explained) {
	const queryCanceled = "57014"
	ended := f.code() == queryCanceled
	if f.cutOff() {
		e.cutOffs++
	}
	for i := range out {
		x := &out[i]
		switch {
		case !f.cutOff() || x.plan == nil:
			x.failed = f
		case x.analyzed && x.first == nil:
			x.analyzed, x.failed, x.why = false, f, "it was not run to its end: "+f.Error()
			if ended { // the first one without a plan is the one that was under way
				x.endedAfterMS, ended = statementTimeoutMS, false
			}
		}
	}
}

// custom asks for the estimates of all subjects in one turn, and in a second one runs those that may be
// run. In a third turn those that were fast are run once more and the faster run kept: the first also pays for the
// catalogue and the buffers of a session that nobody else uses; those just above a limit are looked at again (moreLooks,
// lookLater).
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
		case e.cutOffs >= mostCutOffs:
			out[i].why = "it was not run: the probe's time-out has ended two statements before it"
		case !e.analyze:
			out[i].why = "it was not run: --no-analyze"
		case q.Write:
			out[i].why = "it was not run: it writes"
		case out[i].plan.Root.TotalCost > costCeiling:
			out[i].why = fmt.Sprintf("it was not run: its estimated cost %.0f is above %d", out[i].plan.Root.TotalCost, costCeiling)
		default:
			out[i].analyzed = true
			second.Queue("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+q.SQL, q.Sample(s)...).Query(e.runInto(&out[i]))
		}
	}
	if err := e.send(ctx, second); err != nil {
		return err
	}
	third := &pgx.Batch{}
	e.lookAgain(third, q, subjects, out, moreLooks)
	third.Queue("ROLLBACK")
	if err := e.send(ctx, third); err != nil {
		return err
	}
	return e.lookLater(ctx, q, subjects, out)
}

// lookAgain queues as many more runs as looks says of each plan. The faster one is kept.
func (e *explainer) lookAgain(b *pgx.Batch, q store.Query, subjects []store.Subject, out []explained, looks func(*Plan, store.Subject) int) {
	for i, s := range subjects {
		if out[i].analyzed {
			for range looks(out[i].plan, s) {
				b.Queue("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+q.SQL, q.Sample(s)...).Query(e.fasterInto(&out[i].plan))
			}
		}
	}
}

// A busy moment of the machine lasts longer than five runs of a millisecond: what is still just above a limit is looked
// at after a pause, up to laterLooks times in one probe.
const (
	laterLooks = 4
	laterPause = 250 * time.Millisecond
)

func (e *explainer) lookLater(ctx context.Context, q store.Query, subjects []store.Subject, out []explained) error {
	for ; e.later < laterLooks; e.later++ {
		b := readOnly()
		begun := b.Len()
		e.lookAgain(b, q, subjects, out, func(p *Plan, s store.Subject) int {
			if worthAnotherLook(p, s) {
				return closeLooks
			}
			return 0
		})
		if b.Len() == begun {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(laterPause):
		}
		b.Queue("ROLLBACK")
		if err := e.send(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// closeLooks is how often a statement just above a limit is run again at once.
const closeLooks = 5

// moreLooks is how often a statement is run again. What takes a tenth of a second is slow whatever the buffers hold.
func moreLooks(p *Plan, s store.Subject) int {
	const slowMS = 100
	switch {
	case worthAnotherLook(p, s):
		return closeLooks
	case p.ExecutionMS < slowMS:
		return 1
	}
	return 0
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

// planWithPlaceholders is the first Postgres whose EXPLAIN has GENERIC_PLAN.
const planWithPlaceholders = 160000

// genericSQL asks for the plan of q that does not look at the values, as one simple query. EXPLAIN EXECUTE takes no
// parameters, and pg_stat_statements keeps its text as it is, so no value is in it: an older Postgres is given NULLs,
// which have every type and are nobody's, and no two runs differ.
func genericSQL(q store.Query, parameters, serverVersion int) string {
	sql := beginReadOnly()
	if serverVersion >= planWithPlaceholders {
		sql = append(sql, "EXPLAIN (GENERIC_PLAN, FORMAT JSON) "+q.SQL)
	} else {
		name := "honeydue_probe_" + q.Name
		call := name
		if parameters > 0 {
			call += "(NULL" + strings.Repeat(", NULL", parameters-1) + ")"
		}
		sql = append(sql, "SET LOCAL plan_cache_mode = force_generic_plan",
			"PREPARE "+name+" AS "+q.SQL, "EXPLAIN (FORMAT JSON) EXECUTE "+call, "DEALLOCATE "+name)
	}
	return strings.Join(append(sql, "ROLLBACK"), ";\n")
}

// genericPlan explains q under the plan that does not look at the values, which is the same for every subject, in one
// turn.
func (e *explainer) genericPlan(ctx context.Context, q store.Query, subjects []store.Subject, out []explained) error {
	if len(subjects) == 0 {
		return nil
	}
	sql := genericSQL(q, len(q.Sample(subjects[0])), e.serverVersion)
	var results []*pgconn.Result
	err := bound(ctx, queryTimeout, func(ctx context.Context) (err error) {
		results, err = e.conn.PgConn().Exec(ctx, sql).ReadAll()
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range results {
		if len(r.Rows) != 1 {
			continue
		}
		for i := range out {
			if out[i].generic, err = ParsePlan(r.Rows[0][0]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *explainer) send(ctx context.Context, b *pgx.Batch) error {
	// Three statements may take all of their time-out.
	return bound(ctx, 3*queryTimeout, func(ctx context.Context) error {
		return e.conn.SendBatch(ctx, b).Close()
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
		*to = (*to).fasterOf(p)
		return nil
	}
}

// fasterOf is the faster of a plan and one that was run after it, with what the later runs met. An estimate gives way.
func (p *Plan) fasterOf(again *Plan) *Plan {
	if p == nil || p.ExecutionMS == 0 {
		return again
	}
	later := again.kept()
	if p.later != nil && p.later.Read < later.Read {
		later = *p.later
	}
	faster := p
	if again.PlanningMS+again.ExecutionMS < p.PlanningMS+p.ExecutionMS {
		faster = again
	}
	faster.later = &later
	return faster
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

func firstRun(p *Plan) *FirstRun {
	if p == nil {
		return nil
	}
	hit, read := p.Blocks()
	return &FirstRun{ExecutionMS: p.ExecutionMS, HitBlocks: hit, ReadBlocks: read}
}
