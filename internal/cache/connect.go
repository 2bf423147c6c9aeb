package cache

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// connect is the first thing on every connection: it finds out whose memory
// this is, before anything that stands in it is believed.
func (c *Cache) connect(ctx context.Context, cn *redis.Conn) error {
	run := "in-process" // in lua/sweep.lua as well
	if c.local == nil {
		info, err := cn.Info(ctx, "server").Result()
		if err != nil {
			return fmt.Errorf("read Redis' run_id: %w", err)
		}
		server := ParseInfo(info)
		if clustered(server) {
			return errCluster
		}
		if run = server["run_id"]; run == "" {
			return fmt.Errorf("redis does not report its run_id in INFO server")
		}
	}
	another, err := c.scripts.connect.Run(ctx, cn, nil, run, nonce()).Int()
	if err != nil {
		return fmt.Errorf("compare Redis' run_id: %w", err)
	}
	if another == 1 {
		c.metrics.emptied.Inc()
	}
	return nil
}
