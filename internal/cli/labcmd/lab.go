// Package labcmd is the command lab.
package labcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/lab"
)

// labOptions are the flags of lab and of its subcommands.
type labOptions struct {
	data                   string
	rtt, jitter, lossStall time.Duration
	noSlowStart            bool
	poolSize               int
	detach                 bool
}

// New is the command lab with its subcommands.
func New(a *app.App) *cobra.Command {
	o := &labOptions{}
	c := app.Group(&cobra.Command{
		Use:   "lab",
		Short: "Run a local replica of production",
		Long: `lab runs what production consists of on this machine: a real Postgres, a real PgBouncer in transaction mode with
TLS, and a real Redis of 256 MB that evicts by allkeys-lru, on loopback ports and in one data folder. The model link in
front of the pooler and of Postgres delays like an ocean, TCP's handshake and slow start included.

The servers end with the process that keeps them, however that ends. The data stays in the folder. It is written
without fsync: a crash of the lab costs nothing, a power cut may cost the folder.`,
		Example: `  honeydue lab up --detach && eval "$(honeydue lab env)" && honeydue probe
  honeydue lab down`,
	})
	c.PersistentFlags().StringVar(&o.data, "data", "", "data `FOLDER` (default: honeydue/lab in your cache folder, for root /var/lib/honeydue/lab)")
	c.AddCommand(newLabUpCommand(a, o), newLabDownCommand(a, o), newLabStatusCommand(a, o), newLabEnvCommand(a, o))
	return c
}

func newLabUpCommand(a *app.App, o *labOptions) *cobra.Command {
	c := &cobra.Command{
		Use:   "up",
		Short: "Start the replica, and keep it until Ctrl-C",
		Long: `up starts the servers and says when each of them has answered. It keeps them until Ctrl-C or SIGTERM; with --detach
a process in the background does, until 'honeydue lab down'. The first start makes the database and takes a second or
two longer. Ports stay the same from one start to the next when they are free.`,
		Example: `  honeydue lab up
  honeydue lab up --detach --rtt 110ms --jitter 5ms`,
		Args: app.NoArgs,
		RunE: app.Validated(o, func(ctx context.Context) error {
			if o.detach {
				return detach(ctx, a, o)
			}
			return up(ctx, a, o)
		}),
	}
	flags := c.Flags()
	flags.DurationVar(&o.rtt, "rtt", 110*time.Millisecond, "round trip of the link in front of the pooler and of Postgres")
	flags.DurationVar(&o.jitter, "jitter", 0, "what a delivery may take longer")
	flags.DurationVar(&o.lossStall, "loss-stall", 0, "how long a lost packet holds up its direction; one delivery in a hundred is lost (0 = none)")
	flags.BoolVar(&o.noSlowStart, "no-slow-start", false, "a link that takes any amount at once, so that only turns cost a round trip")
	flags.IntVar(&o.poolSize, "pool-size", lab.DefaultPoolSize, "server connections of the pooler for each database")
	flags.BoolVar(&o.detach, "detach", false, "leave the replica running in the background")
	return c
}

// Validate refuses links and pools that make no sense.
func (o *labOptions) Validate() error {
	for _, f := range []struct {
		flag  string
		value time.Duration
	}{{"rtt", o.rtt}, {"jitter", o.jitter}, {"loss-stall", o.lossStall}} {
		if f.value < 0 || f.value > time.Minute {
			return exit.Usagef("Give a time from 0 to 1m, such as 110ms.", "--%s %v makes no sense", f.flag, f.value)
		}
	}
	if o.poolSize < 1 || o.poolSize > lab.MaxPoolSize {
		return exit.Usagef(fmt.Sprintf("Give a number from 1 to %d.", lab.MaxPoolSize), "--pool-size %d makes no sense", o.poolSize)
	}
	return nil
}

// dir is the data folder that the flags mean.
func (o *labOptions) dir() (string, error) {
	if o.data != "" {
		return o.data, nil
	}
	return lab.DefaultDir()
}

