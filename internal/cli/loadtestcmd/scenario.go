package loadtestcmd

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/config"
)

// scenarioName is the file that loadtest init writes when it is given no name.
const scenarioName = "loadtest.yaml"

func (a command) newScenario() *cobra.Command {
	o := newOptions()
	c := &cobra.Command{
		Use:   "scenario FILE",
		Short: "Run the scenario of a file: who does what, within which limits",
		Long: `A scenario (loadtest init writes an example) says who does what, in which phases
and within which limits. Its accounts and data are made through the API, carry
the run's name and are removed at the end; loadtest cleanup does it after a
crash. A flag overrules what the file says about the connection.

A host that --production-host, HONEYDUE_PRODUCTION_HOSTS or the scenario names
is tested only with --i-mean HOST.

Exit code 3: a limit was missed. 4: too few samples to decide. 5: the generator
did not keep up, so the measurement is invalid.`,
		Example: `  honeydue loadtest scenario evening.yaml --lab
  honeydue loadtest scenario evening.yaml --target http://127.0.0.1:8080`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Usagef("Write one with: honeydue loadtest init FILE.", "'%s' takes one file, and was given %d", c.CommandPath(), len(args))
			}
			return nil
		},
		Annotations: app.HasRequests(),
		RunE: a.runs(o, func(args []string) error {
			o.scenarioFile = args[0]
			return nil
		}),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	return flagsOf(c,
		heading{"Target", several(o.targetFlag, o.connectionFlags)},
		heading{"Lab", o.labFlags("start a replica of production and a server in it, test that, stop both")},
		heading{"Target policy", o.policyFlags},
		heading{"Report", several(o.saveFlag, o.side.addFlags, func(flags *pflag.FlagSet) { stateFlag(flags, &o.state) })},
	)
}

// loadtestManners completes the rules about whom to test and whom to trust.
func (a command) loadtestManners(o *loadtestOptions) error {
	own, err := app.Load(a.App, config.ParseLoadtest)
	if err != nil {
		return err
	}
	o.permit.Production = append(o.permit.Production, own.ProductionHosts()...)
	if err := o.side.read(own); err != nil {
		return err
	}
	return o.readTrust()
}

func (o *loadtestOptions) readTrust() error {
	if o.ca == "" {
		return nil
	}
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return exit.Usagef("Give --ca a file of certificates in PEM.", "cannot read the certificates: %w", err)
	}
	if o.trust, err = bench.TrustAlso(pem); err != nil {
		return exit.Usagef("Give --ca a file of certificates in PEM.", "%s: %w", o.ca, err)
	}
	return nil
}

// loadtestScenario reads the scenario and runs it, against a target or in a lab.
func (a command) loadtestScenario(c *cobra.Command, o *loadtestOptions) error {
	if err := o.readScenario(c.Flags()); err != nil {
		return exit.Usage(err)
	}
	if o.lab {
		return a.loadtestLab(c.Context(), o)
	}
	hitter, err := a.newHitter(o, o.base)
	if err != nil {
		return err
	}
	defer hitter.Close()
	users, err := a.readUsers(o, o.tokens)
	if err != nil {
		return err
	}
	if len(users) > 0 {
		if err := o.scenario.CheckUsers(len(users)); err != nil {
			return exit.Usage(err)
		}
	}
	return a.runLoadtest(c.Context(), loadtest{options: o, hitter: hitter, users: users, target: o.target})
}

// readScenario reads the file and makes its settings those of the options; a flag overrules the file.
func (o *loadtestOptions) readScenario(flags *pflag.FlagSet) error {
	text, err := os.ReadFile(o.scenarioFile)
	if err != nil {
		return exit.Usagef("Write one with: honeydue loadtest init FILE.", "cannot read the scenario: %w", err)
	}
	s, err := bench.ReadScenario(text)
	if err != nil {
		return exit.Usagef("Fix it there; honeydue loadtest schema prints what a scenario may hold.", "%s:%w", o.scenarioFile, err)
	}
	o.scenario = &s
	if err := o.validateTimeout(); err != nil {
		return err
	}
	if err := errors.Join(o.validateWithoutLab(), o.side.validate(o)); err != nil {
		return err
	}
	if !flags.Changed("timeout") && s.Target.Timeout > 0 {
		o.timeout = s.Target.Timeout
	}
	if !flags.Changed("max-connections") {
		o.connections = s.Target.MaxConnections
	}
	if o.ca == "" && s.Target.CA != "" {
		o.ca = beside(o.scenarioFile, s.Target.CA)
		if err := o.readTrust(); err != nil {
			return err
		}
	}
	o.permit.Production = append(o.permit.Production, s.Production...)
	if s.Users.Tokens != "" {
		o.tokens = beside(o.scenarioFile, s.Users.Tokens)
	}
	if o.plan, err = s.Plan(); err != nil {
		return err
	}
	switch {
	case o.lab && o.target != "":
		return exit.Usagef("Leave out one of them.", "--lab tests a server of its own, and --target names another")
	case o.lab && s.Users.Tokens != "":
		return exit.Usagef("Let the scenario register its users (register: N), or give --target.", "--lab is a new database, which knows none of the tokens")
	case o.lab:
		return errors.Join(o.plan.CheckRate(true, o.maxRate), o.fits(nil))
	case o.target == "":
		o.target = s.Target.URL
	}
	if o.target == "" {
		return exit.Usagef("Give --target URL, write target.url into the scenario, or add --lab.", "there is nothing to test")
	}
	if o.base, err = bench.ParseTarget(o.target); err != nil {
		return exit.Usagef("Give it as http://host:port.", "--target: %w", err)
	}
	if err := o.permit.Judge(o.base); err != nil {
		return err
	}
	return errors.Join(o.plan.CheckRate(bench.Loopback(o.base), o.maxRate), o.fits(o.base))
}

// beside is a path that a file names, relative to that file's folder.
func beside(file, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}
