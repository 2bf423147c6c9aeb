// Package probecmd is the command probe.
package probecmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/probe"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/probe/render"
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
	all        bool
	trial      bool
	trialData  string
	tokenEnv   string
	tokens     string
	metricsURL string
	watch      watchOptions
	// given are the flags that were typed.
	given func(flag string) bool
	// kubeContext and kubeNamespace let kubectl be asked.
	kubeContext, kubeNamespace string
}

// command is the app, with what probe does with it.
type command struct{ *app.App }

// New is the command probe.
func New(of *app.App) *cobra.Command {
	a := command{of}
	o := &probeOptions{}
	cmd := &cobra.Command{
		Use:   "probe",
		Short: "Say what is slow, why, what it costs and what fixes it",
		Long: `probe measures the way to the database and to Redis, explains every hot statement for a heavy, a median and an
empty user, and splits the time of each into turns, planning, execution and a residual. What is wrong is listed by
what it costs a request, each with a command that fixes it and a page in docs/runbooks.

It does no harm: read-only transactions with timeouts, at most three hot statements in flight, plain EXPLAIN before
ANALYZE. One transaction writes what the app writes, for an account of its own, and is rolled back (HD-Q19); scratch
keys in Redis are deleted again (HD-R19). --skip leaves either out. It prints no value of any row, no user of the app
and no password. Commands that fix a finding name the cluster, host, database and role that were measured. A server
that is down is a finding, reported on stderr as soon as it is certain; the rest is still reported. A finding that
another one explains is listed under it.

Exit code 3: a finding at or above --fail-on. 4, inconclusive: a third or more of the checks is unknown (without those
about what you did not name), or one of the hot statements or the cache could not be judged at all; the verdict says
which. 1: nothing could be measured. 0: none of these.

With --target the running server is asked, too: with a user's token (from the variable that --token-env names, or the
first one of --tokens) its hot reads, up to five times each, split into the way of the client, ingress, app, the wait
for a connection, database turns and Redis; otherwise what it shows to anyone. --metrics-url adds its pool and caches.

The table lists the checks that did not pass, and ends with the verdict; --all, -o json and -o html have them all.

--watch repeats the probe: on a terminal the verdict, the findings and what has changed are redrawn, elsewhere each
round is a line on stderr that says what has moved. Ctrl-C ends with the last report.

-o markdown is short, for the channel of an incident; -o html draws the waterfall and the bars of the hot paths.

--trial then starts a lab, builds this database's indexes there on synthetic rows in its proportions, and says for each
remedy that is SQL what it would save. No row is copied, nothing is changed outside the lab, and it takes minutes.`,
		Example: `  honeydue probe
  HONEYDUE_TOKEN=... honeydue probe --target https://api.example.com --fail-on warning
  honeydue probe --target http://127.0.0.1:8080 --tokens tokens.txt --metrics-url http://127.0.0.1:9090
  honeydue probe --watch --interval 30s
  honeydue probe -o markdown
  honeydue probe -o json | jq '.findings[0]'
  honeydue probe --save-baseline before.json    (deploy)    honeydue probe --baseline before.json
  honeydue probe --only HD-Q01,HD-Q03 --no-analyze
  honeydue probe report incident.json -o markdown
  honeydue probe --trial`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return app.UnknownCommand(c, args[0])
			}
			return nil
		},
		Annotations: app.HasCases(),
		RunE:        app.Validated(o, func(ctx context.Context) error { return a.run(ctx, o) }),
	}
	flags := cmd.Flags()
	o.given = flags.Changed
	flags.StringVar(&o.target, "target", "", "also ask the running server at this `URL`")
	flags.StringVar(&o.tokenEnv, "token-env", "HONEYDUE_TOKEN", "the `VARIABLE` that holds a user's token for the reads of --target")
	flags.StringVar(&o.tokens, "tokens", "", "`FILE` with one \"user_id token\" a line, as seed --tokens writes it; the first is taken for the reads of --target")
	flags.StringVar(&o.metricsURL, "metrics-url", "", "the admin `URL` of that server: also read what its pool and caches count")
	flags.StringVar(&o.failOn, "fail-on", string(facts.Critical), "exit with 3 from this `SEVERITY` on: critical or warning")
	flags.StringSliceVar(&o.only, "only", nil, "run only the checks with these `CODES`, and only the measurements that they need")
	flags.StringSliceVar(&o.skip, "skip", nil, "run all checks but those with these `CODES`, and none of the measurements that only they need")
	flags.BoolVar(&o.noAnalyze, "no-analyze", false, "run no statement: plans are estimates, and walls stay unknown")
	flags.StringVar(&o.baseline, "baseline", "", "also say what has changed since the probe saved in `FILE`")
	flags.StringVar(&o.save, "save-baseline", "", "save this probe as JSON in `FILE`, to compare with later")
	flags.BoolVar(&o.trial, "trial", false, "then try the remedies in a lab of their own and say what each would save")
	flags.StringVar(&o.trialData, "trial-data", "", "data `FOLDER` of the trial's lab (default: trial next to the one of 'honeydue lab')")
	flags.StringVar(&o.kubeContext, "kube-context", "", "also ask Kubernetes about the pods, by kubectl with this `CONTEXT`")
	flags.StringVar(&o.kubeNamespace, "kube-namespace", "", "the same in this `NAMESPACE` (default honeydue; in a pod with a service account neither is needed)")
	flags.BoolVar(&o.all, "all", false, "in the table also list the checks that passed")
	flags.DurationVar(&o.timeout, "timeout", facts.DefaultTimeout, "how long the whole probe may take")
	o.watch.addFlags(flags)
	cmd.SuggestionsMinimumDistance = app.SuggestWithin
	cmd.AddCommand(newReport(a))
	return cmd
}

