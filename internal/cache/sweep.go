package cache

import (
	"context"
	"errors"
	"fmt"
)

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
		return false, fmt.Errorf("sweep: tell Redis: %w", err)
	case len(told) != 2 || told[0] == 0:
		c.metrics.sweeps.WithLabelValues(sweepOvertaken).Inc()
		return false, nil
	}
	c.metrics.sweeps.WithLabelValues(SweepDone).Inc()
	if changes.Everything {
		c.metrics.sweeps.WithLabelValues(sweepEverything).Inc()
	}
	c.metrics.repairs.Add(float64(told[1]))
	return true, nil
}
