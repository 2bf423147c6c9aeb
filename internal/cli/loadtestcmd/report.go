package loadtestcmd

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
)

func newLoadtestReportCommand(a command) *cobra.Command {
	return &cobra.Command{
		Use:   "report FILE",
		Short: "Print a saved load test again, in any form",
		Long: `report prints the load test that --save has kept in FILE, in any form, without
measuring again: the same file gives the same bytes. The HTML page has the plots
over time and needs no network and no script; the HDR log is read by the
HdrHistogram tools; the CSV has a row for each second of each phase. The exit
code says whether the report was made (0) or not (1), and not what the verdict
was: that was the code of the load test.`,
		Example: `  honeydue loadtest report run.json
  honeydue loadtest report run.json --out report.html
  honeydue loadtest report run.json -o hdr --out run.hlog
  honeydue loadtest report run.json -o github`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Usagef(app.SeeHelp(cmd), "'%s' takes one file, and was given %d", cmd.CommandPath(), len(args))
			}
			return nil
		},
		Annotations: app.HasCourse(),
		RunE: func(_ *cobra.Command, args []string) error {
			run, err := readStoredRun(args[0])
			if err != nil {
				return err
			}
			return a.WriteAs(run.Result.Document(), app.Build{Version: run.Version, Commit: run.Commit})
		},
	}
}

func readStoredRun(path string) (bench.StoredRun, error) {
	const hint = "Give a file that 'honeydue loadtest --save FILE' has written."
	f, err := os.Open(path) //nolint:gosec // the caller names the file, with the caller's rights
	if err != nil {
		return bench.StoredRun{}, exit.Usagef(hint, "cannot open the stored run: %w", err)
	}
	run, err := bench.ReadStoredRun(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return bench.StoredRun{}, exit.Failedf(hint, "%s: %w", path, err)
	}
	return run, nil
}

// saveRun keeps a result for loadtest report: the whole file or none.
func (a command) saveRun(path string, r bench.Result) error {
	data, err := bench.StoredRun{Version: a.Build.Version, Commit: a.Build.Commit, Result: r}.Encode()
	if err != nil {
		return exit.Failedf("The report above is all that is left of the run.", "cannot save the run: %w", err)
	}
	return app.WriteFile("--save", path, data)
}
