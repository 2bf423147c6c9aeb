package servecmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
	"github.com/honeydue/honeydue/internal/telemetry"
)

// boot makes everything that serving needs, opens the gate and says that the
// server is ready. What it made is closed by closing, also if it failed.
func boot(ctx context.Context, a *app.App, o serveOptions, tel *telemetry.Telemetry, gate *api.Gate, url string, closing *closers, g *errgroup.Group) (*api.Server, error) {
	began := time.Now()
	database, err := a.Database()
	if err != nil {
		return nil, err
	}
	rds, err := app.Load(a, config.ParseRedis)
	if err != nil {
		return nil, err
	}
	experiment, err := app.Load(a, config.ParseExperiment)
	if err != nil {
		return nil, err
	}
	limits, err := app.Load(a, config.ParseLimits)
	if err != nil {
		return nil, err
	}
	ablated := experiment.Decisions()
	if len(ablated) > 0 {
		tel.Log.WarnContext(ctx, "HONEYDUE_ABLATE makes this server worse, for an experiment; unset it", slog.Any("decisions", ablated))
	}
	var demo *store.Demo
	if o.lab || database.URL == "" {
		env, err := bootLab(ctx, a, o, tel.Log, closing, g)
		if err != nil {
			return nil, err
		}
		database.URL, rds.URL = env.DatabaseURL, env.RedisURL
		a.AddSecrets(config.Environ{"DATABASE_URL": env.DatabaseURL, "REDIS_URL": env.RedisURL}.Secrets()...)
		demo = &env.demo
	}
	c, err := openCache(ctx, a, rds.URL, tel)
	if err != nil {
		return nil, err
	}
	closing.add(func(context.Context) error { return c.Close() })
	pool := app.PoolConfig(database)
	pool.Unwarmed, pool.SplitAuth = experiment.Has(config.AblateWarmUp), experiment.Has(config.AblateAuthJoin)
	pool.Tracer = api.NewQueryTracer(tel.Recorded())
	pool.Meanwhile = func(ctx context.Context, db *store.DB) {
		if _, err := c.Sweep(ctx, api.ChangeLog(db)); err != nil && ctx.Err() == nil {
			tel.Log.WarnContext(ctx, "the change log could not be read yet; lists come from the database until it is", slog.Any("error", err))
		}
	}
	pool.IdleClosed = func(after time.Duration, reason string) {
		tel.Log.WarnContext(ctx, "the other side of the database connections closes idle ones; they are used in the background from now on",
			slog.Duration("after", after), slog.String("reason", reason),
			slog.String("what_to_do", "Set client_idle_timeout of PgBouncer, or idle_session_timeout of Postgres, to 0."))
	}
	db, err := openPool(ctx, o.startupTimeout, pool, tel.Log)
	if err != nil {
		return nil, err
	}
	closing.add(func(context.Context) error { db.Close(); return nil })
	for _, w := range db.Proof().Warnings {
		tel.Log.WarnContext(ctx, w.Error(), slog.String("setting", w.Setting), slog.String("what_to_do", w.Hint()))
	}
	s, err := api.New(api.Config{ //nolint:contextcheck // its handlers take each request's own
		DB: db, Cache: c, Log: tel.Log, Tracer: tel.Recorded(), Propagator: tel.Propagator, Registry: tel.Registry,
		Version: a.Build.Version, Commit: a.Build.Commit, StartedAt: gate.StartedAt(), Ablated: ablated, Unwarmed: pool.Unwarmed,
		Limits: apiLimits(limits), TrustedProxies: limits.TrustedProxies,
	})
	if err != nil {
		return nil, err
	}
	g.Go(func() error { s.Keep(ctx); return nil })
	gate.Open(s)
	s.SetReady()
	sayReady(a, db, url, time.Since(began))
	if demo != nil {
		err = a.Write(newServeReport(*demo, url).Document())
	}
	return s, err
}

// apiLimits are the API's limits as the environment has them.
func apiLimits(l config.Limits) api.Limits {
	of := func(a config.Attempts) cache.Limit { return cache.Limit{Attempts: a.Number, Per: a.Per} }
	return api.Limits{
		Login: of(l.Login), LoginAccount: of(l.LoginAccount), LoginAddress: of(l.LoginAddress),
		RegisterAccount: of(l.RegisterAccount), RegisterAddress: of(l.RegisterAddress),
		JoinUser: of(l.JoinUser), JoinAddress: of(l.JoinAddress),
	}
}

