package collect

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// redisClient is a connection to a redisServer.
type redisClient struct {
	*facts.RedisServer
	client *redis.Client // nil after close, and where the URL can't be read
	way    *dialWaterfall
}

// probeRedis connects as the app's cache does, measures the waterfall and the floor, and asks INFO. Every
// command has its own deadline within ctx.
func probeRedis(ctx context.Context, url string) *redisClient {
	s := &redisClient{RedisServer: &facts.RedisServer{Endpoint: facts.Endpoint{Name: "redis"}}}
	opts, err := redis.ParseURL(url)
	if err != nil {
		fail(ctx, s.RedisServer, "config", err)
		return s
	}
	s.Endpoint.Address, s.TLS = opts.Addr, check.TrustOfRedis(opts)
	w := &dialWaterfall{socket: &stamps{}, tlsConfig: opts.TLSConfig, began: time.Now()}
	opts.Dialer = w.dial
	// Like the app's own client: no CLIENT SETINFO, no maintenance hand-shake, no retry, one connection.
	opts.DisableIdentity, opts.MaxRetries, opts.PoolSize, opts.ContextTimeoutEnabled = true, -1, 1, true
	opts.DialerRetries = 1
	opts.PipelinePoolSize = -1 // a second pool would be a second connection
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = facts.ConnectTimeout, facts.ReachTimeout, facts.ReachTimeout
	client := redis.NewClient(opts)
	s.client, s.way = client, w

	ask := func(ctx context.Context) error { return pong(ctx, client) }
	if err := Bound(ctx, facts.ConnectTimeout, ask); err != nil {
		s.Endpoint.Phases = w.phases()
		s.Endpoint.Sum()
		fail(ctx, s.RedisServer, w.reached(), err)
		return s
	}
	w.socket.stop()
	if m := w.metered(); m != nil {
		s.Remote = ipOf(m.RemoteAddr())
	}
	s.Endpoint.Phases, s.Endpoint.TLS = w.phases(), w.shaken()
	s.Endpoint.Sum()
	samples, err := measureFloor(ctx, facts.FloorSamples, func(ctx context.Context) error { return Bound(ctx, facts.QueryTimeout, ask) })
	s.Samples, s.Lost = samples, explainRedis(ctx, "", err)
	if err != nil && !s.Lost.CutOff() {
		fail(ctx, s.RedisServer, "", err)
		return s
	}
	s.Endpoint.SetFloor(samples, facts.FloorSamples)
	s.Endpoint.JudgeProxy(s.way.metered())
	err = Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		text, err := client.Info(ctx).Result()
		s.Read(text)
		return err
	})
	if err != nil {
		// A managed Redis may refuse INFO: then its policy stays unknown, and Redis is not down for that.
		s.Untold = explainRedis(ctx, "", err)
		s.Endpoint.Notes = append(s.Endpoint.Notes, "INFO was refused: "+s.Untold.Error())
	}
	return s
}

// try makes the self-test, in one turn.
func (s *redisClient) try(ctx context.Context) {
	_ = Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		t := cache.Try(ctx, s.client)
		s.Self, s.SelfFailed = &t, explainRedis(ctx, "", t.Err)
		return nil // it is noted
	})
}

// turns is what this connection has cost so far, connecting included.
func (s *redisClient) turns() int64 {
	if s.way == nil || s.way.metered() == nil {
		return 0
	}
	return s.way.metered().Turns() + 1 // TCP's own handshake is not seen by the meter
}

func (s *redisClient) close() {
	if s != nil && s.client != nil {
		_ = s.client.Close() // nothing is lost with the connection
		s.client = nil
	}
}

// pong makes one round trip. A Redis that fails to save refuses even PING, and so does one whose user has not the right
// to it, which the app needs not: yet it has answered.
func pong(ctx context.Context, c *redis.Client) error {
	err := c.Ping(ctx).Err()
	switch f := cache.Diagnose(err); {
	case f.Kind == cache.FaultWrites, f.Kind == cache.FaultPermission && f.Command == "PING":
		return nil
	case f.Kind == cache.FaultReplica: // a replica without its master refuses what it does not know to be current
		return nil
	default:
		return err
	}
}

func fail(ctx context.Context, s *facts.RedisServer, phase string, err error) {
	s.Failed = explainRedis(ctx, phase, err)
	s.Endpoint.Error = s.Failed.Error()
}
