// Package loadtestcmd is the command loadtest.
package loadtestcmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// command is the app, with what load tests do with it.
type command struct{ *app.App }

// New is the command loadtest with its subcommands.
func New(of *app.App) *cobra.Command {
	a := command{of}
	o := &loadtestOptions{}
	c := &cobra.Command{
		Use:   "loadtest",
		Short: "Say PASS or FAIL on the p99 targets",
		Long: `loadtest sends requests on a schedule and measures each from the moment it was due, so that a stall of the server
counts for every request that it delayed. "p99 on target" is claimed only if the exact binomial bound allows it at 95%;
a request that fails counts as slower than any target.

The profile release has four phases: warm (cached users, the app's mix of hot reads), cold (each request a user who was
never used before), first (the first request after each of 20 restarts) and evening (12 households of two people who
write and look at what the other one wrote); --phases may ask for mixed, too: the app as it is, known users with one
request in 20 a new user's. In the first three every sample has to prove by Cache-Status that it belongs to its phase.
The verdict is pass, fail (exit code 3), inconclusive (4: too few samples to say) or invalid (5: the generator did not
keep up, and what it lacked is named).

Phase evening writes: it makes 24 accounts and their households through the API and removes them at its end, as a
scenario does. It limits the p99 of the list reads (--evening-p99) and needs 97% of them to take no database turn. On a
production host it runs only if --phases names it.

--layer db asks the database alone: the hot statements, as serve sends them when nothing is cached, through a pool like
the server's. No API on that database can be faster. The profile release takes no other endpoint than a pooler.

A scenario (loadtest init writes one) says in a file who does what, in which phases, within which limits. Its accounts
and data are made through the API, carry the run's name, and are removed at the end; loadtest cleanup does it after a
crash. A host that --production-host, HONEYDUE_PRODUCTION_HOSTS or the scenario names is tested only with --i-mean HOST.

Once a second it also reads what stands behind the target: the server's /metrics (--metrics-url; --lab knows its own),
SHOW POOLS (PGBOUNCER_ADMIN_URL), pg_stat_statements (DATABASE_DIRECT_URL) and Redis' INFO (REDIS_URL). Of these three
hosts, too, only this machine and what --allow-host names is asked, and with --get none. What can't be read is told as
not seen, with the reason, and fails no run. --no-server-side asks nothing but the target. --trace-link URL with
{trace_id} leads from the slowest requests to their traces.

On a terminal stderr shows the run while it goes on; elsewhere it has a line every ten seconds. stdout has the report
alone. With --save FILE the run is kept with all its latencies, and 'loadtest report' prints it again in any form.

--against lets two servers take turns, slice by slice, under the same requests: a regression is claimed only if a rank
test of the slices' p99s, a bootstrap interval and a least effect of 5% agree, and ends with exit code 3. --compare-with
says what has changed since a stored run, and decides nothing. --profile capacity climbs and bisects to the highest
rate at which the p99 target holds, and names what limits it.`,
		Example: `  honeydue loadtest --lab --rtt 110ms
  honeydue loadtest --scenario evening.yaml --target http://127.0.0.1:8080
  honeydue loadtest --target http://127.0.0.1:8080 --tokens tokens.txt
  honeydue loadtest --target http://127.0.0.1:8080 --get /livez --rate 200 --duration 10s --p99 5ms
  honeydue loadtest --targets targets.txt --rate 500 --duration 10s -o vegeta | vegeta report
  honeydue loadtest --lab --layer db --p99 150ms
  honeydue loadtest --target http://127.0.0.1:8080 --tokens tokens.txt --metrics-url http://127.0.0.1:9090/metrics \
    --trace-link 'https://jaeger.example/trace/{trace_id}'
  honeydue loadtest --lab --save run.json && honeydue loadtest report run.json --out report.html
  honeydue loadtest --target http://127.0.0.1:8080 --against http://127.0.0.1:8081 --tokens tokens.txt
  honeydue loadtest --target http://127.0.0.1:8080 --tokens tokens.txt --compare-with last.json
  honeydue loadtest --target http://127.0.0.1:8080 --tokens tokens.txt --profile capacity --p99 200ms --start-rate 20`,
		Args:        app.NoArgs,
		Annotations: app.HasRequests(),
		RunE: func(c *cobra.Command, _ []string) error {
			o.profileGiven, o.rttGiven = c.Flags().Changed("profile"), c.Flags().Changed("rtt")
			o.usersGiven = c.Flags().Changed("users")
			if err := refuseZeros(c.Flags()); err != nil {
				return err
			}
			if err := a.loadtestManners(o); err != nil {
				return err
			}
			if err := a.Savable("--save", o.save); err != nil {
				return exit.Usage(err)
			}
			if o.scenarioFile != "" {
				return a.loadtestScenario(c, o)
			}
			if err := o.readTargets(c.Flags()); err != nil {
				return err
			}
			if err := o.Validate(); err != nil {
				return exit.Usage(err)
			}
			if err := o.compare.read(o); err != nil {
				return err
			}
			if o.lab {
				return a.loadtestLab(c.Context(), o)
			}
			if o.layer == layerDB {
				return a.loadtestDatabase(c.Context(), o)
			}
			return a.loadtestTarget(c.Context(), o)
		},
	}
	c.AddCommand(
		newLoadtestSweepCommand(a), newLoadtestAblateCommand(a), newLoadtestInitCommand(a), newLoadtestSchemaCommand(a), newLoadtestCleanupCommand(a), newLoadtestReportCommand(a),
	)
	o.addFlags(c.Flags())
	return c
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

// unanswered is the error of a run whose target never answered: it could not be done. Its report is printed all the same.
func unanswered(r bench.Result) error {
	kind, n := r.Unanswered()
	if n == 0 {
		return nil
	}
	hint := "Start it, or mend the address; see that no firewall is in the way."
	switch kind {
	case bench.KindDNS:
		hint = "Mend the host's name, or see why this machine does not resolve it."
	case bench.KindTLS, bench.KindTimeoutTLS:
		hint = "Give its authority with --ca, or mend the scheme and the port of the URL."
	}
	asked := r.Target + " has"
	if r.Comparison != nil {
		asked = r.Target + " and " + r.Comparison.Baseline.URL + " have"
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
