package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
	"github.com/honeydue/honeydue/internal/report"
)

const (
	// sameRate is how far the planned rates of two runs may lie apart.
	sameRate = 0.05
	// caveat is printed with each comparison of two runs.
	caveat = `Two runs at different times differ by more than the code: the machine, its other load, the link, the data. "The p99 changed by 10%" is a false alarm in four of five pairs of equal runs, so this decides nothing; honeydue loadtest compare alternates the load between two servers and decides.`
)

// Earlier is what has changed since an earlier run. It decides no verdict.
type Earlier struct {
	StartedAt time.Time     `json:"started_at"`
	Target    string        `json:"target"`
	Run       string        `json:"run"`
	Verdict   Verdict       `json:"verdict"`
	Server    Server        `json:"server"`
	Caveat    string        `json:"caveat"`
	Phases    []PhaseChange `json:"phases"`
}

// PhaseChange is one phase before and after. P99 is null where a phase claims none.
type PhaseChange struct {
	Name   string        `json:"name"`
	P50    Change        `json:"p50_ms"`
	P99    *Change       `json:"p99_ms"`
	Max    Change        `json:"max_ms"`
	Over   Change        `json:"over_share"` // of the requests
	Errors Change        `json:"error_share"`
	Turns  Change        `json:"db_turns_max"`
	Apart  bool          `json:"p99_intervals_apart"` // the 95% intervals of the two p99s don't meet
	Routes []RouteChange `json:"routes"`
}

// RouteChange is one route of a phase before and after.
type RouteChange struct {
	Route string `json:"route"`
	P50   Change `json:"p50_ms"`
	P99   Change `json:"p99_ms"`
}

// Change is a figure before and after. Pct is null where it was 0 before.
type Change struct {
	Before float64  `json:"before"`
	After  float64  `json:"after"`
	Pct    *float64 `json:"change_pct"`
}

func change(before, after float64) Change {
	c := Change{Before: before, After: after}
	if before != 0 {
		pct := math.Round(1000*(after-before)/before) / 10
		c.Pct = &pct
	}
	return c
}

// ReadEarlier reads the report of an earlier load test: the JSON of
// `loadtest -o json`, or a stored run. Its error is a *PlanError.
func ReadEarlier(r io.Reader) (Result, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxStored+1))
	if err != nil {
		return Result{}, fmt.Errorf("reading the earlier run: %w", err)
	}
	const hint = "Give a file that was written by: honeydue loadtest -o json --out FILE, or --save FILE."
	if len(data) > maxStored {
		return Result{}, &PlanError{"the earlier run's file is larger than any report", hint}
	}
	var file struct {
		Schema string          `json:"schema"`
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return Result{}, &PlanError{"the earlier run's file is not JSON", hint}
	}
	switch file.Schema {
	case Schema:
	case StoredSchema:
		data = file.Result
	default:
		return Result{}, &PlanError{fmt.Sprintf("the earlier run's file has the schema %.60q, not %q or %q", file.Schema, Schema, StoredSchema), hint}
	}
	var earlier Result
	if err := json.Unmarshal(data, &earlier); err != nil {
		return Result{}, &PlanError{"the earlier run's file has its schema's name and not its shape", hint}
	}
	return earlier, nil
}

// CheckEarlier judges whether a run of the plan can be compared with an earlier
// one: the same profile, and each phase with the same target and rate; get is
// the path of a PhaseGet. Its error is a *PlanError.
func CheckEarlier(earlier Result, p Plan, get string) error {
	const hint = "Compare with a run of the same profile, targets and rate, or run this one as that was."
	switch {
	case earlier.Comparison != nil || earlier.Capacity != nil:
		return &PlanError{"the earlier run compared two servers or looked for the capacity: it has no phases to compare with", hint}
	case earlier.Profile != p.Profile:
		return &PlanError{fmt.Sprintf("the earlier run was of profile %.40q, and this one is of %q", earlier.Profile, p.Profile), hint}
	}
	for _, phase := range p.Phases {
		before, ok := earlier.phase(phase.Name)
		switch {
		case !ok:
			return &PlanError{fmt.Sprintf("the earlier run has no phase %s", phase.Name), hint}
		case before.TargetMS != stats.MS(phase.Target):
			return &PlanError{fmt.Sprintf("phase %s had a target of %s then, and has %s now", phase.Name, figure(before.TargetMS), figure(stats.MS(phase.Target))), hint}
		case phase.Name == PhaseGet && (len(before.Routes) != 1 || before.Routes[0].Route != get):
			return &PlanError{fmt.Sprintf("the earlier run did not GET %s", get), hint}
		}
		if now := phase.Schedule.MeanRate(); math.Abs(before.Rate.Planned-now) > sameRate*now {
			return &PlanError{fmt.Sprintf("phase %s had %.4g requests/s then, and has %.4g now", phase.Name, before.Rate.Planned, now), hint}
		}
	}
	return nil
}

