package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/probe"
)

// probeTrial prices the remedies in a lab of its own, as far away as the probed database was. Without a
// remedy to try no lab is started.
func (a *app) probeTrial(ctx context.Context, o *probeOptions, r *probe.Result) (err error) {
	bed := probe.TrialBed{}
	if r.Priceable() {
		var l *lab.Lab
		if l, err = a.startTrialLab(ctx, o, *r); err != nil {
			return err
		}
		defer func() {
			// Also after Ctrl-C: what was started is stopped.
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), labGrace)
			defer cancel()
			err = alsoFailed(err, l.Stop(ending))
			fmt.Fprintf(a.stderr, "The trial's lab has ended. Its files stay in %s for the next one; delete the folder to be rid of them.\n",
				l.Dir())
		}()
		bed.Create = func(ctx context.Context, name, template string) (string, string, error) {
			env, err := l.CreateDatabase(ctx, name, template)
			return env.DatabaseURL, env.DirectURL, err
		}
		bed.Drop = l.DropDatabase
	}
	p := a.progress("trial", int64(r.TrialSteps()))
	defer p.Done()
	bed.Progress = func(what string) { p.Step("trial: " + what) }
	r.Trial, r.TrialNote, err = r.Price(ctx, bed)
	return err
}

func (a *app) startTrialLab(ctx context.Context, o *probeOptions, r probe.Result) (*lab.Lab, error) {
	own, err := load(a, config.ParseLab)
	if err != nil {
		return nil, err
	}
	dir := o.trialData
	if dir == "" {
		standard, err := lab.DefaultDir()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(filepath.Dir(standard), "trial")
	}
	p := a.progress("trial: starting Postgres, PgBouncer and Redis", -1)
	defer p.Done()
	return lab.Start(ctx, lab.Config{Dir: dir, RTT: floorOf(r), BinDirs: own.Dirs()})
}

// floorOf is the floor of the app's endpoint, or of the direct one; below a millisecond the lab's own
// loopback is near enough.
func floorOf(r probe.Result) time.Duration {
	for _, e := range r.Endpoints {
		if floor := time.Duration(e.FloorMS * float64(time.Millisecond)); e.Name != "redis" && floor >= time.Millisecond {
			return floor
		}
	}
	return 0
}
