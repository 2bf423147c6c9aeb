package loadtestcmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/lab"
)

// sweepOptions are the flags of loadtest sweep.
type sweepOptions struct {
	set      string
	profile  string
	rate     float64
	duration time.Duration
	rtt      time.Duration
	data     string

	setting config.Setting
	idle    int32 // the idle connections that serve would keep
	values  []string
	plan    bench.Plan
}

func newLoadtestSweepCommand(a command) *cobra.Command {
	o := &sweepOptions{}
	c := &cobra.Command{
		Use:   "sweep NAME=VALUE,VALUE,...",
		Short: "Show what a setting of the server does, value by value",
		Long: `sweep starts a replica of production, and for each value of one setting a server
with it; it measures the start, the first request, a burst of cold users and the
phases warm and cold, and tabulates. Everything that it started has ended when
it returns. The verdicts stand in the table; the exit code is 0 if every value
could be measured.

The server refuses fewer connections (DB_MAX_CONNS) than it has to keep idle
(DB_MIN_IDLE_CONNS): for such a value the sweep lowers the second to the first,
and the note under the table says so.`,
		Example: `  honeydue loadtest sweep DB_MAX_CONNS=5,10,20,40
  honeydue loadtest sweep DB_MIN_IDLE_CONNS=1,5,10,20
  honeydue loadtest sweep DB_EXEC_MODE=exec,simple_protocol --rtt 50ms
  honeydue loadtest sweep BOARD_CACHE_TTL=0,720h -o json`,
		Args: func(c *cobra.Command, args []string) error {
			switch old := c.Flags().Lookup("set"); {
			case old.Changed:
				return sweepSet(c, old.Value.String())
			case len(args) != 1:
				return exit.Usagef("Write it as DB_MIN_IDLE_CONNS=5,10,20.", "'%s' takes one setting with its values, and was given %d", c.CommandPath(), len(args))
			}
			o.set = args[0]
			return nil
		},
		PreRunE: func(c *cobra.Command, _ []string) error { return refuseZeros(c.Flags()) },
		RunE:    app.Validated(o, func(ctx context.Context) error { return a.loadtestSweep(ctx, o) }),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return sweepable(), cobra.ShellCompDirectiveNoSpace
		},
	}
	addGone(c, "set")
	return flagsOf(c, heading{"Load", o.loadFlags}, heading{"Lab", o.labFlags})
}

func (o *sweepOptions) loadFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.profile, "profile", "smoke", "`PROFILE` whose warm and cold phases are run for each value: release|smoke")
	flags.Float64Var(&o.rate, "rate", 0, "requests per second of the warm phase (default: the profile's)")
	flags.DurationVar(&o.duration, "duration", 0, "length of the warm phase (default: the profile's)")
}

func (o *sweepOptions) labFlags(flags *pflag.FlagSet) {
	flags.DurationVar(&o.rtt, "rtt", 110*time.Millisecond, "round trip of the link to the database")
	flags.StringVar(&o.data, "data", "", "data `FOLDER` of the lab (default: one of the load test's own)")
}

// sweepSet answers --set of the old time.
func sweepSet(c *cobra.Command, set string) error {
	line := []string{c.CommandPath(), lab.ShellWord(set)}
	c.Flags().Visit(func(f *pflag.Flag) { line = append(line, rebuilt(c, f, valueOf(f))...) })
	return exit.Usagef("Type: "+strings.Join(line, " "), "--set is gone, and the argument of %s has taken its place", c.CommandPath())
}

// sweepable are the settings that serve reads, as the beginning of an argument.
func sweepable() []string {
	var names []string
	for _, s := range config.Settings(nil) {
		if sweepRefusal(s) == nil {
			names = append(names, s.Env+"=")
		}
	}
	return names
}

// sweepRefusal says why there is no sweep over a setting; nil if there is.
func sweepRefusal(s config.Setting) error {
	switch {
	case s.Group == "loadtest":
		return exit.Usagef("Sweep over a setting of the pool, the caches or telemetry.", "%s is the load test's own affair: serve does not read it", s.Env)
	case s.Secret != "" || s.Group == "lab" || strings.HasPrefix(s.Env, "DB_HOST") || strings.HasPrefix(s.Env, "DB_DIRECT"):
		return exit.Usagef("Sweep over a setting of the pool, the caches or telemetry.", "%s is the lab's own affair: it says where the servers are", s.Env)
	}
	return nil
}