// Since adds what has changed since an earlier run. The verdict stays as it is.
func (r Result) Since(earlier Result) Result {
	out := &Earlier{
		StartedAt: earlier.StartedAt, Target: earlier.Target, Run: earlier.Run, Verdict: earlier.Verdict,
		Server: earlier.Server, Caveat: caveat, Phases: []PhaseChange{},
	}
	for _, now := range r.Phases {
		// A phase without a sample has figures that can't have changed.
		if before, ok := earlier.phase(now.Name); ok && before.Requests > 0 && now.Requests > 0 {
			out.Phases = append(out.Phases, now.since(before))
		}
	}
	r.Earlier = out
	return r
}

func (r Result) phase(name string) (Phase, bool) {
	for _, p := range r.Phases {
		if p.Name == name {
			return p, true
		}
	}
	return Phase{}, false
}

func (p Phase) since(before Phase) PhaseChange {
	c := PhaseChange{
		Name: p.Name, P50: change(before.Latency.P50, p.Latency.P50), Max: change(before.Latency.Max, p.Latency.Max),
		Over:   change(stats.Share(before.Over, before.Requests), stats.Share(p.Over, p.Requests)),
		Errors: change(stats.Share(before.Errors, before.Requests), stats.Share(p.Errors, p.Requests)),
		Turns:  change(float64(before.DBTurns.Max), float64(p.DBTurns.Max)),
		Apart:  apartFrom(p.P99CI95MS, before.P99CI95MS) || apartFrom(before.P99CI95MS, p.P99CI95MS),
		Routes: []RouteChange{},
	}
	if before.Latency.P99 != nil && p.Latency.P99 != nil {
		p99 := change(*before.Latency.P99, *p.Latency.P99)
		c.P99 = &p99
	}
	for _, now := range p.Routes {
		for _, then := range before.Routes {
			if then.Route == now.Route {
				c.Routes = append(c.Routes, RouteChange{now.Route, change(then.P50MS, now.P50MS), change(then.P99MS, now.P99MS)})
			}
		}
	}
	return c
}

// apartFrom reports whether interval a ends before interval b begins.
func apartFrom(a, b [2]*float64) bool { return a[1] != nil && b[0] != nil && *a[1] < *b[0] }

// blocks is the part of the report about an earlier run.
func (e *Earlier) blocks() []report.Block {
	if e == nil {
		return nil
	}
	t := report.Table{
		Title:   fmt.Sprintf("Since the run of %s on %s (%s), in ms", e.StartedAt.Format(time.RFC3339), e.Target, e.Verdict),
		Columns: []string{"phase", "route", "p50 then", "now", "", "p99 then", "now", "", "p99 intervals"},
		Note:    caveat,
	}
	for _, p := range e.Phases {
		row := append([]report.Cell{report.Text(p.Name), report.Text("all")}, p.P50.cells()...)
		if p.P99 != nil {
			meet := "overlap"
			if p.Apart {
				meet = "apart"
			}
			row = append(append(row, p.P99.cells()...), report.Text(meet))
		}
		t.Rows = append(t.Rows, row)
		if len(p.Routes) < 2 {
			continue
		}
		for _, r := range p.Routes {
			row := append([]report.Cell{report.Text(p.Name), report.Text(r.Route)}, r.P50.cells()...)
			t.Rows = append(t.Rows, append(row, r.P99.cells()...))
		}
	}
	return []report.Block{t}
}

func (c Change) cells() []report.Cell {
	pct := "-"
	if c.Pct != nil {
		pct = fmt.Sprintf("%+.1f%%", *c.Pct)
	}
	return []report.Cell{number(c.Before), number(c.After), right(pct)}
}
