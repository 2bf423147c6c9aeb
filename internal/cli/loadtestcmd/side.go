package loadtestcmd

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/lab"
)

// sideOptions are the flags of loadtest about what stands behind the target.
type sideOptions struct {
	metricsURL, traceLink string
	off                   bool

	link bench.TraceLink // of traceLink or the environment
}

func (o *sideOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.metricsURL, "metrics-url", "", "`URL` of the target's /metrics (its admin address), read once a second; --lab knows its own")
	o.commonFlags(flags)
}

// commonFlags are those that a run without a server has, too.
func (o *sideOptions) commonFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&o.off, "no-server-side", false, "ask the target alone, and nothing that stands behind it")
	o.linkFlag(flags)
}

func (o *sideOptions) linkFlag(flags *pflag.FlagSet) {
	flags.StringVar(&o.traceLink, "trace-link", "", "`URL` of a trace with {trace_id} in it, to lead from the slowest requests to their traces (also HONEYDUE_TRACE_LINK)")
}

// read completes the options from the environment, and refuses what is no URL. No message holds one: it may carry a password.
func (o *sideOptions) read(own config.Loadtest) (err error) {
	if o.metricsURL != "" {
		if _, err := bench.ParseMetricsURL(o.metricsURL); err != nil {
			return exit.Usagef("Give it as http://host:9090/metrics.", "--metrics-url: %w", err)
		}
	}
	template, from := o.traceLink, "--trace-link"
	if template == "" {
		template, from = own.TraceLink, "HONEYDUE_TRACE_LINK"
	}
	if o.link, err = bench.ParseTraceLink(template); err != nil {
		return exit.Usagef("Give it as https://jaeger.example/trace/{trace_id}.", "%s: %w", from, err)
	}
	return nil
}

// validate refuses what does not go together with the rest of the flags.
func (o *sideOptions) validate(all *loadtestOptions) error {
	switch {
	case o.metricsURL == "":
	case o.off:
		return exit.Usagef("Leave out one of them.", "--metrics-url is read, and --no-server-side reads nothing")
	case all.lab:
		return exit.Usagef("Leave out --metrics-url.", "--lab knows the address of its own server's metrics")
	}
	return nil
}

// openSampler connects to the parts behind a load test's target.
func (a command) openSampler(ctx context.Context, t loadtest) *bench.Sampler {
	return bench.OpenSampler(ctx, a.around(t))
}

// around is where the parts behind a load test's target are: those of the environment that may be asked, unless the test
// knows its own.
func (a command) around(t loadtest) bench.SamplerConfig {
	o, c := t.options, t.around
	switch {
	case o.side.off:
		return notRead("--no-server-side turns it off")
	case o.compare.against != "":
		return notRead("the load alternates between two servers, and what stands behind both does not separate their work")
	case c == (bench.SamplerConfig{}) && o.get != "":
		c = notRead("the URL may be of any server, and what the environment names need not stand behind it")
		c.Metrics = bench.SourceAt{}
	case c == (bench.SamplerConfig{}) && o.targetsFile != "":
		c = notRead("the targets may be those of any server, and what the environment names need not stand behind it")
		c.Metrics = bench.SourceAt{}
	case c == (bench.SamplerConfig{}):
		c = a.aroundEnvironment(o.permit)
	}
	switch {
	case o.database:
		c.Metrics.Why = "there is no server: the pool is the load test's own"
	case c.Metrics.URL != "":
	case o.side.metricsURL != "":
		c.Metrics.URL, c.Trust = o.side.metricsURL, o.trust
	default:
		c.Metrics.Why = "--metrics-url is not given"
	}
	return c
}

func notRead(why string) bench.SamplerConfig {
	at := bench.SourceAt{Why: why}
	return bench.SamplerConfig{Metrics: at, Console: at, Statements: at, Redis: at}
}

// aroundLab is the parts of a lab; its server has the metrics.
func aroundLab(env lab.Env) bench.SamplerConfig {
	return bench.SamplerConfig{
		Console: bench.SourceAt{URL: env.AdminURL}, Statements: bench.SourceAt{URL: env.DirectURL}, Redis: bench.SourceAt{URL: env.RedisURL},
		Database: databaseOf(env.DatabaseURL),
	}
}

// aroundEnvironment is the parts that the environment names, as far as permit lets them be asked: a shell may hold the
// addresses of another system. What is wrong with it fails no load test of a URL.
func (a command) aroundEnvironment(permit bench.Permit) bench.SamplerConfig {
	var c bench.SamplerConfig
	database, err := config.ParseDatabase(a.Env)
	c.Console = sourceAt(database.AdminURL, err, "PGBOUNCER_ADMIN_URL is not set (Neon's pooler shows its console to nobody)")
	c.Statements = sourceAt(database.DirectURL, err, "neither DATABASE_DIRECT_URL nor DB_DIRECT_HOST is set")
	c.Database = databaseOf(database.URL)
	cached, err := config.ParseRedis(a.Env)
	c.Redis = sourceAt(cached.URL, err, "REDIS_URL is not set")
	for _, s := range []*bench.SourceAt{&c.Console, &c.Statements, &c.Redis} {
		if why := forbidden(permit, s.URL); s.URL != "" && why != "" {
			*s = bench.SourceAt{Why: why}
		}
	}
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

// forbidden says why an address of the environment may not be asked; "" if it may. It holds no more of it than the host.
func forbidden(permit bench.Permit, raw string) string {
	hosts := hostsIn(raw)
	if len(hosts) == 0 {
		return "its address names no host that can be checked"
	}
	for _, host := range hosts {
		at := &url.URL{Host: host}
		if permit.Typed != "" && permit.Judge(at) == nil {
			continue // it is the production host that was typed
		}
		allowed := bench.Permit{Hosts: permit.Hosts, Production: permit.Production}
		switch {
		case allowed.Judge(at) == nil:
		case bench.Allowed(at, permit.Hosts) == nil:
			return at.Hostname() + " is a production host, and only the one that --i-mean names is read"
		default:
			return fmt.Sprintf("%s is not this machine: --allow-host %[1]s lets it be read", at.Hostname())
		}
	}
	return ""
}

// hostsIn are the hosts that an address leads to: a Postgres URL may name several, or in its query. A socket in the file
// system is this machine's.
func hostsIn(raw string) []string {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil
	case u.Scheme == "unix":
		return []string{"localhost"}
	}
	named := u.Host
	if inQuery := u.Query().Get("host"); inQuery != "" {
		named = inQuery
	}
	var hosts []string
	for host := range strings.SplitSeq(named, ",") {
		switch {
		case host == "":
			return nil
		case strings.HasPrefix(host, "/"):
			host = "localhost"
		}
		hosts = append(hosts, host)
	}
	return hosts
}

// databaseOf is the name of the database that a URL leads to; "" if it can't be told.
func databaseOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/")
}
