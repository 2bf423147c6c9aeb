package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// ProfileCapacity is the profile that looks for the highest rate on target.
const ProfileCapacity = "capacity"

const (
	// climb is the factor from one step of the climb to the next.
	climb = 1.5
	// narrow is how far apart the ends of the bracket may be at the end.
	narrow = 1.05
	// leastOfStep is the fewest requests of a step: with one slow of 473 a p99 may
	// still be claimed, so that a single hiccup does not end the climb.
	leastOfStep = 473
	// stepLength is the least length of a step where none is given, stepInTargets the
	// same in targets. A rate above the capacity C misses only once its backlog is
	// worth the target, which takes target * rate/(rate-C): so a step of 20 targets
	// finds 5% too much at most.
	stepLength    = 10 * time.Second
	stepInTargets = 20
	// tries of a step that says nothing: what disturbs a machine passes, what a
	// generator lacks does not.
	tries = 3
	// lowestShare of the start rate is where the descent gives up.
	lowestShare = 1.0 / 8
	// floorReach is how far from the rate at which it was measured the tool's own
	// floor says something of a step: a step of the climb away, and rounding.
	floorReach = climb * 1.01
	// remeasures is how often the ceiling may be lowered when it is measured again.
	remeasures = 3
	// restAfterMiss lets the server's backlog run off before the next step.
	restAfterMiss = time.Second
)

// CapacityOptions are the choices behind a search for the capacity. A zero value
// leaves the choice to the package.
type CapacityOptions struct {
	Start float64       // requests per second of the first step; 0 = 10
	Max   float64       // no step is above it; 0 = 20,000 on this machine, 1,000 elsewhere
	Step  time.Duration // of one step, longer where it has too few requests; 0 = 10 s or 20 targets
}

func (o CapacityOptions) complete(loopback bool) CapacityOptions {
	o.Start = or(o.Start, 10)
	if o.Max == 0 {
		o.Max = maxRateRemote
		if loopback {
			o.Max = maxRateSearched
		}
	}
	return o
}

// Capacity is the highest rate at which the p99 target holds.
type Capacity struct {
	// RPS is the middle of the bracket: the best single number; 0 when no rate was on target.
	RPS float64 `json:"rps"`
	// Bracket: the target was met at the first rate, twice, and not at the second.
	// The second is null when the search ended before a rate missed.
	Bracket   [2]*float64    `json:"bracket_rps"`
	TargetMS  float64        `json:"target_p99_ms"`
	LimitedBy string         `json:"limited_by"`
	Evidence  string         `json:"evidence,omitempty"`
	Summary   string         `json:"summary"`
	Steps     []CapacityStep `json:"steps"`
}

// CapacityStep is one rate that was tried.
type CapacityStep struct {
	Kind      string   `json:"kind"` // climb, descent, bisection, ceiling
	RPS       float64  `json:"rps"`
	Verdict   Verdict  `json:"verdict"`
	Requests  int      `json:"requests"`
	Errors    int      `json:"errors"`
	Over      int      `json:"over"`
	P99MS     float64  `json:"p99_ms"`
	LagP99MS  float64  `json:"lag_p99_ms"`
	Reasons   []string `json:"reasons"`
	Remeasure bool     `json:"remeasure,omitempty"` // the same rate again, as the first try said nothing
}

// The kinds of steps.
const (
	stepClimb     = "climb"
	stepDescent   = "descent"
	stepBisection = "bisection"
	stepCeiling   = "ceiling"
)

// CapacityPlan is the plan of the first step, which names users, mix and target.
// Its error is a *PlanError.
func CapacityPlan(p PlanOptions, o CapacityOptions, loopback bool) (Plan, error) {
	o = o.complete(loopback)
	if o.Start < 0.1 || o.Max < o.Start {
		return Plan{}, &PlanError{fmt.Sprintf("a climb from %.4g to %.4g requests/s makes no sense", o.Start, o.Max), "Give --start-rate a value of at least 0.1 and below --max-rate."}
	}
	schedule, err := o.schedule(o.Start, or(p.P99, TargetWarm))
	if err != nil {
		return Plan{}, &PlanError{fmt.Sprintf("a step of the climb: %v", err), "Give --duration, the length of a step, a value above zero."}
	}
	if d := schedule.Duration(); d > maxDuration {
		return Plan{}, &PlanError{fmt.Sprintf("a step of the climb would take %v", d), fmt.Sprintf("The longest is %v.", maxDuration)}
	}
	phase := PhasePlan{Name: PhaseWarm, State: Warm, Schedule: schedule, Users: warmUsers, Target: or(p.P99, TargetWarm)}
	if p.Get {
		phase.Name, phase.State, phase.Users = PhaseGet, AnyState, 0
	}
	return Plan{Profile: ProfileCapacity, Phases: []PhasePlan{phase}}, nil
}

