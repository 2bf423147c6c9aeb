package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/link"
)

// borrow is the only way from a method to a connection. It charges the
// request's tally with the wait, the time and the turns, and runs a statement a
// second time where that is safe: a read when its connection broke, a write when
// nothing of it was sent, and both when the server has rolled the statement back
// for a passing reason, such as a deadlock.
//
// The caller's cancellation ends the wait for a connection but not a statement
// under way: pgx would close the connection, the server would go on all the
// same, and the next request would pay six turns for a new one. The caller's
// deadline does hold.
func (db *DB) borrow(ctx context.Context, q Query, use func(context.Context, *pgx.Conn) error) error {
	for attempt := 1; ; attempt++ {
		err := db.attempt(ctx, use)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), classify(q, err))
		}
		if attempt > 1 || !retryable(q, err) {
			return classify(q, err)
		}
		db.retried.Add(1)
		select {
		case <-time.After(retryPause + rand.N(retryPause)): //nolint:gosec // so that two that collided do not collide again
		case <-ctx.Done():
		}
	}
}

// retryPause lets the ends of the other connections arrive before one of them
// is tried: a pooler that restarts ends all of them, but not in one instant.
const retryPause = 5 * time.Millisecond

func (db *DB) attempt(ctx context.Context, use func(context.Context, *pgx.Conn) error) error {
	tally := link.TallyFrom(ctx)
	asked := time.Now()
	db.idle.use()
	waiting, cancel := context.WithTimeout(ctx, db.cfg.AcquireTimeout)
	conn, err := db.pool.Acquire(waiting)
	cancel()
	tally.AddAcquire(time.Since(asked))
	if err != nil {
		return &acquireError{err}
	}
	defer conn.Release()

	m, metered := link.Of(conn.Conn().PgConn().Conn())
	var turns, bytes int64
	if metered {
		turns, bytes = m.Turns(), m.BytesWritten()
	}
	running, cancel := db.statementContext(ctx)
	defer cancel()
	began := time.Now()
	err = use(running, conn.Conn())
	tally.AddDB(time.Since(began))
	db.queue.charge(tally, conn.Conn(), began)
	if metered {
		tally.AddTurns(m.Turns() - turns)
		if err != nil && m.BytesWritten() == bytes {
			err = &unsentError{err}
		}
	}
	if o := factsOf(err); o.spoilt && (SQLState(err) != readOnlyTransaction || db.readOnly.giveUp(time.Now())) {
		giveUp(ctx, conn.Conn())
	}
	return err
}

// giveUp closes a connection, so that the pool opens another. It does not wait
// for the server's end.
func giveUp(ctx context.Context, conn *pgx.Conn) {
	over, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel()
	_ = conn.Close(over) // nothing is lost with it
}

