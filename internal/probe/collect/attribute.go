package collect

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// How often each statement is run for each subject: as often as fits into runsShare, within these bounds. An odd number
// has a median of its own. attributionShare is how long that may take where statements wait.
const (
	leastRuns, mostRuns = 3, 9
	runsShare           = 2 * time.Second
	attributionShare    = 6 * time.Second
)

// Where the way is long, several statements are on it at once, each on a connection of its own, and arrive one after the
// other: see pace. On a short way there is nothing to gain.
const (
	mostLanes      = 3
	leastLaneFloor = 20 * time.Millisecond
)

// runsFor returns the number of runs where so many statements follow one another, in the given time. Where that is less
// than the whole share, it may be one.
func runsFor(floor time.Duration, statements int, within time.Duration) int {
	if statements == 0 || floor <= 0 {
		return leastRuns
	}
	least := leastRuns
	if within < attributionShare {
		least = 1
	}
	n := int(min(within, runsShare) / (floor * time.Duration(statements)))
	n = max(least, min(mostRuns, n))
	return n - (1 - n%2)
}

// attributor runs hot statements as the app does: by the store's own borrow method, through the app's
// endpoint, in the app's execution mode. Meanwhile it watches a control query on another connection.
type attributor struct {
	lanes   []*store.DB
	pace    *pace
	control *controlQuery
	floor   time.Duration
	pools   *poolsConsole // nil where it may not be asked
	runs    int
	// warm makes one run first that is not counted: a mode that caches descriptions pays for them once
	// for each connection, which is no request's cost.
	warm bool
	rows atomic.Int64 // read so far
	// until is when runs end that are not the first of their statement, ends when no more are begun at all.
	until, ends time.Time
	mu          sync.Mutex
	// cut are the statements that had no answer in time.
	cut map[string]bool
}

// newAttributor shares the time that is left among so many pairs of statement and subject.
func newAttributor(ctx context.Context, s *session, r *reaching, pairs int) *attributor {
	floor, lanes := s.pooler.Floor, s.stores()
	if floor == 0 {
		floor = r.turn // until there is one
	}
	if r.crowds() {
		lanes = lanes[:1]
	}
	within := attributionTime(ctx, floor)
	each := (pairs + len(lanes) - 1) / len(lanes)
	return &attributor{
		lanes: lanes, pace: newPace(floor, len(lanes)), control: &controlQuery{server: s.pooler}, floor: floor, pools: s.pools,
		runs: runsFor(floor, each, within), until: time.Now().Add(within), ends: lastRun(ctx, floor, each), cut: map[string]bool{},
	}
}

// timed is a statement to be run for a subject, after it was explained for it.
type timed struct {
	query   store.Query
	subject store.Subject
	plan    facts.Explained
}

// worthRunning is false for what writes, and for what stood still under EXPLAIN: by a lock or by its length, it would
// stand still here, in the app's own way.
func (t timed) worthRunning() bool { return !t.query.Write && !t.plan.Failed.CutOff() }

// executes is how long the server works on it, as far as EXPLAIN has told.
func (t timed) executes() time.Duration {
	if t.plan.Plan == nil {
		return 0
	}
	return time.Duration((t.plan.Plan.PlanningMS + t.plan.Plan.ExecutionMS) * float64(time.Millisecond))
}

// measureAll runs all of them, each lane the next one that no other has begun.
func (a *attributor) measureAll(ctx context.Context, work []timed, out []measured) {
	var next atomic.Int64
	var all sync.WaitGroup
	for _, db := range a.lanes {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(work)); i = next.Add(1) - 1 {
				if work[i].worthRunning() {
					out[i] = a.measure(ctx, db, work[i])
				}
			}
		})
	}
	all.Wait()
	a.control.wait()
}

// mostCut is how many statements may go without an answer before no more are sent: each takes queryTimeout, of which a
// probe has five.
const mostCut = 2

// measured is what the runs of one statement gave: medians.
type measured struct {
	wall    time.Duration
	control time.Duration
	turns   int64
	rows    int64
	runs    int
	// waiting is how many clients SHOW POOLS saw in the queue at the worst moment, at least one if the pooler has
	// announced that this one waits; -1 if neither is known.
	waiting int64
	// starved is set where no answer came in time and the pooler's queue is why: its console saw it or, where that was
	// not asked, an empty query at the same moment had no answer either.
	starved bool
	failed  *facts.Failure
}

