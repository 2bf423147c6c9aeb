package loadtestcmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/lab"
)

// compareOptions are what a run is compared with: another server, or an earlier run.
type compareOptions struct {
	against, tokens string
	slices          int
	sliceLength     time.Duration
	seed            uint64
	with            string

	base    *url.URL      // of against
	earlier *bench.Result // of with
}

func (a command) newCompare() *cobra.Command {
	o := newOptions()
	c := &cobra.Command{
		Use:   "compare TARGET BASELINE",
		Short: "Alternate the load between two servers and say which is slower",
		Long: `TARGET and BASELINE are the URLs of two servers, which get the same requests in
slices, by turns. A regression of TARGET is claimed only if a rank test of the
slices' p99s, a bootstrap interval and a least effect of 5% agree. It is a
steady load on warm users; nothing is written.

To see what has changed since a saved run: honeydue loadtest --baseline FILE.

Exit code 3: TARGET is slower. 4: too few slices to decide. 5: the generator did
not keep up, so the measurement is invalid.`,
		Example: `  honeydue loadtest compare http://127.0.0.1:8080 http://127.0.0.1:8081 \
    --tokens tokens.txt
  honeydue loadtest compare http://127.0.0.1:8080 http://127.0.0.1:8081 \
    --get /livez --rate 200`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 2 {
				return exit.Usagef(app.SeeHelp(c), "'%s' takes two URLs, and was given %d", c.CommandPath(), len(args))
			}
			return nil
		},
		Annotations: app.HasRequests(),
		RunE: a.runs(o, func(args []string) error {
			o.target, o.compare.against = args[0], args[1]
			return nil
		}),
	}
	return flagsOf(c,
		heading{"Servers", several(o.userFlags, func(flags *pflag.FlagSet) {
			flags.StringVar(&o.compare.tokens, "baseline-tokens", "", "`FILE` with the users of BASELINE (default: those of --tokens, for two servers on one database)")
		}, o.connectionFlags)},
		heading{"Load", func(flags *pflag.FlagSet) {
			o.getFlag(flags)
			o.expectFlag(flags)
			flags.StringVar(&o.profile, "profile", profiles()[0], "`PROFILE` with the rate and the demands on the servers: release|smoke")
			flags.Float64Var(&o.rate, "rate", 0, "requests per second (default: the profile's, with --get 50)")
			o.p99Flag(flags)
			flags.IntVar(&o.compare.slices, "slices", 0, "slices of each server (default 10)")
			flags.DurationVar(&o.compare.sliceLength, "slice-length", 0, "length of a slice (default 10s)")
			flags.Uint64Var(&o.compare.seed, "slice-seed", 0, "seed of the order within each pair of slices (default 1)")
		}},
		heading{"Target policy", o.policyFlags},
		heading{"Report", several(o.saveFlag, o.side.linkFlag)},
	)
}

func (o *compareOptions) slicing() bench.Slicing {
	return bench.Slicing{Slices: o.slices, Length: o.sliceLength, Seed: o.seed}
}

// validate refuses what does not go together with the rest of the flags.
func (o *compareOptions) validate(all *loadtestOptions) error {
	switch {
	case o.against == "":
		return nil
	case !strings.Contains(o.against, "://"):
		return exit.Usagef(fmt.Sprintf("Type: honeydue loadtest --target %s --baseline %s", lab.ShellWord(all.target), lab.ShellWord(o.against)),
			"BASELINE is not the URL of a server; --baseline shows what has changed since a saved run")
	case o.slices < 0 || o.sliceLength < 0:
		return exit.Usagef("Give values above zero.", "--slices and --slice-length can't be negative")
	case o.tokens != "" && all.tokens == "":
		return exit.Usagef("Give --tokens as well.", "--baseline-tokens are the other server's users")
	}
	base, err := bench.ParseTarget(o.against)
	if err != nil {
		return exit.Usagef("Give it as http://host:port.", "BASELINE: %w", err)
	}
	target, err := bench.ParseTarget(all.target)
	if err != nil {
		return exit.Usagef("Give it as http://host:port.", "TARGET: %w", err)
	}
	o.base = base
	return all.permit.JudgeBaseline(base, target)
}

// read reads the earlier run of --baseline, before anything is measured.
func (o *compareOptions) read(all *loadtestOptions) error {
	if o.with == "" {
		return nil
	}
	f, err := os.Open(o.with)
	if err != nil {
		return exit.Usagef("Write one with: honeydue loadtest -o json --out FILE.", "cannot read the earlier run: %w", err)
	}
	earlier, err := bench.ReadEarlier(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return exit.Usage(err)
	}
	if err := bench.CheckEarlier(earlier, all.plan, all.get); err != nil {
		return exit.Usage(err)
	}
	o.earlier = &earlier
	return nil
}

// newBaseline makes the other side of a comparison; the caller closes its Hitter. users are those of the target.
func (a command) newBaseline(ctx context.Context, o *loadtestOptions, users []bench.User) (_ *bench.Baseline, err error) {
	b := &bench.Baseline{Target: o.compare.against, Users: users}
	if o.compare.tokens != "" {
		if b.Users, err = a.readUsers(o, o.compare.tokens); err != nil {
			return nil, err
		}
	}
	if b.Hitter, err = a.newHitter(o, o.compare.base); err != nil {
		return nil, err
	}
	if o.email != "" {
		if b.Users, err = a.login(ctx, o, b.Hitter); err != nil {
			b.Hitter.Close()
			return nil, err
		}
	}
	if o.get != "" {
		return b, nil
	}
	if b.Server, err = gate(ctx, b.Hitter, o.plan.Profile); err != nil {
		b.Hitter.Close()
		return nil, err
	}
	b.Server.LinkRTTMS = float64(o.linkRTT().Microseconds()) / 1000
	return b, nil
}
