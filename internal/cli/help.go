package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
)

func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]...",
		Short: "Explain a command, as its --help does",
		Long:  `help prints what --help prints for the command that the words name; without a word, what honeydue prints.`,
		Example: `  honeydue help loadtest
  honeydue help loadtest get`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			named := cmd.Root()
			for _, word := range words {
				next := subcommand(named, word)
				if next == nil {
					return app.UnknownCommand(named, word)
				}
				named = next
			}
			named.InitDefaultHelpFlag()
			return named.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, words []string, begin string) ([]string, cobra.ShellCompDirective) {
			named := cmd.Root()
			for _, word := range words {
				if named = subcommand(named, word); named == nil {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
			}
			var names []string
			for _, sub := range named.Commands() {
				if sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), begin) {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// subcommand returns the command below parent that a word names; nil if there is none.
func subcommand(parent *cobra.Command, word string) *cobra.Command {
	for _, sub := range parent.Commands() {
		if sub.Name() == word {
			return sub
		}
	}
	return nil
}
