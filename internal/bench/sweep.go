package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
	"github.com/honeydue/honeydue/internal/report"
)

// SweepSchema names the shape of a Sweep as JSON.
const SweepSchema = "honeydue.loadtest-sweep/1"

// SweepBurst is how many users come at once in the burst of a sweep: as many as
// the tuned pool has connections.
const SweepBurst = 25

// Sweep is what a setting does: one row for each of its values, measured one
// after the other on a server that was restarted with it.
type Sweep struct {
	Setting   string     `json:"setting"` // a variable of the environment
	Tuned     string     `json:"tuned,omitempty"`
	Plan      string     `json:"profile"`
	LinkRTTMS float64    `json:"link_rtt_ms"`
	StartedAt time.Time  `json:"started_at"`
	Rows      []SweepRow `json:"rows"`
	// NotMeasured are the values that were left when the sweep was interrupted.
	NotMeasured []string `json:"not_measured"`
}

// SweepRow is one value of the setting.
type SweepRow struct {
	Value string `json:"value"`
	// Beside are other settings that went with the value, as NAME=VALUE: without them the server would refuse it.
	Beside  []string `json:"beside,omitempty"`
	ReadyMS float64  `json:"ready_ms"` // from the start of the process to /readyz
	// First is the first request after the start, Burst SweepBurst requests at
	// once, each of a user whom no cache knows.
	First   SweepFigure `json:"first"`
	Burst   SweepFigure `json:"burst"`
	Verdict Verdict     `json:"verdict"` // the worst of the phases
	Reasons []string    `json:"reasons"`
	Phases  []Phase     `json:"phases"`
	// Error says why the server did not start with this value; nothing was measured then.
	Error string `json:"error,omitempty"`
}

// SweepFigure is a handful of requests: their median and their slowest, from
// the send. A failed one counts as no less than the time-out.
type SweepFigure struct {
	Requests int     `json:"requests"`
	Errors   int     `json:"errors"`
	P50MS    float64 `json:"p50_ms"`
	MaxMS    float64 `json:"max_ms"`
	TurnsMax int     `json:"db_turns_max"`
}

// SweepUsers is how many accounts each value of a sweep needs: none is used twice.
func SweepUsers(p Plan) int { return 1 + SweepBurst + p.UsersNeeded() }

// SweepValue measures one value. restart starts the server with it and returns
// when it is ready. An error says that the plan itself could not be run; a
// server that does not start with the value is a row.
func SweepValue(ctx context.Context, value string, c Config, restart func(context.Context) error) (SweepRow, error) {
	row := SweepRow{Value: value, Verdict: Invalid, Reasons: []string{}, Phases: []Phase{}}
	if need := SweepUsers(c.Plan); len(c.Users) < need {
		return row, &PlanError{fmt.Sprintf("a value of a sweep needs %d users, and there are %d", need, len(c.Users)), "Give more: --users."}
	}
	c.Hitter.Close() // connections to the server before
	began := time.Now()
	if err := restart(ctx); err != nil {
		row.Error = err.Error()
		return row, nil //nolint:nilerr // it is the row's
	}
	row.ReadyMS = stats.MS(time.Since(began))
	board := c.Mix.foremost()
	row.First = c.Hitter.atOnce(ctx, board, c.Users[:1])
	row.Burst = c.Hitter.atOnce(ctx, board, c.Users[1:1+SweepBurst])
	c.Users = c.Users[1+SweepBurst:]
	result, err := Run(ctx, c)
	row.Verdict, row.Reasons, row.Phases = result.Verdict, result.Reasons, result.Phases
	return row, err
}