// Validate refuses flags that make no sense together or alone.
func (o *probeOptions) Validate() error {
	if o.failOn != string(facts.Critical) && o.failOn != string(facts.Warning) {
		return exit.Usagef("Give --fail-on critical or warning.", "--fail-on is %q", o.failOn)
	}
	if o.timeout <= 0 {
		return exit.Usagef("Give it a duration such as 15s.", "--timeout is %s, which leaves no time to measure", o.timeout)
	}
	if o.trialData != "" && !o.trial {
		return exit.Usagef("Add --trial, or leave --trial-data away.", "--trial-data is for the lab of --trial")
	}
	if err := o.validateTarget(); err != nil {
		return err
	}
	if !o.watch.on && o.given("interval") {
		return exit.Usagef("Add --watch, or leave it out.", "--interval is about a probe that repeats itself")
	}
	if err := o.watch.Validate(); err != nil {
		return err
	}
	return o.validateCodes()
}

func (o *probeOptions) validateTarget() error {
	if o.target == "" {
		if o.tokens != "" || o.metricsURL != "" || o.given("token-env") {
			return exit.Usagef("Add --target URL, or leave them out.", "--tokens, --token-env and --metrics-url are about a running server")
		}
		return nil
	}
	if _, err := bench.ParseTarget(o.target); err != nil {
		return exit.Usagef("Give it as http://host:port.", "--target: %w", err)
	}
	if o.metricsURL != "" {
		if _, err := bench.ParseMetricsURL(o.metricsURL); err != nil {
			return exit.Usagef("Give it as http://host:9090/metrics.", "--metrics-url: %w", err)
		}
	}
	return nil
}

// validateCodes brings the codes into their one form, and refuses a choice that leaves nothing to do.
func (o *probeOptions) validateCodes() error {
	known := slices.Sorted(slices.Values(check.Codes()))
	for _, codes := range [][]string{o.only, o.skip} {
		for i, code := range codes {
			codes[i] = strings.ToUpper(strings.TrimSpace(code))
			if !slices.Contains(known, codes[i]) {
				return exit.Usagef("The codes are "+strings.Join(known, ", ")+".", "there is no check %q", code)
			}
		}
	}
	left := slices.DeleteFunc(slices.Clone(o.only), func(code string) bool { return slices.Contains(o.skip, code) })
	if o.given("only") && len(left) == 0 {
		return exit.Usagef("Name a check, or leave --only out to run all of them.", "--only leaves no check to run")
	}
	return nil
}

func (a command) run(ctx context.Context, o *probeOptions) error {
	if err := a.Savable("--save-baseline", o.save); err != nil {
		return err
	}
	database, err := a.Database()
	if err != nil {
		return err
	}
	redis, err := app.Load(a.App, config.ParseRedis)
	if err != nil {
		return err
	}
	var baseline *facts.Result
	if o.baseline != "" {
		read, err := readSaved(o.baseline, "Give --baseline a file that --save-baseline has written.")
		if err != nil {
			return err
		}
		baseline = &read.Result
	}
	token, err := a.probeToken(o)
	if err != nil {
		return err
	}
	if token != "" {
		a.AddSecrets(token)
	}
	progress := a.Progress("probing", probe.Steps)
	defer progress.Done()
	say, certain := progress.Step, func(f facts.Finding) { progress.Say(certainLine(f)) }
	if o.watch.on {
		progress.Done() // a bar and a report that is redrawn would write over each other
		say, certain = nil, nil
	}
	once := func(ctx context.Context) (facts.Result, error) {
		return probe.Run(ctx, facts.Config{
			URL: database.URL, DirectURL: database.DirectURL, AdminURL: database.AdminURL, RedisURL: redis.URL,
			Passwords: passwords(database),
			TargetURL: o.target, Token: token, MetricsURL: o.metricsURL, ExecMode: database.ExecMode,
			Settings: tunedSettings(a.Env), RedisTuned: tunedRedis(),
			Only: o.only, Skip: o.skip, NoAnalyze: o.noAnalyze, Timeout: o.timeout, Baseline: baseline,
			Cluster: o.cluster(a), InCluster: a.inCluster(), Proxy: http.ProxyFromEnvironment, Progress: say, Certain: certain,
		})
	}
	var result facts.Result
	if o.watch.on {
		result, err = a.watch(ctx, o.watch, once)
	} else {
		result, err = once(ctx)
	}
	if errors.Is(err, facts.ErrNothing) {
		return exit.Failedf(`Set DATABASE_URL, or try the local replica: eval "$(honeydue lab env)".`, "%w", err)
	}
	if err != nil {
		return err
	}
	progress.Done()
	if why := result.Unmeasured(); why != "" {
		if err := a.Write(a.probeDocument(o, since(result, baseline))); err != nil {
			return err
		}
		return exit.Failedf("The report says of each check why it is unknown; --timeout gives it more time.", "nothing could be measured: %s", strings.TrimSuffix(why, "."))
	}
	// Whatever becomes of the trial or of the file, the report is printed: what it tells has been measured.
	var tried, saved error
	if o.trial {
		if tried = a.probeTrial(ctx, o, &result); tried != nil && result.TrialNote == "" {
			result.TrialNote = "The trial did not come to its end."
		}
	}
	if o.save != "" {
		saved = a.saveBaseline(o.save, result)
	}
	result = since(result, baseline)
	if err := errors.Join(a.Write(a.probeDocument(o, result)), tried, saved); err != nil {
		return err
	}
	if worst, found := result.Worst(); found && worst.AtLeast(facts.Severity(o.failOn)) {
		return exit.With(exit.Finding)
	}
	if result.Inconclusive() {
		return exit.With(exit.Inconclusive)
	}
	return nil
}

