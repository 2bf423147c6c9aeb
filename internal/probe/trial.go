package probe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TrialBed is where remedies are tried: the lab, by two functions.
type TrialBed struct {
	// Create makes a database, empty or a copy of the one named by template, which has no connections,
	// and returns the URLs of the pooler and of Postgres itself.
	Create func(ctx context.Context, name, template string) (url, directURL string, err error)
	// Drop removes a database; one that is not there is no error.
	Drop func(ctx context.Context, name string) error
	// Progress is called with what is being done; may be nil.
	Progress func(what string)
}

const (
	trialDatabase = "honeydue_trial"
	// trialRows bounds the rows of tasks, the largest table, so that a trial takes a minute and not ten.
	trialRows = 200_000
	// trialTimeout is for one probe of the lab, whose machine is busy with the lab itself.
	trialTimeout = 45 * time.Second
	dropTimeout  = 10 * time.Second
)

// Priceable reports whether a finding has a remedy that a trial could run.
func Priceable(r facts.Result) bool {
	can := false
	for _, f := range r.Findings {
		if f.Code == "HD-D03" {
			return false // on another schema nothing can be said
		}
		can = can || priceable(f)
	}
	return can && r.Sketch != nil
}

// TrialSteps is how often a trial calls Progress: for the copy, and for each remedy that is tried.
func TrialSteps(r facts.Result) int {
	remedies := map[string]bool{}
	for _, f := range r.Findings {
		if priceable(f) {
			remedies[f.Remedy] = true
		}
	}
	return 1 + len(remedies)
}

// priceable leaves out remarks: a request does not notice them, so there is nothing to save.
func priceable(f facts.Finding) bool { return len(f.SQL) > 0 && f.Severity != facts.Info }

// Price tries the remedy of each finding on the bed and returns a price, or the reason for none, for each.
// It runs only statements that the checks of this process have made, and copies no row: see
// docs/decisions. The text says how far the copy resembles the original.
func Price(ctx context.Context, r facts.Result, bed TrialBed) (trials []facts.Trial, note string, err error) {
	say := bed.Progress
	if say == nil {
		say = func(string) {}
	}
	behind := slices.ContainsFunc(r.Findings, func(f facts.Finding) bool { return f.Code == "HD-D03" })
	for _, f := range r.Findings {
		t := facts.Trial{Code: f.Code, Remedy: f.Remedy, CostMS: f.CostMS}
		switch {
		case len(f.SQL) > 0 && behind:
			t.NotPriced = "apply the migrations first (HD-D03): they may fix it"
		case len(f.SQL) == 0 && f.Code == "HD-Q18":
			t.NotPriced = "it only speeds up writes, and the hot statements are reads"
		case len(f.SQL) == 0:
			t.NotPriced = "the remedy is not SQL"
		case !priceable(f):
			t.NotPriced = "it is a note and costs requests nothing"
		case r.Sketch == nil:
			t.NotPriced = "the statistics could not be read, so no copy can be built"
		}
		trials = append(trials, t)
	}
	if !Priceable(r) {
		return trials, notTried(r, behind), nil
	}
	defer func() {
		// Also after Ctrl-C: what was made is taken away.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
		defer cancel()
		err = errors.Join(err, bed.Drop(ending, trialDatabase))
	}()
	say("building a copy of the schema, with synthetic rows")
	built, err := build(ctx, r.Sketch, bed, r.Findings)
	if err != nil {
		return trials, built.note, err
	}
	tried := map[string]int{}
	for i, f := range r.Findings {
		if trials[i].NotPriced != "" {
			continue
		}
		if same, ok := tried[f.Remedy]; ok {
			trials[i] = of(trials[same], f, built)
			continue
		}
		tried[f.Remedy] = i
		say("trying the remedy of " + f.Code)
		if err := try(ctx, &trials[i], bed, f, fmt.Sprintf("%s_%d", trialDatabase, i+1), built); err != nil {
			return trials, built.note, fmt.Errorf("the trial of %s: %w", f.Code, err)
		}
	}
	return trials, built.note, nil
}

