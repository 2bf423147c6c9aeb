package loadtestcmd

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

func (a command) newGet() *cobra.Command {
	o := newOptions()
	c := &cobra.Command{
		Use:   "get URL",
		Short: "Load one URL of any HTTP server, without a login",
		Long: `Each request is measured from the moment at which it was due, so that a stall
counts for every request that it delayed. --targets sends the requests of a file
in vegeta's format http or json, in turn. On this machine no rate is too high;
another host takes --allow-host, and more than 1000 requests/s --max-rate. -o
vegeta writes each request as vegeta report, plot and encode read it.

Exit code 3: the p99 target was missed. 4: too few requests to decide. 5: the
generator did not keep up, so the measurement is invalid.`,
		Example: `  honeydue loadtest get http://127.0.0.1:8080/livez --rate 200 --p99 5ms
  honeydue loadtest get --targets targets.txt --rate 500 -o vegeta
  honeydue loadtest get https://example.com/ --allow-host example.com --rate 20`,
		Args:        atMostOne("one URL"),
		Annotations: app.HasRequests(),
		RunE:        a.runs(o, o.readURL),
	}
	return flagsOf(c,
		heading{"Requests", several(o.steadyFlags, func(flags *pflag.FlagSet) {
			flags.StringVar(&o.targetsFile, "targets", "", "requests of this `FILE` in vegeta's format http or json, instead of a URL")
		}, o.expectFlag)},
		heading{"Connections", o.connectionFlags},
		heading{"Target policy", o.policyFlags},
		heading{"Report", several(o.saveFlag, o.baselineFlag, o.side.addFlags)},
	)
}

// steadyFlags are those of a load at one rate.
func (o *loadtestOptions) steadyFlags(flags *pflag.FlagSet) {
	flags.Float64Var(&o.rate, "rate", 0, "requests per second (default 50)")
	flags.DurationVar(&o.duration, "duration", 0, "length of the run (default 10s)")
	o.p99Flag(flags)
}

func (o *loadtestOptions) p99Flag(flags *pflag.FlagSet) {
	flags.DurationVar(&o.p99, "p99", 0, "p99 target (default 200ms)")
}

// readURL reads the argument, or the file of --targets.
func (o *loadtestOptions) readURL(args []string) error {
	switch {
	case o.targetsFile != "" && len(args) > 0:
		return exit.Usagef("Leave out one of them.", "a URL and the file of --targets both say what is requested")
	case o.targetsFile != "":
		return o.readTargets()
	case len(args) == 0:
		return exit.Usagef("Give a URL, or --targets FILE.", "there is nothing to request")
	}
	o.target, o.get = splitURL(args[0])
	return checkURL(o.target, o.get)
}

func checkURL(server, path string) error {
	const hint = "Give it as http://host:port/path, percent-encoded as the server is to receive it."
	if _, err := bench.ParseTarget(server); err != nil {
		return exit.Usagef(hint, "%w", err)
	}
	if err := bench.CheckPath(path); err != nil {
		return exit.Usagef(hint, "the path of the URL cannot be sent: %w", err)
	}
	return nil
}

// readTargets reads the file of --targets, which says whom to ask and for what.
func (o *loadtestOptions) readTargets() error {
	const hint = "Give targets in vegeta's format http or json, all of them on one server."
	f, err := os.Open(o.targetsFile)
	if err != nil {
		return exit.Usagef(hint, "--targets: %w", err)
	}
	o.targets, err = bench.ReadTargets(f, o.expect)
	if err = errors.Join(err, f.Close()); err != nil {
		return exit.Usagef(hint, "--targets %s: %w", o.targetsFile, err)
	}
	o.target = o.targets.Base.String()
	return nil
}
