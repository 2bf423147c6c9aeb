package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// fillFor is how long a pod may keep the others from filling what Redis has lost.
const fillFor = 10 * time.Second

// Restored lets the next pod fill what this one has not. Nothing depends on it.
func (c *Cache) Restored(ctx context.Context) {
	_ = c.visit(ctx, "restored", func(ctx context.Context) error {
		_, err := c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.HSet(ctx, taskKey, "until", 0)
			p.Expire(ctx, taskKey, fillFor)
			return nil
		})
		return err
	})
}

// Sweep tells Redis once what the change log has had since the last sweep, and
// renews the lease, if that is due; it reports whether it was.
func (c *Cache) Sweep(ctx context.Context, src Source) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	var begun []string
	err := c.visit(ctx, "due", func(ctx context.Context) error {
		var err error
		fills := ""
		if src.Emptied != nil && c.near.served() {
			fills = c.keeper.name
		}
		begun, err = c.scripts.due.Run(ctx, c.rdb, nil, SweepPeriod.Milliseconds(), fills, fillFor.Milliseconds()).StringSlice()
		return err
	})
	switch {
	case errors.Is(err, errSkipped):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("sweep: ask Redis whether it is time: %w", err)
	case len(begun) != 3:
		return false, nil
	}
	if begun[2] == "1" {
		c.keeper.emptied.Store(true)
	}
	changes, err := src.Changes(ctx, begun[1])
	if err != nil {
		c.metrics.sweeps.WithLabelValues(sweepFailed).Inc()
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
		c.metrics.sweeps.WithLabelValues(sweepFailed).Inc()
		return false, fmt.Errorf("sweep: send the changes to Redis: %w", err)
	case len(told) != 2 || told[0] == 0:
		c.metrics.sweeps.WithLabelValues(sweepOvertaken).Inc()
		return false, nil
	}
	c.metrics.sweeps.WithLabelValues(SweepDone).Inc()
	if changes.Everything {
		c.metrics.sweeps.WithLabelValues(sweepEverything).Inc()
	}
	c.metrics.repairs.Add(float64(told[1]))
	if src.Emptied != nil && c.keeper.emptied.Swap(false) {
		src.Emptied()
	}
	return true, nil
}
