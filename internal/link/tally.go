package link

import (
	"context"
	"sync/atomic"
	"time"
)

// Tally is the bill of one request: how many DB turns it took and where its
// time went. It is safe for concurrent use, and every method works on a nil
// Tally, so that code below a request need not ask whether there is one.
type Tally struct {
	turns      atomic.Int64
	acquire    atomic.Int64
	db         atomic.Int64
	redis      atomic.Int64
	redisTrips atomic.Int64
	poolerWait atomic.Int64
	announced  atomic.Int64
}

type tallyKey struct{}

// WithTally starts a bill and returns it together with the context that
// carries it.
func WithTally(ctx context.Context) (context.Context, *Tally) {
	t := &Tally{}
	return context.WithValue(ctx, tallyKey{}, t), t
}

// TallyFrom returns the bill that ctx carries, or nil.
func TallyFrom(ctx context.Context) *Tally {
	t, _ := ctx.Value(tallyKey{}).(*Tally)
	return t
}

// AddTurns charges n DB turns.
func (t *Tally) AddTurns(n int64) {
	if t != nil {
		t.turns.Add(n)
	}
}

// AddAcquire charges time spent waiting for a pooled connection.
func (t *Tally) AddAcquire(d time.Duration) {
	if t != nil {
		t.acquire.Add(int64(d))
	}
}

// AddDB charges time spent on a statement, network included.
func (t *Tally) AddDB(d time.Duration) {
	if t != nil {
		t.db.Add(int64(d))
	}
}

// AddPoolerWait charges a wait in the pooler that the pooler has announced: d is
// how long it had lasted by then. It is part of what AddDB charges.
func (t *Tally) AddPoolerWait(d time.Duration) {
	if t != nil {
		t.poolerWait.Add(int64(d))
		t.announced.Add(1)
	}
}

// AddRedis charges time spent on Redis and the round trips it took.
func (t *Tally) AddRedis(d time.Duration, trips int) {
	if t != nil {
		t.redis.Add(int64(d))
		t.redisTrips.Add(int64(trips))
	}
}

// Turns is the number of DB turns charged.
func (t *Tally) Turns() int64 {
	if t == nil {
		return 0
	}
	return t.turns.Load()
}

// Acquire is the time charged for waiting for a connection.
func (t *Tally) Acquire() time.Duration {
	if t == nil {
		return 0
	}
	return time.Duration(t.acquire.Load())
}

// DB is the time charged for statements.
func (t *Tally) DB() time.Duration {
	if t == nil {
		return 0
	}
	return time.Duration(t.db.Load())
}

// PoolerWait is the time charged for waits in the pooler until they were
// announced, and how many were.
func (t *Tally) PoolerWait() (time.Duration, int64) {
	if t == nil {
		return 0, 0
	}
	return time.Duration(t.poolerWait.Load()), t.announced.Load()
}

// Redis is the time charged for Redis.
func (t *Tally) Redis() time.Duration {
	if t == nil {
		return 0
	}
	return time.Duration(t.redis.Load())
}

// RedisTrips is the number of Redis round trips charged.
func (t *Tally) RedisTrips() int64 {
	if t == nil {
		return 0
	}
	return t.redisTrips.Load()
}