func (a *attributor) measure(ctx context.Context, db *store.DB, t timed) measured {
	out := measured{waiting: -1}
	if a.over(t.query) {
		return out
	}
	var walls, controls []time.Duration
	var turns []int64
	announced := db.Stat().Queued
	if a.warm {
		leave := a.pace.enter(ctx, t.executes())
		_, err := a.once(ctx, db, t)
		leave()
		if err != nil {
			out.failed = dial.Explain(ctx, "", err)
			a.giveUp(t.query, &out, false) // nobody looked at the queue
			return out
		}
	}
	for i := range a.runs {
		if i > 0 && time.Now().After(a.until) {
			break // a queue makes runs long: fewer of them, instead of a probe that does not end in time
		}
		leave := a.pace.enter(ctx, t.executes())
		emptied, queue := a.control.send(ctx), a.watchQueue(ctx)
		ran, err := a.once(ctx, db, t)
		out.waiting = max(out.waiting, queue())
		if db.Stat().Queued > announced { // the pooler's own word, which needs no console
			out.waiting = max(out.waiting, 1)
		}
		leave()
		control, asked := emptied()
		if control > 0 {
			controls = append(controls, control)
		}
		if err != nil {
			out.failed = dial.Explain(ctx, "", err)
			a.giveUp(t.query, &out, asked && control == 0)
			break
		}
		walls, turns, out.rows = append(walls, ran.Took), append(turns, ran.Turns), int64(ran.Rows)
	}
	out.wall, out.turns, out.control, out.runs = facts.Median(walls), facts.Median(turns), facts.Median(controls), len(walls)
	return out
}

// over reports whether a statement is not begun any more.
func (a *attributor) over(q store.Query) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cut[q.Name] || len(a.cut) >= mostCut || time.Now().After(a.ends)
}

// giveUp notes a statement that had no answer in time; silent: nor had an empty query that was sent with it.
func (a *attributor) giveUp(q store.Query, m *measured, silent bool) {
	if !m.failed.CutOff() {
		return
	}
	a.mu.Lock()
	a.cut[q.Name] = true
	a.mu.Unlock()
	m.starved = m.waiting > 0 || m.waiting < 0 && silent
}

// once runs the statement and reads its whole result, as the app would.
func (a *attributor) once(ctx context.Context, db *store.DB, t timed) (ran store.Ran, err error) {
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		ran, err = db.Run(ctx, t.query, t.query.Sample(t.subject)...)
		return err
	})
	a.rows.Add(int64(ran.Rows))
	return ran, err
}

// watchQueue asks SHOW POOLS while a statement takes longer than its turn should, because afterwards its
// own place in the queue is gone. The function that it returns ends the watch and gives the most clients
// seen waiting, -1 if nobody was asked.
func (a *attributor) watchQueue(ctx context.Context) func() int64 {
	if !a.pools.usable() {
		return func() int64 { return -1 }
	}
	const least = 5 * time.Millisecond
	floor := a.floor
	done, worst := make(chan struct{}), make(chan int64, 1)
	go func() {
		most := int64(-1)
		defer func() { worst <- most }()
		ask := time.NewTimer(floor + max(least, floor/8))
		defer ask.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-ask.C:
				most = max(most, a.pools.waiting(ctx))
				ask.Reset(max(least, floor/4))
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-worst
	}
}

// account collects what is known of a hot path.
func account(name string, s store.Subject, m measured, e facts.Explained) facts.HotPath {
	h := facts.HotPath{
		Name: name, Subject: s.Label, Turns: m.turns, WallMS: facts.MS(m.wall), ControlMS: facts.MS(m.control),
		Runs: m.runs, Rows: m.rows, Plan: e.Plan, GenericPlan: e.Generic,
	}
	for _, f := range []*facts.Failure{m.failed, e.Failed} {
		switch {
		case f == nil || f.OutOfTime():
		case f.CutOff():
			h.NotMeasured = cmp.Or(h.NotMeasured, f.Error())
		default:
			if h.Error == "" {
				h.Error, h.SQLState = f.Error(), f.Code()
			}
		}
	}
	h.EndedAfterMS, h.Starved, h.Waiting = e.EndedAfterMS, m.starved, m.waiting
	if e.Plan != nil {
		h.PlanningMS, h.ExecutionMS = e.Plan.PlanningMS, e.Plan.ExecutionMS
		h.Access, h.PlanHash, h.FirstRun = e.Plan.Access(), e.Plan.Hash(), firstRun(e.First)
		h.LaterRuns = e.Plan.Later
	}
	h.S14 = facts.JudgeS14(s, e)
	return h
}
