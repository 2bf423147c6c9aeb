package lab

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// The parts of Redis' INFO that FillRedis and RedisRefusals read.
//
//nolint:gochecknoglobals // compiled once, never written
var (
	usedMemory  = regexp.MustCompile(`(?m)^used_memory:(\d+)`)
	refusedOOM  = regexp.MustCompile(`(?m)^errorstat_OOM:count=(\d+)`)
	evictedKeys = regexp.MustCompile(`(?m)^evicted_keys:(\d+)`)
)

// FillRedis makes Redis full as it stands: it may keep no more memory than it
// has in use, and does what the policy says with whatever comes next. A restart
// of Redis (StopRedis, StartRedis) gives it production's limits again.
func (l *Lab) FillRedis(ctx context.Context, policy string) (bytes int64, err error) {
	err = l.withRedis(func(c *redis.Client) error {
		if bytes, err = redisInfo(ctx, c, "memory", usedMemory); err != nil {
			return err
		}
		if err := c.ConfigSet(ctx, "maxmemory-policy", policy).Err(); err != nil {
			return fmt.Errorf("lab: set the policy of Redis: %w", err)
		}
		if err := c.ConfigSet(ctx, "maxmemory", strconv.FormatInt(bytes, 10)).Err(); err != nil {
			return fmt.Errorf("lab: limit the memory of Redis: %w", err)
		}
		return nil
	})
	return bytes, err
}

// RedisRefusals is how many commands Redis has refused since it started because
// it had no memory left, and how many keys it has evicted instead.
func (l *Lab) RedisRefusals(ctx context.Context) (refused, evicted int64, err error) {
	err = l.withRedis(func(c *redis.Client) error {
		if refused, err = redisInfo(ctx, c, "errorstats", refusedOOM); err != nil {
			return err
		}
		evicted, err = redisInfo(ctx, c, "stats", evictedKeys)
		return err
	})
	return refused, evicted, err
}

// redisInfo reads one number of a section; what is not there is 0.
func redisInfo(ctx context.Context, c *redis.Client, section string, number *regexp.Regexp) (int64, error) {
	text, err := c.Info(ctx, section).Result()
	if err != nil {
		return 0, fmt.Errorf("lab: ask Redis for its %s: %w", section, err)
	}
	m := number.FindStringSubmatch(text)
	if m == nil {
		return 0, nil
	}
	return strconv.ParseInt(m[1], 10, 64)
}
