package loadtestcmd

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
)

// capacityOptions are the flags of loadtest capacity.
type capacityOptions struct{ start float64 }

func (a command) newCapacity() *cobra.Command {
	o := newOptions()
	o.profile = bench.ProfileCapacity
	c := &cobra.Command{
		Use:   "capacity",
		Short: "Find the highest rate at which the p99 target holds",
		Long: `The rate climbs until a step misses the target, then the search bisects, and the
report names what limits the server. The load is that of the warm phase: cached
users and the app's mix of hot reads, or with --get one path of any server.

Exit code 3: no rate was on target. 4: too few requests to decide. 5: the
generator did not keep up, so the measurement is invalid.`,
		Example: `  honeydue loadtest capacity --target http://127.0.0.1:8080 --tokens tokens.txt
  honeydue loadtest capacity --lab --p99 200ms --start-rate 20`,
		Args:        app.NoArgs,
		Annotations: app.HasRequests(),
		RunE:        a.runs(o, noArguments),
	}
	return flagsOf(c,
		heading{"Target", several(o.targetFlag, o.userFlags, o.connectionFlags)},
		heading{"Lab", o.labFlags("start a replica of production and a server in it, test that, stop both")},
		heading{"Search", func(flags *pflag.FlagSet) {
			o.getFlag(flags)
			o.expectFlag(flags)
			flags.Float64Var(&o.capacity.start, "start-rate", 0, "requests per second of the first step (default 10)")
			flags.Float64Var(&o.maxRate, "max-rate", 0, "no step is above it (default: 20000 on this machine, 1000 elsewhere)")
			flags.DurationVar(&o.duration, "duration", 0, "length of a step (default: as long as the p99 target takes)")
			o.p99Flag(flags)
		}},
		heading{"Target policy", o.hostFlags},
		heading{"Report", several(o.saveFlag, o.side.addFlags)},
	)
}

func (o *loadtestOptions) capacityOptions() bench.CapacityOptions {
	return bench.CapacityOptions{Start: o.capacity.start, Max: o.maxRate, Step: o.duration}
}
