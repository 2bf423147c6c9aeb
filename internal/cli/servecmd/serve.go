// Package servecmd is the command serve.
package servecmd

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/cli/term"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	addr, adminAddr string
	lab             bool
	rtt             time.Duration
	data            string
	startupTimeout  time.Duration
	drainDelay      time.Duration
	drainTimeout    time.Duration
}

// New is the command serve.
func New(a *app.App) *cobra.Command {
	o := &serveOptions{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the household API",
		Long: `serve answers the household API on --addr, and metrics, pprof and health on --admin-addr. It listens at once: /livez
answers from the first moment, /readyz says yes when the pool is open and has proved that it goes through a pooler.

With no database configured, or with --lab, it starts the local replica of production (real Postgres, PgBouncer and
Redis in one data folder), migrates it, makes a demo household and prints its login. Without REDIS_URL it caches in its
own memory, which is for one pod only.

SIGTERM or Ctrl-C: /readyz says no, requests go on for --drain-delay so that load balancers notice, those under way get
--drain-timeout to end, then everything is closed. A second signal stops at once.`,
		Example: `  honeydue serve                                  with a database, a cache and demo data of its own
  DATABASE_URL=postgres://... honeydue serve      with yours
  curl -s localhost:8080/readyz | jq`,
		Args: app.NoArgs,
		RunE: app.Validated(o, func(ctx context.Context) error { return runServe(ctx, a, *o) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.addr, "addr", ":8080", "`ADDRESS` of the API")
	flags.StringVar(&o.adminAddr, "admin-addr", "127.0.0.1:9090", "`ADDRESS` of metrics, pprof and health")
	flags.BoolVar(&o.lab, "lab", false, "use the local replica of production, whatever database is configured")
	flags.DurationVar(&o.rtt, "rtt", 0, "round trip to the replica's database, such as 110ms")
	flags.StringVar(&o.data, "data", "", "data `FOLDER` of the replica (default: as lab has it)")
	flags.DurationVar(&o.startupTimeout, "startup-timeout", time.Minute, "how long to try to reach the database before giving up")
	flags.DurationVar(&o.drainDelay, "drain-delay", defaultDrainDelay(a), "how long to serve on after a signal while /readyz says no")
	flags.DurationVar(&o.drainTimeout, "drain-timeout", 20*time.Second, "how long requests under way get to end")
	return cmd
}

// defaultDrainDelay is for load balancers; there is none in front of a terminal.
func defaultDrainDelay(a *app.App) time.Duration {
	if term.IsTerminal(a.Stderr) {
		return 0
	}
	return 3 * time.Second
}

// Validate refuses what makes no sense, all of it at once.
func (o *serveOptions) Validate() error {
	var problems []error
	for _, f := range []struct{ flag, value string }{{"addr", o.addr}, {"admin-addr", o.adminAddr}} {
		if _, _, err := net.SplitHostPort(f.value); err != nil {
			problems = append(problems, exit.Usagef("Write it as host:port, or :port for every interface.", "--%s %q is not an address", f.flag, f.value))
		}
	}
	for _, f := range []struct {
		flag  string
		value time.Duration
	}{
		{"rtt", o.rtt}, {"drain-delay", o.drainDelay}, {"drain-timeout", o.drainTimeout}, {"startup-timeout", o.startupTimeout},
	} {
		if f.value < 0 {
			problems = append(problems, exit.Usagef("Give a time of 0 or more.", "--%s %s makes no sense", f.flag, f.value))
		}
	}
	if o.startupTimeout == 0 {
		problems = append(problems, exit.Usagef("Give it some seconds.", "--startup-timeout 0 leaves no time to reach the database"))
	}
	if o.rtt > time.Minute {
		problems = append(problems, exit.Usagef("Give a time from 0 to 1m, such as 110ms.", "--rtt %s makes no sense", o.rtt))
	}
	return errors.Join(problems...)
}
