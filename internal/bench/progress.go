package bench

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// recentFor is how far back Progress.Recent goes.
const recentFor = time.Minute

// Progress is how far a phase is.
type Progress struct {
	Phase   string
	Part    string // of the phase, such as "pair 3 of 10, target"; "" = the whole of it
	Elapsed time.Duration
	Length  time.Duration // as planned; 0 = not known
	Planned int           // requests; for PhaseFirst restarts
	Done    int           // requests that have ended
	Waiting int           // requests that are due and have not ended
	Rate    float64       // requests per second that have ended, since the start of the phase
	// RateNow and RateDue are requests per second since the call before: that
	// ended, and that were due.
	RateNow, RateDue float64
	P50, P99         time.Duration
	Target           time.Duration // of the p99, or of each first request
	Over             int           // slower than the target, or failed
	OverAllowed      int           // of so many requests as are in the figures; -1: too few to claim a p99
	Errors           int
	Kinds            map[Kind]int // of the errors; its size is bounded
	Apart            int          // requests in another cache state, in none of the figures
	Recent           []Recent     // the last minute, oldest first
	LagP99           time.Duration
	CPUPct           float64 // of one core, since the call before
	Cores            int
	Descriptors      Used // in use now
	Connections      int  // opened in this phase
	WarmingUp        bool
	Draining         bool // no further request is sent; Waiting is not known
	MeasuringFloor   bool
	// Ended is set in the one call that says that the phase, step or pair has ended.
	Ended *Ended
}

// Recent is one slice of the last minute.
type Recent struct {
	P99  time.Duration // 0: nothing was due
	Over bool          // some of it was over the target
}

// Ended is what became of a phase, a step of a climb, or a pair of slices.
type Ended struct {
	Verdict Verdict // "" for what has none of its own
	Claim   string  // one line
}

// tell hands over progress, if anybody wants to know.
func (r *run) tell(p Progress) {
	if r.Progress != nil {
		r.Progress(p)
	}
}

// ended tells that a phase has ended.
func (r *run) ended(name string, p Phase) {
	claim := p.claim()
	if p.Verdict == Invalid && len(p.Reasons) > 0 {
		claim = p.Reasons[0]
	}
	r.tell(Progress{Phase: name, Ended: &Ended{Verdict: p.Verdict, Claim: claim}})
}

// teller tells of one attack while it runs.
type teller struct {
	*run

	phase    string
	part     string
	target   time.Duration
	schedule Schedule
	tally    *tally
	before   usage
	at       time.Duration // of the call before
	done     int
	due      uint64
	opened   int64 // connections, before the attack

	// Where the attack is one of many: what was before it, and all of it together.
	earlier, planned int
	took, length     time.Duration
}

// newTeller is a teller of a phase that begins now.
func (r *run) newTeller(phase string, p PhasePlan, t *tally) *teller {
	r.machine.look(time.Now())
	return &teller{
		run: r, phase: phase, target: p.Target, schedule: p.Schedule, tally: t, before: selfUsage(), opened: r.Hitter.dialed.opened.Load(),
	}
}

// ticks looks at the machine and tells how far the attack is, each time that it is called.
func (l *teller) ticks(ctx context.Context) func(elapsed time.Duration) {
	return func(elapsed time.Duration) {
		l.machine.look(time.Now())
		if l.Progress == nil {
			return
		}
		p := l.progress(elapsed)
		if ended(ctx) {
			p.Draining, p.Waiting, p.RateDue = true, 0, 0
		}
		l.tell(p)
	}
}

func (l *teller) progress(elapsed time.Duration) Progress {
	t, done, due := l.tally, l.tally.lag.Count(), l.schedule.DueBy(elapsed)
	p := Progress{
		Phase: l.phase, Part: l.part, Elapsed: l.took + elapsed, Length: or(l.length, l.schedule.Duration()),
		Planned: or(l.planned, l.schedule.Requests()), Done: l.earlier + done,
		Rate: float64(done) / elapsed.Seconds(), P50: t.all.latency.Quantile(0.5), P99: t.all.latency.Quantile(0.99),
		Target: l.target, Over: t.all.over, OverAllowed: stats.OverAllowed(t.all.requests), Errors: t.all.errors, Kinds: maps.Clone(t.kinds),
		Apart: t.misplaced(), Recent: t.time.recent(elapsed), LagP99: t.lag.Quantile(0.99), Cores: cores(),
		Descriptors: Used{Peak: l.machine.now.DescriptorsUsed, Limit: l.machine.now.Descriptors},
		Connections: int(l.Hitter.dialed.opened.Load() - l.opened),
	}
	if waiting := int(due) - done; waiting > 0 { //nolint:gosec // at most MaxRequests
		p.Waiting = waiting
	}
	if since := (elapsed - l.at).Seconds(); since > 0 {
		p.RateNow, p.RateDue = float64(done-l.done)/since, float64(due-l.due)/since
	}
	p.CPUPct, _ = l.before.since()
	l.before, l.at, l.done, l.due = selfUsage(), elapsed, done, due
	return p
}

// recent is the last minute, slice by slice.
func (t *timeline) recent(elapsed time.Duration) []Recent {
	from := max(0, int((elapsed-recentFor)/t.length))
	out := make([]Recent, 0, len(t.slices))
	for i := from; i < len(t.slices); i++ {
		one := Recent{Over: t.slices[i].over > 0}
		if h := t.slices[i].latency; h != nil {
			one.P99 = h.Quantile(0.99)
		}
		out = append(out, one)
	}
	return out
}

// pairClaim is what a pair of slices of a comparison has shown.
func pairClaim(p99s [2]float64, why []string) string {
	if len(why) > 0 {
		return "does not count: " + why[0]
	}
	return fmt.Sprintf("p99 %s %s, %s %s", PhaseAgainst, figure(p99s[0]), PhaseTarget, figure(p99s[1]))
}
