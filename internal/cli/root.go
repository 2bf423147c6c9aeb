// Package cli is the command line: the root command, what each of its commands is made of, and the way from an error to
// an exit code. Each command is a package of its own that returns its *cobra.Command and imports no other command; what
// they share is in app, exit and term.
package cli

import (
	"context"
	"io"
	"log/slog"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/configcmd"
	"github.com/honeydue/honeydue/internal/cli/labcmd"
	"github.com/honeydue/honeydue/internal/cli/loadtestcmd"
	"github.com/honeydue/honeydue/internal/cli/migratecmd"
	"github.com/honeydue/honeydue/internal/cli/probecmd"
	"github.com/honeydue/honeydue/internal/cli/seedcmd"
	"github.com/honeydue/honeydue/internal/cli/servecmd"
	"github.com/honeydue/honeydue/internal/cli/verifycachecmd"
	"github.com/honeydue/honeydue/internal/cli/warmupcmd"
)

// Run is the whole program: it parses args, runs one command to its end and returns the process's exit code.
// environ is in the form of os.Environ; nothing else of the environment is looked at. When ctx ends, the command
// drains, still prints what it has, and returns.
func Run(ctx context.Context, build app.Build, args []string, stdout, stderr io.Writer, environ []string) int {
	redis.SetLogger(app.RedisLog{Log: slog.New(slog.DiscardHandler)}) // a Redis that is gone is told in the report; serve has a log
	a := app.New(build, stdout, stderr, environ)
	root := newRootCommand(a) //nolint:contextcheck // cobra hands the context to RunE
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	return finish(ctx, a, command, err)
}

func newRootCommand(a *app.App) *cobra.Command {
	root := &cobra.Command{
		Use:   "honeydue",
		Short: "The household API server, and the tools that keep it fast",
		Long: `honeydue serves the HoneyDue household API and measures it: it knows how many round trips to the
database each request costs, warms a fresh pod before a user meets it, shows in seconds what is slow during an
incident, and says PASS or FAIL before a release.`,
		Example: `  honeydue serve                                  the API with a database, a cache and demo data of its own
  eval "$(honeydue lab env)" && honeydue probe    what a request costs, and why
  honeydue loadtest --lab --rtt 110ms             the release gate, a local ocean away from its database`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(newHelpCommand())
	a.Output.AddFlags(root)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return a.Output.ValidateFor(cmd) }
	app.Group(root)
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }

	root.AddCommand(
		servecmd.New(a),
		migratecmd.New(a),
		seedcmd.New(a),
		warmupcmd.New(a),
		probecmd.New(a),
		verifycachecmd.New(a),
		loadtestcmd.New(a),
		labcmd.New(a),
		configcmd.New(a),
		newVersionCommand(a),
		newCompletionCommand(a),
	)
	return root
}