// schedule is a step at one rate: as long as was asked for, and long enough to
// claim a p99 and to show a backlog.
func (o CapacityOptions) schedule(rps float64, target time.Duration) (Schedule, error) {
	least := time.Duration(math.Ceil(leastOfStep / rps * float64(time.Second)))
	return Constant(rps, max(or(o.Step, max(stepLength, stepInTargets*target)), least))
}

// capacityRun is a search under way.
type capacityRun struct {
	*run

	options CapacityOptions
	phase   PhasePlan
	shots   Shots
	steps   []CapacityStep
	failed  error
	// The step nearest above the capacity that missed, for the name of the limit,
	// and the last one at the ceiling, for the report.
	missed, ceiling *Phase
	invalid         *Phase
	absent          *Phase // the first step, if not one of its requests came as far as a connection
}

// FindCapacity looks for the highest rate at which the p99 target of the plan
// holds: a geometric climb, then bisection to 5%, and the ceiling measured again;
// each step is judged as any phase. c.Plan has to be one of CapacityPlan. The
// verdict is pass when a rate was found, fail when none is on target, and
// inconclusive when ctx ended before. The ceiling's figures are the one phase of
// the result. A server that accepts no connection in the first step is not asked
// again, and that step is the one phase.
func FindCapacity(ctx context.Context, c Config, o CapacityOptions) (Result, error) {
	k := &capacityRun{run: newRun(c), options: o.complete(Loopback(c.Hitter.base)), phase: c.Plan.Phases[0]}
	if err := c.Plan.Check(len(c.Users), false); err != nil {
		return k.result, err
	}
	if err := k.canary(ctx); err != nil {
		return k.result, err
	}
	users := k.Users[:min(len(k.Users), k.phase.Users)]
	if k.phase.Name == PhaseGet {
		users = []User{{}}
	} else if err := k.warmUp(ctx, PhaseWarm, users); err != nil {
		return k.result, err
	}
	k.shots = k.Mix.shared(users)
	s := &search{
		start: k.options.Start, max: k.options.Max,
		try: func(kind string, rps float64) Verdict { return k.step(ctx, kind, rps) },
	}
	s.run(func() bool { return ended(ctx) || k.failed != nil || k.absent != nil })
	k.conclude(ctx, s)
	return k.result, k.failed
}

// step measures one rate, and again when that said nothing: a generator that
// was disturbed, or a count of slow requests between the bounds.
func (k *capacityRun) step(ctx context.Context, kind string, rps float64) Verdict {
	verdict := Inconclusive
	for again := range tries {
		schedule, err := k.options.schedule(rps, k.phase.Target)
		if err != nil {
			k.failed = err
			return verdict
		}
		if err := k.floorFor(ctx, rps); err != nil {
			k.failed = err
			return verdict
		}
		p := k.phase
		p.Schedule, p.Name = schedule, fmt.Sprintf("%s at %s/s", kind, rate(rps)) // as the progress names it
		phase, _ := k.steady(ctx, p, k.shots)
		phase.Name = k.phase.Name
		if ended(ctx) {
			return ""
		}
		k.ended(p.Name, phase)
		g := &k.result.Generator
		g.LagP99MS = max(g.LagP99MS, phase.Lag.P99)
		k.steps = append(k.steps, CapacityStep{
			Kind: kind, RPS: round(rps), Verdict: phase.Verdict, Requests: phase.Requests, Errors: phase.Errors, Over: phase.Over,
			P99MS: deref(phase.Latency.P99), LagP99MS: phase.Lag.P99, Reasons: phase.Reasons, Remeasure: again > 0,
		})
		// A refused connection is none whether the generator was late or not; a timeout may be the generator's own.
		kind, n := (Result{Phases: []Phase{phase}}).Unanswered()
		if n > 0 && len(k.steps) == 1 && (kind == KindConnect || phase.Verdict != Invalid) {
			k.missed, k.absent = &phase, &phase
			return Fail
		}
		verdict = phase.Verdict
		switch verdict {
		case Pass:
			k.ceiling = &phase
			return verdict
		case Invalid:
			k.invalid, k.floorRate = &phase, 0 // what disturbed this step may have disturbed its floor
		default:
			k.missed = &phase
		}
		wait(ctx, min(restAfterMiss, or(k.options.Step, restAfterMiss)))
		if verdict == Fail || ended(ctx) {
			return verdict
		}
	}
	return verdict
}

