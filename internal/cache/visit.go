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

// visit asks Redis within the time-out, if the breaker lets it, and charges
// the request's tally.
func (c *Cache) visit(ctx context.Context, operation string, ask func(context.Context) error) error {
	if !c.breaker.allow(c.cfg.Now()) {
		c.metrics.skipped.Inc()
		return errSkipped
	}
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
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