// statementContext has the caller's values and deadline, but not his cancellation.
func (db *DB) statementContext(ctx context.Context) (context.Context, context.CancelFunc) {
	until := time.Now().Add(db.cfg.StatementTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(until) {
		until = d
	}
	return context.WithDeadline(context.WithoutCancel(ctx), until)
}

// acquireError means that no connection was had; so nothing was sent.
type acquireError struct{ err error }

func (e *acquireError) Error() string     { return "no connection: " + e.err.Error() }
func (e *acquireError) Unwrap() error     { return e.err }
func (e *acquireError) SafeToRetry() bool { return true }

func retryable(q Query, err error) bool {
	var acquire *acquireError
	if errors.As(err, &acquire) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	o := factsOf(err)
	return o.again || o.lost && (!q.Write || o.notSent)
}

// each runs a statement and hands it row by row to scan. It may start over, so
// reset must forget what scan has gathered.
func (db *DB) each(ctx context.Context, q Query, args []any, reset func(), scan func(pgx.Rows) error) error {
	if !q.refresh.empty() {
		return db.refreshing(ctx, reading{q, args, scan}, reset)
	}
	return db.borrow(ctx, q, func(ctx context.Context, conn *pgx.Conn) error {
		reset()
		rows, err := conn.Query(ctx, q.SQL, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil && rows.CommandTag().String() != "" {
			return &afterCommandError{err}
		}
		return rows.Err()
	})
}

// one runs a statement that answers with at most one row and reads it into
// the places that into names; no row is ErrNotFound.
func one[T any](ctx context.Context, db *DB, q Query, args []any, into func(*T) []any) (T, error) {
	var v T
	found := false
	err := db.each(ctx, q, args, func() { v, found = *new(T), false }, func(rows pgx.Rows) error {
		found = true
		return rows.Scan(into(&v)...)
	})
	if err == nil && !found {
		err = fmt.Errorf("store: %s: %w", q.Name, ErrNotFound)
	}
	if err != nil {
		return *new(T), err
	}
	return v, nil
}

// permitted is one for statements that need a role: no row is ErrNotFound, a
// row whose first column is NULL is ErrForbidden.
func permitted[T any](ctx context.Context, db *DB, q Query, args []any, into func(*T) []any) (T, error) {
	var v T
	found, refused := false, false
	reset := func() { v, found, refused = *new(T), false, false }
	err := db.each(ctx, q, args, reset, func(rows pgx.Rows) error {
		found = true
		if refused = rows.RawValues()[0] == nil; refused {
			return nil
		}
		return rows.Scan(into(&v)...)
	})
	switch {
	case err != nil:
		return *new(T), err
	case !found:
		return *new(T), fmt.Errorf("store: %s: %w", q.Name, ErrNotFound)
	case refused:
		return *new(T), fmt.Errorf("store: %s: %w", q.Name, ErrForbidden)
	default:
		return v, nil
	}
}

// all runs a statement and reads every row.
func all[T any](ctx context.Context, db *DB, q Query, args []any, into func(*T) []any) ([]T, error) {
	vs := []T{}
	err := db.each(ctx, q, args, func() { vs = vs[:0] }, func(rows pgx.Rows) error {
		var v T
		if err := rows.Scan(into(&v)...); err != nil {
			return err
		}
		vs = append(vs, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return vs, nil
}

// none runs a statement that answers with no row.
func (db *DB) none(ctx context.Context, q Query, args []any) error {
	return db.each(ctx, q, args, func() {}, func(pgx.Rows) error { return nil })
}

// Ran is what running a statement for its own sake has cost.
type Ran struct {
	Rows  int
	Took  time.Duration
	Turns int64
}

// Run runs a reading statement of the catalogue through the pool and throws
// its rows away: for probe and warmup. A writing one is refused.
func (db *DB) Run(ctx context.Context, q Query, args ...any) (Ran, error) {
	var ran Ran
	if q.Write {
		return ran, fmt.Errorf("store: %s writes, and is not run for a measurement; explain it instead", q.Name)
	}
	ctx, tally := link.WithTally(ctx)
	err := db.each(ctx, q, args, func() { ran.Rows = 0 }, func(pgx.Rows) error { ran.Rows++; return nil })
	ran.Took, ran.Turns = tally.DB(), tally.Turns()
	return ran, err
}

// OnEachIdle borrows every idle connection at once and runs the given reading
// statements on each of them in parallel; it returns one entry for each
// connection, in no order, with the sum over the statements. So a warm-up
// reaches all backends and not only the one at the top of the pool.
func (db *DB) OnEachIdle(ctx context.Context, queries []Query, args func(Query) []any) ([]Ran, error) {
	for _, q := range queries {
		if q.Write {
			return nil, fmt.Errorf("store: %s writes, and is not run for a warm-up", q.Name)
		}
	}
	conns := db.pool.AcquireAllIdle(ctx)
	type outcome struct {
		ran Ran
		err error
	}
	done := make(chan outcome, len(conns))
	for _, c := range conns {
		go func() {
			defer c.Release()
			running, cancel := db.statementContext(ctx)
			defer cancel()
			ran, err := runAll(running, c.Conn(), queries, args)
			done <- outcome{ran, err}
		}()
	}
	all := make([]Ran, 0, len(conns))
	var failed []error
	for range conns {
		o := <-done
		all, failed = append(all, o.ran), append(failed, o.err)
	}
	return all, errors.Join(failed...)
}

func runAll(ctx context.Context, conn *pgx.Conn, queries []Query, args func(Query) []any) (Ran, error) {
	var ran Ran
	turns, began := turnsOf(conn.PgConn().Conn()), time.Now()
	for _, q := range queries {
		rows, err := conn.Query(ctx, q.SQL, args(q)...)
		if err != nil {
			return ran, classify(q, err)
		}
		for rows.Next() {
			ran.Rows++
		}
		if err := rows.Err(); err != nil {
			return ran, classify(q, err)
		}
	}
	ran.Took, ran.Turns = time.Since(began), turnsOf(conn.PgConn().Conn())-turns
	return ran, nil
}