// up starts a replica and keeps it until ctx ends or a server does.
func up(ctx context.Context, a *app.App, o *labOptions) (err error) {
	dir, err := o.dir()
	if err != nil {
		return err
	}
	own, err := app.Load(a, config.ParseLab)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stderr, "Starting Postgres, PgBouncer and Redis in %s ...\n", dir)
	began := time.Now()
	l, err := lab.Start(ctx, lab.Config{
		Dir: dir, RTT: o.rtt, Jitter: o.jitter, LossStall: o.lossStall, NoSlowStart: o.noSlowStart,
		PoolSize: o.poolSize, BinDirs: own.Dirs(),
	})
	if err != nil {
		return err
	}
	defer func() {
		fmt.Fprintln(a.Stderr, "Stopping the servers ...")
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.LabGrace)
		defer cancel()
		err = exit.Also(err, l.Stop(ending))
	}()
	fmt.Fprintf(a.Stderr, "Ready after %d ms. Ctrl-C ends it.\n", time.Since(began).Milliseconds())
	s, err := lab.ReadState(l.Dir())
	if err != nil {
		return err
	}
	if err := a.Write(labReport{State: s}.Document()); err != nil {
		return err
	}
	return l.Wait(ctx)
}

// detach starts this program again to keep a replica in the background.
func detach(ctx context.Context, a *app.App, o *labOptions) error {
	dir, err := o.dir()
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program to start it in the background: %w", err)
	}
	fmt.Fprintf(a.Stderr, "Starting Postgres, PgBouncer and Redis in %s ...\n", dir)
	s, err := lab.StartDetached(ctx, exe, []string{
		"lab", "up", "--data", dir, "--rtt", o.rtt.String(), "--jitter", o.jitter.String(),
		"--loss-stall", o.lossStall.String(), "--no-slow-start=" + strconv.FormatBool(o.noSlowStart),
		"--pool-size", fmt.Sprint(o.poolSize),
	}, dir)
	if err != nil {
		return err
	}
	return a.Write(labReport{State: s}.Document())
}

func newLabDownCommand(a *app.App, o *labOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End the replica, and keep its data",
		Long: `down ends the process that keeps the replica, and its servers with it. Servers that a crash left behind are ended,
too. Nothing running is fine as well.`,
		Example: `  honeydue lab down`,
		Args:    app.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := o.dir()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), app.LabGrace)
			defer cancel()
			err = lab.Down(ctx, dir)
			if none, ok := errors.AsType[*lab.NotRunningError](err); ok {
				fmt.Fprintf(a.Stderr, "No lab was running in %s.\n", none.Dir)
				return nil
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Stderr, "The lab in %s has ended; its data is kept.\n", dir)
			return nil
		},
	}
}

func newLabStatusCommand(a *app.App, o *labOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say what runs, where, and behind which link",
		Long: `status says for each server whether it runs, its process and its port, and how long the link in front of it is. It
ends with 0 when all of them run, and with 3 when one does not or there is no lab.`,
		Example: `  honeydue lab status
  honeydue lab status -o json | jq .servers`,
		Args: app.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := state(o)
			if err != nil {
				return err
			}
			r := labReport{State: s}
			if err := a.Write(r.Document()); err != nil {
				return err
			}
			if !r.well() {
				return exit.With(exit.Finding)
			}
			return nil
		},
	}
}

func newLabEnvCommand(a *app.App, o *labOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print the shell commands that point everything at the replica",
		Long: `env prints export commands for DATABASE_URL (the pooler), DATABASE_DIRECT_URL, REDIS_URL and PGBOUNCER_ADMIN_URL,
with the passwords of the replica in them, for eval. Every other command uses the replica then.`,
		Example: `  eval "$(honeydue lab env)"`,
		Args:    app.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.Output.Name != "" || a.Output.File != "" {
				return exit.Usagef("Leave -o and --out away; to keep the lines, redirect them into a file that only you can read.",
					"'honeydue lab env' prints shell commands, and in no other form")
			}
			s, err := state(o)
			if err != nil {
				return err
			}
			switch {
			case !s.Running:
				return &lab.NotRunningError{Dir: s.Dir}
			case !s.Ready:
				return exit.Failedf("Try again in a moment.", "the lab in %s is not ready yet", s.Dir)
			}
			_, err = fmt.Fprint(a.Stdout, s.Env.Exports())
			return err
		},
	}
}

func state(o *labOptions) (lab.State, error) {
	dir, err := o.dir()
	if err != nil {
		return lab.State{}, err
	}
	return lab.ReadState(dir)
}
