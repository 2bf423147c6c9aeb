package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/honeydue/honeydue/internal/link"
)

const (
	// idleLook is how often connections are looked at: one system call for each, and no turn.
	idleLook = 250 * time.Millisecond
	// idleRest is how long after the last statement the pool leaves its connections
	// alone: an empty query would keep a database awake that suspends itself, and a
	// log-in would wake it.
	idleRest = 5 * time.Minute
	// A connection is used once it has been idle for 1/idlePart of the peer's limit: a
	// query that is that late again is still in time.
	idlePart = 3
	// refillEvery is how often a pool that has lost all its connections tries to
	// have them again.
	refillEvery = time.Second
	// At most 1/idleAtOnce of the idle connections run an empty query at the same
	// time; the others serve requests.
	idleAtOnce = 4
)

// idleWatch looks after the connections that nobody uses. One that its peer has
// closed is replaced before a request asks for it, and when all are lost they
// are opened again as soon as that works. If the peer says that it closed one
// for having been idle, the others are used in time from then on.
type idleWatch struct {
	mu    sync.Mutex
	conns map[*pgx.Conn]*link.Conn
	limit time.Duration // idleness after which the peer closes; 0 where it never did

	began    time.Time
	used     atomic.Int64 // when the last statement began, ns after began
	asking   atomic.Int64 // connections that are being kept alive at this moment
	ended    atomic.Int64
	kept     atomic.Int64
	learned  func(after time.Duration, reason string)
	stop     context.CancelFunc
	watching sync.WaitGroup
}

func newIdleWatch(learned func(time.Duration, string)) *idleWatch {
	return &idleWatch{conns: map[*pgx.Conn]*link.Conn{}, began: time.Now(), learned: learned, stop: func() {}}
}

// watch configures a pool so that its connections are known.
func (w *idleWatch) watch(pc *pgxpool.Config) {
	connected := pc.AfterConnect
	pc.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		if err := connected(ctx, c); err != nil {
			return err
		}
		if m, ok := link.Of(c.PgConn().Conn()); ok {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.conns[c] = m
		}
		return nil
	}
	pc.BeforeClose = func(c *pgx.Conn) {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.conns, c)
	}
	pc.PrepareConn = func(ctx context.Context, c *pgx.Conn) (bool, error) {
		if ctx.Value(looking{}) != nil {
			return true, nil
		}
		return dropIfPeerClosed(ctx, c)
	}
}

// looking marks the context of a look: it wants to see what is closed.
type looking struct{}

// start looks after a pool until end.
func (w *idleWatch) start(ctx context.Context, db *DB) {
	ctx, w.stop = context.WithCancel(context.WithValue(context.WithoutCancel(ctx), looking{}, true))
	w.watching.Go(func() {
		look, refill := time.NewTicker(idleLook), time.NewTicker(refillEvery)
		defer look.Stop()
		defer refill.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-look.C:
				if w.survey() {
					w.look(ctx, db)
				}
			case <-refill.C:
				if !w.resting() && db.cfg.opened() > 0 && db.pool.Stat().TotalConns() == 0 {
					refillPool(ctx, db)
				}
			}
		}
	})
}

// end returns when nothing is looked at any more.
func (w *idleWatch) end() {
	w.stop()
	w.watching.Wait()
}

func (w *idleWatch) use() { w.used.Store(int64(time.Since(w.began))) }

func (w *idleWatch) resting() bool {
	return time.Since(w.began)-time.Duration(w.used.Load()) > idleRest
}

// survey reports whether one of the connections has ended, or has to be used.
func (w *idleWatch) survey() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	resting := w.resting()
	wanted := false
	for _, m := range w.conns {
		idle := m.Idle()
		switch {
		case m.PeerClosed():
			wanted = wanted || !resting // a log-in may wake a database that has suspended itself
		case w.limit == 0:
		case !resting:
			wanted = wanted || idle > w.limit/idlePart
		case idle > 2*w.limit:
			w.limit = 0 // it lives: the setting was changed
		}
	}
	return wanted
}

// look takes all idle connections for a moment, closes those that have ended,
// so that pgxpool opens others, and uses those that would be closed else.
func (w *idleWatch) look(ctx context.Context, db *DB) {
	conns := db.pool.AcquireAllIdle(ctx)
	slices.Reverse(conns) // who is released last is lent first
	limit := w.seenLimit()
	most := max(1, int64(len(conns))/idleAtOnce) - w.asking.Load()
	if limit == 0 || w.resting() {
		most = 0
	}
	var ended, late []*pgxpool.Conn
	for _, c := range conns {
		m, metered := link.Of(c.Conn().PgConn().Conn())
		switch {
		case metered && m.PeerClosed():
			ended = append(ended, c)
		case metered && int64(len(late)) < most && m.Idle() > limit/idlePart:
			late = append(late, c)
		default:
			c.Release()
		}
	}
	for _, c := range late {
		w.asking.Add(1)
		w.watching.Go(func() {
			defer w.asking.Add(-1)
			defer c.Release()
			asking, cancel := context.WithTimeout(ctx, db.cfg.AcquireTimeout)
			defer cancel()
			if c.Conn().Ping(asking) == nil {
				w.kept.Add(1)
			}
		})
	}
	for _, c := range ended {
		w.ended.Add(1)
		if after, reason := ClosedForIdleness(ctx, c.Conn()); reason != "" {
			w.learn(after, reason)
		}
		giveUp(ctx, c.Conn())
		c.Release()
	}
}

// refillPool opens one connection, and when there is an answer all the others:
// after an outage pgxpool would leave them to the next requests for a minute.
// It opens what is missing as soon as one is closed on its release.
func refillPool(ctx context.Context, db *DB) {
	ctx, cancel := context.WithTimeout(ctx, db.cfg.AcquireTimeout)
	defer cancel()
	if c, err := db.pool.Acquire(ctx); err == nil {
		giveUp(ctx, c.Conn())
		c.Release()
	}
}

func (w *idleWatch) seenLimit() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.limit
}

func (w *idleWatch) learn(idle time.Duration, reason string) {
	w.mu.Lock()
	first := w.limit == 0
	if first || idle < w.limit {
		w.limit = idle
	}
	w.mu.Unlock()
	if first && w.learned != nil {
		w.learned(idle, reason)
	}
}

// ClosedForIdleness returns the message with which c's peer closed it because it
// was idle, and after how long; "" if it did not. It sends nothing and reads only
// what has arrived, which costs no turn.
func ClosedForIdleness(ctx context.Context, c *pgx.Conn) (after time.Duration, reason string) {
	m, metered := link.Of(c.PgConn().Conn())
	if !metered || c.IsClosed() || !m.PeerClosed() {
		return 0, ""
	}
	after = m.Idle()
	if said := lastWords(ctx, c); saysIdle(said) {
		return after, said.Message
	}
	return 0, ""
}

// lastWords reads what a connection that its peer has closed still holds: the
// reason, if the peer gave one.
func lastWords(ctx context.Context, c *pgx.Conn) *pgconn.PgError {
	ctx, cancel := context.WithTimeout(ctx, idleLook)
	defer cancel()
	for {
		if _, err := c.PgConn().ReceiveMessage(ctx); err != nil {
			var pg *pgconn.PgError
			errors.As(err, &pg)
			return pg
		}
	}
}

// saysIdle reports whether a connection was closed for having been idle: by
// PgBouncer's client_idle_timeout, or by Postgres' idle_session_timeout.
func saysIdle(reason *pgconn.PgError) bool {
	return reason != nil && (reason.Code == "57P05" || reason.Code == "08P01" && reason.Message == "client_idle_timeout")
}
