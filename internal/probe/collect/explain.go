package collect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
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
	lost    *facts.Failure
	later   int // how often it has paused for another look
}

// mostCutOffs is how many statements may go on until the time-out before no more are run: each takes 2 s.
const mostCutOffs = 2

// all explains every statement for each subject, and returns one answer for each of both. The estimates of all come in one
// turn, those that promise to be quick are run in another one, and the generic plans are a third; what fails there is
// asked for statement by statement.
func (e *explainer) all(ctx context.Context, hot []store.Query, subjects []store.Subject) [][]facts.Explained {
	out := make([][]facts.Explained, len(hot))
	for i := range out {
		out[i] = make([]facts.Explained, len(subjects))
	}
	estimated := e.estimates(ctx, hot, subjects, out) == nil
	if estimated {
		e.runQuick(ctx, hot, subjects, out)
	}
	var generic []int // the statements whose generic plan is worth asking for
	for i, q := range hot {
		if e.statement(ctx, q, subjects, out[i], estimated) && e.generic && !q.Write && len(subjects) > 0 {
			generic = append(generic, i)
		}
	}
	if len(generic) > 1 && e.genericPlans(ctx, hot, subjects, generic, out) == nil {
		return out
	}
	for _, i := range generic {
		if e.lost == nil {
			// The generic plan is an extra: without it the rest stands.
			_ = e.genericPlans(ctx, hot, subjects, []int{i}, out)
		}
	}
	return out
}

// estimates asks for the plans of all statements and subjects in one turn.
func (e *explainer) estimates(ctx context.Context, hot []store.Query, subjects []store.Subject, out [][]facts.Explained) error {
	b := readOnly()
	for i, q := range hot {
		of := out[i]
		for j := range of {
			b.Queue("EXPLAIN (FORMAT JSON) "+q.SQL, q.Sample(subjects[j])...).Query(planInto(&of[j].Plan))
		}
	}
	b.Queue("ROLLBACK")
	err := e.send(ctx, b)
	if err != nil {
		e.afterError(ctx, err)
		for i := range out {
			clear(out[i])
		}
	}
	return err
}

// afterError leaves the transaction that an error has left open, and notes a connection that went with it.
func (e *explainer) afterError(ctx context.Context, err error) {
	rollback(ctx, e.conn)
	if f := dial.Explain(ctx, "", err); f.CutOff() && e.conn.IsClosed() {
		e.lost = f
	}
}

// statement explains q for each subject and reports whether its generic plan can be asked for.
func (e *explainer) statement(ctx context.Context, q store.Query, subjects []store.Subject, out []facts.Explained, estimated bool) bool {
	if e.lost != nil {
		for i := range out {
			out[i].Failed = e.lost
		}
		return false
	}
	err := e.custom(ctx, q, subjects, out, estimated)
	if err == nil {
		return true
	}
	e.afterError(ctx, err)
	f := dial.Explain(ctx, "", err)
	e.giveUp(f, out)
	return f.CutOff() && e.lost == nil && out[0].Plan != nil
}

// giveUp notes why a statement was not explained, or not run to its end: then the plain plan stands.
func (e *explainer) giveUp(f *facts.Failure, out []facts.Explained) {
	const queryCanceled = "57014"
	ended := f.Code() == queryCanceled
	if f.CutOff() {
		e.cutOffs++
	}
	for i := range out {
		x := &out[i]
		switch {
		case !f.CutOff() || x.Plan == nil:
			x.Failed = f
		case x.Analyzed && x.First == nil:
			x.Analyzed, x.Failed, x.Why = false, f, "it did not complete: "+f.Error()
			if ended { // the first one without a plan is the one that was under way
				x.EndedAfterMS, ended = statementTimeoutMS, false
			}
		}
	}
}

// quickCost is the plan cost, in the planner's units, up to which a statement is run twice in one turn: about 100 ms.
const quickCost = costCeiling / 10

