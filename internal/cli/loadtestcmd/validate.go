package loadtestcmd

import (
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

// Validate refuses what makes no sense, and a plan that could not end in a verdict.
func (o *loadtestOptions) Validate() error {
	if err := o.validateDatabase(); err != nil {
		return err
	}
	switch {
	case o.lab && o.target != "":
		return exit.Usagef("Leave out one of them.", "--lab tests a server of its own, and --target names another")
	case !o.lab && o.target == "" && !o.database:
		return exit.Usagef("Give --target URL, or --lab for a server and a database of its own.", "there is nothing to test")
	case o.lab && (o.tokens != "" || o.email != "" || o.restartCmd != ""):
		return exit.Usagef("Leave out --tokens, --email and --restart-cmd.", "--lab has users and a server of its own")
	case o.lab && o.get != "":
		return exit.Usagef("Leave out one of them.", "--get is one path of a server that runs, and --lab starts one")
	case o.get != "" && bench.CheckPath(o.get) != nil:
		return exit.Usagef("Give it as the server is to receive it, percent-encoded and with a slash first.", "--get %q cannot be sent: %w", o.get, bench.CheckPath(o.get))
	case len(o.expect) > 0 && !o.anyServer():
		return exit.Usagef("Add --get PATH, or leave it out.", "--expect is about the answers of any server, and what the API answers is known")
	case o.connections < 0 || o.restarts < 0 || o.rate < 0 || o.rtt < 0 || o.maxRate < 0 || o.capacity.start < 0:
		return exit.Usagef("Give a number above zero.", "--max-connections, --restarts, --rate, --max-rate, --start-rate and --rtt can't be negative")
	}
	for _, status := range o.expect {
		if status < 200 || status > 599 {
			return exit.Usagef("Give statuses from 200 to 599.", "--expect %d is not the status of an answer", status)
		}
	}
	if err := o.validateWithoutLab(); err != nil {
		return err
	}
	if err := o.validateTimes(); err != nil {
		return err
	}
	if err := o.compare.validate(o); err != nil {
		return err
	}
	if err := o.side.validate(o); err != nil {
		return err
	}
	plan, err := o.newPlan()
	if err != nil {
		return err
	}
	phases := o.compare.against == "" && o.profile != bench.ProfileCapacity
	if phases && !o.lab && !o.anyServer() && !o.database && o.restartCmd == "" && !slices.Contains(o.phases, bench.PhaseFirst) {
		plan = plan.Without(bench.PhaseFirst, "there was nothing to restart the server with: give --restart-cmd, or --lab")
	}
	if base, err := bench.ParseTarget(o.target); err == nil && o.permit.IsProduction(base) && !slices.Contains(o.phases, bench.PhaseEvening) {
		plan = plan.Without(bench.PhaseEvening, base.Hostname()+" is a production host, where this phase would register accounts and write: name it in --phases if it may")
	}
	o.plan = plan
	if err := o.validatePhases(); err != nil {
		return err
	}
	if o.lab {
		return errors.Join(o.plan.Check(o.users, true), o.plan.CheckRate(true, o.maxRate), o.fits(nil))
	}
	if o.database {
		return nil // the database's host is known only later
	}
	return o.validateTarget()
}

// newPlan is what is going to be done: turns of two servers, a search for the capacity, or the phases of a profile.
func (o *loadtestOptions) newPlan() (bench.Plan, error) {
	choices := bench.PlanOptions{
		Profile: o.profile, Get: o.anyServer(), Database: o.database, Phases: o.phases, Rate: o.rate, Duration: o.duration,
		P99: o.p99, ColdP99: o.coldP99, MixedP99: o.mixedP99, EveningP99: o.eveningP99, First: o.first, Restarts: o.restarts, LinkRTT: o.linkRTT(),
	}
	switch {
	case o.compare.against != "":
		return bench.ComparePlan(choices, o.compare.slicing())
	case o.profile == bench.ProfileCapacity:
		base, err := bench.ParseTarget(o.target)
		return bench.CapacityPlan(choices, o.capacityOptions(), o.lab || (err == nil && bench.Loopback(base)))
	}
	plan, err := bench.NewPlan(choices)
	if err == nil && o.targetsFile != "" {
		plan = o.targets.Plan(plan)
	}
	return plan, err
}

// validateWithoutLab refuses the flags that say what a lab is to be like.
func (o *loadtestOptions) validateWithoutLab() error {
	switch {
	case o.lab:
	case o.data != "":
		return exit.Usagef("Add --lab, or leave it out.", "--data is the folder of a lab")
	case o.usersGiven:
		return exit.Usagef("Add --lab, or leave it out; --tokens are the users of a target.", "--users are seeded in a lab")
	}
	return nil
}

// validatePhases refuses what is about a phase that the plan does not have.
func (o *loadtestOptions) validatePhases() error {
	for _, f := range []struct {
		flag, phase string
		given       bool
	}{
		{"cold-p99", bench.PhaseCold, o.coldP99 != 0},
		{"mixed-p99", bench.PhaseMixed, o.mixedP99 != 0},
		{"evening-p99", bench.PhaseEvening, o.eveningP99 != 0},
		{"first-target", bench.PhaseFirst, o.first != 0},
		{"restarts", bench.PhaseFirst, o.restarts != 0},
		{"restart-cmd", bench.PhaseFirst, o.restartCmd != ""},
	} {
		if !f.given || slices.ContainsFunc(o.plan.Phases, func(p bench.PhasePlan) bool { return p.Name == f.phase }) {
			continue
		}
		hint := "Add the phase with --phases, or leave the flag out."
		switch {
		case f.flag == "restart-cmd":
			hint = "Run what has the phase, such as --profile release, or leave the flag out."
		case f.phase == bench.PhaseFirst:
			hint = "Add the phase with --phases, and --lab or --restart-cmd, which it needs; or leave the flag out."
		}
		return exit.Usagef(hint, "--%s is about phase %s, which this run does not have", f.flag, f.phase)
	}
	return nil
}

// refuseZeros refuses a zero that was typed, where a zero stands for a flag that was not given.
func refuseZeros(flags *pflag.FlagSet) error {
	for _, name := range []string{
		"rate", "duration", "p99", "cold-p99", "mixed-p99", "evening-p99", "first-target", "restarts", "slices", "slice-length", "start-rate", "max-rate",
	} {
		if f := flags.Lookup(name); f != nil && f.Changed && (f.Value.String() == "0" || f.Value.String() == "0s") {
			return exit.Usagef("Give a value above zero, or leave the flag out.", "--%s is zero", name)
		}
	}
	return nil
}

func (o *loadtestOptions) validateTimeout() error {
	if o.timeout <= 0 {
		return exit.Usagef("Give a time above zero, such as "+bench.DefaultTimeout.String()+".", "--timeout %v leaves a request no time", o.timeout)
	}
	return nil
}

func (o *loadtestOptions) validateTimes() error {
	if err := o.validateTimeout(); err != nil {
		return err
	}
	for _, f := range []struct {
		flag  string
		value time.Duration
	}{{"p99", o.p99}, {"cold-p99", o.coldP99}, {"mixed-p99", o.mixedP99}, {"evening-p99", o.eveningP99}, {"first-target", o.first}} {
		if f.value < 0 || f.value >= o.timeout {
			return exit.Usagef("Raise --timeout, or lower the target.",
				"--%s %v must be above zero and below the timeout of a request, %v", f.flag, f.value, o.timeout)
		}
	}
	if o.duration < 0 {
		return exit.Usagef("Give a duration above zero.", "--duration %v makes no sense", o.duration)
	}
	return nil
}

func (o *loadtestOptions) validateTarget() error {
	base, err := bench.ParseTarget(o.target)
	if err != nil {
		return exit.Usagef("Give it as http://host:port.", "the server to test: %w", err)
	}
	o.base = base
	if err := o.permit.Judge(base); err != nil {
		return err
	}
	near := bench.Loopback(base) && (o.compare.base == nil || bench.Loopback(o.compare.base))
	if err := o.plan.CheckRate(near, o.maxRate); err != nil {
		return err
	}
	if err := o.fits(base); err != nil {
		return err
	}
	switch {
	case o.anyServer():
		return nil
	case o.tokens == "" && o.email == "":
		return exit.Usagef("Give --tokens FILE (honeydue seed --tokens FILE writes it), or --email and --password-env; honeydue loadtest get URL needs no login.",
			"a load test of the API needs users")
	case o.tokens != "" && o.email != "":
		return exit.Usagef("Leave out one of them.", "--tokens and --email both say who to be")
	case o.email != "" && o.passwordEnv == "":
		return exit.Usagef("Put the password into a variable and name it: --password-env NAME.", "--email needs a password")
	case o.email != "":
		return o.plan.Check(1, o.restartCmd != "")
	}
	return nil
}

// fits judges whether this machine has the descriptors and ports that the plan takes. base is nil where the server is
// still to be started.
func (o *loadtestOptions) fits(base *url.URL) error {
	return bench.ReadMachine(base).Fits(o.plan, base, o.connections)
}
