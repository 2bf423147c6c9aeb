package redis

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Client is a connection to a redisServer.
type Client struct {
	*facts.RedisServer
	client *redis.Client // nil after close, and where the URL can't be read
	way    *dial.Waterfall
}

// ProbeRedis connects as the app's cache does, measures the waterfall and the floor, and asks INFO. Every
// command has its own deadline within ctx.
func ProbeRedis(ctx context.Context, url string) *Client {
	s := &Client{RedisServer: &facts.RedisServer{Endpoint: facts.Endpoint{Name: "redis"}}}
	opts, err := redis.ParseURL(url)
	if err != nil {
		fail(ctx, s.RedisServer, "config", err)
		return s
	}
	s.Endpoint.Address, s.TLS = opts.Addr, check.TrustOfRedis(opts)
	w := &dial.Waterfall{Socket: &dial.Stamps{}, TLSConfig: opts.TLSConfig, Began: time.Now()}
	opts.Dialer = w.Dial
	// Like the app's own client: no CLIENT SETINFO, no maintenance hand-shake, no retry, one connection.
	opts.DisableIdentity, opts.MaxRetries, opts.PoolSize, opts.ContextTimeoutEnabled = true, -1, 1, true
	opts.DialerRetries = 1
	opts.PipelinePoolSize = -1 // a second pool would be a second connection
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = facts.ConnectTimeout, facts.ReachTimeout, facts.ReachTimeout
	client := redis.NewClient(opts)
	s.client, s.way = client, w

	ask := func(ctx context.Context) error { return pong(ctx, client) }
	if err := dial.Bound(ctx, facts.ConnectTimeout, ask); err != nil {
		s.Endpoint.Phases = w.Phases()
		s.Endpoint.Sum()
		fail(ctx, s.RedisServer, w.Reached(), err)
		return s
	}
	w.Socket.Stop()
	if m := w.Metered(); m != nil {
		s.Remote = dial.IPOf(m.RemoteAddr())
	}
	s.Endpoint.Phases, s.Endpoint.TLS = w.Phases(), w.Shaken()
	s.Endpoint.Sum()
	samples, err := dial.MeasureFloor(ctx, facts.FloorSamples, func(ctx context.Context) error { return dial.Bound(ctx, facts.QueryTimeout, ask) })
	s.Samples, s.Lost = samples, explainRedis(ctx, "", err)
	if err != nil && !s.Lost.CutOff() {
		fail(ctx, s.RedisServer, "", err)
		return s
	}
	s.Endpoint.SetFloor(samples, facts.FloorSamples)
	s.Endpoint.JudgeProxy(s.way.Metered())
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
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

// Try makes the self-test, in one turn.
func (s *Client) Try(ctx context.Context) {
	_ = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		t := cache.Try(ctx, s.client)
		s.Self, s.SelfFailed = &t, explainRedis(ctx, "", t.Err)
		return nil // it is noted
	})
}

// Turns is what this connection has cost so far, connecting included.
func (s *Client) Turns() int64 {
	if s.way == nil || s.way.Metered() == nil {
		return 0
	}
	return s.way.Metered().Turns() + 1 // TCP's own handshake is not seen by the meter
}

// Close ends the connection.
func (s *Client) Close() {
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
