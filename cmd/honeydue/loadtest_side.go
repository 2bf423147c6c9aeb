package main

import (
	"context"
	"log/slog"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/lab"
)

// sideOptions are the flags of loadtest about what stands behind the target.
type sideOptions struct {
	metricsURL, traceLink string

	link bench.TraceLink // of traceLink or the environment
}

func (o *sideOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.metricsURL, "metrics-url", "", "`URL` of the target's /metrics (its admin address), read once a second; --lab knows its own")
	flags.StringVar(&o.traceLink, "trace-link", "", "`URL` of a trace with {trace_id} in it, to lead from the slowest requests to their traces (also HONEYDUE_TRACE_LINK)")
}

// read completes the options from the environment, and refuses what is no URL. No message holds one: it may carry a password.
func (o *sideOptions) read(own config.Loadtest) (err error) {
	if o.metricsURL != "" {
		if _, err := bench.ParseMetricsURL(o.metricsURL); err != nil {
			return usagef("Give it as http://host:9090/metrics.", "--metrics-url: %w", err)
		}
	}
	template, from := o.traceLink, "--trace-link"
	if template == "" {
		template, from = own.TraceLink, "HONEYDUE_TRACE_LINK"
	}
	if o.link, err = bench.ParseTraceLink(template); err != nil {
		return usagef("Give it as https://jaeger.example/trace/{trace_id}.", "%s: %w", from, err)
	}
	return nil
}

// openSampler connects to the parts behind a load test's target.
func (a *app) openSampler(ctx context.Context, t loadtest) *bench.Sampler {
	redis.SetLogger(redisLog{slog.New(slog.DiscardHandler)}) // a Redis that is gone is told in the report
	return bench.OpenSampler(ctx, a.around(t))
}

// around is where the parts behind a load test's target are: those of the environment, unless the test knows its own.
func (a *app) around(t loadtest) bench.SamplerConfig {
	o, c := t.options, t.around
	if c == (bench.SamplerConfig{}) {
		c = a.aroundEnvironment()
	}
	switch {
	case o.layer == layerDB:
		c.Metrics.Why = "--layer db has no server: its pool is the load test's own"
	case c.Metrics.URL != "":
	case o.side.metricsURL != "":
		c.Metrics.URL, c.Trust = o.side.metricsURL, o.trust
	default:
		c.Metrics.Why = "--metrics-url is not given"
	}
	if o.compare.against != "" {
		return bench.SamplerConfig{Metrics: notRead(), Console: notRead(), Statements: notRead(), Redis: notRead()}
	}
	return c
}

func notRead() bench.SourceAt {
	return bench.SourceAt{Why: "two servers take turns, and what stands behind both can't tell whose work it does"}
}

// aroundLab is the parts of a lab; its server has the metrics.
func aroundLab(env lab.Env) bench.SamplerConfig {
	return bench.SamplerConfig{
		Console: bench.SourceAt{URL: env.AdminURL}, Statements: bench.SourceAt{URL: env.DirectURL}, Redis: bench.SourceAt{URL: env.RedisURL},
		Database: databaseOf(env.DatabaseURL),
	}
}

// aroundEnvironment is the parts that the environment names. What is wrong with it fails no load test of a URL.
func (a *app) aroundEnvironment() bench.SamplerConfig {
	var c bench.SamplerConfig
	database, err := config.ParseDatabase(a.env)
	c.Console = sourceAt(database.AdminURL, err, "PGBOUNCER_ADMIN_URL is not set (Neon's pooler shows its console to nobody)")
	c.Statements = sourceAt(database.DirectURL, err, "neither DATABASE_DIRECT_URL nor DB_DIRECT_HOST is set")
	c.Database = databaseOf(database.URL)
	cached, err := config.ParseRedis(a.env)
	c.Redis = sourceAt(cached.URL, err, "REDIS_URL is not set")
	return c
}

func sourceAt(at string, err error, unset string) bench.SourceAt {
	switch {
	case err != nil:
		first, _, _ := strings.Cut(err.Error(), "\n")
		return bench.SourceAt{Why: "the environment can't be read: " + first}
	case at == "":
		return bench.SourceAt{Why: unset}
	}
	return bench.SourceAt{URL: at}
}

// databaseOf is the name of the database that a URL leads to; "" if it can't be told.
func databaseOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/")
}
