package cache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Source is the change log, as the keeper needs it. Its calls are background
// turns, charged to no request.
type Source struct {
	// Changes tells what was committed since the cursor, and the next cursor,
	// both from one snapshot. An empty cursor is no cursor.
	Changes func(ctx context.Context, cursor string) (Changes, error)
	// Settle makes the outcome of a write final: it has committed, or it can
	// never commit any more.
	Settle func(ctx context.Context, writeID string) error
	// Prune forgets what the log had before the given instant.
	Prune func(ctx context.Context, before time.Time) error
}

// Changes is what the log had since a cursor.
type Changes struct {
	Cursor string
	// Everything counts as changed: the cursor could not be continued, or
	// somebody changed more than is worth listing.
	Everything bool
	Writes     []Change
}

// Change is one committed write.
type Change struct {
	WriteID string
	Scopes  []Scope
}

const (
	// logKept is how long the log is kept: a phone that was off for a month
	// starts over, and no statement waits in any queue for that long.
	logKept     = 30 * 24 * time.Hour
	prunePeriod = time.Hour
	// sweepTimeout bounds one sweep and one settling.
	sweepTimeout = 5 * time.Second
	// forgetAfter is how long a hold that nobody meets any more is remembered.
	forgetAfter = 30 * time.Second
	// maxSuspects bounds what is remembered: the rest is met again.
	maxSuspects = 1000
)

// keeper remembers who used the cache last, and the holds that were met.
type keeper struct {
	used  atomic.Int64  // unix ns of the last request
	awake chan struct{} // capacity 1: somebody has come

	mu       sync.Mutex
	suspects map[string]*suspect // by write id
}

// suspect is a hold that may have lost its writer.
type suspect struct {
	first, last time.Time
	scopes      map[Scope]bool
	// certain: its writer has said that it does not know the outcome.
	certain bool
}

func newKeeper() *keeper {
	return &keeper{awake: make(chan struct{}, 1), suspects: map[string]*suspect{}}
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

// met notes holds: scope,write id,...;scope,...
func (k *keeper) met(held string, now time.Time) {
	for part := range strings.SplitSeq(held, ";") {
		scope, ids, _ := strings.Cut(part, ",")
		if scope == "" || ids == "" {
			continue
		}
		for id := range strings.SplitSeq(ids, ",") {
			k.note(id, now, false, Scope(scope))
		}
	}
}

func (k *keeper) abandoned(h *Hold, now time.Time) { k.note(h.ID, now, true, h.scopes...) }

func (k *keeper) note(id string, now time.Time, certain bool, scopes ...Scope) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.suspects[id]
	if s == nil {
		if len(k.suspects) >= maxSuspects {
			return
		}
		s = &suspect{first: now, scopes: map[Scope]bool{}}
		k.suspects[id] = s
	}
	s.last = now
	s.certain = s.certain || certain
	for _, scope := range scopes {
		s.scopes[scope] = true
	}
}

// lingering are the holds that have stood for Patience, as far as anybody has
// met them; what was not met for a while is forgotten.
func (k *keeper) lingering(now time.Time) map[string][]Scope {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[string][]Scope{}
	for id, s := range k.suspects {
		switch {
		case s.certain && now.Sub(s.first) >= Patience, s.last.Sub(s.first) >= Patience:
			for scope := range s.scopes {
				out[id] = append(out[id], scope)
			}
		case now.Sub(s.last) > forgetAfter:
			delete(k.suspects, id)
		}
	}
	return out
}

func (k *keeper) settled(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.suspects, id)
}