// custom asks for the estimates of all subjects, unless they are known, and runs those that may be run, unless that is
// done. What was fast is run once more and the faster run kept: the first also pays for the catalogue and the buffers of
// a session that nobody else uses. Where the estimate promises a fast one both are in one turn. Those just above a limit
// are looked at again (moreLooks, lookLater).
func (e *explainer) custom(ctx context.Context, q store.Query, subjects []store.Subject, out []facts.Explained, estimated bool) error {
	if !estimated {
		if err := e.estimates(ctx, []store.Query{q}, subjects, [][]facts.Explained{out}); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(out, func(x facts.Explained) bool { return x.Analyzed }) {
		b := readOnly()
		e.queueRuns(b, q, subjects, out)
		if err := e.sendLooks(ctx, b); err != nil {
			return err
		}
	}
	b := readOnly()
	e.lookAgain(b, q, subjects, out, func(i int) int {
		looks := moreLooks(out[i].Plan, subjects[i])
		if looks == 1 && out[i].Twice {
			return 0
		}
		return looks
	})
	if err := e.sendLooks(ctx, b); err != nil {
		return err
	}
	return e.lookLater(ctx, q, subjects, out)
}

// queueRuns queues the first run for each subject for whom the statement may be run, and then the second one of those for
// whom it promises to be quick.
func (e *explainer) queueRuns(b *pgx.Batch, q store.Query, subjects []store.Subject, out []facts.Explained) {
	for i, s := range subjects {
		x := &out[i]
		if x.Why = e.whyNot(q, x.Plan); x.Why == "" {
			x.Analyzed, x.Twice = true, x.Plan.Root.TotalCost <= quickCost
			e.queueRun(b, q, s, e.runInto(x))
		}
	}
	for i, s := range subjects {
		if x := &out[i]; x.Twice {
			e.queueRun(b, q, s, e.fasterInto(&x.Plan))
		}
	}
}

// whyNot says why a statement is not run; empty if it may be.
func (e *explainer) whyNot(q store.Query, estimate *facts.Plan) string {
	switch {
	case e.cutOffs >= mostCutOffs:
		return "it was not run: the probe's timeout ended two statements before it"
	case !e.analyze:
		return "it was not run: --no-analyze"
	case q.Write:
		return "it was not run: it writes"
	case estimate.Root.TotalCost > costCeiling:
		return fmt.Sprintf("it was not run: its estimated cost %.0f is above %d", estimate.Root.TotalCost, costCeiling)
	}
	return ""
}

// runQuick runs the statements that promise to be quick for everybody, all in one turn. If one fails, nothing of it counts.
func (e *explainer) runQuick(ctx context.Context, hot []store.Query, subjects []store.Subject, out [][]facts.Explained) {
	b := readOnly()
	before := make([][]facts.Explained, len(out))
	dbMS, rows := e.dbMS, e.rows
	for i, q := range hot {
		before[i] = slices.Clone(out[i])
		slow := func(x facts.Explained) bool { return x.Plan.Root.TotalCost > quickCost || e.whyNot(q, x.Plan) != "" }
		if !slices.ContainsFunc(out[i], slow) {
			e.queueRuns(b, q, subjects, out[i])
		}
	}
	if err := e.sendLooks(ctx, b); err != nil {
		e.afterError(ctx, err)
		for i := range out {
			copy(out[i], before[i])
		}
		e.dbMS, e.rows = dbMS, rows
	}
}

func (e *explainer) queueRun(b *pgx.Batch, q store.Query, s store.Subject, take func(pgx.Rows) error) {
	b.Queue("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+q.SQL, q.Sample(s)...).Query(take)
}

// sendLooks sends a batch that readOnly has started, unless nothing was queued since.
func (e *explainer) sendLooks(ctx context.Context, b *pgx.Batch) error {
	if b.Len() == len(beginReadOnly()) {
		return nil
	}
	b.Queue("ROLLBACK")
	return e.send(ctx, b)
}

// lookAgain queues as many more runs for each subject as looks says. The faster one is kept.
func (e *explainer) lookAgain(b *pgx.Batch, q store.Query, subjects []store.Subject, out []facts.Explained, looks func(i int) int) {
	for i, s := range subjects {
		if out[i].Analyzed {
			for range looks(i) {
				e.queueRun(b, q, s, e.fasterInto(&out[i].Plan))
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

func (e *explainer) lookLater(ctx context.Context, q store.Query, subjects []store.Subject, out []facts.Explained) error {
	for ; e.later < laterLooks; e.later++ {
		b := readOnly()
		begun := b.Len()
		e.lookAgain(b, q, subjects, out, func(i int) int {
			if worthAnotherLook(out[i].Plan, subjects[i]) {
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
		if err := e.sendLooks(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// closeLooks is how often a statement just above a limit is run again at once.
const closeLooks = 5

// moreLooks is how often a statement is run again. What takes a tenth of a second is slow whatever the buffers hold.
func moreLooks(p *facts.Plan, s store.Subject) int {
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
func worthAnotherLook(p *facts.Plan, s store.Subject) bool {
	little := func(ms, limit float64) bool { return ms > limit && ms < 10*limit }
	if little(p.ExecutionMS, facts.S14Limit(s, p)) || little(p.PlanningMS, check.PlanningLeastMS) {
		return true
	}
	for _, scan := range p.Sequential() {
		if little(scan.MS, facts.HarmlessScanMS) {
			return true
		}
	}
	return false
}

// planWithPlaceholders is the first Postgres whose EXPLAIN has GENERIC_PLAN.
const planWithPlaceholders = 160000

// genericSQL asks for the plans that do not look at the values, as one simple query. EXPLAIN EXECUTE takes no
// parameters, and pg_stat_statements keeps its text as it is, so no value is in it: an older Postgres is given NULLs,
// which have every type and are nobody's, and no two runs differ.
func genericSQL(hot []store.Query, s store.Subject, serverVersion int) string {
	sql := beginReadOnly()
	if serverVersion < planWithPlaceholders {
		sql = append(sql, "SET LOCAL plan_cache_mode = force_generic_plan")
	}
	for _, q := range hot {
		if serverVersion >= planWithPlaceholders {
			sql = append(sql, "EXPLAIN (GENERIC_PLAN, FORMAT JSON) "+q.SQL)
			continue
		}
		name := "honeydue_probe_" + q.Name
		call := name
		if parameters := len(q.Sample(s)); parameters > 0 {
			call += "(NULL" + strings.Repeat(", NULL", parameters-1) + ")"
		}
		sql = append(sql, "PREPARE "+name+" AS "+q.SQL, "EXPLAIN (FORMAT JSON) EXECUTE "+call, "DEALLOCATE "+name)
	}
	return strings.Join(append(sql, "ROLLBACK"), ";\n")
}

// genericPlans explains these of the statements under the plan that does not look at the values, which is the same for
// every subject, in one turn.
func (e *explainer) genericPlans(ctx context.Context, hot []store.Query, subjects []store.Subject, these []int, out [][]facts.Explained) error {
	var asked []store.Query
	for _, i := range these {
		asked = append(asked, hot[i])
	}
	sql := genericSQL(asked, subjects[0], e.serverVersion)
	var results []*pgconn.Result
	err := dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) (err error) {
		results, err = e.conn.PgConn().Exec(ctx, sql).ReadAll()
		return err
	})
	if err != nil {
		e.afterError(ctx, err)
		return err
	}
	results = slices.DeleteFunc(results, func(r *pgconn.Result) bool { return len(r.Rows) != 1 }) // SET and PREPARE have none
	for n, i := range these[:min(len(these), len(results))] {
		plan, err := facts.ParsePlan(results[n].Rows[0][0])
		if err != nil {
			return err
		}
		for j := range out[i] {
			out[i][j].Generic = plan
		}
	}
	return nil
}

func (e *explainer) send(ctx context.Context, b *pgx.Batch) error {
	// Three statements may take all of their time-out.
	return dial.Bound(ctx, 3*facts.QueryTimeout, func(ctx context.Context) error {
		return e.conn.SendBatch(ctx, b).Close()
	})
}

func planInto(to **facts.Plan) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		text, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[[]byte])
		if err != nil {
			return err
		}
		*to, err = facts.ParsePlan(text)
		return err
	}
}

// fasterInto keeps the plan that ran fastest; an estimate gives way to any.
func (e *explainer) fasterInto(to **facts.Plan) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var p *facts.Plan
		if err := planInto(&p)(rows); err != nil {
			return err
		}
		e.dbMS += p.PlanningMS + p.ExecutionMS
		e.rows += int64(p.Root.ActualRows * p.Root.ActualLoops)
		*to = (*to).FasterOf(p)
		return nil
	}
}

// runInto is fasterInto that also keeps the first run as it was.
func (e *explainer) runInto(to *facts.Explained) func(pgx.Rows) error {
	faster := e.fasterInto(&to.Plan)
	return func(rows pgx.Rows) error {
		if err := faster(rows); err != nil {
			return err
		}
		if to.First == nil {
			to.First = to.Plan
		}
		return nil
	}
}

func firstRun(p *facts.Plan) *facts.FirstRun {
	if p == nil {
		return nil
	}
	hit, read := p.Blocks()
	return &facts.FirstRun{ExecutionMS: p.ExecutionMS, HitBlocks: hit, ReadBlocks: read}
}
