package loadtestcmd

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/lab"
)

// ablateOptions are the flags of loadtest ablate.
type ablateOptions struct {
	only   []string
	rounds int
	flood  int
	rtt    time.Duration
	data   string

	chosen []ablation
}

func newLoadtestAblateCommand(a command) *cobra.Command {
	o := &ablateOptions{}
	c := &cobra.Command{
		Use:   "ablate",
		Short: "Turn each tuned decision back, one at a time, and show what it buys",
		Long: `ablate starts a replica of production, and in it the server as it is tuned and,
for each decision of the team, the server with that one decision turned back to
its old value. It measures what the decision is about, and tabulates both with
their intervals: where no difference was seen, it says so. "all" is everything
turned back at once, compared with the table that the tuning began with. The
decisions are
` + strings.Join(ablationNames(), ", ") + `.

The servers alternate, --rounds times, so that a slow moment of the machine
meets all of them. After fewer than four starts of each no difference is claimed
but in turns and other counts. What shows only after minutes or hours is
measured on a clock that runs faster; the report says how much. Everything that
it started has ended when it returns. The exit code is 0 if everything could be
measured, and 1 if a server did not start: the report says which.`,
		Example: `  honeydue loadtest ablate
  honeydue loadtest ablate --only S3,S8 --rtt 50ms
  honeydue loadtest ablate -o json --out ablate.json`,
		Args: app.NoArgs,
		RunE: app.Validated(o, func(ctx context.Context) error { return a.loadtestAblate(ctx, o) }),
	}
	return flagsOf(c, heading{"What is measured", o.addFlags})
}

func (o *ablateOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringSliceVar(&o.only, "only", nil, "only these `DECISIONS`, such as S2,S3 (default: all)")
	flags.IntVar(&o.rounds, "rounds", bench.AblationRounds, "starts of each server")
	flags.IntVar(&o.flood, "flood", 10000, "users of the flood that S7 bounds")
	flags.DurationVar(&o.rtt, "rtt", 110*time.Millisecond, "round trip of the link to the database")
	flags.StringVar(&o.data, "data", "", "data `FOLDER` of the lab (default: one of the load test's own)")
}

// Validate refuses a decision that there is not, and rounds that measure nothing.
func (o *ablateOptions) Validate() error {
	all := ablations()
	for _, name := range o.only {
		i := slices.IndexFunc(all, func(d ablation) bool { return strings.EqualFold(d.name, strings.TrimSpace(name)) })
		switch {
		case i < 0:
			return exit.Usagef("Give some of "+strings.Join(ablationNames(), ", ")+".", "there is no decision %q that could be turned back", name)
		case slices.ContainsFunc(o.chosen, func(d ablation) bool { return d.name == all[i].name }):
			return exit.Usagef("Give each decision once.", "--only names %s twice", all[i].name)
		}
		o.chosen = append(o.chosen, all[i])
	}
	if len(o.only) == 0 {
		o.chosen = all
	}
	switch {
	case o.rounds < 1 || o.rounds > 100:
		return exit.Usagef("Give a number from 1 to 100; it takes at least 4 to separate a difference from chance.", "--rounds %d makes no sense", o.rounds)
	case o.flood < 1 || o.flood > 100_000:
		return exit.Usagef("Give a number from 1 to 100000; above 5000 the cap of S7 shows.", "--flood %d makes no sense", o.flood)
	case o.rtt < 0 || o.rtt > time.Minute:
		return exit.Usagef("Give a time from 0 to 1m, such as 110ms.", "--rtt %v makes no sense", o.rtt)
	}
	return nil
}

// has tells whether a decision is among the chosen.
func (o *ablateOptions) has(name string) bool {
	return slices.ContainsFunc(o.chosen, func(d ablation) bool { return d.name == name })
}

// steps is what the progress counts: rounds of each variant, the tuned one that others are compared with included.
func (o *ablateOptions) steps() int {
	n := len(o.chosen)
	if slices.ContainsFunc(o.chosen, func(d ablation) bool { return d.special == nil }) {
		n++
	}
	return n * o.rounds
}

// users is how many accounts all of it takes. None is cold twice.
func (o *ablateOptions) users() int {
	n := 0
	for _, d := range o.chosen {
		switch {
		case d.name == "S7":
			n += o.flood
		case d.special != nil:
			n += o.rounds * d.users
		default:
			n += o.rounds * bench.AblationRoundUsers
		}
	}
	return n + o.rounds*bench.AblationRoundUsers // the tuned one's
}

func (a command) loadtestAblate(ctx context.Context, o *ablateOptions) error {
	options := &loadtestOptions{rtt: o.rtt, data: o.data, users: o.users(), timeout: bench.DefaultTimeout}
	return a.withLab(ctx, options, func(ctx context.Context, l *lab.Lab, env lab.Env, users []bench.User) error {
		return a.ablateInLab(ctx, o, options, l, env, users)
	})
}

func (a command) ablateInLab(ctx context.Context, o *ablateOptions, options *loadtestOptions, l *lab.Lab, env lab.Env, users []bench.User) (err error) {
	mix, err := bench.HotMix() //nolint:contextcheck // as in runLoadtest
	if err != nil {
		return err
	}
	began := time.Now()
	x := &ablating{
		app: a, options: options, flood: o.flood, starts: o.rounds, lab: l, env: env, mix: mix, users: users,
		out: bench.Ablation{
			LinkRTTMS: float64(o.rtt.Microseconds()) / 1000, Rounds: o.rounds, StartedAt: began.UTC().Truncate(time.Millisecond),
			Rows: []bench.Ablated{}, Paths: []bench.AblatedPath{}, Failures: []bench.AblationFailure{}, NotMeasured: []string{},
		},
	}
	x.progress = a.Progress("ablate", int64(o.steps()))
	err = x.run(ctx, o)
	x.progress.Done()
	x.out.DurationMS = float64(time.Since(began).Milliseconds())
	if unwritten := a.Write(x.out.Document()); unwritten != nil {
		return unwritten
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return exit.Failedf("The report holds what was measured before; start it again for all of it.", "interrupted before every decision was measured")
	case len(x.out.Failures) > 0:
		return exit.Failedf("The report says which, and why.", "not every variant could be measured")
	}
	return nil
}
