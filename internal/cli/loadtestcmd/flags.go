package loadtestcmd

import (
	"crypto/tls"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
)

// loadtestOptions are the flags and arguments of the commands that send requests. Each command has those that make sense
// for it.
type loadtestOptions struct {
	target, get          string
	expect               []int
	targetsFile          string
	targets              bench.Targets
	profile              string
	phases               []string
	rate, maxRate        float64
	duration, timeout    time.Duration
	p99, coldP99, first  time.Duration
	mixedP99, eveningP99 time.Duration
	restarts             int
	connections          int
	tokens               string
	email, passwordEnv   string
	restartCmd           string
	lab                  bool
	data                 string
	users                int
	rtt                  time.Duration
	database             bool // the database alone, without a server
	save                 string
	rttGiven, usersGiven bool
	scenarioFile         string
	permit               bench.Permit
	ca                   string
	state                string
	compare              compareOptions
	capacity             capacityOptions
	side                 sideOptions

	plan     bench.Plan
	base     *url.URL // of target
	scenario *bench.Scenario
	trust    *tls.Config // of --ca; nil = the system's
}

// newOptions are those of one command, with the defaults of the flags that it does not have.
func newOptions() *loadtestOptions {
	return &loadtestOptions{profile: profiles()[0], timeout: bench.DefaultTimeout}
}

// profiles are those of the release gate, the default first.
func profiles() []string {
	return slices.DeleteFunc(bench.Profiles(), func(name string) bool { return name == bench.ProfileCapacity })
}

func (o *loadtestOptions) targetFlag(flags *pflag.FlagSet) {
	flags.StringVar(&o.target, "target", "", "`URL` of the server to test")
}

func (o *loadtestOptions) getFlag(flags *pflag.FlagSet) {
	flags.StringVar(&o.get, "get", "", "GET this `PATH` of any HTTP server, without a login")
}

func (o *loadtestOptions) expectFlag(flags *pflag.FlagSet) {
	flags.IntSliceVar(&o.expect, "expect", nil, "`STATUSES` of a good answer, such as 301,404 (default: 2xx and 304)")
}

func (o *loadtestOptions) userFlags(flags *pflag.FlagSet) {
	o.tokensFlag(flags)
	flags.StringVar(&o.email, "email", "", "log in as the user with this `EMAIL`, instead of --tokens; enough for warm users")
	flags.StringVar(&o.passwordEnv, "password-env", "", "`VARIABLE` of the environment with the password of --email")
}

func (o *loadtestOptions) tokensFlag(flags *pflag.FlagSet) {
	flags.StringVar(&o.tokens, "tokens", "", "`FILE` with one \"user_id token\" a line, as seed --tokens writes it")
}

func (o *loadtestOptions) connectionFlags(flags *pflag.FlagSet) {
	flags.IntVar(&o.connections, "max-connections", 0, "connections open at once; requests wait for one, and the wait counts (default: no limit)")
	o.timeoutFlag(flags)
	o.caFlag(flags)
}

func (o *loadtestOptions) timeoutFlag(flags *pflag.FlagSet) {
	flags.DurationVar(&o.timeout, "timeout", bench.DefaultTimeout, "a request that takes longer has failed")
}

func (o *loadtestOptions) caFlag(flags *pflag.FlagSet) {
	flags.StringVar(&o.ca, "ca", "", "`FILE` of certificates (PEM) to trust in addition to the system's")
}

// labFlags make and describe a lab. work is what is done there.
func (o *loadtestOptions) labFlags(work string) func(*pflag.FlagSet) {
	return func(flags *pflag.FlagSet) {
		flags.BoolVar(&o.lab, "lab", false, work)
		flags.DurationVar(&o.rtt, "rtt", 110*time.Millisecond, "round trip of the lab's link to the database; without --lab: what is known of it")
		flags.StringVar(&o.data, "data", "", "data `FOLDER` of the lab (default: one of the load test's own)")
		flags.IntVar(&o.users, "users", 1500, "users to seed in the lab")
	}
}

// policyFlags say which hosts may be loaded, and how much.
func (o *loadtestOptions) policyFlags(flags *pflag.FlagSet) {
	o.hostFlags(flags)
	flags.Float64Var(&o.maxRate, "max-rate", 0, "highest rate that is allowed (default: none on this machine, 1000 elsewhere)")
}

func (o *loadtestOptions) hostFlags(flags *pflag.FlagSet) {
	flags.StringSliceVar(&o.permit.Hosts, "allow-host", nil, "`HOST` other than this machine that may be tested")
	flags.StringSliceVar(&o.permit.Production, "production-host", nil, "`HOST` that is tested only with --i-mean; .example.com is every host below it (also HONEYDUE_PRODUCTION_HOSTS)")
	flags.StringVar(&o.permit.Typed, "i-mean", "", "production `HOST` that is really meant to be tested")
}

func (o *loadtestOptions) saveFlag(flags *pflag.FlagSet) {
	flags.StringVar(&o.save, "save", "", "keep the run with all its latencies in `FILE`, for loadtest report")
}

func (o *loadtestOptions) baselineFlag(flags *pflag.FlagSet) {
	flags.StringVar(&o.compare.with, "baseline", "", "`FILE` with the JSON report of an earlier run: report what has changed since; it decides nothing")
}

func stateFlag(flags *pflag.FlagSet, state *string) {
	flags.StringVar(state, "state", "", "`FOLDER` that notes what a run makes, for loadtest cleanup (default: honeydue/loadtest in the user's state folder)")
}

// several adds the flags of one heading.
func several(adds ...func(*pflag.FlagSet)) func(*pflag.FlagSet) {
	return func(flags *pflag.FlagSet) {
		for _, add := range adds {
			add(flags)
		}
	}
}

// complete lets a shell complete the values of some flags.
func complete(c *cobra.Command) {
	choices := map[string][]string{
		"profile": profiles(), "phases": {bench.PhaseWarm, bench.PhaseCold, bench.PhaseFirst, bench.PhaseEvening, bench.PhaseMixed},
	}
	for name, values := range choices {
		if c.Flags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
		}
	}
}

// linkRTT is what is known of the way between server and database; 0 = nothing.
func (o *loadtestOptions) linkRTT() time.Duration {
	if o.lab || o.rttGiven {
		return o.rtt
	}
	return 0
}

// anyServer reports whether the requests are those of any HTTP server, without a login.
func (o *loadtestOptions) anyServer() bool { return o.get != "" || o.targetsFile != "" }

// flagsOf gives a command its flags, heading by heading, and takes care of how they are used.
func flagsOf(c *cobra.Command, headings ...heading) *cobra.Command {
	for _, h := range headings {
		app.Flags(c, h.name, h.add)
	}
	complete(c)
	return c
}

type heading struct {
	name string
	add  func(*pflag.FlagSet)
}

// splitURL parts a URL into its server and the path of the request, which is sent as it was typed.
func splitURL(raw string) (server, path string) {
	_, rest, _ := strings.Cut(raw, "://")
	i := strings.IndexAny(rest, "/?#")
	if i < 0 {
		return raw, "/"
	}
	if path = rest[i:]; path[0] != '/' {
		path = "/" + path
	}
	return strings.TrimSuffix(raw, rest[i:]), path
}
