package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"
)

// run is the whole program: it parses args, runs one command to its end and returns the process's exit code.
// environ is in the form of os.Environ; nothing else of the environment is looked at. When ctx ends, the command
// drains, still prints what it has, and returns.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, environ []string) int {
	redis.SetLogger(redisLog{slog.New(slog.DiscardHandler)}) // a Redis that is gone is told in the report; serve has a log
	a := newApp(stdout, stderr, environ)
	root := newRootCommand(a) //nolint:contextcheck // cobra hands the context to RunE
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	return a.finish(ctx, command, err)
}

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "honeydue",
		Short: "The household API server, and the tools that keep it fast",
		Long: `honeydue serves the HoneyDue household API and measures it: it knows how many round trips to the
database each request costs, warms a fresh pod before a user meets it, tells in seconds what is slow during an
incident, and says PASS or FAIL before a release.`,
		Example: `  honeydue serve                                  the API with a database, a cache and demo data of its own
  eval "$(honeydue lab env)" && honeydue probe    what a request costs, and why
  honeydue loadtest --lab --rtt 110ms             the release gate, a local ocean away from its database`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	a.output.addFlags(root)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return a.output.validateFor(cmd) }
	group(root)
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }

	root.AddCommand(
		newServeCommand(a),
		newMigrateCommand(a),
		newSeedCommand(a),
		newWarmupCommand(a),
		newProbeCommand(a),
		newVerifyCacheCommand(a),
		newLoadtestCommand(a),
		newLabCommand(a),
		newConfigCommand(a),
		newVersionCommand(a),
		newCompletionCommand(a),
	)
	return root
}

// group makes cmd a family of subcommands: a word that names none of them is a usage error with a suggestion, and
// so is no word at all.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.SuggestionsMinimumDistance = suggestWithin
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return unknownCommand(cmd, args[0])
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return usagef(seeHelp(cmd), "'%s' needs one of its subcommands", cmd.CommandPath())
	}
	return cmd
}

// noArgs refuses arguments that are no flags.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef(seeHelp(cmd), "'%s' takes no argument, and was given %q", cmd.CommandPath(), args[0])
}

// validated returns the RunE of a command: o is judged first, so that nothing is touched when it makes no sense.
func validated(o interface{ Validate() error }, do func(ctx context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		if err := o.Validate(); err != nil {
			return usage(err)
		}
		return do(cmd.Context())
	}
}
