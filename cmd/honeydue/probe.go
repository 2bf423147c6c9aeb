package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/probe"
	"github.com/honeydue/honeydue/internal/report"
)

// probeOptions are the flags of probe.
type probeOptions struct {
	target     string
	failOn     string
	only, skip []string
	noAnalyze  bool
	baseline   string
	save       string
	timeout    time.Duration
	// kubeContext and kubeNamespace let kubectl be asked.
	kubeContext, kubeNamespace string
}

func newProbeCommand(a *app) *cobra.Command {
	o := &probeOptions{}
	cmd := &cobra.Command{
		Use:   "probe",
		Short: "Say what is slow, why, what it costs and what mends it",
		Long: `probe measures the way to the database and to Redis, explains every hot statement for a heavy, a median and an
empty user, and splits the time of each into turns, planning, execution and a residual. What is wrong is listed by
what it costs a request, each with a command that mends it and a page in docs/runbooks.

It does no harm: read-only transactions with time-outs, one statement at a time, plain EXPLAIN before ANALYZE. It
prints no value of any row, no user and no password. A server that is down is a finding; the rest is still reported.`,
		Example: `  honeydue probe
  honeydue probe --target https://api.example.com --fail-on warning
  honeydue probe -o json | jq '.findings[0]'
  honeydue probe --save-baseline before.json    (deploy)    honeydue probe --baseline before.json
  honeydue probe --only HD-Q01,HD-Q03 --no-analyze`,
		Args:        noArgs,
		Annotations: hasCases(),
		RunE:        validated(o, func(ctx context.Context) error { return a.probe(ctx, o) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.target, "target", "", "also ask the running server at this `URL`")
	flags.StringVar(&o.failOn, "fail-on", string(probe.Critical), "exit with 3 from this `SEVERITY` on: critical or warning")
	flags.StringSliceVar(&o.only, "only", nil, "run only the checks with these `CODES`")
	flags.StringSliceVar(&o.skip, "skip", nil, "run all checks but those with these `CODES`")
	flags.BoolVar(&o.noAnalyze, "no-analyze", false, "run no statement: plans are estimates, and walls stay unknown")
	flags.StringVar(&o.baseline, "baseline", "", "also say what has changed since the probe saved in `FILE`")
	flags.StringVar(&o.save, "save-baseline", "", "save this probe as JSON in `FILE`, to compare with later")
	flags.StringVar(&o.kubeContext, "kube-context", "", "also ask Kubernetes about the pods, by kubectl with this `CONTEXT`")
	flags.StringVar(&o.kubeNamespace, "kube-namespace", "", "the same in this `NAMESPACE` (default honeydue; in a pod with a service account neither is needed)")
	flags.DurationVar(&o.timeout, "timeout", probe.DefaultTimeout, "how long the whole probe may take")
	return cmd
}

// Validate refuses flags that make no sense together or alone.
func (o *probeOptions) Validate() error {
	if o.failOn != string(probe.Critical) && o.failOn != string(probe.Warning) {
		return usagef("Give --fail-on critical or warning.", "--fail-on is %q", o.failOn)
	}
	if o.timeout <= 0 {
		return usagef("Give it a duration such as 15s.", "--timeout is %s, which leaves no time to measure", o.timeout)
	}
	known := probe.Codes()
	for _, code := range slices.Concat(o.only, o.skip) {
		if !slices.Contains(known, code) {
			return usagef("The codes are "+strings.Join(known, ", ")+".", "there is no check %q", code)
		}
	}
	return nil
}

func (a *app) probe(ctx context.Context, o *probeOptions) error {
	database, err := load(a, config.ParseDatabase)
	if err != nil {
		return err
	}
	redis, err := load(a, config.ParseRedis)
	if err != nil {
		return err
	}
	var baseline *probe.Result
	if o.baseline != "" {
		if baseline, err = readBaseline(o.baseline); err != nil {
			return err
		}
	}
	progress := a.progress("probing", -1)
	defer progress.Done()
	result, err := probe.Run(ctx, probe.Config{
		URL: database.URL, DirectURL: database.DirectURL, AdminURL: database.AdminURL, RedisURL: redis.URL,
		TargetURL: o.target, ExecMode: database.ExecMode,
		Settings: tunedSettings(a.env), RedisTuned: tunedRedis(),
		Only: o.only, Skip: o.skip, NoAnalyze: o.noAnalyze, Timeout: o.timeout,
		Cluster: o.cluster(a), Progress: progress.Describe,
	})
	if errors.Is(err, probe.ErrNothing) {
		return failedf(`Set DATABASE_URL, or try the local replica: eval "$(honeydue lab env)".`, "%w", err)
	}
	if err != nil {
		return err
	}
	progress.Done()
	if o.save != "" {
		if err := a.saveBaseline(o.save, result); err != nil {
			return err
		}
	}
	if baseline != nil {
		result.Changes, result.BaselineAt = result.Since(*baseline), &baseline.StartedAt
	}
	if err := a.write(result.Document()); err != nil {
		return err
	}
	if worst, found := result.Worst(); found && worst.AtLeast(probe.Severity(o.failOn)) {
		return exitWith(exitFinding)
	}
	return nil
}

func readBaseline(path string) (*probe.Result, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, usagef("Give --baseline a file that --save-baseline has written.", "cannot open the baseline: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	r, err := probe.ReadBaseline(f)
	if err != nil {
		return nil, usagef("Give --baseline a file that --save-baseline has written.", "%s: %w", path, err)
	}
	return &r, nil
}

func (a *app) saveBaseline(path string, r probe.Result) error {
	var b bytes.Buffer
	o := report.Options{Version: a.build.Version, Commit: a.build.Commit}
	if err := report.Write(&b, report.FormatJSON, r.Document(), o); err != nil {
		return err
	}
	return writeFile("--save-baseline", path, b.Bytes())
}

// tunedSettings are the variables that carry a tuned value. The endpoint's name is not among them: the
// probe proves the pooler by itself, whatever its host is called.
func tunedSettings(env config.Environ) []probe.Setting {
	var out []probe.Setting
	for _, s := range config.Settings(env) {
		if t, ok := config.TunedFor(s.Env); ok && t.Kind != config.KindHost {
			out = append(out, probe.Setting{Name: s.Env, Value: s.Value, Tuned: s.Tuned, Drifted: s.Differs})
		}
	}
	return out
}

// tunedRedis are the parameters that Redis itself holds.
func tunedRedis() []probe.RedisParameter {
	var out []probe.RedisParameter
	for _, t := range config.Tuned() {
		if t.Redis != "" {
			out = append(out, probe.RedisParameter{Name: t.Redis, Tuned: t.Value, Holds: t.Holds})
		}
	}
	return out
}