func openCache(ctx context.Context, a *app.App, url string, tel *telemetry.Telemetry) (*cache.Cache, error) {
	conf, err := app.Load(a, config.ParseCache)
	if err != nil {
		return nil, err
	}
	listTTL := conf.BoardTTL
	if listTTL == 0 {
		listTTL = -1 // the cache's zero stands for its default
	}
	nearBytes := conf.ListMemory
	if nearBytes == 0 {
		nearBytes = -1 // as above
	}
	c, err := cache.Open(cache.Config{
		URL: url, NearBytes: nearBytes, TokenTTL: conf.TokenTTL, UserTTL: conf.UserTTL, Users: conf.UserSize, ResidenceIDsTTL: conf.ResidenceIDsTTL, ListTTL: listTTL,
		Tracer: tel.Recorded(), Registerer: tel.Registry, OnFault: logFaults(tel.Log),
	})
	if err != nil {
		return nil, exit.Usage(err)
	}
	if c.InProcess() {
		fmt.Fprintln(a.Stderr, "REDIS_URL is not set: the cache lives in this process, which is right for one pod only.")
	} else {
		_ = c.Ping(ctx) // OnFault reports it, and nothing depends on it
	}
	return c, nil
}

// logFaults writes a line when Redis cannot be used, and one when it can again.
func logFaults(log *slog.Logger) func(context.Context, cache.Fault) {
	return func(ctx context.Context, f cache.Fault) {
		if f == (cache.Fault{}) {
			log.InfoContext(ctx, "Redis works again")
			return
		}
		log.WarnContext(ctx, "the cache in Redis fails; what it cannot serve comes from the database",
			slog.String("fault", string(f.Kind)), slog.String("command", f.Command), slog.String("error", f.String()), slog.String("advice", f.Hint()))
	}
}

// openPool tries until the database is there: a pod may start before it, or
// while it wakes up. After a first failure it tries one connection at a time. An
// error that waiting cannot end is returned at once.
func openPool(ctx context.Context, limit time.Duration, c store.Config, log *slog.Logger) (*store.DB, error) {
	deadline := time.Now().Add(limit)
	db, err := store.Open(ctx, c)
	for pause := 250 * time.Millisecond; err != nil; pause = min(2*pause, 4*time.Second) {
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrRefused) || ctx.Err() != nil || time.Now().Add(pause).After(deadline) {
			return nil, err
		}
		log.WarnContext(ctx, "the database cannot be used yet", slog.Any("error", err), slog.Duration("again_in", pause))
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
		if err = tryOne(ctx, c); err == nil {
			db, err = store.Open(ctx, c)
		}
	}
	return db, nil
}

// tryOne opens one connection and closes it.
func tryOne(ctx context.Context, c store.Config) error {
	c.MaxConns, c.MinIdleConns, c.Meanwhile, c.Unwarmed = 1, 1, nil, false
	db, err := store.Open(ctx, c)
	if err == nil {
		db.Close()
	}
	return err
}

// furnished is a replica with a schema and a household to look at.
type furnished struct {
	lab.Env
	demo store.Demo
}

// bootLab starts the replica, or uses the one that runs in the folder already.
// The link gets its round trip when the furniture is in: nobody waits for that
// in production, either.
func bootLab(ctx context.Context, a *app.App, o serveOptions, log *slog.Logger, closing *closers, g *errgroup.Group) (furnished, error) {
	conf, err := app.Load(a, config.ParseLab)
	if err != nil {
		return furnished{}, err
	}
	dir := o.data
	if dir == "" {
		if dir, err = lab.DefaultDir(); err != nil {
			return furnished{}, err
		}
	}
	fmt.Fprintf(a.Stderr, "Starting a local Postgres, PgBouncer and Redis in %s ...\n", dir)
	l, err := lab.Start(ctx, lab.Config{Dir: dir, BinDirs: conf.Dirs(), Log: log})
	if locked, ok := errors.AsType[*lab.LockedError](err); ok {
		state, stateErr := lab.ReadState(locked.Dir)
		if stateErr != nil || !state.Ready {
			return furnished{}, err
		}
		fmt.Fprintf(a.Stderr, "They run already (process %d); using those, with their own round trip.\n", state.PID)
		return furnish(ctx, state.Env)
	}
	if err != nil {
		return furnished{}, err
	}
	closing.add(l.Stop)
	g.Go(func() error { return l.Wait(ctx) })
	f, err := furnish(ctx, l.Env())
	return f, errors.Join(err, l.Pooler().SetModel(link.Model{RTT: o.rtt}), l.Direct().SetModel(link.Model{RTT: o.rtt}))
}

func furnish(ctx context.Context, env lab.Env) (furnished, error) {
	if err := store.Migrate(ctx, env.DirectURL); err != nil {
		return furnished{}, err
	}
	demo, err := store.SeedDemo(ctx, env.DirectURL)
	return furnished{env, demo}, err
}

func sayReady(a *app.App, db *store.DB, url string, took time.Duration) {
	p := db.Proof()
	way := "directly: " + p.How
	if p.ThroughPooler {
		way = "through a pooler: " + p.How
	}
	fmt.Fprintf(a.Stderr, "honeydue %s serves %s\n  ready in %d ms; %d connections opened in parallel in %d ms, %d turns on the critical path\n  the database is reached %s; execution mode %s\n",
		a.Build.Version, url, took.Milliseconds(), p.Conns, p.Took.Milliseconds(), p.Turns, way, p.ExecMode)
}
