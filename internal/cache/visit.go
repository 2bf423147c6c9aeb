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
var errSkipped = errors.New("redis is not asked for a moment after several failures in a row")

// errSpent means that the request has waited for Redis as long as it may.
var errSpent = errors.New("the request's time limit for Redis is used up")

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
	fault, now := Diagnose(err), c.cfg.Now()
	verdict := judge(ctx, err, fault)
	if operation == limitOperation && isReply(err) {
		verdict = reached // its keys are its own: a right that is missing there leaves the cache alone
	}
	c.breaker.done(now, verdict)
	if err != nil {
		c.metrics.errors.WithLabelValues(operation, string(fault.Kind)).Inc()
	}
	if ctx.Err() == nil {
		if news, ok := c.watch.saw(operation, fault, isReply(err), now); ok && c.cfg.OnFault != nil {
			c.cfg.OnFault(ctx, news)
		}
	}
	return err
}

// judge separates a Redis that is of no use from one that serves other
// requests, and both from a client that hung up.
func judge(ctx context.Context, err error, fault Fault) outcome {
	switch {
	case err == nil, isReply(err) && !fault.unusable():
		return reached
	case ctx.Err() != nil:
		return unknown
	default:
		return unreached
	}
}

func isReply(err error) bool {
	var reply ReplyError
	return errors.As(err, &reply)
}

// why names in Cache-Status what kept a request from Redis.
func (c *Cache) why(err error) string {
	fault := Diagnose(err)
	if errors.Is(err, errSkipped) {
		fault = c.Fault()
	}
	return string(fault.Kind)
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
