package loadtestcmd

import (
	"context"
	"errors"
	"net/url"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/store"
)

func (a command) newDB() *cobra.Command {
	o := newOptions()
	o.database = true
	c := &cobra.Command{
		Use:   "db",
		Short: "Load the database alone, with the hot statements of the API",
		Long: `The hot statements are sent as serve sends them when nothing is cached, through
a pool like the server's (DB_MAX_CONNS bounds it), to the database of
DATABASE_URL or of a lab. No API on that database can be faster. The profile
release takes no other endpoint than a pooler; smoke takes the direct one, too.

Exit code 3: the p99 target was missed. 4: too few requests to decide. 5: the
generator did not keep up, so the measurement is invalid.`,
		Example: `  honeydue loadtest db --lab --p99 150ms
  honeydue loadtest db --tokens tokens.txt --rate 100`,
		Args:        app.NoArgs,
		Annotations: app.HasRequests(),
		RunE:        a.runs(o, noArguments),
	}
	return flagsOf(c,
		heading{"Database", several(o.tokensFlag, o.timeoutFlag, func(flags *pflag.FlagSet) {
			flags.StringVar(&o.profile, "profile", "release", "`PROFILE` that says which endpoint is taken: release|smoke")
		})},
		heading{"Lab", o.labFlags("start a replica of production, test its database, stop it")},
		heading{"Load", o.steadyFlags},
		heading{"Target policy", o.policyFlags},
		heading{"Report", several(o.saveFlag, o.baselineFlag, o.side.commonFlags)},
	)
}

// validateDatabase refuses what has no meaning for the database alone.
func (o *loadtestOptions) validateDatabase() error {
	switch {
	case !o.database:
	case o.profile != "release" && o.profile != "smoke":
		return exit.Usagef("Give --profile release, or smoke, which takes the direct endpoint too.", "the database alone has no profile %q", o.profile)
	case !o.lab && o.tokens == "":
		return exit.Usagef("Give --tokens FILE (honeydue seed --tokens FILE writes it), or --lab.", "the hot statements find their user by a token")
	}
	return nil
}

// loadtestDatabase tests the database of the environment, as serve would reach it.
func (a command) loadtestDatabase(ctx context.Context, o *loadtestOptions) error {
	users, err := a.readUsers(o, o.tokens)
	if err != nil {
		return err
	}
	database, err := a.Database()
	if err != nil {
		return err
	}
	if database.URL == "" {
		return exit.Usagef(`Set DATABASE_URL; with a lab: eval "$(honeydue lab env)".`, "no database is configured")
	}
	return a.loadtestPool(ctx, o, database, a.aroundEnvironment(o.permit), users)
}

// loadtestLabDatabase tests the database of a lab of its own.
func (a command) loadtestLabDatabase(ctx context.Context, o *loadtestOptions, env lab.Env, users []bench.User) error {
	database, err := a.Database()
	if err != nil {
		return err
	}
	database.URL = env.DatabaseURL
	return a.loadtestPool(ctx, o, database, aroundLab(env), users)
}

func (a command) loadtestPool(ctx context.Context, o *loadtestOptions, database config.Database, around bench.SamplerConfig, users []bench.User) (err error) {
	host, err := hostOf(database.URL)
	if err != nil {
		return err
	}
	base := &url.URL{Scheme: "http", Host: host} // its scheme says nothing: the transport is no client of HTTP
	if err := errors.Join(o.permit.Judge(base), o.plan.CheckRate(bench.Loopback(base), o.maxRate)); err != nil {
		return exit.Usage(err)
	}
	db, err := store.Open(ctx, app.PoolConfig(database))
	if err != nil {
		return err
	}
	defer db.Close()
	proof := db.Proof()
	if o.profile == "release" && !proof.ThroughPooler {
		return exit.Failedf("Point DATABASE_URL at the pooler (the host with -pooler), or measure the direct endpoint with --profile smoke.",
			"the release gate demands a pooler, and DATABASE_URL reaches the database without one (%s)", proof.How)
	}
	mix, err := bench.HotMix() //nolint:contextcheck // as in runLoadtest
	if err != nil {
		return err
	}
	layer, err := bench.NewDatabaseLayer(db, mix)
	if err != nil {
		return err
	}
	hitter, err := bench.NewHitter(bench.HitterConfig{Base: base, Timeout: o.timeout, Run: bench.NewRunID(), Transport: layer})
	if err != nil {
		return err
	}
	return a.runLoadtest(ctx, loadtest{options: o, around: around, hitter: hitter, users: users, target: "the database at " + host, mix: &mix, server: bench.Server{
		ThroughPooler: &proof.ThroughPooler, PoolerProof: proof.How, LinkRTTMS: float64(o.linkRTT().Microseconds()) / 1000,
	}})
}

// hostOf is the host and port of a database's URL, which a message may show; the rest of it may hold a password.
func hostOf(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "", exit.Usagef("Write it as postgres://user:password@host:port/name.", "DATABASE_URL has no host")
	}
	return u.Host, nil
}
