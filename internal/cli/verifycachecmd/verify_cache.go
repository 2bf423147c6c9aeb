// Package verifycachecmd is the command verify-cache.
package verifycachecmd

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/store"
	"github.com/honeydue/honeydue/internal/verify"
)

// verifyCacheOptions are the flags of verify-cache.
type verifyCacheOptions struct {
	sample   int
	rate     float64
	atLeast  int
	duration time.Duration
	watch    bool
}

// New is the command verify-cache.
func New(a *app.App) *cobra.Command {
	o := &verifyCacheOptions{}
	cmd := &cobra.Command{
		Use:   "verify-cache",
		Short: "Compare cached lists with the database on a running system, and say how stale they are",
		Long: `verify-cache draws a sample of the lists that Redis would serve now, builds each of them anew from the database by
the code that the servers use, and compares. It prints how many are stale, for how long they have been, and what share
of all copies that may stand for.

It is made for production: it reads only (Redis itself refuses its scripts a write), takes one turn to the database for
each copy, on one connection and no more than --rate of them a second, and shows no token, no user and no content. A
copy that a write replaces while it is looked at is not stale.

Exit code 0: nothing stale, except within the 2 s that guarantee P2 allows after SQL from outside. 3: a stale copy.
4: fewer copies than --at-least could be checked. Give it the environment of the servers.`,
		Example: `  honeydue verify-cache
  honeydue verify-cache --sample 1000 --rate 50
  honeydue verify-cache --duration 10m -o json | jq .staleness_ms
  honeydue verify-cache --watch`,
		Args: app.NoArgs,
		RunE: app.Validated(o, func(ctx context.Context) error { return run(ctx, a, o) }),
	}
	flags := cmd.Flags()
	flags.IntVar(&o.sample, "sample", verify.DefaultSample, "how many copies that would be served are checked, in each round")
	flags.Float64Var(&o.rate, "rate", verify.DefaultRate, "how many turns to the database are taken in a second at most")
	flags.IntVar(&o.atLeast, "at-least", verify.DefaultAtLeast, "how many copies have to be checked before anything is claimed")
	flags.DurationVar(&o.duration, "duration", 0, "go on drawing samples until this time is over")
	flags.BoolVar(&o.watch, "watch", false, "go on drawing samples until Ctrl-C")
	return cmd
}

// Validate refuses flags that make no sense.
func (o *verifyCacheOptions) Validate() error {
	switch {
	case o.sample < 1 || o.sample > verify.MaxSample:
		return exit.Usagef("Give it a number from 1 to 10000; to check more, add --duration.", "--sample is %d", o.sample)
	case !(o.rate > 0) || o.rate > verify.MaxRate: // NaN as well
		return exit.Usagef("Give it a number above 0, up to 200.", "--rate is %g", o.rate)
	case o.atLeast < 1:
		return exit.Usagef("Give it a number from 1 on.", "--at-least is %d", o.atLeast)
	case o.duration < 0:
		return exit.Usagef("Give it a duration such as 10m, or leave it out for one sample.", "--duration is %s", o.duration)
	case o.watch && o.duration > 0:
		return exit.Usagef("Leave out one of them.", "--watch goes on until Ctrl-C, and --duration says when to end")
	case !o.watch && o.duration == 0 && o.sample < o.atLeast:
		return exit.Usagef("Raise --sample, or lower --at-least.", "a sample of %d can never hold the %d copies that --at-least asks for", o.sample, o.atLeast)
	}
	return nil
}

func run(ctx context.Context, a *app.App, o *verifyCacheOptions) error {
	database, redis, err := a.PoolerAndRedis()
	if err != nil {
		return err
	}
	if err := redis.Require(); err != nil {
		return exit.Usage(err)
	}
	total := int64(o.sample)
	if o.watch || o.duration > 0 {
		total = -1
	}
	progress := a.Progress("copies checked", total)
	defer progress.Done()
	result, err := verify.Run(ctx, verify.Config{
		Database: store.Config{URL: database.URL, ExecMode: database.ExecMode}, RedisURL: redis.URL,
		Sample: o.sample, Rate: o.rate, AtLeast: o.atLeast, For: o.duration, Forever: o.watch,
		Progress: func(checked int) { progress.Set(int64(checked)) },
	})
	progress.Done()
	if err != nil && result.Checked == 0 {
		return err
	}
	if failed := a.Write(result.Document()); failed != nil || err != nil {
		return errors.Join(err, failed)
	}
	switch result.Outcome {
	case verify.Stale:
		return exit.With(exit.Finding)
	case verify.Unknown:
		return exit.With(exit.Inconclusive)
	default:
		return nil
	}
}
