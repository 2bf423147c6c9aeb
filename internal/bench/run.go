package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// Config is everything that a run needs.
type Config struct {
	Target string // as the report names it
	Hitter *Hitter
	Plan   Plan
	Mix    Mix
	Users  []User // none for PhaseGet
	Server Server
	// Restart restarts the target and returns when it says that it is ready.
	// It is needed by PhaseFirst only.
	Restart func(context.Context) error
	// Progress, if set, is called about once a second.
	Progress func(Progress)
	// Sampler reads the server's side meanwhile; nil: nobody does.
	Sampler   *Sampler
	TraceLink TraceLink
	// Recorder, if set, gets each request that is measured.
	Recorder *Recorder

	canaryFor time.Duration // 0 = canaryLength
}

// errBreaker is the cause of an attack that the circuit breaker ended.
var errBreaker = errors.New("more than half of the last 100 requests failed")

// run is one run under way.
type run struct {
	Config
	floorP99  time.Duration
	floorRate float64 // requests per second of that
	machine   watchMachine
	result    Result
}

// Run runs the phases one after the other and judges them. When ctx ends, it
// lets the requests under way end and returns what was measured. An error says
// that something could not be done at all (a restart, above all); the Result
// then holds the phases before it.
func Run(ctx context.Context, c Config) (Result, error) {
	r := newRun(c)
	if err := c.Plan.Check(len(c.Users), c.Restart != nil); err != nil {
		return r.result, err
	}
	if c.Plan.HasEvening() {
		return r.result, errors.New("the people of phase evening have not been set up")
	}
	err := r.phases(ctx)
	r.conclude(ctx)
	return r.result, err
}

func newRun(c Config) *run {
	r := &run{Config: c, machine: watchMachine{target: c.Hitter.base}}
	r.result = Result{
		Verdict: Pass, Reasons: []string{}, Target: c.Target, Profile: c.Plan.Profile,
		StartedAt: time.Now().UTC().Truncate(time.Millisecond),
		Run:       c.Hitter.RunName(), Server: c.Server, Phases: []Phase{},
		NotMeasured: append([]Skipped{}, c.Plan.Skipped...),
	}
	r.result.Generator.Cores = cores()
	if c.Sampler != nil {
		r.notSeen(c.Sampler.unseen...)
	}
	return r
}

func (r *run) phases(ctx context.Context) error {
	if err := r.canary(ctx); err != nil {
		return err
	}
	next := 0        // the first user that nothing has used
	var known []User // those that a warm phase shares
	for i, p := range r.Plan.Phases {
		if ended(ctx) {
			return nil
		}
		users := r.Users
		if p.Shots != nil {
			if stop, err := r.scripted(ctx, p); err != nil || stop {
				return err
			}
			continue
		}
		switch p.Name {
		case PhaseWarm, PhaseDB:
			spare := len(r.Users) - r.Plan.UsersNeeded() + 1
			users = r.Users[next : next+min(p.Users, spare)]
			known = users
		case PhaseMixed:
			if known == nil {
				known = r.Users[next : next+min(warmUsers, len(r.Users)-r.Plan.UsersNeeded()+1)]
				next += len(known)
			}
			users = r.Users[next : next+p.Users]
		case PhaseCold:
			users = r.Users[next : next+p.Users]
		case PhaseFirst:
			spare := 0
			if later := (Plan{Phases: r.Plan.Phases[i+1:]}); later.UsersNeeded() == 0 { // the users that are left are nobody's
				spare = min(spareFirst, len(r.Users)-next-p.Users)
			}
			users = r.Users[next : next+p.Users+spare]
		case PhaseGet:
			users = []User{{}}
		}
		next += len(users)
		stop, err := r.phase(ctx, p, users, known)
		if err != nil || stop {
			return err
		}
	}
	return nil
}

// phase runs one phase; stop says that the ones after it make no sense.
func (r *run) phase(ctx context.Context, p PhasePlan, users, known []User) (stop bool, err error) {
	switch p.Name {
	case PhaseFirst:
		phase, err := r.first(ctx, p, users)
		r.add(phase)
		return false, err
	case PhaseWarm, PhaseMixed:
		if err := r.warmUp(ctx, p.Name, known); err != nil {
			return true, err
		}
	}
	if ended(ctx) {
		return true, nil
	}
	shots := r.Mix.shared(users)
	switch p.Name {
	case PhaseCold:
		shots = r.Mix.once(users)
	case PhaseMixed:
		shots = r.Mix.mixed(known, users)
	}
	phase, tripped := r.steady(ctx, p, shots)
	r.add(phase)
	return tripped, nil
}

func (r *run) add(p Phase) {
	r.result.Phases = append(r.result.Phases, p)
	g := &r.result.Generator
	g.LagP99MS = max(g.LagP99MS, p.Lag.P99)
	r.ended(p.Name, p)
}

// canary measures the tool's own floor at the highest rate of the plan.
func (r *run) canary(ctx context.Context) error {
	rate := 0.0
	for _, p := range r.Plan.Phases {
		rate = max(rate, p.Schedule.peak())
	}
	rate = max(rate, canaryRate)
	return r.measureFloor(ctx, rate)
}

// measureFloor measures the tool's own floor at a rate, by which phases are then
// judged. The report tells the one at the highest rate.
func (r *run) measureFloor(ctx context.Context, rate float64) error {
	r.tell(Progress{Phase: "canary", MeasuringFloor: true})
	p99, err := floor(ctx, rate, or(r.canaryFor, canaryLength))
	if err != nil {
		return fmt.Errorf("measuring the load generator's own latency: %w", err)
	}
	r.floorP99, r.floorRate = p99, rate
	if g := &r.result.Generator; rate >= g.FloorRate {
		g.FloorP99MS, g.FloorRate = stats.MS(p99), rate
	}
	r.tell(Progress{Phase: "canary", Ended: &Ended{Claim: fmt.Sprintf("the load generator's own latency is p99 %s at %.4g/s", human(p99), rate)}})
	return nil
}

