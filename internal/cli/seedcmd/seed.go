// Package seedcmd is the command seed.
package seedcmd

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/report"
	"github.com/honeydue/honeydue/internal/store"
)

// seedOptions are the flags of seed.
type seedOptions struct {
	users, residences, tasks, completions int
	seed                                  uint64
	password                              string
	tokensFile                            string
	wipe                                  bool
}

// New is the command seed.
func New(a *app.App) *cobra.Command {
	o := seedOptions{}
	c := &cobra.Command{
		Use:   "seed",
		Short: "Fill the database with the same rows each time",
		Long: `seed writes sample households by COPY over the direct endpoint, in one transaction, and ends with VACUUM ANALYZE.
The same flags give the same rows on the same day, and on an empty database the same ids: dates count from today, so
that every column of the board is filled. Tokens and the salt of the password's hash are excepted, as they are secrets.

Sizes are skewed: most users have a few dozen tasks, one in 250 has ten residences and up to 2,000 tasks, one in 25 has
nothing. Texts are put together from hundreds of parts, so that compressing them is as hard as it would be in earnest.
Writers wait while a seed runs.`,
		Example: `  honeydue seed --wipe
  honeydue seed --users 200 --password secret --tokens tokens.txt`,
		Args: app.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			return runSeed(c, a, o)
		},
	}
	flags := c.Flags()
	flags.IntVar(&o.users, "users", 5000, "users to make, seed-1@seed.example and so on")
	flags.IntVar(&o.residences, "residences-per-user", 2, "residences of a user, on average")
	flags.IntVar(&o.tasks, "tasks-per-residence", 30, "tasks of a residence, on average")
	flags.IntVar(&o.completions, "completions-per-task", 3, "completions of a task, on average")
	flags.Uint64Var(&o.seed, "seed", 1, "start of the sequence of chance")
	flags.StringVar(&o.password, "password", "", "`PASSWORD` of every seeded user (default: nobody can log in)")
	flags.StringVar(&o.tokensFile, "tokens", "", "make a token for each user and write `FILE` with one \"user_id token\" a line, mode 0600")
	flags.BoolVar(&o.wipe, "wipe", false, "first remove what earlier seeds have made, and nothing else")
	return c
}

// Validate refuses sizes that make no sense.
func (o seedOptions) Validate() error {
	for _, f := range []struct {
		flag  string
		value int
		limit int
	}{
		{"users", o.users, 1_000_000},
		{"residences-per-user", o.residences, 20},
		{"tasks-per-residence", o.tasks, 1000},
		{"completions-per-task", o.completions, 100},
	} {
		if f.value < 1 || f.value > f.limit {
			return exit.Usagef(fmt.Sprintf("Give a number from 1 to %d.", f.limit), "--%s %d makes no sense", f.flag, f.value)
		}
	}
	return nil
}

func runSeed(c *cobra.Command, a *app.App, o seedOptions) (err error) {
	database, err := a.Direct()
	if err != nil {
		return err
	}
	options := store.SeedOptions{
		Users: o.users, ResidencesPerUser: o.residences, TasksPerResidence: o.tasks, CompletionsPerTask: o.completions,
		Seed: o.seed, Password: o.password, Wipe: o.wipe,
	}
	if o.tokensFile != "" {
		f, failed := openTokens(o.tokensFile)
		if failed != nil {
			return failed
		}
		defer func() { err = f.finish(err) }()
		options.TokensOut = f
	}
	p := a.Progress("seed", -1)
	defer p.Done()
	options.Progress = func(s store.SeedProgress) {
		p.Describe("seed, rows of " + s.Step)
		p.Set(s.Rows)
	}
	result, err := store.Seed(c.Context(), database.DirectURL, options)
	if err != nil {
		return err
	}
	p.Done()
	return a.Write(newSeedReport(o, result).Document())
}

// tokensFile is written beside its name and takes it only when all is well: tokens of a seed that was rolled back
// open nothing.
type tokensFile struct {
	*os.File
	path string
}

var _ io.Writer = tokensFile{}

func openTokens(path string) (tokensFile, error) {
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // the caller names the file
	if err == nil {
		err = f.Chmod(0o600) // it may have been there with another mode
	}
	if err != nil {
		return tokensFile{}, exit.Failedf("Give --tokens a path in a folder that exists and that you may write to.", "cannot write the tokens: %w", err)
	}
	return tokensFile{f, path}, nil
}

func (f tokensFile) finish(err error) error {
	if closing := f.Close(); err == nil && closing != nil {
		err = fmt.Errorf("write the tokens: %w", closing)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error that brought us here is the one to tell
		return err
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return fmt.Errorf("write the tokens: %w", err)
	}
	return nil
}

// seedReport is what a seed has done.
type seedReport struct {
	Seed       uint64      `json:"seed"`
	WipedUsers int64       `json:"wiped_users"`
	Rows       int64       `json:"rows"`
	DurationMS float64     `json:"duration_ms"`
	RowsPerS   float64     `json:"rows_per_s"`
	TokensFile string      `json:"tokens_file,omitempty"`
	Tables     []seedTable `json:"tables"`
}

type seedTable struct {
	Table      string  `json:"table"`
	Rows       int64   `json:"rows"`
	DurationMS float64 `json:"duration_ms"`
	RowsPerS   float64 `json:"rows_per_s"`
}

func newSeedReport(o seedOptions, result store.SeedResult) seedReport {
	r := seedReport{
		Seed: o.seed, WipedUsers: result.Wiped, Rows: result.Rows, TokensFile: o.tokensFile,
		DurationMS: float64(result.Took.Microseconds()) / 1000, RowsPerS: rowsPerS(result.Rows, result.Took),
	}
	for _, t := range result.Tables {
		r.Tables = append(r.Tables, seedTable{
			Table: t.Table, Rows: t.Rows, DurationMS: float64(t.Took.Microseconds()) / 1000, RowsPerS: rowsPerS(t.Rows, t.Took),
		})
	}
	return r
}

func rowsPerS(rows int64, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(rows) / took.Seconds()
}

// Document shows one line for each table, and the sum below.
func (r seedReport) Document() report.Document {
	table := report.Table{
		Columns: []string{"table", "rows", "s", "rows/s"},
		Note:    "The sum includes the wipe and VACUUM ANALYZE.",
	}
	for _, t := range r.Tables {
		table.Rows = append(table.Rows, []report.Cell{
			report.Text(t.Table), report.Count(t.Rows), report.Number(t.DurationMS/1000, 1), report.Count(int64(t.RowsPerS)),
		})
	}
	table.Rows = append(table.Rows, []report.Cell{
		report.Text("in all"), report.Count(r.Rows), report.Number(r.DurationMS/1000, 1), report.Count(int64(r.RowsPerS)),
	})
	blocks := []report.Block{table}
	if r.WipedUsers > 0 {
		blocks = append(blocks, report.Paragraph{Text: report.Thousands(r.WipedUsers) + " users of earlier seeds were removed first.", Tone: report.Dim})
	}
	return report.Document{Schema: "honeydue.seed/1", Title: "Seed", Blocks: blocks, Data: r}
}
