package loadtestcmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/lab"
)

func newLoadtestInitCommand(a command) *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented example of a scenario",
		Long: `init writes a scenario that runs as it is and says what each line is for. A file
that is there already is left alone. With the output of loadtest schema next
to it, an editor completes and checks it.`,
		Example: `  honeydue loadtest init evening.yaml
  honeydue loadtest init && honeydue loadtest scenario loadtest.yaml --lab`,
		Args: atMostOne("one file"),
		RunE: func(_ *cobra.Command, args []string) error {
			path := scenarioName
			if len(args) == 1 {
				path = args[0]
			}
			if err := writeNew(path, bench.ExampleScenario()); err != nil {
				return err
			}
			fmt.Fprintf(a.Stdout, "%s is written. Run it with: honeydue loadtest scenario %s --target URL\n", path, lab.ShellWord(path))
			return nil
		},
	}
}

// writeNew writes a file that is not there yet.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // a file for others to read, where the caller says
	switch {
	case errors.Is(err, fs.ErrExist):
		return exit.Failedf("Name another file, or remove that one.", "%s is there already and is left alone", path)
	case err != nil:
		return exit.Failedf("Name a file in a folder that you may write to.", "cannot write the example: %w", err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func newLoadtestSchemaCommand(a command) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a scenario, for editors",
		Long: `schema prints the JSON Schema (draft 2020-12) of a scenario. An editor with a
YAML language server completes and checks a scenario whose first line is: #
yaml-language-server: $schema=./honeydue-scenario.schema.json`,
		Example: `  honeydue loadtest schema --out honeydue-scenario.schema.json`,
		Args:    app.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.Output.File != "" {
				return app.WriteFile("--out", a.Output.File, []byte(bench.ScenarioSchema()))
			}
			_, err := a.Stdout.Write([]byte(bench.ScenarioSchema()))
			return err
		},
	}
}
