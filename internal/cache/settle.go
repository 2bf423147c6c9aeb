package cache

import (
	"context"
	"errors"
	"fmt"
)

// settle resolves the holds that linger: first the database, so that the
// write can no longer commit unseen, then Redis. Where the database can decide
// nothing, the hold is released after UndecidedAfter all the same: the write was
// never acknowledged, and if it commits the sweep tells it (P2).
func (c *Cache) settle(ctx context.Context, src Source) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	var failed []error
	for id, scopes := range c.keeper.lingering(c.cfg.Now()) {
		err := src.Settle(ctx, id)
		undecided := errors.Is(err, ErrUndecided)
		if undecided && c.keeper.age(id, c.cfg.Now()) < UndecidedAfter {
			continue
		}
		if err != nil && !undecided {
			failed = append(failed, fmt.Errorf("resolve a hold: %w", err))
			continue
		}
		args := []any{nonce(), id, "0", "", 1, "", 0, "", 1, "", 0, len(scopes)}
		for _, s := range scopes {
			args = append(args, string(s))
		}
		err = c.visit(ctx, "resolve", func(ctx context.Context) error {
			return c.scripts.release.Run(ctx, c.rdb, nil, args...).Err()
		})
		if err != nil && !errors.Is(err, errSkipped) {
			failed = append(failed, fmt.Errorf("resolve a hold: %w", err))
			continue
		}
		if err == nil {
			c.keeper.settled(id)
			c.metrics.settled.Inc()
			if undecided {
				c.metrics.unconfirmed.WithLabelValues("settle").Inc()
			}
		}
	}
	return errors.Join(failed...)
}