// notTried says why there is nothing for a trial to do.
func notTried(r facts.Result, behind bool) string {
	switch {
	case behind:
		return "Nothing was tried: apply the migrations first (HD-D03)."
	case slices.ContainsFunc(r.Findings, priceable):
		return "Nothing was tried: the statistics could not be read, so no copy can be built."
	}
	return "There was nothing to try: no finding has an SQL remedy."
}

// try applies one remedy to a copy of its own. All copies are alike, so the first one's probe before the
// remedy stands for all.
func try(ctx context.Context, t *facts.Trial, bed TrialBed, f facts.Finding, name string, from *built) (err error) {
	if err := bed.Drop(ctx, name); err != nil {
		return err
	}
	url, directURL, err := bed.Create(ctx, name, trialDatabase)
	if err != nil {
		return err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
		defer cancel()
		err = errors.Join(err, bed.Drop(ending, name))
	}()
	look := facts.Config{URL: url, DirectURL: directURL, ExecMode: from.mode, Timeout: trialTimeout}
	if from.before == nil {
		before, err := Run(ctx, look)
		if err != nil {
			return err
		}
		from.before = &before
	}
	if err := runDirect(ctx, directURL, f.SQL); err != nil {
		t.NotPriced = "the remedy did not run in the lab: " + dial.Explain(ctx, "", err).Error()
		return nil
	}
	after, err := Run(ctx, look)
	if err != nil {
		return err
	}
	if t.Price = compare(*from.before, after); t.Price == nil {
		t.NotPriced = "no hot statement could be run before and after it"
		return nil
	}
	t.Reproduced = from.shows(f.Code)
	return nil
}

// of is the same price for another finding with the same remedy.
func of(t facts.Trial, f facts.Finding, from *built) facts.Trial {
	t.Code, t.CostMS = f.Code, f.CostMS
	if t.Price != nil {
		price := *t.Price
		price.Reproduced = from.shows(f.Code)
		t.Price = &price
	}
	return t
}

// compare prices the hot path that gained most; nil if none was run both times.
func compare(before, after facts.Result) *facts.Price {
	db := func(h facts.HotPath) float64 { return h.PlanningMS + h.ExecutionMS }
	best := math.Inf(-1)
	var out *facts.Price
	for _, a := range after.HotPaths {
		b, ok := check.PathOf(before.HotPaths, a)
		if !ok || a.Error != "" || b.Error != "" || a.FirstRun == nil || b.FirstRun == nil {
			continue
		}
		if saved := db(b) - db(a); saved > best {
			best = saved
			out = &facts.Price{
				Statement: a.Name, Subject: a.Subject,
				BeforeDBMS: facts.Round(db(b)), AfterDBMS: facts.Round(db(a)), SavedMS: facts.RoundSigned(saved),
				BeforeMS: b.WallMS, AfterMS: a.WallMS,
				BeforeTurns: b.Turns, AfterTurns: a.Turns, SavedTurns: b.Turns - a.Turns,
			}
		}
	}
	return out
}

// built is the database that the copies are taken from.
type built struct {
	mode, note string
	// made are the codes that were brought about and that a copy can't show, because the statistics of a
	// database are not copied with it.
	made []string
	// before is the probe of the first copy, before any remedy.
	before *facts.Result
}

// shows reports whether the lab has what a finding is about.
func (b *built) shows(code string) bool {
	return slices.Contains(b.made, code) || b.before != nil &&
		slices.ContainsFunc(b.before.Findings, func(f facts.Finding) bool { return f.Code == code })
}

func sketch(o *facts.Observation) *facts.Sketch {
	if o.Facts == nil {
		return nil
	}
	return &facts.Sketch{Facts: o.Facts, Expected: o.Expected, Mode: o.Mode}
}
