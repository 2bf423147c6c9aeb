package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/store"
	"github.com/honeydue/honeydue/internal/telemetry"
)

// Load reads one concern of the environment; what is wrong with it is a usage error.
//
//	database, err := Load(a, config.ParseRedis)
func Load[T any](a *App, parse func(config.Environ) (T, error)) (T, error) {
	value, err := parse(a.Env)
	return value, exit.Usage(err)
}

// Database reads the database's variables, and says on stderr which parameters of its URLs have no effect.
func (a *App) Database() (config.Database, error) {
	d, err := Load(a, config.ParseDatabase)
	for _, n := range d.Notes {
		if note := n.String(); !slices.Contains(a.noted, note) {
			a.noted = append(a.noted, note)
			fmt.Fprintf(a.Stderr, "honeydue: %s\n", note)
		}
	}
	return d, err
}

// Pooler reads the database's variables and requires that the main endpoint is among them.
func (a *App) Pooler() (config.Database, error) {
	d, err := a.Database()
	if err != nil {
		return d, err
	}
	return d, exit.Usage(d.Require())
}

// PoolerAndRedis is Pooler, and Redis's variables. A missing REDIS_URL is not an error here.
func (a *App) PoolerAndRedis() (config.Database, config.Redis, error) {
	d, err := a.Pooler()
	if err != nil {
		return d, config.Redis{}, err
	}
	r, err := Load(a, config.ParseRedis)
	return d, r, err
}

// Direct reads the database's variables and requires that the direct endpoint is among them.
func (a *App) Direct() (config.Database, error) {
	d, err := a.Database()
	if err != nil {
		return d, err
	}
	return d, exit.Usage(d.RequireDirect())
}

// Telemetry sets up logs (to stderr), traces and metrics as the environment has it. Shut it down at the end.
func (a *App) Telemetry(ctx context.Context) (*telemetry.Telemetry, error) {
	traces, err := Load(a, config.ParseTelemetry)
	if err != nil {
		return nil, err
	}
	log, err := Load(a, config.ParseLog)
	if err != nil {
		return nil, err
	}
	ratio, err := traces.Ratio()
	if err != nil {
		return nil, exit.Usage(err)
	}
	return telemetry.Setup(ctx, telemetry.Config{
		Service: traces.Service(), Version: a.Build.Version, Commit: a.Build.Commit, Attributes: traces.Attributes(),
		TracesURL: traces.TracesURL(), Headers: traces.ExportHeaders(), Timeout: traces.Timeout(), QueueSize: traces.QueueSize,
		Sampler: traces.Sampler, Ratio: ratio,
		LogWriter: a.Stderr, LogFormat: log.Format, LogLevel: log.SlogLevel(), Redact: a.Redact,
	})
}

// Redact takes the secrets of the environment and of the files of tokens out of a text that is about to be printed.
func (a *App) Redact(text string) string {
	for _, m := range a.masks {
		text = m.Replace(text)
	}
	return config.MaskText(text, a.secrets...)
}

// Hide has redact mask these, too. Call it before what may print them starts.
func (a *App) Hide(secrets ...string) { a.masks = append(a.masks, config.NewMask(secrets)) }

// AddSecrets has Redact mask these, too, however short they are.
func (a *App) AddSecrets(secrets ...string) { a.secrets = append(a.secrets, secrets...) }

// PoolConfig is the store's configuration as the environment has it.
func PoolConfig(d config.Database) store.Config {
	return store.Config{
		URL: d.URL, ExecMode: d.ExecMode, MaxConns: d.MaxConns, MinIdleConns: d.MinIdleConns,
		MaxLifetime: d.MaxLifetime, MaxIdleTime: d.MaxIdleTime,
	}
}

// RedisLog takes go-redis' own messages, which would go to stderr as they are. What matters of them is counted by the cache.
type RedisLog struct{ Log *slog.Logger }

// Printf implements go-redis' logger.
func (l RedisLog) Printf(ctx context.Context, format string, args ...any) {
	l.Log.DebugContext(ctx, fmt.Sprintf(format, args...))
}
