package probe

import (
	"context"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/honeydue/honeydue/internal/cache"
)

// redisServer is what is known of Redis.
type redisServer struct {
	endpoint Endpoint
	failed   *failure
	remote   net.IP // whom it is connected to; nil if it never was, or is a socket of this machine
	tls      tlsTrust
	facts    *redisFacts // nil until it was watched
	// self is what came of the self-test, nil if it was not made; selfFailed is why it had no answer.
	self       *cache.SelfTest
	selfFailed *failure
	// samples are the PINGs of the floor; lost is why there was none after them, nil if they ended by themselves.
	samples []time.Duration
	lost    *failure
	// Of INFO; empty where Redis would not say, for which untold is the reason.
	untold    *failure
	policy    string
	maxMemory int64
	memory    int64  // counted against maxMemory
	product   string // Redis, or Valkey
	version   string
}

// redisClient is a connection to a redisServer.
type redisClient struct {
	*redisServer
	client *redis.Client // nil after close, and where the URL can't be read
	way    *dialWaterfall
}

// probeRedis connects as the app's cache does, measures the waterfall and the floor, and asks INFO. Every
// command has its own deadline within ctx.
func probeRedis(ctx context.Context, url string) *redisClient {
	s := &redisClient{redisServer: &redisServer{endpoint: Endpoint{Name: "redis"}}}
	opts, err := redis.ParseURL(url)
	if err != nil {
		s.fail(ctx, "config", err)
		return s
	}
	s.endpoint.Address, s.tls = opts.Addr, trustOfRedis(opts)
	w := &dialWaterfall{socket: &stamps{}, tlsConfig: opts.TLSConfig, began: time.Now()}
	opts.Dialer = w.dial
	// Like the app's own client: no CLIENT SETINFO, no maintenance hand-shake, no retry, one connection.
	opts.DisableIdentity, opts.MaxRetries, opts.PoolSize, opts.ContextTimeoutEnabled = true, -1, 1, true
	opts.DialerRetries = 1
	opts.PipelinePoolSize = -1 // a second pool would be a second connection
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = connectTimeout, reachTimeout, reachTimeout
	client := redis.NewClient(opts)
	s.client, s.way = client, w

	ask := func(ctx context.Context) error { return pong(ctx, client) }
	if err := bound(ctx, connectTimeout, ask); err != nil {
		s.endpoint.Phases = w.phases()
		s.endpoint.sum()
		s.fail(ctx, w.reached(), err)
		return s
	}
	w.socket.stop()
	if m := w.metered(); m != nil {
		s.remote = ipOf(m.RemoteAddr())
	}
	s.endpoint.Phases, s.endpoint.TLS = w.phases(), w.shaken()
	s.endpoint.sum()
	samples, err := measureFloor(ctx, FloorSamples, func(ctx context.Context) error { return bound(ctx, queryTimeout, ask) })
	s.samples, s.lost = samples, explainRedis(ctx, "", err)
	if err != nil && !s.lost.cutOff() {
		s.fail(ctx, "", err)
		return s
	}
	s.endpoint.setFloor(samples, FloorSamples)
	s.endpoint.judgeProxy(s.way.metered())
	err = bound(ctx, queryTimeout, func(ctx context.Context) error {
		text, err := client.Info(ctx).Result()
		s.read(text)
		return err
	})
	if err != nil {
		// A managed Redis may refuse INFO: then its policy stays unknown, and Redis is not down for that.
		s.untold = explainRedis(ctx, "", err)
		s.endpoint.Notes = append(s.endpoint.Notes, "INFO was refused: "+s.untold.Error())
	}
	return s
}

// try makes the self-test, in one turn.
func (s *redisClient) try(ctx context.Context) {
	_ = bound(ctx, queryTimeout, func(ctx context.Context) error {
		t := cache.Try(ctx, s.client)
		s.self, s.selfFailed = &t, explainRedis(ctx, "", t.Err)
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

func (s *redisServer) fail(ctx context.Context, phase string, err error) {
	s.failed = explainRedis(ctx, phase, err)
	s.endpoint.Error = s.failed.Error()
}

// read takes from INFO's text what the checks need.
func (s *redisServer) read(info string) {
	values := cache.ParseInfo(info)
	s.policy, s.product, s.version = values["maxmemory_policy"], redisName, values["redis_version"]
	if values["server_name"] == "valkey" { // whose redis_version stays that of the Redis that it comes from
		s.product, s.version = valkeyName, values["valkey_version"]
	}
	s.maxMemory, s.memory = infoNumber(values, "maxmemory"), countedMemory(values)
}

// notCounted is the part of used_memory that Redis does not compare with maxmemory: what replicas have not fetched beyond
// the backlog, and what waits for the append-only file.
const notCounted = "mem_not_counted_for_evict"

// countedMemory is the memory of INFO that Redis compares with maxmemory.
func countedMemory(info map[string]string) int64 {
	return max(0, infoNumber(info, "used_memory")-infoNumber(info, notCounted))
}
