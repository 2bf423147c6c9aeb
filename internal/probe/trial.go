package probe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// Trial is the price of one finding's remedy: what it saved in a database of the lab that has the
// production schema's indexes and synthetic rows in production's proportions.
type Trial struct {
	Code   string `json:"code"`
	Remedy string `json:"remedy"`
	// CostMS is the finding's own figure, of the probed database: the copy may be smaller.
	CostMS float64 `json:"finding_cost_ms_per_request"`
	// NotPriced says why there are no figures; empty where there are.
	NotPriced string `json:"not_priced,omitempty"`
	// Price is nil, and its members are left out of the JSON, where there are none.
	*Price
}

// Price is what the hot path that gains most paid before a remedy and after it.
type Price struct {
	// Reproduced is whether the lab's probe found the same before the remedy.
	Reproduced bool   `json:"reproduced"`
	Statement  string `json:"statement"`
	Subject    string `json:"subject"`
	// BeforeDBMS and AfterDBMS are planning and execution, the fastest of the runs.
	BeforeDBMS float64 `json:"before_db_ms"`
	AfterDBMS  float64 `json:"after_db_ms"`
	// BeforeMS and AfterMS are walls over a link with the measured floor, medians of the runs.
	BeforeMS    float64 `json:"before_ms"`
	AfterMS     float64 `json:"after_ms"`
	BeforeTurns int64   `json:"before_turns"`
	AfterTurns  int64   `json:"after_turns"`
	// SavedMS is BeforeDBMS less AfterDBMS: the walls differ by that and by noise. SavedTurns is the
	// difference of the turns.
	SavedMS    float64 `json:"saved_ms"`
	SavedTurns int64   `json:"saved_turns"`
}

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
func (r Result) Priceable() bool {
	can := false
	for _, f := range r.Findings {
		if f.Code == "HD-D03" {
			return false // on another schema nothing can be said
		}
		can = can || f.priceable()
	}
	return can && r.sketch != nil
}

// TrialSteps is how often a trial calls Progress: for the copy, and for each remedy that is tried.
func (r Result) TrialSteps() int {
	remedies := map[string]bool{}
	for _, f := range r.Findings {
		if f.priceable() {
			remedies[f.Remedy] = true
		}
	}
	return 1 + len(remedies)
}

// priceable leaves out remarks: a request does not notice them, so there is nothing to save.
func (f Finding) priceable() bool { return len(f.sql) > 0 && f.Severity != Info }

// Price tries the remedy of each finding on the bed and returns a price, or the reason for none, for each.
// It runs only statements that the checks of this process have made, and copies no row: see
// docs/decisions. The text says how far the copy resembles the original.
func (r Result) Price(ctx context.Context, bed TrialBed) (trials []Trial, note string, err error) {
	say := bed.Progress
	if say == nil {
		say = func(string) {}
	}
	behind := slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == "HD-D03" })
	for _, f := range r.Findings {
		t := Trial{Code: f.Code, Remedy: f.Remedy, CostMS: f.CostMS}
		switch {
		case len(f.sql) > 0 && behind:
			t.NotPriced = "apply the migrations first (HD-D03): they may fix it"
		case len(f.sql) == 0 && f.Code == "HD-Q18":
			t.NotPriced = "it only speeds up writes, and the hot statements are reads"
		case len(f.sql) == 0:
			t.NotPriced = "the remedy is not SQL"
		case !f.priceable():
			t.NotPriced = "it is a note and costs requests nothing"
		case r.sketch == nil:
			t.NotPriced = "the statistics could not be read, so no copy can be built"
		}
		trials = append(trials, t)
	}
	if !r.Priceable() {
		return trials, r.notTried(behind), nil
	}
	defer func() {
		// Also after Ctrl-C: what was made is taken away.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
		defer cancel()
		err = errors.Join(err, bed.Drop(ending, trialDatabase))
	}()
	say("building a copy of the schema, with synthetic rows")
	built, err := r.sketch.build(ctx, bed, r.Findings)
	if err != nil {
		return trials, built.note, err
	}
	tried := map[string]int{}
	for i, f := range r.Findings {
		if trials[i].NotPriced != "" {
			continue
		}
		if same, ok := tried[f.Remedy]; ok {
			trials[i] = trials[same].of(f, built)
			continue
		}
		tried[f.Remedy] = i
		say("trying the remedy of " + f.Code)
		if err := trials[i].try(ctx, bed, f, fmt.Sprintf("%s_%d", trialDatabase, i+1), built); err != nil {
			return trials, built.note, fmt.Errorf("the trial of %s: %w", f.Code, err)
		}
	}
	return trials, built.note, nil
}

// notTried says why there is nothing for a trial to do.
func (r Result) notTried(behind bool) string {
	switch {
	case behind:
		return "Nothing was tried: apply the migrations first (HD-D03)."
	case slices.ContainsFunc(r.Findings, Finding.priceable):
		return "Nothing was tried: the statistics could not be read, so no copy can be built."
	}
	return "There was nothing to try: no finding has an SQL remedy."
}

// try applies one remedy to a copy of its own. All copies are alike, so the first one's probe before the
// remedy stands for all.
func (t *Trial) try(ctx context.Context, bed TrialBed, f Finding, name string, from *built) (err error) {
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
	look := Config{URL: url, DirectURL: directURL, ExecMode: from.mode, Timeout: trialTimeout}
	if from.before == nil {
		before, err := Run(ctx, look)
		if err != nil {
			return err
		}
		from.before = &before
	}
	if err := runDirect(ctx, directURL, f.sql); err != nil {
		t.NotPriced = "the remedy did not run in the lab: " + explain(ctx, "", err).Error()
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
func (t Trial) of(f Finding, from *built) Trial {
	t.Code, t.CostMS = f.Code, f.CostMS
	if t.Price != nil {
		price := *t.Price
		price.Reproduced = from.shows(f.Code)
		t.Price = &price
	}
	return t
}

// compare prices the hot path that gained most; nil if none was run both times.
func compare(before, after Result) *Price {
	db := func(h HotPath) float64 { return h.PlanningMS + h.ExecutionMS }
	best := math.Inf(-1)
	var out *Price
	for _, a := range after.HotPaths {
		b, ok := pathOf(before.HotPaths, a)
		if !ok || a.Error != "" || b.Error != "" || a.FirstRun == nil || b.FirstRun == nil {
			continue
		}
		if saved := db(b) - db(a); saved > best {
			best = saved
			out = &Price{
				Statement: a.Name, Subject: a.Subject,
				BeforeDBMS: round(db(b)), AfterDBMS: round(db(a)), SavedMS: roundSigned(saved),
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
	before *Result
}

// shows reports whether the lab has what a finding is about.
func (b *built) shows(code string) bool {
	return slices.Contains(b.made, code) || b.before != nil &&
		slices.ContainsFunc(b.before.Findings, func(f Finding) bool { return f.Code == code })
}

// sketch is what a trial needs of a probed database. It holds names, counts and definitions, and no value
// of any row; it is no part of the JSON.
type sketch struct {
	facts    *databaseFacts
	expected []store.Index
	mode     string
}

func (o *observation) sketch() *sketch {
	if o.facts == nil {
		return nil
	}
	return &sketch{facts: o.facts, expected: o.expected, mode: o.mode}
}