// Keep runs the sweep and settles lingering holds until ctx ends. Each pod
// runs it; Redis sees to it that one of them reads the log in each period. It
// rests when nobody has asked for IdleAfter, so that the database may sleep.
// failed hears of what went wrong; the cache then stops serving by itself,
// when the lease ends.
func (c *Cache) Keep(ctx context.Context, src Source, failed func(error)) {
	c.touch()
	pruned := c.cfg.Now()
	tick := time.NewTicker(SweepPeriod / 2) // each pod asks twice as often as is due
	defer tick.Stop()
	for {
		if c.cfg.Now().Sub(time.Unix(0, c.keeper.used.Load())) > IdleAfter {
			select {
			case <-ctx.Done():
				return
			case <-c.keeper.awake:
			}
		}
		if err := c.keep(ctx, src, &pruned); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (c *Cache) keep(ctx context.Context, src Source, pruned *time.Time) error {
	_, err := c.Sweep(ctx, src)
	err = errors.Join(err, c.settle(ctx, src))
	if now := c.cfg.Now(); src.Prune != nil && now.Sub(*pruned) > prunePeriod {
		*pruned = now
		bounded, cancel := context.WithTimeout(ctx, sweepTimeout)
		defer cancel()
		err = errors.Join(err, src.Prune(bounded, now.Add(-logKept)))
	}
	return err
}

// Sweep tells Redis once what the change log has had since the last sweep, and
// renews the lease, if that is due; it reports whether it was.
func (c *Cache) Sweep(ctx context.Context, src Source) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	var begun []string
	err := c.visit(ctx, "due", func(ctx context.Context) error {
		var err error
		begun, err = c.scripts.due.Run(ctx, c.rdb, nil, SweepPeriod.Milliseconds()).StringSlice()
		return err
	})
	switch {
	case errors.Is(err, errSkipped):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("sweep: ask Redis whether it is time: %w", err)
	case len(begun) != 2:
		return false, nil
	}
	changes, err := src.Changes(ctx, begun[1])
	if err != nil {
		c.metrics.sweeps.WithLabelValues("failed").Inc()
		return false, fmt.Errorf("sweep: read the change log: %w", err)
	}
	everything := "0"
	if changes.Everything {
		everything = "1"
	}
	args := []any{nonce(), begun[1], changes.Cursor, begun[0], Lease.Milliseconds(), everything}
	for _, w := range changes.Writes {
		args = append(args, w.WriteID, len(w.Scopes))
		for _, s := range w.Scopes {
			args = append(args, string(s))
		}
	}
	var told []int64
	err = c.visit(ctx, "sweep", func(ctx context.Context) error {
		var err error
		told, err = c.scripts.sweep.Run(ctx, c.rdb, nil, args...).Int64Slice()
		return err
	})
	switch {
	case errors.Is(err, errSkipped):
		return false, nil
	case err != nil:
		c.metrics.sweeps.WithLabelValues("failed").Inc()
		return false, fmt.Errorf("sweep: tell Redis: %w", err)
	case len(told) != 2 || told[0] == 0:
		c.metrics.sweeps.WithLabelValues("overtaken").Inc()
		return false, nil
	}
	c.metrics.sweeps.WithLabelValues("done").Inc()
	if changes.Everything {
		c.metrics.sweeps.WithLabelValues("everything").Inc()
	}
	c.metrics.repairs.Add(float64(told[1]))
	return true, nil
}

// settle resolves the holds that linger: first the database, so that the
// write can no longer commit unseen, then Redis.
func (c *Cache) settle(ctx context.Context, src Source) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	var failed []error
	for id, scopes := range c.keeper.lingering(c.cfg.Now()) {
		if err := src.Settle(ctx, id); err != nil {
			failed = append(failed, fmt.Errorf("settle a hold: %w", err))
			continue
		}
		args := []any{nonce(), id, "0", "", 1, "", 0}
		for _, s := range scopes {
			args = append(args, string(s))
		}
		err := c.visit(ctx, "resolve", func(ctx context.Context) error {
			return c.scripts.release.Run(ctx, c.rdb, nil, args...).Err()
		})
		if err != nil && !errors.Is(err, errSkipped) {
			failed = append(failed, fmt.Errorf("settle a hold: %w", err))
			continue
		}
		if err == nil {
			c.keeper.settled(id)
			c.metrics.settled.Inc()
		}
	}
	return errors.Join(failed...)
}
