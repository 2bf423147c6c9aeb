package probecmd

import (
	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/probe/render"
	"github.com/honeydue/honeydue/internal/report"
)

func newReport(a command) *cobra.Command {
	all := false
	c := &cobra.Command{
		Use:   "report FILE",
		Short: "Print a saved probe again, in any form",
		Long: `report prints the probe that FILE holds, which -o json, --out FILE.json or
--save-baseline has written, in any form and without asking a server. The exit
code says whether the report was made (0) or not (2: FILE holds something else),
and not what was found: that was the code of the probe.`,
		Example: `  honeydue probe report incident.json
  honeydue probe report incident.json -o markdown
  honeydue probe report incident.json --out incident.html`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Usagef(app.SeeHelp(c), "'%s' takes one file, and was given %d", c.CommandPath(), len(args))
			}
			return nil
		},
		Annotations: app.HasCases(),
		RunE: func(_ *cobra.Command, args []string) error {
			saved, err := readSaved(args[0], "Give a file that 'honeydue probe -o json' has written.")
			if err != nil {
				return err
			}
			document := render.Document(saved.Result)
			if a.Output.Format() == report.FormatTable {
				document = render.Terminal(saved.Result, all)
			}
			return a.WriteAs(document, app.Build{Version: saved.Version, Commit: saved.Commit})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "in the table also list the checks that passed")
	return c
}
