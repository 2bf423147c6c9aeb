package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/singleflight"
)

// The tuned values (decisions S5, S6, S7 and S11), and how long a copy of a
// list is kept at most.
const (
	DefaultTokenTTL        = time.Hour
	DefaultUserTTL         = 5 * time.Minute
	DefaultUsers           = 5000
	DefaultResidenceIDsTTL = 5 * time.Minute
	DefaultListTTL         = 30 * 24 * time.Hour
)

// Config says where Redis is and how long things are kept. A zero value stands
// for the tuned one.
type Config struct {
	// URL is redis:// or rediss://. Empty: an in-process store, for one pod only.
	URL             string
	TokenTTL        time.Duration // at least: see Cache.tokenTTL
	UserTTL         time.Duration
	Users           int // entries in the memory of this process
	ResidenceIDsTTL time.Duration
	ListTTL         time.Duration // negative: lists are not cached
	NearBytes       int           // of lists in the memory of this process; negative: none
	// Timeout bounds one visit to Redis as a whole, dialling included.
	Timeout    time.Duration
	Tracer     trace.TracerProvider  // nil: no spans
	Registerer prometheus.Registerer // nil: counted, not exported
	Now        func() time.Time      // nil: time.Now
	Sabotage   Sabotage              // empty in production
	// OnFault is called with what keeps Redis from being used, at most once a
	// minute with the same fault, and with the zero Fault when Redis works again. It
	// is called within the request that noticed, so it must not wait. May be nil.
	OnFault func(context.Context, Fault)
	// ReadOnly is for those who check a cache that others use: nothing in Redis
	// is changed, not even by connecting. Sample and Look are all that it is for.
	ReadOnly bool
}

// Cache is safe for concurrent use. Close ends it.
type Cache struct {
	rdb     *redis.Client
	local   *inProcess // nil with a real Redis
	scripts scripts
	users   *userMemory
	metrics metrics
	breaker breaker
	watch   watch
	keeper  *keeper
	flights singleflight.Group
	near    *near
	// limiter counts attempts in Redis, attempts without it.
	limiter  *redis_rate.Limiter
	attempts *attempts
	cfg      Config
}

// Open makes a cache. It does not speak to Redis, which may come up later
// than this process: see Ping. It fails on a URL or a setting that can never work.
func Open(cfg Config) (*Cache, error) {
	cfg = cfg.withDefaults()
	users, err := newUserMemory(cfg.Users, cfg.UserTTL)
	if err != nil {
		return nil, err
	}
	attempts, err := newAttempts()
	if err != nil {
		return nil, err
	}
	c := &Cache{scripts: newScripts(), users: users, attempts: attempts, metrics: newMetrics(), keeper: newKeeper(), near: newNear(cfg.NearBytes), watch: newWatch(), cfg: cfg}
	var opts *redis.Options
	if cfg.URL == "" {
		c.local, opts, err = startInProcess(inProcessKeys, time.Second)
	} else {
		opts, err = parseURL(cfg.URL)
	}
	if err != nil {
		return nil, err
	}
	opts = tuned(opts, cfg.Timeout)
	if !cfg.ReadOnly {
		opts.OnConnect = c.connect
	}
	c.rdb = redis.NewClient(opts)
	c.rdb.AddHook(tripHook{})
	c.limiter = redis_rate.NewLimiter(c.rdb)
	if err := c.instrument(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (cfg Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.TokenTTL, DefaultTokenTTL)
	def(&cfg.UserTTL, DefaultUserTTL)
	def(&cfg.ResidenceIDsTTL, DefaultResidenceIDsTTL)
	def(&cfg.ListTTL, DefaultListTTL)
	def(&cfg.Timeout, DefaultTimeout)
	if cfg.Users == 0 {
		cfg.Users = DefaultUsers
	}
	if cfg.NearBytes == 0 {
		cfg.NearBytes = DefaultNearBytes
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

// tokenTTL is how long a token's user is known. The token is used only while the
// user's version stands, so it may live as long as the lists that it opens: with a
// shorter life, somebody who comes back after an hour would ask the database although
// Redis has the lists.
func (c *Cache) tokenTTL() time.Duration { return max(c.cfg.TokenTTL, c.cfg.ListTTL) }

// parseURL hides what the URL says: it may carry a password.
func parseURL(url string) (*redis.Options, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("REDIS_URL is not a Redis URL. Use redis://[:password@]host:6379/0, or rediss:// for TLS")
	}
	return opts, nil
}

// tuned turns off what go-redis does by default and a request cannot afford:
// 5 s time-outs, three retries (a retried script would be replayed), five
// dials, deadlines of the context ignored, and two extra round trips per
// connection (CLIENT SETINFO, maintenance notifications).
func tuned(o *redis.Options, timeout time.Duration) *redis.Options {
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = timeout, timeout, timeout, timeout
	o.ContextTimeoutEnabled = true
	o.Protocol = 2 // nothing here is pushed, and RESP3 looks for pushes around every reply
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.DisableIdentity = true
	o.PipelinePoolSize = -1 // a second pool would greet Redis anew for the same requests
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o
}

func (c *Cache) instrument() error {
	if c.cfg.Tracer != nil {
		err := redisotel.InstrumentTracing(c.rdb,
			redisotel.WithTracerProvider(c.cfg.Tracer),
			redisotel.WithDBStatement(false), // a statement would carry token hashes
			redisotel.WithCallerEnabled(false))
		if err != nil {
			return fmt.Errorf("trace Redis: %w", err)
		}
	}
	if c.cfg.Registerer == nil {
		return nil
	}
	users := func() float64 { return float64(c.users.len()) }
	bodies := func() float64 { return float64(c.near.size()) }
	for _, m := range c.metrics.collectors(users, bodies) {
		if err := c.cfg.Registerer.Register(m); err != nil {
			return fmt.Errorf("register a cache metric: %w", err)
		}
	}
	return nil
}

// InProcess reports whether there is no Redis, so that no second pod can share this cache.
func (c *Cache) InProcess() bool { return c.local != nil }

// Ping opens a connection, loads the scripts and reports whether Redis
// can be used. Nothing depends on it: it saves the first request a round trip.
// OnFault is called for its first failure already.
func (c *Cache) Ping(ctx context.Context) error {
	return c.visit(ctx, pingOperation, func(ctx context.Context) error {
		for _, s := range c.scripts.byRequests() {
			err := s.Load(ctx, c.rdb).Err()
			if Diagnose(err).Command == "SCRIPT LOAD" {
				return nil // the user may not load scripts; requests send their text then
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// pingOperation is Ping's name in the metrics.
const pingOperation = "ping"

// Close ends the connections, and the in-process store if there is one.
func (c *Cache) Close() error {
	err := c.rdb.Close()
	if c.local != nil {
		c.local.close()
	}
	return err
}
