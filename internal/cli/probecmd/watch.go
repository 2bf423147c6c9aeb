package probecmd

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/cli/term"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/probe/render"
	"github.com/honeydue/honeydue/internal/report"
)

// watchOptions are the flags of probe that repeat it.
type watchOptions struct {
	on       bool
	interval time.Duration
	rounds   int
}

func (o *watchOptions) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&o.on, "watch", false, "probe again and again and show what moves, until Ctrl-C, which prints the last report")
	flags.DurationVar(&o.interval, "interval", 10*time.Second, "with --watch: the pause between two rounds")
	flags.IntVar(&o.rounds, "rounds", 0, "with --watch: end after this many rounds (0 = not before Ctrl-C)")
}

// Validate refuses a pause that would turn the probe into a load.
func (o *watchOptions) Validate() error {
	switch {
	case o.on && o.interval < time.Second:
		return exit.Usagef("Give it at least 1s.", "--interval is %s, and a probe is a guest on a system in trouble", o.interval)
	case o.rounds < 0:
		return exit.Usagef("Give it a number of rounds, or 0.", "--rounds is %d", o.rounds)
	case !o.on && o.rounds > 0:
		return exit.Usagef("Add --watch, or leave it out.", "--rounds is about a probe that repeats itself")
	}
	return nil
}

// watch runs round after round and returns the last one that was whole, with what has changed since the first. A round
// that Ctrl-C has cut short tells nothing and is left out.
func (a command) watch(ctx context.Context, o watchOptions, once func(context.Context) (facts.Result, error)) (facts.Result, error) {
	var first, last *facts.Result
	for n := 1; ; n++ {
		r, err := once(ctx)
		switch {
		case ctx.Err() != nil && last != nil:
			return since(*last, first), nil
		case err != nil:
			return r, err
		case ctx.Err() != nil:
			return r, ctx.Err()
		}
		if err := a.showRound(n, r, first, last); err != nil {
			return r, err
		}
		if last = &r; first == nil {
			first = &r
		}
		if n == o.rounds {
			return since(*last, first), nil
		}
		select {
		case <-ctx.Done():
			return since(*last, first), nil
		case <-time.After(o.interval):
		}
	}
}

// since is a result with its changes since a baseline; since itself it has none.
func since(r facts.Result, baseline *facts.Result) facts.Result {
	if baseline != nil && !baseline.StartedAt.Equal(r.StartedAt) {
		r.Changes, r.BaselineAt = check.Since(r, *baseline), &baseline.StartedAt
	}
	return r
}

// redrawsReport tells whether each round is shown in the place of the one before.
func (a command) redrawsReport() bool {
	return a.Output.File == "" && a.Output.Format() == report.FormatTable && term.IsTerminal(a.Stdout)
}

// showRound shows a round: on a terminal the verdict, the findings and the changes, redrawn; elsewhere a line on stderr
// with what has moved, so that stdout holds one report in the end.
func (a command) showRound(n int, r facts.Result, first, last *facts.Result) error {
	if !a.redrawsReport() {
		_, err := fmt.Fprintf(a.Stderr, "%s round %d: %s\n", r.StartedAt.Format(time.RFC3339), n, check.Round(r, last))
		return err
	}
	var b bytes.Buffer
	o := report.Options{Version: a.Build.Version, Commit: a.Build.Commit, Color: a.Color(a.Stdout), Width: term.Width(a.Stdout)}
	if err := report.Write(&b, report.FormatTable, render.Moving(since(r, first)), o); err != nil {
		return err
	}
	return term.ShowPage(a.Stdout, b.String(), fmt.Sprintf("round %d at %s; Ctrl-C ends with the whole report", n, r.StartedAt.Local().Format(time.TimeOnly)))
}
