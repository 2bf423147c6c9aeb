package app

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	// helpColumns is the width of a help text.
	helpColumns = 80
	// headingKey is the annotation of a flag that names its heading in the help.
	headingKey = "heading"
)

// Flags gives a command flags that its help lists under a heading, in the order in which they are added.
func Flags(cmd *cobra.Command, heading string, add func(*pflag.FlagSet)) {
	group := pflag.NewFlagSet(heading, pflag.ContinueOnError)
	group.SortFlags = false
	add(group)
	cmd.Flags().SortFlags = false
	group.VisitAll(func(f *pflag.Flag) {
		f.Annotations = map[string][]string{headingKey: {heading}}
		cmd.Flags().AddFlag(f)
	})
}

// Help prints the help of a command: what it does, how it is called, examples, its subcommands, what to know about it, and
// its flags by heading.
func Help(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s.\n\nUsage:\n  %s\n\nExamples:\n%s\n", cmd.Short, cmd.UseLine(), cmd.Example)
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintln(w, "\nSubcommands:")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(w, "  %-10s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	fmt.Fprintf(w, "\n%s\n", cmd.Long)
	var headings []string
	groups := map[string]*pflag.FlagSet{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		heading := "Every command"
		if own := f.Annotations[headingKey]; len(own) > 0 {
			heading = own[0]
		}
		if groups[heading] == nil {
			groups[heading] = pflag.NewFlagSet(heading, pflag.ContinueOnError)
			groups[heading].SortFlags = false
			headings = append(headings, heading)
		}
		groups[heading].AddFlag(f)
	})
	for _, heading := range headings {
		if groups[heading].HasAvailableFlags() {
			fmt.Fprintf(w, "\n%s:\n%s", heading, groups[heading].FlagUsagesWrapped(helpColumns))
		}
	}
}
