package cli

import (
	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
)

func newVersionCommand(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the Go that built it",
		Long: `version says which honeydue this is. Reports and replies of the server carry the same version and commit,
so that a figure can be traced to the code that produced it.`,
		Example: `  honeydue version
  honeydue version -o json | jq -r .commit`,
		Args: app.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.Write(a.Build.Document()) },
	}
}
