package loadtestcmd

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/cli/term"
)

// cleanupGrace bounds the clean-up after a run, Ctrl-C included.
const cleanupGrace = 2 * time.Minute

// testData is what a run makes on its target, and removes at its end: the users of a scenario, or the households of
// phase evening. A nil one is of a run that makes nothing.
type testData struct {
	app    command
	test   loadtest
	ledger *bench.Ledger
	made   bench.ScenarioData
	done   func() // when nothing is left to say about it
}

// makeData makes what the plan of c needs on the target, and completes the plan with it. What it has made before an
// error it removes.
func (a command) makeData(ctx context.Context, t loadtest, c *bench.Config) (*testData, error) {
	o := t.options
	if o.scenario == nil && !c.Plan.HasEvening() {
		return nil, nil
	}
	dir, err := a.stateFolder(o.state)
	if err != nil {
		return nil, err
	}
	d := &testData{app: a, test: t, done: func() {}}
	if d.ledger, err = bench.NewLedger(dir, t.hitter.RunName(), t.target); err != nil {
		return nil, exit.Failedf("Give --state a folder that you may write to.", "%w", err)
	}
	if !o.lab { // what a lab holds ends with it
		d.done = app.Leaving(ctx, "What the run has made may be left on its target. Remove it with: "+cleanupCommand(o.state))
	}
	if err := d.setUp(ctx, c); err != nil {
		return nil, exit.Also(err, d.remove(ctx, &bench.Result{}))
	}
	return d, nil
}

// setUp makes the data, and binds the plan to it.
func (d *testData) setUp(ctx context.Context, c *bench.Config) (err error) {
	t, o := d.test, d.test.options
	what := "scenario: users and their data"
	if o.scenario == nil {
		what = "phase evening: households and their tasks"
	}
	show, end := d.progress(what)
	defer end()
	if o.scenario == nil {
		var people *bench.Evening
		people, d.made, err = bench.SetUpEvening(ctx, t.hitter, t.hitter.RunName(), d.ledger, show)
		if err != nil {
			return d.unable(ctx, err, "See the server's log, or leave the phase out: --phases warm,cold,first.", "setting phase evening up")
		}
		c.Plan = people.Bind(c.Plan) //nolint:contextcheck // as in runLoadtest
		return nil
	}
	users := t.users
	if o.scenario.Users.Register > 0 {
		users = nil // a lab has seeded users; the scenario registers its own
	}
	var world *bench.ScenarioWorld
	world, d.made, err = o.scenario.SetUp(ctx, t.hitter, t.hitter.RunName(), users, d.ledger, show)
	if err != nil {
		return d.unable(ctx, err, "Fix the scenario's data, or the server.", "setting the scenario up")
	}
	c.Users = world.Users()
	c.Plan, err = o.scenario.Bind(c.Plan, world) //nolint:contextcheck // as in runLoadtest
	return err
}

// unable is the error of a set-up: what to do about the server's limit on registrations is known.
func (d *testData) unable(ctx context.Context, err error, hint, what string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if bench.RegistrationsLimited(err) {
		hint = "The server limits registrations from one address (100 an hour unless set otherwise). Wait, or set REGISTER_LIMIT_PER_ADDRESS=off on it for the time of the test"
		if d.test.options.scenario == nil {
			hint += ", or leave the phase out: --phases warm,cold,first"
		}
		hint += "."
	}
	return exit.Failedf(hint, "%s: %w", what, err)
}

// progress shows how far the set-up is, until end is called.
func (d *testData) progress(what string) (show func(done, all int), end func()) {
	var bar *term.Progress
	show = func(done, all int) {
		if bar == nil {
			bar = d.app.Progress(what, int64(all))
		}
		bar.Set(int64(done))
	}
	return show, func() {
		if bar != nil {
			bar.Done()
		}
	}
}

// remove removes what the run has made, after Ctrl-C too, and puts what became of it into the result. What can't be
// removed stays noted in the ledger.
func (d *testData) remove(ctx context.Context, result *bench.Result) error {
	if d == nil {
		return nil
	}
	defer d.done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupGrace)
	defer cancel()
	left, err := d.ledger.Left()
	if err != nil {
		return errors.Join(err, d.ledger.Close(false))
	}
	p := d.app.Progress("removing what the run has made", -1)
	gone, err := bench.CleanUp(ctx, d.test.hitter, left)
	p.Done()
	closing := d.ledger.Close(err == nil)
	if err != nil {
		err = exit.Failedf("Remove it with: "+cleanupCommand(d.test.options.state), "what run %s made could not all be removed: %w", left.Run, err)
	}
	data := d.made
	data.ResidencesDeleted, data.LoggedOut, data.AccountsLeft = gone.ResidencesDeleted, gone.LoggedOut, gone.AccountsLeft
	data.Left, data.CleanedUp = gone.Left, gone.CleanedUp
	result.Data = &data
	return errors.Join(err, closing)
}

// stateFolder is where runs note what they make: XDG's folder for state, unless the user names another.
func (a command) stateFolder(given string) (string, error) {
	base := a.Getenv("XDG_STATE_HOME")
	switch {
	case given != "":
		return given, nil
	case filepath.IsAbs(base):
		return filepath.Join(base, "honeydue", "loadtest"), nil
	case a.Getenv("HOME") != "":
		return filepath.Join(a.Getenv("HOME"), ".local", "state", "honeydue", "loadtest"), nil
	}
	return "", exit.Usagef("Name one: --state FOLDER.", "there is no home folder to note in what the run makes")
}

// stillPrinted is the error of a run that could not be finished, whose report has what was measured before.
func stillPrinted(err error, verdict bench.Verdict) error {
	return &exit.Error{Code: exit.Worst(exit.Failed, verdictCode(verdict)), Err: err, Advice: strings.TrimSpace(exit.HintOf(err) + " The report holds what was measured before.")}
}