// warmUp asks every route as every user, so that all caches know them.
func (r *run) warmUp(ctx context.Context, phase string, users []User) error {
	var shots []Shot
	for _, u := range users {
		for _, route := range r.Mix.Routes() {
			shots = append(shots, route.shot(u))
		}
	}
	return r.askEach(ctx, phase, shots)
}

// askEach sends each shot once, a few at a time, unmeasured. One that fails is
// an error: what follows would measure another state than it says.
func (r *run) askEach(ctx context.Context, phase string, all []Shot) error {
	const atOnce = 8
	began := time.Now()
	var mu sync.Mutex
	var failed Sample
	err := each(ctx, atOnce, len(all), func(ctx context.Context, i int) error {
		if s := r.Hitter.Once(ctx, all[i]); s.Failed() {
			mu.Lock()
			failed = s
			mu.Unlock()
		}
		return nil
	}, func(done, all int) {
		if r.Progress != nil && (done-1)%atOnce == 0 {
			r.Progress(Progress{Phase: phase, WarmingUp: true, Elapsed: time.Since(began), Planned: all, Done: done})
		}
	})
	if err == nil && failed.Failed() {
		return &warmUpError{failed}
	}
	return nil
}

// steady runs a phase that follows a schedule.
func (r *run) steady(ctx context.Context, p PhasePlan, shots Shots) (phase Phase, tripped bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	seen := r.Sampler.begin(ctx)
	t := newTally(p.State, p.Target, r.Hitter.timeout)
	t.watched = newWatches(p.Thresholds)
	t.windows = stats.NewWindows()
	seen.run(ctx, t.time.began, p.Schedule.Duration())
	before, tell := selfUsage(), r.newTeller(p.Name, p, t)
	ran := r.Hitter.Attack(ctx, Attack{
		Schedule: p.Schedule,
		Shots:    shots,
		Observe: func(s Sample) {
			seen.answered()
			r.record(p.Name, s.Seq, s)
			if t.observe(p.Schedule.At(s.Seq), s); t.tripped {
				cancel(errBreaker)
			}
		},
		Tick: tell.ticks(ctx),
	})
	cpu, pause := before.since()
	r.note(cpu, pause)
	server, unseen := seen.end(ctx)
	r.notSeen(unseen...)
	r.noteMachine()

	stopped := ""
	if ran.Sent < ran.Planned {
		stopped = fmt.Sprintf("stopped after %d of %d requests", ran.Sent, ran.Planned)
		if errors.Is(context.Cause(ctx), errBreaker) {
			stopped += ": " + errBreaker.Error()
		}
	}
	e := effort{
		planned: p.Schedule.meanRate(ran.Sent), achieved: ran.Achieved(p.Schedule), late: ran.Late(p.Schedule),
		lagP99: t.lag.Quantile(0.99), cpuPct: cpu, gcPause: pause, floorP99: r.floorP99, missing: r.machine.peak.missing(t.allKinds()),
	}
	return r.judged(p, t, ran, e, stopped).metered(server, p.Goals), t.tripped
}

// record writes a request down where that was asked for.
func (r *run) record(phase string, seq uint64, s Sample) {
	r.Recorder.record(phase, seq, s.Due, r.Hitter.base, s)
}

// notSeen keeps what is not seen of the server's side: the same thing for the same
// reason once, its readings added up.
func (r *run) notSeen(all ...Unseen) {
	out := &r.result
	for _, u := range all {
		i := slices.IndexFunc(out.NotSeen, func(o Unseen) bool { return o.What == u.What && o.Because == u.Because })
		if i < 0 {
			out.NotSeen = append(out.NotSeen, u)
			continue
		}
		out.NotSeen[i].Missed += u.Missed
		out.NotSeen[i].Readings += u.Readings
	}
}

func (r *run) note(cpuPct float64, pause time.Duration) {
	g := &r.result.Generator
	g.CPUPct = max(g.CPUPct, round(cpuPct))
	g.GCPauseMaxMS = max(g.GCPauseMaxMS, stats.MS(pause))
}

// noteMachine takes a last reading of an attack's descriptors and ports.
func (r *run) noteMachine() {
	r.machine.look(time.Now())
	r.machine.ports()
	g, peak := &r.result.Generator, r.machine.peak
	g.Descriptors, g.Ports = Used{peak.DescriptorsUsed, peak.Descriptors}, Used{peak.PortsUsed, peak.Ports}
	g.Connections = int(r.Hitter.dialed.opened.Load())
	g.Addresses = r.Hitter.dialed.all()
}

// conclude gives the run the worst verdict of its phases.
func (r *run) conclude(ctx context.Context) {
	out := &r.result
	for _, p := range out.Phases {
		if p.Verdict.worseThan(out.Verdict) {
			out.Verdict = p.Verdict
		}
		for _, why := range p.Reasons {
			out.Reasons = append(out.Reasons, p.Name+": "+why)
		}
	}
	for _, p := range r.Plan.Phases[len(out.Phases):] {
		out.Reasons = append(out.Reasons, p.Name+": not run")
		out.NotMeasured = append(out.NotMeasured, Skipped{p.Name, "the run ended before it"})
		if Inconclusive.worseThan(out.Verdict) {
			out.Verdict = Inconclusive
		}
	}
	if ctx.Err() != nil {
		out.Reasons = append(out.Reasons, "interrupted")
	}
}

// ended reports whether the caller wants no more to be sent. That is no error:
// what was measured is reported.
func ended(ctx context.Context) bool { return ctx.Err() != nil }
