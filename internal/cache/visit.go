package cache

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/link"
)

// errSkipped means that the breaker kept a caller from asking Redis.
var errSkipped = errors.New("redis is left alone for a moment after several failures in a row")

// errSpent means that the request has waited for Redis as long as it may.
var errSpent = errors.New("the time that a request has for Redis is spent")

// visit asks Redis within the time-out, if the breaker lets it, and charges
// the request's tally.
func (c *Cache) visit(ctx context.Context, operation string, ask func(context.Context) error) error {
	return c.visitFor(ctx, c.cfg.Timeout, operation, ask)
}

// visitOf is visit for one of several visits of the same read: together they
// take no longer than the time-out (P2).
func (c *Cache) visitOf(ctx context.Context, r *Reading, operation string, ask func(context.Context) error) error {
	left := c.cfg.Timeout - r.waited
	if left <= 0 {
		return errSpent
	}
	began := time.Now()
	defer func() { r.waited += time.Since(began) }()
	return c.visitFor(ctx, left, operation, ask)
}

func (c *Cache) visitFor(ctx context.Context, limit time.Duration, operation string, ask func(context.Context) error) error {
	if !c.breaker.allow(c.cfg.Now()) {
		c.metrics.skipped.Inc()
		return errSkipped
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	err := ask(bounded)
	link.TallyFrom(ctx).AddRedis(time.Since(began), 0)
	c.breaker.done(c.cfg.Now(), judge(ctx, err))
	if err != nil {
		c.metrics.errors.WithLabelValues(operation).Inc()
	}
	return err
}

// judge tells a Redis that does not answer from one that answers with an
// error, and both from a client that hung up on us.
func judge(ctx context.Context, err error) outcome {
	var reply redis.Error
	switch {
	case err == nil, errors.As(err, &reply):
		return reached
	case ctx.Err() != nil:
		return unknown
	default:
		return unreached
	}
}

// tripHook counts round trips, those of a fresh connection's greeting
// included: they are part of what the request waited for.
type tripHook struct{}

var _ redis.Hook = tripHook{}

func (tripHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (tripHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		link.TallyFrom(ctx).AddRedis(0, 1)
		return next(ctx, cmd)
	}
}

func (tripHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		link.TallyFrom(ctx).AddRedis(0, 1)
		return next(ctx, cmds)
	}
}