// floorFor measures the tool's own floor anew where a step is at another rate
// than the last one was measured for: at 200/s a machine may be quick that is
// busy with itself at 5,000, and a step after such a one is not to be judged by it.
func (k *capacityRun) floorFor(ctx context.Context, rps float64) error {
	rps = max(rps, canaryRate)
	if rps <= k.floorRate*floorReach && rps >= k.floorRate/floorReach || ended(ctx) {
		return nil
	}
	return k.measureFloor(ctx, rps)
}

// conclude puts what the search found into words.
func (k *capacityRun) conclude(ctx context.Context, s *search) {
	out := &k.result
	c := &Capacity{TargetMS: stats.MS(k.phase.Target), Steps: k.steps}
	out.Capacity = c
	at := "p99 <= " + figure(c.TargetMS)
	generator := s.invalid > 0 && (s.hi == 0 || s.invalid < s.hi)
	switch {
	case generator && k.invalid != nil:
		c.LimitedBy, c.Evidence = "the generator, which ended first", firstReason(k.invalid)
	case s.hi > 0 && k.missed != nil:
		c.LimitedBy, c.Evidence = limitOf(*k.missed, k.ceiling)
	case s.lo >= s.max:
		c.LimitedBy = fmt.Sprintf("the end of the search, %.4g requests/s", s.max)
	}
	if s.lo > 0 {
		lo := round(s.lo)
		c.RPS, c.Bracket[0] = lo, &lo
		c.Summary = fmt.Sprintf(">= %s requests/s at %s", rate(s.lo), at)
	}
	if s.hi > 0 && !generator {
		hi := round(s.hi)
		c.Bracket[1] = &hi
		c.Summary = fmt.Sprintf("less than %s requests/s at %s", rate(s.hi), at)
		if s.lo > 0 {
			c.RPS = round(math.Sqrt(s.lo * s.hi))
			c.Summary = fmt.Sprintf("%s requests/s [%s, %s] at %s", rate(c.RPS), rate(s.lo), rate(s.hi), at)
		}
	}
	if c.Summary == "" {
		c.Summary = "nothing can be said of the capacity"
	}
	if c.LimitedBy != "" {
		c.Summary += ", limited by " + c.LimitedBy
	}
	k.verdict(ctx, c, generator)
}

func (k *capacityRun) verdict(ctx context.Context, c *Capacity, generator bool) {
	out := &k.result
	if k.ceiling != nil {
		out.Phases = append(out.Phases, *k.ceiling)
	}
	if k.absent != nil {
		out.Phases = append(out.Phases, *k.absent)
	}
	switch {
	case ended(ctx):
		out.Verdict, out.Reasons = Inconclusive, append(out.Reasons, "interrupted: "+c.Summary)
	case c.RPS > 0:
		out.Verdict = Pass
	case k.absent != nil:
		out.Verdict, out.Reasons = Fail, append(out.Reasons, "the server accepted no connection in the first step")
	case generator, len(c.Steps) == 0:
		out.Verdict, out.Reasons = Invalid, append(out.Reasons, c.Evidence)
	default:
		out.Verdict, out.Reasons = Fail, append(out.Reasons, "no rate that was tried is on target")
	}
}

func firstReason(p *Phase) string {
	if len(p.Reasons) == 0 {
		return ""
	}
	return p.Reasons[0]
}

// rate is a rate with three digits.
func rate(rps float64) string {
	if rps >= 100 {
		return fmt.Sprintf("%.0f", rps)
	}
	return fmt.Sprintf("%.3g", rps)
}
