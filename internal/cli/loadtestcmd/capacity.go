package loadtestcmd

import (
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// capacityOptions are the flags of loadtest --profile capacity.
type capacityOptions struct {
	start, most float64
}

func (o *capacityOptions) addFlags(flags *pflag.FlagSet) {
	flags.Float64Var(&o.start, "start-rate", 0, "with --profile capacity: requests per second of the first step (default 10)")
	flags.Float64Var(&o.most, "max-rate", 0, "with --profile capacity: no step is above it (default: 20000 on this machine, 1000 elsewhere)")
}

// validate refuses what does not go together with the rest of the flags.
func (o *capacityOptions) validate(all *loadtestOptions) error {
	switch {
	case all.profile != bench.ProfileCapacity && (o.start != 0 || o.most != 0):
		return exit.Usagef("Add --profile capacity, or leave them out.", "--start-rate and --max-rate are about the search for the capacity")
	case all.profile != bench.ProfileCapacity:
		return nil
	case all.rate != 0 || len(all.phases) > 0 || all.restartCmd != "":
		return exit.Usagef("Leave out --rate, --phases and --restart-cmd; --start-rate and --max-rate bound the search.", "--profile capacity looks for the rate by itself")
	case o.start < 0 || o.most < 0:
		return exit.Usagef("Give rates above zero.", "--start-rate and --max-rate can't be negative")
	}
	return nil
}

func (o *loadtestOptions) capacityOptions() bench.CapacityOptions {
	return bench.CapacityOptions{Start: o.capacity.start, Max: o.capacity.most, Step: o.duration}
}