// passwords says where the variables of a database have its passwords.
func passwords(d config.Database) facts.Passwords {
	return facts.Passwords{
		URL: facts.PasswordSource(d.PasswordIn), Direct: facts.PasswordSource(d.DirectPasswordIn), Admin: facts.PasswordSource(d.AdminPasswordIn),
	}
}

// certainLine is a finding that is reported before the probe is over.
func certainLine(f facts.Finding) string {
	return fmt.Sprintf("Found already: %s %s. %s", f.Code, f.Title, f.Evidence)
}

// probeDocument is the report in the form that was asked for. A check that --only names is printed whatever came of it.
func (a command) probeDocument(o *probeOptions, r facts.Result) report.Document {
	if a.Output.Format() == report.FormatTable {
		return render.Terminal(r, o.all || len(o.only) > 0)
	}
	return render.Document(r)
}

// probeToken is the user's token for the reads of --target; none is no mistake.
func (a command) probeToken(o *probeOptions) (string, error) {
	switch {
	case o.target == "":
		return "", nil
	case o.tokens == "":
		return strings.TrimSpace(a.Getenv(o.tokenEnv)), nil
	}
	users, err := a.ReadTokens(o.tokens)
	if err != nil {
		return "", err
	}
	if len(users) == 0 {
		return "", exit.Usagef("Write one with: honeydue seed --tokens FILE.", "%s holds no token", o.tokens)
	}
	return users[0].Token.Reveal(), nil
}

// readSaved reads the report of an earlier probe; hint says which file to give instead.
func readSaved(path, hint string) (check.Saved, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names it
	if err != nil {
		return check.Saved{}, exit.Usagef(hint, "cannot open the saved probe: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	r, err := check.ReadSaved(f)
	if err != nil {
		return check.Saved{}, exit.Usagef(hint, "%s: %w", path, err)
	}
	return r, nil
}

func (a command) saveBaseline(path string, r facts.Result) error {
	var b bytes.Buffer
	o := report.Options{Version: a.Build.Version, Commit: a.Build.Commit}
	if err := report.Write(&b, report.FormatJSON, render.Document(r), o); err != nil {
		return err
	}
	return app.WriteFile("--save-baseline", path, b.Bytes())
}

// tunedSettings are the variables that carry a tuned value, and an experiment's, which differs as soon as it is set.
// The endpoint's name is not among them: the probe proves the pooler by itself, whatever its host is called.
func tunedSettings(env config.Environ) []facts.Setting {
	var out []facts.Setting
	for _, s := range config.Settings(env) {
		if t, ok := config.TunedFor(s.Env); (ok && t.Kind != config.KindHost) || (!ok && s.Differs) {
			if s.Secret != "" {
				s.Value = "a secret" // masked, a URL still names its user and its files
			}
			out = append(out, facts.Setting{Name: s.Env, Value: s.Value, Tuned: s.Tuned, Drifted: s.Differs})
		}
	}
	return out
}

// tunedRedis are the parameters that Redis itself holds.
func tunedRedis() []facts.RedisParameter {
	var out []facts.RedisParameter
	for _, t := range config.Tuned() {
		if t.Redis != "" {
			out = append(out, facts.RedisParameter{Name: t.Redis, Tuned: t.Value, Bytes: t.Bytes(), Holds: t.Holds})
		}
	}
	return out
}
