package store

import (
	"context"
	"time"
)

var poolPing = Query{
	Name:   "pool_ping",
	SQL:    `/* pool_ping */ SELECT 1`,
	Sample: func(Subject) []any { return nil },
}

// Ping asks the database for one answer: one turn.
func (db *DB) Ping(ctx context.Context) error {
	return db.none(ctx, poolPing, nil)
}

// Stat is a snapshot of the pool.
type Stat struct {
	Total, Idle, InUse, Max int32
	// Opened counts all connections ever made; ClosedOld and ClosedIdle those
	// that were closed for their age or their idleness; EndedIdle those that the
	// other side closed while they were idle and that were replaced in the
	// background; KeptAlive is how often an idle one was used to keep it.
	Opened, ClosedOld, ClosedIdle, EndedIdle, KeptAlive int64
	// IdleLimit is the idleness after which the other side closes connections, as
	// far as it has said so; 0 where it never did.
	IdleLimit time.Duration
	// Acquires counts borrowings, Waited those that found no idle connection,
	// and AcquireTime is what all of them took together; WaitTime is the part of
	// it that Waited took. GaveUp counts those that ended without a connection.
	Acquires, Waited, GaveUp int64
	AcquireTime, WaitTime    time.Duration
	// Retried counts statements that were run a second time: their connection had
	// broken, or the server had rolled them back.
	Retried int64
	// Queued counts statements that PgBouncer has announced as waiting for a
	// server connection (see QueuedInPooler).
	Queued int64
}

// Stat reads the pool's counters.
func (db *DB) Stat() Stat {
	s := db.pool.Stat()
	return Stat{
		Total: s.TotalConns(), Idle: s.IdleConns(), InUse: s.AcquiredConns(), Max: s.MaxConns(),
		Opened: s.NewConnsCount(), ClosedOld: s.MaxLifetimeDestroyCount(), ClosedIdle: s.MaxIdleDestroyCount(),
		Acquires: s.AcquireCount(), Waited: s.EmptyAcquireCount(), AcquireTime: s.AcquireDuration(),
		EndedIdle: db.idle.ended.Load(), KeptAlive: db.idle.kept.Load(), IdleLimit: db.idle.seenLimit(),
		GaveUp: s.CanceledAcquireCount(), WaitTime: s.EmptyAcquireWaitTime(), Retried: db.retried.Load(),
		Queued: db.queue.announced.Load(),
	}
}