// Validate refuses a setting that serve does not read, and a plan that could not end in a verdict.
func (o *sweepOptions) Validate() error {
	name, values, found := strings.Cut(o.set, "=")
	if !found || name == "" || values == "" {
		return exit.Usagef("Write it as DB_MIN_IDLE_CONNS=5,10,20.", "the argument names no setting with its values")
	}
	settings := config.Settings(nil)
	i := slices.IndexFunc(settings, func(s config.Setting) bool { return s.Env == name })
	if i < 0 {
		return exit.Usagef("honeydue config lists them.", "the server reads no setting called %s", name)
	}
	o.setting = settings[i]
	if err := sweepRefusal(o.setting); err != nil {
		return err
	}
	for v := range strings.SplitSeq(values, ",") {
		v = strings.TrimSpace(v)
		if v == "" || slices.Contains(o.values, v) {
			return exit.Usagef("Give each value once.", "%s has an empty value, or one twice", o.set)
		}
		o.values = append(o.values, v)
	}
	if o.profile != "smoke" && o.profile != "release" {
		return exit.Usagef("Give --profile smoke, or release for longer phases.", "a sweep can't run profile %q", o.profile)
	}
	if o.rate < 0 || o.duration < 0 || o.rtt < 0 {
		return exit.Usagef("Give a number above zero.", "--rate, --duration and --rtt can't be negative")
	}
	plan, err := bench.NewPlan(bench.PlanOptions{
		Profile: o.profile, Phases: []string{bench.PhaseWarm, bench.PhaseCold}, Rate: o.rate, Duration: o.duration, LinkRTT: o.rtt,
	})
	if err != nil {
		return err
	}
	o.plan = plan
	return errors.Join(plan.CheckRate(true, 0), bench.ReadMachine(nil).Fits(plan, nil, 0))
}

// usersOf is how many users one value gets: a few more than it needs, so that the warm phase has some to share it.
func (o *sweepOptions) usersOf() int { return bench.SweepUsers(o.plan) + 20 }

// beside are the settings without which the server would refuse a value of the one that is swept.
func (o *sweepOptions) beside(value string) map[string]string {
	most, err := strconv.ParseInt(value, 10, 32)
	if o.setting.Env != "DB_MAX_CONNS" || err != nil || most < 1 || most >= int64(o.idle) {
		return nil
	}
	return map[string]string{"DB_MIN_IDLE_CONNS": value}
}

func (a command) loadtestSweep(ctx context.Context, o *sweepOptions) error {
	database, err := a.Database()
	if err != nil {
		return err
	}
	o.idle = database.MinIdleConns
	return a.inLab(ctx, &loadtestOptions{rtt: o.rtt, data: o.data, users: o.usersOf() * len(o.values), timeout: bench.DefaultTimeout},
		func(ctx context.Context, options *loadtestOptions, env lab.Env, users []bench.User) error {
			return a.sweepInLab(ctx, o, options, env, users)
		})
}

func (a command) sweepInLab(ctx context.Context, o *sweepOptions, options *loadtestOptions, env lab.Env, users []bench.User) (err error) {
	s, err := a.newLabServer(options, env)
	if err != nil {
		return err
	}
	defer func() { err = exit.Also(err, s.close()) }()
	mix, err := bench.HotMix() //nolint:contextcheck // as in runLoadtest
	if err != nil {
		return err
	}
	out := bench.Sweep{
		Setting: o.setting.Env, Tuned: o.setting.Tuned, Plan: o.profile, LinkRTTMS: float64(o.rtt.Microseconds()) / 1000,
		StartedAt: time.Now().UTC().Truncate(time.Millisecond), Rows: []bench.SweepRow{}, NotMeasured: []string{},
	}
	unable := false
	as := maps.Clone(s.env)
	live := a.loadtestProgress(fmt.Sprintf("loadtest sweep of %s at a round trip of %v", o.setting.Env, o.rtt))
	defer live.done()
	for i, value := range o.values {
		if ctx.Err() != nil {
			out.NotMeasured = append(out.NotMeasured, value)
			continue
		}
		own := users[i*o.usersOf() : (i+1)*o.usersOf()]
		beside := o.beside(value)
		s.env = maps.Clone(as)
		maps.Copy(s.env, beside)
		s.env[o.setting.Env] = value
		live.prefix = fmt.Sprintf("%s=%s (%d of %d): ", o.setting.Env, value, i+1, len(o.values))
		row, failed := bench.SweepValue(ctx, value, bench.Config{
			Target: "http://" + s.addr, Hitter: s.hitter, Plan: o.plan, Mix: mix, Users: own, Progress: live.show,
		}, s.restart)
		for name, with := range beside {
			row.Beside = append(row.Beside, name+"="+with)
		}
		out.Rows = append(out.Rows, row)
		unable = unable || row.Error != ""
		err = errors.Join(err, failed)
	}
	live.done()
	err = errors.Join(err, a.Write(out.Document()))
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case unable:
		return exit.Failedf("The report says which, and why.", "the server did not start with every value")
	}
	return nil
}
