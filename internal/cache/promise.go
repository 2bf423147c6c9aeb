package cache

import "time"

// The times of the promise. Lease is P2's bound: without a sweep that began to
// read the change log less than this ago, no read is served from the cache.
const (
	// Timeout is the longest that one visit to Redis may hold up a request.
	DefaultTimeout = 50 * time.Millisecond
	// Lease is how long after the begin of a sweep copies may be served.
	Lease = 2 * time.Second
	// SweepPeriod is how often the change log is read, by all pods together.
	SweepPeriod = 500 * time.Millisecond
	// IdleAfter is how long after the last request the sweeps stop, so that the
	// database may sleep. The next request starts them again.
	IdleAfter = 5 * time.Minute
	// Patience is how long a hold may stand before it is settled through the database.
	Patience = 2 * time.Second
	// UndecidedAfter is how long a hold stands that cannot be settled because the
	// database is read-only: twice what a statement may take. A write that commits
	// even later is told by the sweep.
	UndecidedAfter = 30 * time.Second
)

// Promise is what readers may rely on, in one sentence.
type Promise struct {
	Name, Text string
}

// Promises lists what the cache promises. The model in cache/protocol proves
// it of the protocol, the race test of the running system.
func Promises() []Promise {
	return []Promise{
		{"P1", "While Redis is reachable and keeps its memory, no read misses a write that was acknowledged before the read began, on any pod, even if a process crashes or pauses; reads never go back in time."},
		{"P2", "Otherwise (a pod cut off from Redis, eviction, a flush, a restart, a rollback to old memory, SQL from outside, a write without an answer that commits after its database was read-only for 30 s), a read may be stale for at most 2 s. honeydue_cache_repairs_total and honeydue_cache_unconfirmed_total count this. Writes are never refused because of the cache, and a read never waits longer than 50 ms for Redis."},
	}
}
