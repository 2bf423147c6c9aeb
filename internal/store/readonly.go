package store

import (
	"sync"
	"sync/atomic"
	"time"
)

// readOnlyPause is the least time between two connections that are given up
// because their server is read-only.
const readOnlyPause = time.Second

// readOnlyServers decides whether a connection whose server takes no writes is
// given up. After a fail-over the pool has to leave the old primary, which a new
// connection does. But reads still work there, and if the database itself is
// read-only every new connection meets the same: so one at a time, and the next
// only after another connection could be opened since.
type readOnlyServers struct {
	opened *atomic.Int64 // connections, by the pool's tracer

	mu   sync.Mutex
	last time.Time
	seen int64 // what opened was then
}

func (r *readOnlyServers) giveUp(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	opened := r.opened.Load()
	if !r.last.IsZero() && (now.Sub(r.last) < readOnlyPause || opened == r.seen) {
		return false
	}
	r.last, r.seen = now, opened
	return true
}
