package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// logKept is how long the log is kept: a phone that was off for a month
	// starts over, and no statement waits in any queue for that long.
	logKept     = 30 * 24 * time.Hour
	prunePeriod = time.Hour
	// sweepTimeout bounds one sweep, one round of settling and one pruning.
	sweepTimeout = 5 * time.Second
)

// keeper remembers who used the cache last, and the holds that were met.
type keeper struct {
	used  atomic.Int64  // unix ns of the last request
	awake chan struct{} // capacity 1: somebody has come
	name  string        // of this pod, among those that fill what Redis has lost
	// emptied: this pod has the task of filling what Redis has lost, once a sweep
	// vouches for what is filled.
	emptied atomic.Bool
	suspects
}

func newKeeper() *keeper {
	return &keeper{awake: make(chan struct{}, 1), name: nonce(), suspects: suspects{byID: map[string]*suspect{}}}
}

func (c *Cache) touch() {
	now := c.cfg.Now().UnixNano()
	if before := c.keeper.used.Swap(now); now-before > int64(SweepPeriod) {
		select {
		case c.keeper.awake <- struct{}{}:
		default:
		}
	}
}

func (c *Cache) idle() bool {
	return c.cfg.Now().Sub(time.Unix(0, c.keeper.used.Load())) > IdleAfter
}

// Keep runs the sweep and settles lingering holds until ctx ends. Each pod
// runs it; Redis sees to it that one of them reads the log in each period. It
// rests when nobody has asked for IdleAfter, so that the database may sleep.
// failed hears of what went wrong, one at a time; the cache then stops serving
// by itself, when the lease ends.
func (c *Cache) Keep(ctx context.Context, src Source, failed func(error)) {
	c.touch()
	var one sync.Mutex
	report := func(err error) {
		if err == nil || ctx.Err() != nil {
			return
		}
		one.Lock()
		defer one.Unlock()
		failed(err)
	}
	// Settling waits for statements that run, and a sweep that waited with it
	// would let the lease end.
	var tidying sync.WaitGroup
	defer tidying.Wait()
	tidying.Go(func() { c.tidy(ctx, src, report) })

	tick := time.NewTicker(SweepPeriod / 2) // each pod asks twice as often as is due
	defer tick.Stop()
	for {
		if c.idle() {
			select {
			case <-ctx.Done():
				return
			case <-c.keeper.awake:
			}
		}
		_, err := c.Sweep(ctx, src)
		report(err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tidy is the part of the keeper that may wait.
func (c *Cache) tidy(ctx context.Context, src Source, report func(error)) {
	pruned := c.cfg.Now()
	tick := time.NewTicker(SweepPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		report(c.settle(ctx, src))
		if now := c.cfg.Now(); src.Prune != nil && !c.idle() && now.Sub(pruned) > prunePeriod {
			pruned = now
			bounded, cancel := context.WithTimeout(ctx, sweepTimeout)
			report(src.Prune(bounded, now.Add(-logKept)))
			cancel()
		}
	}
}
