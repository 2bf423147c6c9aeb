// Package loadtestcmd is the command loadtest.
package loadtestcmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// command is the app, with what load tests do with it.
type command struct{ *app.App }

// New is the command loadtest, which is the release gate, with its subcommands.
func New(of *app.App) *cobra.Command {
	a, o := command{of}, newOptions()
	c := &cobra.Command{
		Use:   "loadtest",
		Short: "Say PASS or FAIL on the p99 targets of a release",
		Long: `Each request is measured from the moment at which it was due, so that a stall of
the server counts for every request that it delayed. "p99 on target" is claimed
only if the exact binomial bound allows it at 95%; a request that fails counts
as slower than any target.

The profile release has four phases: warm (cached users, the app's mix of hot
reads), cold (each request a user who was never used before), first (the first
request after each of 20 restarts) and evening (12 households of two people who
write and look at what the other one wrote). --phases may ask for mixed, too:
the app as it is, known users with one request in 20 a new user's. In the first
three every sample has to prove by Cache-Status that it belongs to its phase.

Phase evening writes: it makes 24 accounts and their households through the API
and removes them at its end. 97% of its list reads must take no database turn.
On a production host it runs only if --phases names it.

Once a second the test also reads what stands behind the target: the server's
/metrics (--metrics-url; --lab knows its own), SHOW POOLS (PGBOUNCER_ADMIN_URL),
pg_stat_statements (DATABASE_DIRECT_URL) and Redis' INFO (REDIS_URL), on this
machine and on what --allow-host names. What can't be read is reported as not
seen, with the reason, and fails no run.

On a terminal stderr shows the run while it goes on; elsewhere it has a line
every ten seconds. stdout has the report alone.

Exit code 3: a target was missed. 4: too few samples to decide. 5: the generator
did not keep up, so the measurement is invalid; the report names what it lacked.`,
		Example: `  honeydue loadtest --lab --rtt 110ms
  honeydue loadtest --target http://127.0.0.1:8080 --tokens tokens.txt
  honeydue loadtest --lab --save run.json
  honeydue loadtest --lab --baseline last.json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return app.UnknownCommand(c, args[0])
			}
			return nil
		},
		Annotations: app.HasRequests(),
	}
	old := addGone(c, "get", "targets", "expect", "layer", "scenario", "against", "against-tokens", "slices", "slice-length", "slice-seed",
		"compare-with", "start-rate")
	run := a.runs(o, noArguments)
	c.RunE = func(c *cobra.Command, args []string) error {
		if done, err := old.run(c, a.Stderr); done {
			return err
		}
		if err := old.answer(c); err != nil {
			return err
		}
		return run(c, args)
	}
	c.SuggestionsMinimumDistance = app.SuggestWithin
	c.SetHelpFunc(app.Help)
	c.AddCommand(
		a.newGet(), a.newDB(), a.newCompare(), a.newCapacity(), a.newScenario(), newLoadtestSweepCommand(a), newLoadtestAblateCommand(a),
		newLoadtestReportCommand(a), newLoadtestInitCommand(a), newLoadtestSchemaCommand(a), newLoadtestCleanupCommand(a),
	)
	return flagsOf(c,
		heading{"Target", several(o.targetFlag, o.userFlags, o.connectionFlags)},
		heading{"Lab", o.labFlags("start a replica of production and a server in it, test that, stop both")},
		heading{"Load", func(flags *pflag.FlagSet) {
			flags.StringVar(&o.profile, "profile", profiles()[0], "`PROFILE` to run: "+strings.Join(profiles(), "|"))
			flags.StringSliceVar(&o.phases, "phases", nil, "only these `PHASES` of the profile, such as warm,cold")
			flags.Float64Var(&o.rate, "rate", 0, "requests per second of the warm phase (default: the profile's)")
			flags.DurationVar(&o.duration, "duration", 0, "length of the warm phase (default: the profile's)")
			flags.IntVar(&o.restarts, "restarts", 0, "restarts of the first phase (default: the profile's)")
			flags.StringVar(&o.restartCmd, "restart-cmd", "", "`COMMAND` that restarts the target and returns when the old one is gone, for the first phase; /readyz has to show that it did")
		}},
		heading{"Targets of the phases", func(flags *pflag.FlagSet) {
			flags.DurationVar(&o.p99, "p99", 0, "p99 of the warm phase (default 200ms)")
			flags.DurationVar(&o.coldP99, "cold-p99", 0, "p99 of the cold phase (default 700ms)")
			flags.DurationVar(&o.mixedP99, "mixed-p99", 0, "p99 of the mixed phase (default 300ms)")
			flags.DurationVar(&o.eveningP99, "evening-p99", 0, "p99 of the list reads of phase evening (default 40ms)")
			flags.DurationVar(&o.first, "first-target", 0, "each first request (default 900ms)")
		}},
		heading{"Target policy", o.policyFlags},
		heading{"Report", several(o.saveFlag, o.baselineFlag, o.side.addFlags, func(flags *pflag.FlagSet) { stateFlag(flags, &o.state) })},
	)
}

// runs is the RunE of a command that sends requests: everything is judged before anything is started. read takes the
// arguments.
func (a command) runs(o *loadtestOptions, read func(args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		o.rttGiven, o.usersGiven = c.Flags().Changed("rtt"), c.Flags().Changed("users")
		if err := refuseZeros(c.Flags()); err != nil {
			return err
		}
		if err := a.loadtestManners(o); err != nil {
			return err
		}
		if err := a.Savable("--save", o.save); err != nil {
			return exit.Usage(err)
		}
		if err := read(args); err != nil {
			return err
		}
		if o.scenarioFile != "" {
			return a.loadtestScenario(c, o)
		}
		if err := o.Validate(); err != nil {
			return exit.Usage(err)
		}
		if err := o.compare.read(o); err != nil {
			return err
		}
		switch {
		case o.lab:
			return a.loadtestLab(c.Context(), o)
		case o.database:
			return a.loadtestDatabase(c.Context(), o)
		}
		return a.loadtestTarget(c.Context(), o)
	}
}

func noArguments([]string) error { return nil }

// atMostOne refuses more than one argument.
func atMostOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return exit.Usagef(app.SeeHelp(c), "'%s' takes %s, and was given %d", c.CommandPath(), what, len(args))
		}
		return nil
	}
}

// loadtestTarget tests a server that runs already.
func (a command) loadtestTarget(ctx context.Context, o *loadtestOptions) error {
	users, err := a.readUsers(o, o.tokens)
	if err != nil {
		return err
	}
	hitter, err := a.newHitter(o, o.base)
	if err != nil {
		return err
	}
	defer hitter.Close()
	if o.email != "" {
		if users, err = a.login(ctx, o, hitter); err != nil {
			return err
		}
	}
	if o.compare.against == "" { // two servers are asked as the same users, in the order of their files
		users = hitter.Spread(o.plan, users)
	}
	t := loadtest{options: o, hitter: hitter, users: users, target: o.target}
	if o.compare.against != "" {
		if t.baseline, err = a.newBaseline(ctx, o, users); err != nil {
			return err
		}
		defer t.baseline.Hitter.Close()
	}
	if o.restartCmd != "" {
		t.restart = func(ctx context.Context) error { return a.restartBy(ctx, o.restartCmd, hitter, o.plan.Profile) }
	}
	return a.runLoadtest(ctx, t)
}

func (a command) newHitter(o *loadtestOptions, base *url.URL) (*bench.Hitter, error) {
	return bench.NewHitter(bench.HitterConfig{
		Base: base, MaxConnections: o.connections, Timeout: o.timeout, Run: bench.NewRunID(), TLS: o.trust,
		UserAgent: "honeydue-loadtest/" + a.Build.Version,
	})
}

// loadtest is a load test with all that it needs.
type loadtest struct {
	options *loadtestOptions
	hitter  *bench.Hitter
	users   []bench.User
	target  string // as the report names it
	restart func(context.Context) error
	// mix and server are set where there is no server to ask.
	mix    *bench.Mix
	server bench.Server
	// around says where the parts behind the server are.
	around bench.SamplerConfig
	// baseline is the other server of a comparison, nil without one.
	baseline *bench.Baseline
}

// measure runs what the options ask for.
func (t loadtest) measure(ctx context.Context, c bench.Config) (bench.Result, error) {
	o := t.options
	switch {
	case t.baseline != nil:
		return bench.Compare(ctx, c, *t.baseline, o.compare.slicing())
	case o.profile == bench.ProfileCapacity:
		return bench.FindCapacity(ctx, c, o.capacityOptions())
	}
	result, err := bench.Run(ctx, c)
	if o.compare.earlier != nil {
		result = result.Since(*o.compare.earlier)
	}
	return result, err
}

// runLoadtest runs the plan, prints the report, and ends with the verdict's exit code.
func (a command) runLoadtest(ctx context.Context, t loadtest) error {
	o := t.options
	c := bench.Config{Target: t.target, Hitter: t.hitter, Plan: o.plan, Users: t.users, Restart: t.restart}
	switch {
	case t.mix != nil:
		c.Mix, c.Server = *t.mix, t.server
	case o.get != "":
		mix, err := bench.NewMix(bench.MixRoute{ID: o.get, Path: o.get, Weight: 1, Expect: o.expect})
		if err != nil {
			return err
		}
		c.Mix = mix
	case o.targetsFile != "": // the plan has them
	default:
		server, err := gate(ctx, t.hitter, o.plan.Profile)
		if err != nil {
			return err
		}
		server.LinkRTTMS = float64(o.linkRTT().Microseconds()) / 1000
		mix, err := bench.HotMix() //nolint:contextcheck // the table's handlers take each request's own
		if err != nil {
			return err
		}
		c.Server, c.Mix = server, mix
	}
	made, err := a.makeData(ctx, t, &c)
	if err != nil {
		return err
	}
	c.Sampler, c.TraceLink = a.openSampler(ctx, t), o.side.link
	defer c.Sampler.Close(ctx)
	recorder, finish, err := a.record()
	if err != nil {
		return exit.Also(err, made.remove(ctx, &bench.Result{}))
	}
	c.Recorder = recorder
	live := a.loadtestProgress(fmt.Sprintf("loadtest of %s, profile %s", t.target, o.plan.Profile))
	c.Progress = live.show
	result, err := t.measure(ctx, c)
	live.done()
	cleaning := made.remove(ctx, &result)
	if unwritten := errors.Join(finish(), a.keepAndWrite(o, result)); unwritten != nil {
		return errors.Join(err, unwritten, cleaning)
	}
	if err != nil {
		return exit.Also(stillPrinted(err, result.Verdict), cleaning)
	}
	if down := unanswered(result); down != nil {
		return exit.Also(down, cleaning)
	}
	return exit.Also(exit.With(verdictCode(result.Verdict)), cleaning)
}

// unanswered is the error of a run whose target, or one of whose two servers, never answered: it could not be done. Its
// report is printed all the same.
func unanswered(r bench.Result) error {
	asked := r.Target + " has"
	kind, n := r.Unanswered()
	switch {
	case r.Comparison == nil:
	case n > 0:
		asked = r.Target + " and " + r.Comparison.Baseline.URL + " have"
	default:
		for _, p := range r.Phases {
			if kind, n = (bench.Result{Phases: []bench.Phase{p}}).Unanswered(); n > 0 {
				if p.Name != bench.PhaseTarget {
					asked = r.Comparison.Baseline.URL + " has"
				}
				break
			}
		}
	}
	if n == 0 {
		return nil
	}
	hint := "Start it, or fix the address; see that no firewall is in the way."
	switch kind {
	case bench.KindDNS:
		hint = "Fix the host's name, or see why this machine does not resolve it."
	case bench.KindTLS, bench.KindTimeoutTLS:
		hint = "Give its authority with --ca, or fix the scheme and the port of the URL."
	}
	return &exit.Error{
		Code: exit.Worst(exit.Failed, verdictCode(r.Verdict)), Advice: hint,
		Err: fmt.Errorf("%s answered none of %d requests: no connection came about (%s)", asked, n, kind),
	}
}

// keepAndWrite saves the run where that was asked for, and prints its report.
func (a command) keepAndWrite(o *loadtestOptions, r bench.Result) error {
	var saving error
	if o.save != "" {
		saving = a.saveRun(o.save, r)
	}
	return errors.Join(saving, a.writeLoadtest(r))
}
