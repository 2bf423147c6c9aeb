package loadtestcmd

import (
	"context"
	"errors"
	"net/url"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// compareOptions are the flags of loadtest that compare with another server or with an earlier run.
type compareOptions struct {
	against, tokens string
	slices          int
	sliceLength     time.Duration
	seed            uint64
	with            string

	base    *url.URL      // of against
	earlier *bench.Result // of with
}

func (o *compareOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.against, "against", "", "`URL` of a baseline: it and --target take turns; exit code 3 for a regression of --target")
	flags.StringVar(&o.tokens, "against-tokens", "", "`FILE` with the users of --against (default: those of --tokens, for two servers on one database)")
	flags.IntVar(&o.slices, "slices", 0, "with --against: slices of each server (default 10)")
	flags.DurationVar(&o.sliceLength, "slice-length", 0, "with --against: length of a slice (default 10s)")
	flags.Uint64Var(&o.seed, "slice-seed", 0, "with --against: seed of the order within each pair of slices (default 1)")
	flags.StringVar(&o.with, "compare-with", "", "`FILE` with the JSON report of an earlier run: say what has changed since; it decides nothing")
}

func (o *compareOptions) slicing() bench.Slicing {
	return bench.Slicing{Slices: o.slices, Length: o.sliceLength, Seed: o.seed}
}

// validate refuses what does not go together with the rest of the flags.
func (o *compareOptions) validate(all *loadtestOptions) error {
	switch {
	case o.against == "" && (o.tokens != "" || o.slices != 0 || o.sliceLength != 0 || o.seed != 0):
		return exit.Usagef("Add --against URL, or leave them out.", "--against-tokens, --slices, --slice-length and --slice-seed are about two servers that take turns")
	case o.with != "" && (o.against != "" || all.profile == bench.ProfileCapacity):
		return exit.Usagef("Leave out one of them.", "--compare-with is about the phases of a run, which --against and --profile capacity do not have")
	case o.against == "":
		return nil
	case all.lab:
		return exit.Usagef("Start the two servers, and give --target and --against.", "--lab has one server, and --against needs two")
	case all.duration != 0 || len(all.phases) > 0 || all.restartCmd != "":
		return exit.Usagef("Leave out --duration, --phases and --restart-cmd; --slices and --slice-length set the length.", "a comparison is a steady load on warm users, in slices")
	case o.slices < 0 || o.sliceLength < 0:
		return exit.Usagef("Give values above zero.", "--slices and --slice-length can't be negative")
	case o.tokens != "" && all.tokens == "":
		return exit.Usagef("Give --tokens as well.", "--against-tokens are the other server's users")
	}
	base, err := bench.ParseTarget(o.against)
	if err != nil {
		return exit.Usagef("Give it as http://host:port.", "--against: %w", err)
	}
	target, err := bench.ParseTarget(all.target)
	if err != nil {
		return exit.Usagef("Give it as http://host:port.", "--target: %w", err)
	}
	o.base = base
	return all.permit.JudgeBaseline(base, target)
}

// read reads the earlier run of --compare-with, before anything is measured.
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
