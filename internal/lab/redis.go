package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// redisConf is the whole redis.conf: a cache, which keeps nothing on disk and
// evicts the coldest keys when it is full.
const redisConf = `# Written by honeydue at each start of the lab.
bind 127.0.0.1
port %d
dir "%s"
databases %d
requirepass %s
maxmemory %d
maxmemory-policy %s
save ""
appendonly no
daemonize no
%s
`

func (l *Lab) startRedis(ctx context.Context) error {
	path := filepath.Join(l.dir.redis(), "redis.conf")
	settings := l.config.RedisSettings
	if slices.Contains(settings, "cluster-enabled yes") {
		bus, err := busPort(ctx, l.ports.Redis)
		if err != nil {
			return err
		}
		settings = append(slices.Clip(settings), fmt.Sprintf("cluster-port %d", bus))
	}
	conf := fmt.Sprintf(redisConf, l.ports.Redis, l.dir.redis(), l.config.RedisDatabases, l.secrets.Redis, redisMemory, redisPolicy, strings.Join(settings, "\n"))
	if err := l.account.ownedFile(path, []byte(conf)); err != nil {
		return err
	}
	err := l.start(ctx, command{
		name: nameRedis, argv: []string{l.bin.redis, path}, dir: l.dir.redis(), log: l.dir.log(nameRedis),
		dying: syscall.SIGKILL, // nothing to save
		ends:  []ending{{syscall.SIGTERM, 3 * time.Second}},
	}, func(ctx context.Context) error {
		// First by hand: go-redis writes to stderr about a refused connection.
		if err := knock(ctx, loopback(l.ports.Redis)); err != nil {
			return err
		}
		return l.withRedis(func(c *redis.Client) error { return c.Ping(ctx).Err() })
	})
	if err != nil {
		return err
	}
	return l.withRedis(func(c *redis.Client) error { return checkRedis(ctx, c) })
}

// busPort is a free port for the bus of a Redis Cluster, below those that the
// kernel hands out, which the other servers get. Redis' default, 10,000 above its
// own port, may be taken. Where the search begins depends on that port, so that
// two labs do not choose the same.
func busPort(ctx context.Context, redisPort int) (int, error) {
	var listener net.ListenConfig
	for n := range 10_000 {
		port := 20_000 + (redisPort+n)%10_000
		l, err := listener.Listen(ctx, "tcp", loopback(port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("lab: no port from 20000 to 29999 is free for the bus of a Redis Cluster")
}

func knock(ctx context.Context, addr string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return c.Close()
}

// checkRedis requires that the limits in force are production's.
func checkRedis(ctx context.Context, c *redis.Client) error {
	got, err := c.ConfigGet(ctx, "maxmemory*").Result()
	if err != nil {
		return fmt.Errorf("lab: ask Redis for its limits: %w", err)
	}
	if want := strconv.Itoa(redisMemory); got["maxmemory"] != want || got["maxmemory-policy"] != redisPolicy {
		return fmt.Errorf("lab: Redis works with maxmemory %s and %s, not with %s and %s as configured",
			got["maxmemory"], got["maxmemory-policy"], want, redisPolicy)
	}
	return nil
}

func (l *Lab) withRedis(do func(*redis.Client) error) error {
	c := redis.NewClient(&redis.Options{
		Addr: loopback(l.ports.Redis), Password: l.secrets.Redis, MaxRetries: -1, DialerRetries: 1,
		DisableIdentity: true, ContextTimeoutEnabled: true, DialTimeout: time.Second,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	defer c.Close()
	return do(c)
}