// atOnce asks one route as each of the users at the same moment.
func (h *Hitter) atOnce(ctx context.Context, r MixRoute, users []User) SweepFigure {
	samples := h.eachAtOnce(ctx, r, users)
	f := SweepFigure{Requests: len(samples)}
	var took []time.Duration
	for _, s := range samples {
		latency := s.Latency
		if s.Failed() {
			f.Errors++
			latency = max(latency, h.timeout)
		}
		took = append(took, latency)
		f.TurnsMax = max(f.TurnsMax, s.Reply.Turns)
	}
	slices.Sort(took)
	f.P50MS, f.MaxMS = stats.MS(took[(len(took)-1)/2]), stats.MS(took[len(took)-1])
	return f
}

// eachAtOnce is atOnce with the samples as they are, in the order of the users.
func (h *Hitter) eachAtOnce(ctx context.Context, r MixRoute, users []User) []Sample {
	samples := make([]Sample, len(users))
	var wg sync.WaitGroup
	for i, u := range users {
		wg.Go(func() { samples[i] = h.Once(ctx, r.shot(u)) })
	}
	wg.Wait()
	return samples
}

// Document is the report of a sweep. It is pure.
func (s Sweep) Document() report.Document {
	t := report.Table{
		Columns: []string{s.Setting, "ready", "first", "burst p50", "burst max"},
		Note: fmt.Sprintf("ms. Ready: from the start to /readyz. First and burst (%d at once): users whom no cache knows; phases: p99. R = %s. One run each: repeat it before a small difference is believed.",
			SweepBurst, figure(s.LinkRTTMS)),
	}
	phases := s.phases()
	for _, name := range phases {
		t.Columns = append(t.Columns, name+" p50", name+" p99", "turns")
	}
	t.Columns = append(t.Columns, "errors", "verdict")
	t.Note += s.beside()
	for _, r := range s.Rows {
		value := report.Text(r.Value)
		if r.Value == s.Tuned {
			value = report.Toned(report.Good, r.Value+" (tuned)")
		}
		if r.Error != "" {
			t.Rows = append(t.Rows, []report.Cell{value, report.Toned(report.Bad, "did not start")})
			continue
		}
		row := []report.Cell{value, number(r.ReadyMS), number(r.First.MaxMS), number(r.Burst.P50MS), number(r.Burst.MaxMS)}
		errs := r.First.Errors + r.Burst.Errors
		for _, name := range phases {
			i := slices.IndexFunc(r.Phases, func(p Phase) bool { return p.Name == name })
			if i < 0 {
				row = append(row, right("-"), right("-"), right("-"))
				continue
			}
			p := r.Phases[i]
			errs += p.Errors
			row = append(row, of(p.Requests, p.Latency.P50), optional(p.Latency.P99), right(fmt.Sprintf("%d/%d", p.DBTurns.P50, p.DBTurns.Max)))
		}
		t.Rows = append(t.Rows, append(row, report.Count(int64(errs)), report.Toned(tone(r.Verdict), word(r.Verdict))))
	}
	d := report.Document{Schema: SweepSchema, Title: "loadtest sweep of " + s.Setting, Data: s, Blocks: []report.Block{t}}
	for _, r := range s.Rows {
		for _, why := range append(slices.Clone(r.Reasons), r.Error) {
			if why != "" {
				d.Blocks = append(d.Blocks, report.Paragraph{Text: r.Value + ": " + why, Tone: report.Warn})
			}
		}
	}
	for _, v := range s.NotMeasured {
		d.Blocks = append(d.Blocks, report.Paragraph{Text: v + ": not measured, interrupted", Tone: report.Warn})
	}
	return d
}

// beside says what went with which value; "" where nothing did.
func (s Sweep) beside() string {
	var with []string
	for _, r := range s.Rows {
		if len(r.Beside) > 0 {
			with = append(with, r.Value+" with "+strings.Join(r.Beside, " and "))
		}
	}
	if len(with) == 0 {
		return ""
	}
	return " The server would refuse some values by themselves: " + strings.Join(with, ", ") + "."
}

// phases are the names of all phases that any row has, in their order.
func (s Sweep) phases() []string {
	var names []string
	for _, r := range s.Rows {
		for _, p := range r.Phases {
			if !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
		}
	}
	return names
}
