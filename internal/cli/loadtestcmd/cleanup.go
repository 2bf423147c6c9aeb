package loadtestcmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/report"
)

// cleanupOptions are the flags of loadtest cleanup.
type cleanupOptions struct {
	loadtestOptions
}

func newLoadtestCleanupCommand(a command) *cobra.Command {
	o := &cleanupOptions{}
	c := &cobra.Command{
		Use:   "cleanup",
		Short: "Remove what runs that crashed have left on their targets",
		Long: `cleanup removes, through the API, what earlier runs of scenarios or of phase
evening noted and could not remove: the residences of their accounts, with all
that is in them, and the logins. Runs that are still alive are left alone. The
accounts themselves stay, as the API can't delete one, and so do the rows of
deleted residences, marked as deleted. Exit code 1: something is left that could
be removed; it stays noted.`,
		Example: `  honeydue loadtest cleanup
  honeydue loadtest cleanup --target http://127.0.0.1:8080`,
		Args: app.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(o.validateTimeout(), o.readTrust()); err != nil {
				return err
			}
			return a.loadtestCleanup(c.Context(), o)
		},
	}
	return flagsOf(c, heading{"What is removed", several(func(flags *pflag.FlagSet) {
		stateFlag(flags, &o.state)
		flags.StringVar(&o.target, "target", "", "`URL` where the runs' server is now (default: where it was)")
	}, o.caFlag, o.timeoutFlag)})
}

// cleanupCommand is the command that removes what a run with this --state has left.
func cleanupCommand(state string) string {
	if state == "" {
		return "honeydue loadtest cleanup"
	}
	return "honeydue loadtest cleanup --state " + lab.ShellWord(state)
}

// cleanupReport is what was removed, and what was not.
type cleanupReport struct {
	Runs  []cleanupRun `json:"runs"`
	Alive []string     `json:"alive"` // runs that are under way, left alone
}

type cleanupRun struct {
	bench.ScenarioData
	Target string `json:"target"`
	Error  string `json:"error,omitempty"`
}

func (a command) loadtestCleanup(ctx context.Context, o *cleanupOptions) error {
	dir, err := a.stateFolder(o.state)
	if err != nil {
		return err
	}
	if o.target != "" {
		if o.base, err = bench.ParseTarget(o.target); err != nil {
			return exit.Usagef("Give it as http://host:port.", "--target: %w", err)
		}
	}
	left, alive, err := bench.Leftovers(dir)
	if err != nil {
		return exit.Failedf("See that the folder of --state is yours.", "%w", err)
	}
	out := cleanupReport{Runs: []cleanupRun{}, Alive: append([]string{}, alive...)}
	var failures []error
	for _, one := range left {
		run := cleanupRun{Target: cmp.Or(o.target, one.Target)}
		var failure error
		run.ScenarioData, failure = a.cleanUpLeftover(ctx, o, one)
		if failure != nil {
			run.Error = a.Redact(failure.Error())
			failures = append(failures, fmt.Errorf("run %s: %w", one.Run, failure))
		}
		out.Runs = append(out.Runs, run)
	}
	if err := a.Write(out.Document()); err != nil {
		return errors.Join(append(failures, err)...)
	}
	if len(failures) > 0 {
		return exit.Failedf("Start the server and try again; give --target if it has moved. What is left stays noted.", "%w", errors.Join(failures...))
	}
	return nil
}

func (a command) cleanUpLeftover(ctx context.Context, o *cleanupOptions, left *bench.Leftover) (data bench.ScenarioData, err error) {
	defer func() { err = errors.Join(err, left.Close(err == nil)) }()
	data.Run = left.Run
	base := o.base
	if base == nil {
		if base, err = bench.ParseTarget(left.Target); err != nil {
			return data, fmt.Errorf("where it ran is not known (%w): give --target", err)
		}
	}
	hitter, err := a.newHitter(&o.loadtestOptions, &url.URL{Scheme: base.Scheme, Host: base.Host, Path: base.Path})
	if err != nil {
		return data, err
	}
	defer hitter.Close()
	return bench.CleanUp(ctx, hitter, left)
}

// Document shows one line for each run.
func (r cleanupReport) Document() report.Document {
	t := report.Table{Columns: []string{"run", "target", "residences deleted", "accounts logged out", "left"}}
	for _, run := range r.Runs {
		left := report.Text(run.Left)
		if run.Error != "" {
			left = report.Toned(report.Bad, run.Error)
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(run.Run), report.Text(run.Target), report.Count(int64(run.ResidencesDeleted)), report.Count(int64(run.LoggedOut)), left,
		})
	}
	d := report.Document{Schema: "honeydue.loadtest-cleanup/1", Title: "What load tests have left", Data: r}
	if len(t.Rows) > 0 {
		d.Blocks = append(d.Blocks, t)
	} else {
		d.Blocks = append(d.Blocks, report.Paragraph{Text: "Nothing is left to remove.", Tone: report.Good})
	}
	for _, run := range r.Alive {
		d.Blocks = append(d.Blocks, report.Paragraph{Text: "Run " + run + " is still alive and is left alone.", Tone: report.Warn})
	}
	return d
}
