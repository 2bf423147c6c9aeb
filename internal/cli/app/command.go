package app

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/exit"
)

// SuggestWithin is how many letters may be wrong for a word still to be taken for a known one.
const SuggestWithin = 2

// Group makes cmd a family of subcommands: a word that names none of them is a usage error with a suggestion, and
// so is no word at all.
func Group(cmd *cobra.Command) *cobra.Command {
	cmd.SuggestionsMinimumDistance = SuggestWithin
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return UnknownCommand(cmd, args[0])
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return exit.Usagef(SeeHelp(cmd), "'%s' needs one of its subcommands", cmd.CommandPath())
	}
	return cmd
}

// NoArgs refuses arguments that are no flags.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return exit.Usagef(SeeHelp(cmd), "'%s' takes no argument, and was given %q", cmd.CommandPath(), args[0])
}

// Validated returns the RunE of a command: o is judged first, so that nothing is touched when it makes no sense.
func Validated(o interface{ Validate() error }, do func(ctx context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		if err := o.Validate(); err != nil {
			return exit.Usage(err)
		}
		return do(cmd.Context())
	}
}

// SeeHelp says where the use of a command is explained.
func SeeHelp(cmd *cobra.Command) string {
	return fmt.Sprintf("Run '%s --help' to see how it is used.", cmd.CommandPath())
}

// UnknownCommand is the error of a word that names none of the subcommands of cmd.
func UnknownCommand(cmd *cobra.Command, word string) error {
	hint := SeeHelp(cmd)
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		hint = fmt.Sprintf("Did you mean '%s %s'?", cmd.CommandPath(), near[0])
	}
	return exit.Usagef(hint, "'%s' has no command %q", cmd.CommandPath(), word)
}
