package cache

import (
	"sync"
	"sync/atomic"
	"time"
)

// faultPeriod is the least time between two reports of the same fault.
const faultPeriod = time.Minute

// watch notices when Redis begins to fail and when it works again. What Redis
// replies concerns one operation: a user who may read but not write gets hits
// and failed holds in turn. What happens on the way to it concerns all of them.
type watch struct {
	mu       sync.Mutex
	failing  map[string]*failing // by operation; "" for the way to Redis
	n        atomic.Int32        // len(failing)
	last     Fault
	said     map[Fault]time.Time // when it was last reported
	reported bool                // since Redis last worked
}

// failing is a series of failures.
type failing struct {
	fault Fault
	times int
}

func newWatch() watch { return watch{failing: map[string]*failing{}, said: map[Fault]time.Time{}} }

// saw notes the outcome of one visit; the zero Fault is a success. report says
// that the returned fault is news.
func (w *watch) saw(operation string, f Fault, reply bool, now time.Time) (news Fault, report bool) {
	if f.Kind == FaultCanceled || f.Kind == "" && w.n.Load() == 0 {
		return Fault{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.n.Store(int32(len(w.failing))) }() //nolint:gosec // a handful of operations
	if f.Kind == "" {
		delete(w.failing, operation)
		delete(w.failing, "")
		if len(w.failing) > 0 || !w.reported {
			return Fault{}, false
		}
		w.reported = false
		return Fault{}, true
	}
	of := operation
	if !reply {
		of = ""
	}
	series := w.failing[of]
	if series == nil {
		series = &failing{}
		w.failing[of] = series
	}
	series.fault, w.last = f, f
	series.times++
	// One late answer is not reported, except at the start. A right that is missing stays missing.
	if (series.times < breakerFailures && !f.lasting() && operation != pingOperation) || now.Sub(w.said[f]) < faultPeriod {
		return Fault{}, false
	}
	w.said[f], w.reported = now, true
	return f, true
}

// lasting reports whether only a person can end the fault.
func (f Fault) lasting() bool {
	switch f.Kind {
	case FaultTLS, FaultAuth, FaultPermission, FaultUnknownCommand, FaultReplica, FaultCluster:
		return true
	default:
		return false
	}
}

// Fault is what is wrong with Redis as the last visits found it; the zero Fault
// if nothing is.
func (c *Cache) Fault() Fault {
	w := &c.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.failing) == 0 {
		return Fault{}
	}
	return w.last
}
