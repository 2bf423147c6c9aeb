package probecmd

import (
	"context"
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/probe"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// probeTrial prices the remedies in a lab of its own, as far away as the probed database was. Without a
// remedy to try no lab is started.
func (a command) probeTrial(ctx context.Context, o *probeOptions, r *facts.Result) (err error) {
	bed := probe.TrialBed{}
	if probe.Priceable(*r) {
		var l *lab.Lab
		if l, err = a.StartLab(ctx, "trial", "trial", o.trialData, floorOf(*r)); err != nil {
			return err
		}
		defer func() {
			// Also after Ctrl-C: what was started is stopped.
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.LabGrace)
			defer cancel()
			err = exit.Also(err, l.Stop(ending))
			fmt.Fprintf(a.Stderr, "The trial's lab has ended. Its files stay in %s for the next one; delete the folder to be rid of them.\n",
				l.Dir())
		}()
		bed.Create = func(ctx context.Context, name, template string) (string, string, error) {
			env, err := l.CreateDatabase(ctx, name, template)
			return env.DatabaseURL, env.DirectURL, err
		}
		bed.Drop = l.DropDatabase
	}
	p := a.Progress("trial", int64(probe.TrialSteps(*r)))
	defer p.Done()
	bed.Progress = func(what string) { p.Step("trial: " + what) }
	r.Trial, r.TrialNote, err = probe.Price(ctx, *r, bed)
	return err
}

// floorOf is the floor of the app's endpoint, or of the direct one; below a millisecond the lab's own
// loopback is near enough.
func floorOf(r facts.Result) time.Duration {
	for _, e := range r.Endpoints {
		if floor := time.Duration(e.FloorMS * float64(time.Millisecond)); e.Name != "redis" && floor >= time.Millisecond {
			return floor
		}
	}
	return 0
}
