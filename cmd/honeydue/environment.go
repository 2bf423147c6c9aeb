package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/telemetry"
)

// load reads one concern of the environment; what is wrong with it is a usage error.
//
//	database, err := load(a, config.ParseRedis)
func load[T any](a *app, parse func(config.Environ) (T, error)) (T, error) {
	value, err := parse(a.env)
	return value, usage(err)
}

// database reads the database's variables, and says on stderr which parameters of its URLs have no effect.
func (a *app) database() (config.Database, error) {
	d, err := load(a, config.ParseDatabase)
	for _, n := range d.Notes {
		if note := n.String(); !slices.Contains(a.noted, note) {
			a.noted = append(a.noted, note)
			fmt.Fprintf(a.stderr, "honeydue: %s\n", note)
		}
	}
	return d, err
}

// pooler reads the database's variables and requires that the main endpoint is among them.
func (a *app) pooler() (config.Database, error) {
	d, err := a.database()
	if err != nil {
		return d, err
	}
	return d, usage(d.Require())
}

// direct reads the database's variables and requires that the direct endpoint is among them.
func (a *app) direct() (config.Database, error) {
	d, err := a.database()
	if err != nil {
		return d, err
	}
	return d, usage(d.RequireDirect())
}

// telemetry sets up logs (to stderr), traces and metrics as the environment has it. Shut it down at the end.
func (a *app) telemetry(ctx context.Context) (*telemetry.Telemetry, error) {
	traces, err := load(a, config.ParseTelemetry)
	if err != nil {
		return nil, err
	}
	log, err := load(a, config.ParseLog)
	if err != nil {
		return nil, err
	}
	ratio, err := traces.Ratio()
	if err != nil {
		return nil, usage(err)
	}
	return telemetry.Setup(ctx, telemetry.Config{
		Service: traces.Service(), Version: a.build.Version, Commit: a.build.Commit, Attributes: traces.Attributes(),
		TracesURL: traces.TracesURL(), Headers: traces.ExportHeaders(), Timeout: traces.Timeout(), QueueSize: traces.QueueSize,
		Sampler: traces.Sampler, Ratio: ratio,
		LogWriter: a.stderr, LogFormat: log.Format, LogLevel: log.SlogLevel(), Redact: a.redact,
	})
}

// redact takes the secrets of the environment and of the files of tokens out of a text that is about to be printed.
func (a *app) redact(text string) string {
	for _, m := range a.masks {
		text = m.Replace(text)
	}
	return config.MaskText(text, a.secrets...)
}

// hide has redact mask these, too. Call it before what may print them starts.
func (a *app) hide(secrets ...string) { a.masks = append(a.masks, config.NewMask(secrets)) }
