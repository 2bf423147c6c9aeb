package loadtestcmd

import (
	"crypto/tls"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
)

// loadtestOptions are the flags of loadtest.
type loadtestOptions struct {
	target, get            string
	expect                 []int
	targetsFile            string
	targets                bench.Targets
	profile                string
	phases                 []string
	rate                   float64
	duration, timeout      time.Duration
	p99, coldP99, first    time.Duration
	mixedP99, eveningP99   time.Duration
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

func (o *loadtestOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.target, "target", "", "`URL` of the server to test; this machine, unless --allow-host names another")
	flags.BoolVar(&o.lab, "lab", false, "start a replica of production and a server in it, test that, stop both")
	flags.StringVar(&o.profile, "profile", bench.Profiles()[0], "`PROFILE` to run: "+strings.Join(bench.Profiles(), "|"))
	flags.StringSliceVar(&o.phases, "phases", nil, "only these `PHASES` of the profile, such as warm,cold")
	flags.StringVar(&o.get, "get", "", "instead of a profile: GET one `PATH` of any HTTP server, without a login")
	flags.StringVar(&o.targetsFile, "targets", "", "instead of a profile: the requests of this `FILE` in vegeta's format http or json, in turn, without a login")
	flags.IntSliceVar(&o.expect, "expect", nil, "with --get or --targets: the `STATUSES` of a good answer, such as 301,404; all others are errors (default: 2xx and 304)")
	flags.StringVar(&o.layer, "layer", layerAPI, "`LAYER` to test: api, or db for the hot statements alone, straight at the pooler of DATABASE_URL or of --lab")
	flags.Float64Var(&o.rate, "rate", 0, "requests per second of the warm phase or of --get (default: the profile's)")
	flags.DurationVar(&o.duration, "duration", 0, "length of the warm phase, of --get, or of a step of --profile capacity (default: the profile's)")
	flags.DurationVar(&o.p99, "p99", 0, "target of the warm phase, of --get, or of --profile capacity (default 200ms)")
	flags.DurationVar(&o.coldP99, "cold-p99", 0, "target of the cold phase (default 700ms)")
	flags.DurationVar(&o.mixedP99, "mixed-p99", 0, "target of the mixed phase (default 300ms)")
	flags.DurationVar(&o.eveningP99, "evening-p99", 0, "target of the list reads of phase evening (default 40ms)")
	flags.DurationVar(&o.first, "first-target", 0, "target of each first request (default 900ms)")
	flags.IntVar(&o.restarts, "restarts", 0, "restarts of the first phase (default: the profile's)")
	flags.IntVar(&o.connections, "max-connections", 0, "connections open at once; requests queue for them, and the wait counts (default: no limit)")
	flags.DurationVar(&o.timeout, "timeout", bench.DefaultTimeout, "a request that takes longer has failed")
	flags.StringSliceVar(&o.allowHosts, "allow-host", nil, "a `HOST` other than this machine that may be tested")
	o.addScenarioFlags(flags)
	flags.StringVar(&o.tokens, "tokens", "", "`FILE` with one \"user_id token\" a line, as seed --tokens writes it; a run begins at a place of its own")
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

// linkRTT is what is known of the way between server and database; 0 = nothing.
func (o *loadtestOptions) linkRTT() time.Duration {
	if o.lab || o.rttGiven {
		return o.rtt
	}
	return 0
}
