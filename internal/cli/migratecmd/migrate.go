// Package migratecmd is the command migrate.
package migratecmd

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/report"
	"github.com/honeydue/honeydue/internal/store"
)

// New is the command migrate with its subcommands.
func New(a *app.App) *cobra.Command {
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up, down, or show where it stands",
		Long: `migrate works on the direct endpoint (DATABASE_DIRECT_URL or DB_DIRECT_HOST) and refuses a pooler: its lock belongs
to a session. Two migrations at the same time are safe, the second waits for the first.`,
		Example: `  honeydue migrate status
  honeydue migrate up`,
	}
	c.AddCommand(
		newMigrateStep(a, "up", "Apply every step that is missing", store.MigrateUp,
			"up applies every step that is missing, in order, and says where the schema stands. If nothing is missing, it succeeds."),
		newMigrateStep(a, "down", "Take the newest applied step back, with the data in it", store.MigrateDown,
			"down takes the newest applied step back: tables and columns that it made are dropped, with the data in them."),
		newMigrateStep(a, "status", "List the steps and which of them are applied", store.MigrationStatus,
			"status lists the steps that this honeydue knows and which of them the database has. It changes nothing."),
	)
	return app.Group(c)
}

func newMigrateStep(a *app.App, name, short string, do func(context.Context, string) ([]store.Migration, error), long string) *cobra.Command {
	return &cobra.Command{
		Use:     name,
		Short:   short,
		Long:    long,
		Example: "  honeydue migrate " + name,
		Args:    app.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			database, err := a.Direct()
			if err != nil {
				return err
			}
			began := time.Now()
			steps, err := do(c.Context(), database.DirectURL)
			if err != nil {
				return err
			}
			return a.Write(newMigrateReport(name, steps, time.Since(began)).Document())
		},
	}
}

// migrateReport is where the schema stands after the command.
type migrateReport struct {
	Command    string        `json:"command"`
	DurationMS float64       `json:"duration_ms"`
	Changed    int           `json:"changed"` // steps applied or taken back
	Pending    int           `json:"pending"`
	Steps      []migrateStep `json:"steps"`
}

type migrateStep struct {
	Version   int64      `json:"version"`
	File      string     `json:"file"`
	Applied   bool       `json:"applied"`
	AppliedAt *time.Time `json:"applied_at"`
	Changed   bool       `json:"changed"`
}

func newMigrateReport(command string, steps []store.Migration, took time.Duration) migrateReport {
	r := migrateReport{Command: command, DurationMS: float64(took.Microseconds()) / 1000, Steps: []migrateStep{}}
	for _, s := range steps {
		step := migrateStep{Version: s.Version, File: s.File, Applied: s.Applied, Changed: s.Changed}
		if s.Applied {
			step.AppliedAt = &s.AppliedAt
		} else {
			r.Pending++
		}
		if s.Changed {
			r.Changed++
		}
		r.Steps = append(r.Steps, step)
	}
	return r
}

// Document shows one line for each step, and the sum below.
func (r migrateReport) Document() report.Document {
	table := report.Table{Columns: []string{"step", "state", "applied at"}}
	for _, s := range r.Steps {
		state, at := report.Toned(report.Warn, "pending"), ""
		if s.Applied {
			state, at = report.Toned(report.Good, "applied"), s.AppliedAt.UTC().Format(time.RFC3339)
		}
		if s.Changed && s.Applied {
			state.Text = "applied now"
		}
		if s.Changed && !s.Applied {
			state.Text = "taken back"
		}
		table.Rows = append(table.Rows, []report.Cell{report.Text(s.File), state, report.Text(at)})
	}
	return report.Document{
		Schema: "honeydue.migrate/1", Title: "Schema",
		Blocks: []report.Block{table, r.summary()},
		Data:   r,
	}
}

func (r migrateReport) summary() report.Paragraph {
	switch {
	case r.Command == "down":
		return report.Paragraph{Text: "One step was taken back."}
	case r.Pending > 0:
		return report.Paragraph{Text: report.Thousands(int64(r.Pending)) + " pending: run honeydue migrate up.", Tone: report.Warn}
	case r.Changed == 0:
		return report.Paragraph{Text: "The schema is at its newest version.", Tone: report.Good}
	default:
		return report.Paragraph{Text: report.Thousands(int64(r.Changed)) + " applied; the schema is at its newest version.", Tone: report.Good}
	}
}
