package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
)

// readyTimeout bounds a server's way from its start to a /readyz that says yes.
const readyTimeout = time.Minute

// loadtestOptions are the flags of loadtest.
type loadtestOptions struct {
	target, get            string
	profile                string
	phases                 []string
	rate                   float64
	duration, timeout      time.Duration
	p99, coldP99, first    time.Duration
	mixedP99               time.Duration
	restarts               int
	connections            int
	allowHosts             []string
	tokens                 string
	email, passwordEnv     string
	restartCmd             string
	lab                    bool
	data                   string
	users                  int
	rtt                    time.Duration
	layer                  string
	save                   string
	profileGiven, rttGiven bool
	usersGiven             bool
	scenarioFile           string
	permit                 bench.Permit
	ca                     string
	state                  string
	compare                compareOptions
	capacity               capacityOptions
	side                   sideOptions

	plan     bench.Plan
	base     *url.URL // of target
	scenario *bench.Scenario
	trust    *tls.Config // of --ca; nil = the system's
}

func newLoadtestCommand(a *app) *cobra.Command {
	o := &loadtestOptions{}
	c := &cobra.Command{
		Use:   "loadtest",
		Short: "Say PASS or FAIL on the p99 targets",
		Long: `loadtest sends requests on a schedule and measures each from the moment it was due, so that a stall of the server
counts for every request that it delayed. "p99 on target" is claimed only if the exact binomial bound allows it at 95%;
a request that fails counts as slower than any target.

The profile release has three phases: warm (cached users, the app's mix of hot reads), cold (each request a user who was
never used before) and first (the first request after each of 20 restarts); --phases may ask for mixed, too: the app as
it is, known users with one request in 20 a new user's. Every sample has to prove by Cache-Status that it belongs to its
phase. The verdict is pass, fail (exit code 3), inconclusive (4: too few samples to say) or
invalid (5: the generator did not keep up, and what it lacked is named).

--layer db asks the database alone: the hot statements, as serve sends them when nothing is cached, through a pool like
the server's. No API on that database can be faster. The profile release takes no other endpoint than a pooler.

A scenario (loadtest init writes one) says in a file who does what, in which phases, within which limits. Its accounts
and data are made through the API, carry the run's name, and are removed at the end; loadtest cleanup does it after a
crash. A host that --production-host, HONEYDUE_PRODUCTION_HOSTS or the scenario names is tested only with --i-mean HOST.

Once a second it also reads what stands behind the target: the server's /metrics (--metrics-url; --lab knows its own),
SHOW POOLS (PGBOUNCER_ADMIN_URL), pg_stat_statements (DATABASE_DIRECT_URL) and Redis' INFO (REDIS_URL). Of these three
hosts, too, only this machine and what --allow-host names is asked, and with --get none. What can't be read is told as
not seen, with the reason, and fails no run. --no-server-side asks nothing but the target. --trace-link URL with {trace_id} leads from the slowest
requests to their traces.

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
  honeydue loadtest --lab --layer db --p99 150ms
  honeydue loadtest --target http://127.0.0.1:8080 --tokens tokens.txt --metrics-url http://127.0.0.1:9090/metrics \
    --trace-link 'https://jaeger.example/trace/{trace_id}'
  honeydue loadtest --lab --save run.json && honeydue loadtest report run.json --out report.html
  honeydue loadtest --target http://127.0.0.1:8080 --against http://127.0.0.1:8081 --tokens tokens.txt
  honeydue loadtest --target http://127.0.0.1:8080 --tokens tokens.txt --compare-with last.json
  honeydue loadtest --target http://127.0.0.1:8080 --tokens tokens.txt --profile capacity --p99 200ms --start-rate 20`,
		Args:        noArgs,
		Annotations: hasCourse(),
		RunE: func(c *cobra.Command, _ []string) error {
			o.profileGiven, o.rttGiven = c.Flags().Changed("profile"), c.Flags().Changed("rtt")
			o.usersGiven = c.Flags().Changed("users")
			if err := a.loadtestManners(o); err != nil {
				return err
			}
			if err := a.validateSave(o.save); err != nil {
				return usage(err)
			}
			if o.scenarioFile != "" {
				return a.loadtestScenario(c, o)
			}
			if err := o.Validate(); err != nil {
				return usage(err)
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

func (o *loadtestOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.target, "target", "", "`URL` of the server to test; this machine, unless --allow-host names another")
	flags.BoolVar(&o.lab, "lab", false, "start a replica of production and a server in it, test that, stop both")
	flags.StringVar(&o.profile, "profile", bench.Profiles()[0], "`PROFILE` to run: "+strings.Join(bench.Profiles(), "|"))
	flags.StringSliceVar(&o.phases, "phases", nil, "only these `PHASES` of the profile, such as warm,cold")
	flags.StringVar(&o.get, "get", "", "instead of a profile: GET one `PATH` of any HTTP server, without a login")
	flags.StringVar(&o.layer, "layer", layerAPI, "`LAYER` to test: api, or db for the hot statements alone, straight at the pooler of DATABASE_URL or of --lab")
	flags.Float64Var(&o.rate, "rate", 0, "requests per second of the warm phase or of --get (default: the profile's)")
	flags.DurationVar(&o.duration, "duration", 0, "length of the warm phase, of --get, or of a step of --profile capacity (default: the profile's)")
	flags.DurationVar(&o.p99, "p99", 0, "target of the warm phase, of --get, or of --profile capacity (default 200ms)")
	flags.DurationVar(&o.coldP99, "cold-p99", 0, "target of the cold phase (default 700ms)")
	flags.DurationVar(&o.mixedP99, "mixed-p99", 0, "target of the mixed phase (default 300ms)")
	flags.DurationVar(&o.first, "first-target", 0, "target of each first request (default 900ms)")
	flags.IntVar(&o.restarts, "restarts", 0, "restarts of the first phase (default: the profile's)")
	flags.IntVar(&o.connections, "max-connections", 0, "connections open at once; requests queue for them, and the wait counts (default: no limit)")
	flags.DurationVar(&o.timeout, "timeout", bench.DefaultTimeout, "a request that takes longer has failed")
	flags.StringSliceVar(&o.allowHosts, "allow-host", nil, "a `HOST` other than this machine that may be tested")
	o.addScenarioFlags(flags)
	flags.StringVar(&o.tokens, "tokens", "", "`FILE` with one \"user_id token\" a line, as seed --tokens writes it")
	flags.StringVar(&o.email, "email", "", "log in as the user with this `EMAIL`, instead of --tokens; enough for --phases warm")
	flags.StringVar(&o.passwordEnv, "password-env", "", "`VARIABLE` of the environment that holds the password of --email")
	flags.StringVar(&o.restartCmd, "restart-cmd", "", "`COMMAND` that restarts the target and returns when the old one is gone, for the first phase; /readyz has to show that it did")
	flags.DurationVar(&o.rtt, "rtt", 110*time.Millisecond, "with --lab: round trip of the link to the database; with --target: what is known of it")
	flags.StringVar(&o.data, "data", "", "with --lab: its data `FOLDER` (default: one of the load test's own)")
	flags.IntVar(&o.users, "users", 1500, "with --lab: users to seed")
	flags.StringVar(&o.save, "save", "", "keep the run with all its latencies in `FILE`, for loadtest report")
	o.compare.addFlags(flags)
	o.capacity.addFlags(flags)
	o.side.addFlags(flags)
}

// Validate refuses what makes no sense, and a plan that could not end in a verdict.
func (o *loadtestOptions) Validate() error {
	if err := o.validateLayer(); err != nil {
		return err
	}
	switch {
	case o.lab && o.target != "":
		return usagef("Leave out one of them.", "--lab tests a server of its own, and --target names another")
	case !o.lab && o.target == "" && o.layer == layerAPI:
		return usagef("Give --target URL, or --lab for a server and a database of its own.", "there is nothing to test")
	case o.lab && (o.tokens != "" || o.email != "" || o.restartCmd != ""):
		return usagef("Leave out --tokens, --email and --restart-cmd.", "--lab has users and a server of its own")
	case o.get != "" && (o.lab || len(o.phases) > 0 || (o.profileGiven && o.profile != bench.ProfileCapacity)):
		return usagef("Leave out --lab, --profile (but for capacity) and --phases.", "--get is one path of one --target")
	case o.get != "" && !strings.HasPrefix(o.get, "/"):
		return usagef("Begin it with a slash.", "--get %q is no path", o.get)
	case o.connections < 0 || o.restarts < 0 || o.rate < 0 || o.rtt < 0:
		return usagef("Give a number above zero.", "--max-connections, --restarts, --rate and --rtt can't be negative")
	}
	if err := o.validateWithoutLab(); err != nil {
		return err
	}
	if err := o.validateTimes(); err != nil {
		return err
	}
	if err := o.compare.validate(o); err != nil {
		return err
	}
	if err := o.capacity.validate(o); err != nil {
		return err
	}
	if err := o.side.validate(o); err != nil {
		return err
	}
	plan, err := o.newPlan()
	if err != nil {
		return err
	}
	phases := o.compare.against == "" && o.profile != bench.ProfileCapacity
	if phases && !o.lab && o.get == "" && o.layer == layerAPI && o.restartCmd == "" && !slices.Contains(o.phases, bench.PhaseFirst) {
		plan = plan.Without(bench.PhaseFirst, "there was nothing to restart the server with: give --restart-cmd, or --lab")
	}
	o.plan = plan
	if err := o.validatePhases(); err != nil {
		return err
	}
	if o.lab {
		return errors.Join(o.plan.Check(o.users, true), o.plan.CheckRate(true), o.fits(nil))
	}
	if o.layer == layerDB {
		return nil // the database's host is known only later
	}
	return o.validateTarget()
}

// newPlan is what is going to be done: turns of two servers, a search for the capacity, or the phases of a profile.
func (o *loadtestOptions) newPlan() (bench.Plan, error) {
	choices := bench.PlanOptions{
		Profile: o.profile, Get: o.get != "", Database: o.layer == layerDB, Phases: o.phases, Rate: o.rate, Duration: o.duration,
		P99: o.p99, ColdP99: o.coldP99, MixedP99: o.mixedP99, First: o.first, Restarts: o.restarts, LinkRTT: o.linkRTT(),
	}
	switch {
	case o.compare.against != "":
		return bench.ComparePlan(choices, o.compare.slicing())
	case o.profile == bench.ProfileCapacity:
		base, err := bench.ParseTarget(o.target)
		return bench.CapacityPlan(choices, o.capacityOptions(), o.lab || (err == nil && bench.Loopback(base)))
	}
	return bench.NewPlan(choices)
}

// validateWithoutLab refuses the flags that say what a lab is to be like.
func (o *loadtestOptions) validateWithoutLab() error {
	switch {
	case o.lab:
	case o.data != "":
		return usagef("Add --lab, or leave it out.", "--data is the folder of a lab")
	case o.usersGiven:
		return usagef("Add --lab, or leave it out; --tokens are the users of a target.", "--users are seeded in a lab")
	}
	return nil
}

// validatePhases refuses what is about a phase that the plan does not have.
func (o *loadtestOptions) validatePhases() error {
	for _, f := range []struct {
		flag, phase string
		given       bool
	}{
		{"cold-p99", bench.PhaseCold, o.coldP99 != 0},
		{"mixed-p99", bench.PhaseMixed, o.mixedP99 != 0},
		{"first-target", bench.PhaseFirst, o.first != 0},
		{"restarts", bench.PhaseFirst, o.restarts != 0},
	} {
		if !f.given || slices.ContainsFunc(o.plan.Phases, func(p bench.PhasePlan) bool { return p.Name == f.phase }) {
			continue
		}
		hint := "Add the phase with --phases, or leave the flag out."
		if f.phase == bench.PhaseFirst {
			hint = "Add the phase with --phases, and --lab or --restart-cmd, which it needs; or leave the flag out."
		}
		return usagef(hint, "--%s is about phase %s, which this run does not have", f.flag, f.phase)
	}
	return nil
}

func (o *loadtestOptions) validateTimes() error {
	for _, f := range []struct {
		flag  string
		value time.Duration
	}{{"p99", o.p99}, {"cold-p99", o.coldP99}, {"mixed-p99", o.mixedP99}, {"first-target", o.first}} {
		if f.value < 0 || f.value >= o.timeout {
			return usagef("Raise --timeout, or lower the target.",
				"--%s %v must be above zero and below the time-out of a request, %v", f.flag, f.value, o.timeout)
		}
	}
	if o.duration < 0 {
		return usagef("Give a duration above zero.", "--duration %v makes no sense", o.duration)
	}
	return nil
}

func (o *loadtestOptions) validateTarget() error {
	base, err := bench.ParseTarget(o.target)
	if err != nil {
		return usagef("Give it as http://host:port.", "--target: %w", err)
	}
	o.base = base
	if err := o.permit.Judge(base); err != nil {
		return err
	}
	near := bench.Loopback(base) && (o.compare.base == nil || bench.Loopback(o.compare.base))
	if err := o.plan.CheckRate(near); err != nil {
		return err
	}
	if err := o.fits(base); err != nil {
		return err
	}
	switch {
	case o.get != "":
		return nil
	case o.tokens == "" && o.email == "":
		return usagef("Give --tokens FILE (honeydue seed --tokens FILE writes it), or --email and --password-env, or --get PATH for a test without a login.",
			"a load test of the API needs users")
	case o.tokens != "" && o.email != "":
		return usagef("Leave out one of them.", "--tokens and --email both say who to be")
	case o.email != "" && o.passwordEnv == "":
		return usagef("Put the password into a variable and name it: --password-env NAME.", "--email needs a password")
	case o.email != "":
		return o.plan.Check(1, o.restartCmd != "")
	}
	return nil
}

// fits judges whether this machine has the descriptors and ports that the plan takes. base is nil where the server is
// still to be started.
func (o *loadtestOptions) fits(base *url.URL) error {
	return bench.ReadMachine(base).Fits(o.plan, base, o.connections)
}

// linkRTT is what is known of the way between server and database; 0 = nothing.
func (o *loadtestOptions) linkRTT() time.Duration {
	if o.lab || o.rttGiven {
		return o.rtt
	}
	return 0
}

// loadtestTarget tests a server that runs already.
func (a *app) loadtestTarget(ctx context.Context, o *loadtestOptions) error {
	users, err := o.readUsers(o.tokens)
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
	t := loadtest{options: o, hitter: hitter, users: users, target: o.target}
	if o.compare.against != "" {
		if t.baseline, err = a.newBaseline(ctx, o, users); err != nil {
			return err
		}
		defer t.baseline.Hitter.Close()
	}
	if o.restartCmd != "" {
		t.restart = func(ctx context.Context) error { return restartBy(ctx, o.restartCmd, hitter, o.plan.Profile) }
	}
	return a.runLoadtest(ctx, t)
}

// login gets the one user of --email at a server.
func (a *app) login(ctx context.Context, o *loadtestOptions, h *bench.Hitter) ([]bench.User, error) {
	password := a.getenv(o.passwordEnv)
	if password == "" {
		return nil, usagef("Set it to the password of --email.", "the variable %s is empty", o.passwordEnv)
	}
	user, err := h.Login(ctx, o.email, password)
	if err != nil {
		return nil, failedf("See that the server is up, and that e-mail and password are right.", "%w", err)
	}
	return []bench.User{user}, nil
}

// readTokens reads the users of a file as seed --tokens writes it.
func readTokens(path string) ([]bench.User, error) {
	f, err := os.Open(path) //nolint:gosec // the file that the caller named
	if err != nil {
		return nil, usagef("Write one with: honeydue seed --tokens FILE.", "cannot read the tokens: %w", err)
	}
	users, err := bench.ReadUsers(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, usagef("Write one with: honeydue seed --tokens FILE.", "%s: %w", path, err)
	}
	return users, nil
}

func (o *loadtestOptions) readUsers(tokens string) ([]bench.User, error) {
	if tokens == "" {
		return nil, nil
	}
	users, err := readTokens(tokens)
	if err != nil {
		return nil, err
	}
	return users, usage(o.plan.Check(len(users), o.restartCmd != ""))
}

func (a *app) newHitter(o *loadtestOptions, base *url.URL) (*bench.Hitter, error) {
	return bench.NewHitter(bench.HitterConfig{
		Base: base, MaxConnections: o.connections, Timeout: o.timeout, Run: bench.NewRunID(), TLS: o.trust,
		UserAgent: "honeydue-loadtest/" + a.build.Version,
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
func (a *app) runLoadtest(ctx context.Context, t loadtest) error {
	o := t.options
	c := bench.Config{Target: t.target, Hitter: t.hitter, Plan: o.plan, Users: t.users, Restart: t.restart}
	switch {
	case t.mix != nil:
		c.Mix, c.Server = *t.mix, t.server
	case o.get != "":
		mix, err := bench.NewMix(bench.MixRoute{ID: o.get, Path: o.get, Weight: 1})
		if err != nil {
			return err
		}
		c.Mix = mix
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
	c.Sampler, c.TraceLink = a.openSampler(ctx, t), o.side.link
	defer c.Sampler.Close(ctx)
	live := a.loadtestProgress(fmt.Sprintf("loadtest of %s, profile %s", t.target, o.plan.Profile))
	c.Progress = live.show
	result, err := t.measure(ctx, c)
	live.done()
	if unwritten := a.keepAndWrite(o, result); unwritten != nil {
		return errors.Join(err, unwritten)
	}
	if err != nil {
		return &exitError{code: worst(exitFailed, verdictCode(result.Verdict)), err: err, hint: "The report holds what was measured before."}
	}
	return exitWith(verdictCode(result.Verdict))
}

// keepAndWrite saves the run where that was asked for, and prints its report.
func (a *app) keepAndWrite(o *loadtestOptions, r bench.Result) error {
	var saving error
	if o.save != "" {
		saving = a.saveRun(o.save, r)
	}
	return errors.Join(saving, a.write(r.Document()))
}

// gate asks the server about itself. A release is judged only on a server that has proved that it reaches its
// database through a pooler.
func gate(ctx context.Context, h *bench.Hitter, profile string) (bench.Server, error) {
	server, ready, err := h.Ask(ctx)
	switch {
	case err != nil:
		return server, failedf("Start the server, or mend the URL.", "%w", err)
	case !ready:
		return server, failedf("Wait until /readyz answers 200.", "the server is not ready")
	case profile == "release" && len(server.Ablated) > 0:
		return server, failedf("Unset HONEYDUE_ABLATE and restart the server.",
			"the release gate judges no experiment, and this server has decision %s turned back", strings.Join(server.Ablated, ", "))
	}
	return server, throughPooler(server, profile)
}

func throughPooler(server bench.Server, profile string) error {
	switch {
	case profile != "release":
	case server.ThroughPooler == nil:
		return failedf("Test honeydue serve, or use --profile smoke.", "the release gate demands a server that proves the way to its database, and this one's /readyz does not speak of it")
	case !*server.ThroughPooler:
		return failedf("Point DATABASE_URL at the pooler (the host with -pooler) and restart the server; honeydue probe shows which endpoint is in use.",
			"the release gate demands a pooler, and the server says that it reaches its database without one")
	}
	return nil
}

func verdictCode(v bench.Verdict) int {
	switch v {
	case bench.Pass:
		return exitOK
	case bench.Fail:
		return exitFinding
	case bench.Inconclusive:
		return exitInconclusive
	}
	return exitInvalid
}

// restartBy runs the user's command and waits until the server is ready again. What has come back has to have started
// since, where it tells when, and to prove the pooler again.
func restartBy(ctx context.Context, command string, h *bench.Hitter, profile string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	before, _, err := h.Ask(ctx)
	if err != nil {
		before = bench.Server{} // it may be down already
	}
	h.Close() // the connection would be found dead
	said := &tail{}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command) //nolint:gosec // the caller's own command
	cmd.Stdout, cmd.Stderr = said, said
	cmd.WaitDelay = time.Second // what it leaves in the background may keep the pipes
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("--restart-cmd failed (%w): %s", err, strings.TrimSpace(said.String()))
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		server, ready, err := h.Ask(ctx)
		switch {
		case err != nil || !ready:
		case !server.StartedAt.IsZero() && server.StartedAt.Equal(before.StartedAt):
			return failedf("Give a command that ends the server and starts it anew, and returns when the old one is gone.",
				"--restart-cmd did not restart the server: it has run since %s, as it says itself", server.StartedAt.Format(time.RFC3339))
		default:
			return throughPooler(server, profile)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready %v after --restart-cmd", readyTimeout)
		case <-tick.C:
		}
	}
}
