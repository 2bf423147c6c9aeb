package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// The phases of a comparison.
const (
	PhaseAgainst = "against" // the baseline
	PhaseTarget  = "target"  // the server under test
)

const (
	// leastOfSlice is the fewest requests of a slice: with less, its p99 by nearest
	// rank is its slowest request.
	leastOfSlice = 100
	// firstContacts open the connections of a server that needs no login.
	firstContacts = 5
)

// Baseline is the server that a target is compared with.
type Baseline struct {
	Target string // as the report names it
	Hitter *Hitter
	Users  []User
	Server Server
}

// Comparison is what two servers showed between which the load alternated. Values of the two sides
// at one index are of slices that ran next to each other.
type Comparison struct {
	stats.Difference

	Baseline      Side         `json:"baseline"`
	Target        Side         `json:"target"`
	Failed        stats.Shares `json:"failed"`         // of all slices but those of an invalid pair
	Apart         stats.Shares `json:"apart"`          // the same: answered from another cache state
	PlannedSlices int          `json:"planned_slices"` // of each side
	SliceLengthMS float64      `json:"slice_length_ms"`
	Order         string       `json:"order"` // A = baseline, B = target
	Seed          uint64       `json:"seed"`
	Dropped       []string     `json:"dropped"` // pairs of slices that don't count, each with the reason
}

// Side is one of the two servers.
type Side struct {
	URL         string    `json:"url"`
	Run         string    `json:"run"` // the first 16 digits of each trace id
	Server      Server    `json:"server"`
	MedianP99MS float64   `json:"median_p99_ms"` // of the slices' p99s
	SliceP99MS  []float64 `json:"slice_p99_ms"`
}

// comparer runs a comparison: two sides, one after the other, again and again.
type comparer struct {
	*run // the target's, which carries the result

	phase   PhasePlan
	slicing Slicing
	sides   [2]*compared // 0 = baseline, 1 = target
	done    int          // requests
	out     *Comparison
}

// compared is one side under way.
type compared struct {
	*run

	name    string
	shots   Shots
	tally   *tally
	took    time.Duration
	planned time.Duration
	p99s    []float64
	slice   stats.Tallied   // the last one
	counts  []stats.Tallied // of each pair that is not invalid, whether its p99s count or not
}

// Compare lets the target of c and a baseline take turns, slice by slice, with
// the same requests on the same schedule, each pair in a random order, and judges
// the p99s of the slices by Decide. c.Plan has to be one of ComparePlan. The
// verdict is fail for a regression, pass for no difference or an improvement.
// When ctx ends, what was measured until then is judged.
func Compare(ctx context.Context, c Config, b Baseline, s Slicing) (Result, error) {
	k := &comparer{run: newRun(c), phase: c.Plan.Phases[0], slicing: s.complete()}
	if err := c.Plan.Check(min(len(c.Users), len(b.Users)), false); err != nil {
		return k.result, err
	}
	if err := k.canary(ctx); err != nil {
		return k.result, err
	}
	base := c
	base.Hitter, base.Users, base.Server, base.Target = b.Hitter, b.Users, b.Server, b.Target
	other := newRun(base)
	other.floorP99 = k.floorP99
	for i, r := range []*run{other, k.run} {
		side := &compared{run: r, name: []string{PhaseAgainst, PhaseTarget}[i]}
		side.tally = newTally(k.phase.State, k.phase.Target, r.Hitter.timeout)
		users := r.Users[:min(len(r.Users), k.phase.Users)]
		if k.phase.Name == PhaseGet {
			users = []User{{}}
			for range firstContacts {
				r.Hitter.Once(ctx, r.Mix.shared(users)(0))
			}
		} else if err := r.warmUp(ctx, PhaseWarm, users); err != nil {
			return k.result, fmt.Errorf("%s: %w", side.name, err)
		}
		side.shots = r.Mix.shared(users)
		k.sides[i] = side
	}
	k.out = &Comparison{
		PlannedSlices: k.slicing.Slices, SliceLengthMS: stats.MS(k.slicing.Length), Seed: k.slicing.Seed, Dropped: []string{},
	}
	stopped := k.turns(ctx)
	k.conclude(ctx, stopped)
	return k.result, nil
}

// turns runs the pairs of slices. It says why it ended before its plan, "" when
// it did not.
func (k *comparer) turns(ctx context.Context) (stopped string) {
	for pair, order := range orders(k.slicing.Slices, k.slicing.Seed) {
		var p99s [2]float64
		var why []string
		for _, i := range order {
			if ended(ctx) {
				return fmt.Sprintf("stopped after %d of %d pairs of slices", pair, k.slicing.Slices)
			}
			p99, doubts := k.slice(ctx, k.sides[i], pair)
			k.out.Order += string("AB"[i])
			p99s[i] = p99
			why = append(why, doubts...)
		}
		// Not before the other side of the pair was asked: does it break, too?
		if broken := k.broken(); broken != "" {
			return broken
		}
		k.tell(Progress{Phase: fmt.Sprintf("pair %d of %d", pair+1, k.slicing.Slices), Ended: &Ended{Claim: pairClaim(p99s, why)}})
		if !slices.ContainsFunc(why, isInvalid) {
			for _, side := range k.sides {
				side.counts = append(side.counts, side.slice)
			}
		}
		if len(why) > 0 {
			k.out.Dropped = append(k.out.Dropped, fmt.Sprintf("pair %d: %s", pair+1, strings.Join(why, "; ")))
			continue
		}
		for i, side := range k.sides {
			side.p99s = append(side.p99s, p99s[i])
		}
	}
	return ""
}

// broken names the sides that the circuit breaker ended, "" if there is none.
func (k *comparer) broken() string {
	var names []string
	for _, side := range k.sides {
		if side.tally.tripped {
			names = append(names, fmt.Sprintf("%s (%s): %v", side.name, side.Target, errBreaker))
		}
	}
	return strings.Join(names, "; ")
}

// slice runs one slice on one side and returns its p99 in milliseconds, and why
// it does not count.
func (k *comparer) slice(ctx context.Context, side *compared, pair int) (p99 float64, why []string) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	schedule := k.phase.Schedule
	offset := uint64(pair) * schedule.Count() //nolint:gosec // a count of slices, never negative
	slice := newTally(k.phase.State, k.phase.Target, side.Hitter.timeout)
	before, tell := selfUsage(), k.newSliceTeller(side, slice, pair)
	side.tally.time.turn(time.Duration(pair) * schedule.Duration())
	ran := side.Hitter.Attack(ctx, Attack{
		Schedule: schedule,
		Shots:    func(seq uint64) Shot { return side.shots(offset + seq) },
		Observe: func(s Sample) {
			due := schedule.At(s.Seq)
			slice.observe(due, s)
			side.record(side.name, offset+s.Seq, s)
			// The slices of a side are many attacks: its number goes where a trace id
			// has it (see within), so that the slowest of all keep theirs.
			s.Seq = within(side.Hitter.attacks.Load(), s.Seq)
			if side.tally.observe(time.Duration(pair)*schedule.Duration()+due, s); side.tally.tripped {
				cancel(errBreaker)
			}
			k.done++
		},
		Tick: tell.ticks(ctx),
	})
	cpu, pause := before.since()
	k.note(cpu, pause)
	side.noteMachine()
	side.took += ran.Elapsed
	side.planned += schedule.Duration()
	e := effort{
		planned: schedule.meanRate(ran.Sent), achieved: ran.Achieved(schedule), late: ran.Late(schedule),
		lagP99: slice.lag.Quantile(0.99), cpuPct: cpu, gcPause: pause, floorP99: k.floorP99, missing: side.machine.peak.missing(slice.kinds),
	}
	for _, reason := range e.invalid(k.phase.Target) {
		why = append(why, invalidPair+reason)
	}
	n, apart := slice.all.requests, slice.misplaced()
	side.slice = stats.Tallied{Requests: n + apart, Failed: slice.all.errors, Apart: apart}
	switch {
	case ran.Sent < ran.Planned:
		why = append(why, fmt.Sprintf("%s was stopped after %d of %d requests", side.name, ran.Sent, ran.Planned))
	case n < leastOfSlice:
		why = append(why, fmt.Sprintf("only %d requests of %s were %s", n, side.name, k.phase.State))
	case float64(apart) > maxApart*float64(n+apart):
		why = append(why, fmt.Sprintf("%d of %d requests of %s were not %s, and its p99 leaves them out", apart, n+apart, side.name, k.phase.State))
	case slice.unproven() > 0:
		why = append(why, fmt.Sprintf("%d replies of %s have no Cache-Status: nothing proves that they were %s", slice.unproven(), side.name, k.phase.State))
	}
	return stats.MS(slice.all.latency.Quantile(0.99)), why
}

// newSliceTeller tells of one slice of one side.
func (k *comparer) newSliceTeller(side *compared, slice *tally, pair int) *teller {
	l := side.newTeller("comparison", k.phase, slice)
	l.part = fmt.Sprintf("pair %d of %d, %s", pair+1, k.slicing.Slices, side.name)
	l.earlier, l.planned = k.done, 2*k.slicing.Slices*k.phase.Schedule.Requests()
	l.took, l.length = k.sides[0].took+k.sides[1].took, 2*time.Duration(k.slicing.Slices)*k.phase.Schedule.Duration()
	return l
}

// conclude puts both sides' figures and the comparison's verdict into the result.
func (k *comparer) conclude(ctx context.Context, stopped string) {
	c, out := k.out, &k.result
	c.Difference = stats.Decide(k.sides[0].p99s, k.sides[1].p99s, k.slicing.MinEffect, k.slicing.Seed)
	c.Baseline, c.Target = k.sides[0].side(), k.sides[1].side()
	c.shares(k.sides[0].counts, k.sides[1].counts)
	for _, side := range k.sides {
		sent := side.tally.lag.Count()
		phase := side.judged(k.phase, side.tally, Ran{Attack: singles, Elapsed: side.took}, effort{
			planned: k.phase.Schedule.MeanRate(), achieved: float64(sent) / max(side.planned, time.Nanosecond).Seconds(),
			lagP99: side.tally.lag.Quantile(0.99),
		}, "")
		phase.Name = side.name
		k.add(phase)
	}
	out.Comparison = c
	out.Verdict, out.Reasons = c.judge(stopped, k.sides[1].tally.tripped && !k.sides[0].tally.tripped)
	if ended(ctx) && !errors.Is(context.Cause(ctx), errBreaker) {
		out.Reasons = append(out.Reasons, "interrupted")
	}
}

func (s *compared) side() Side {
	return Side{
		URL: s.Target, Run: s.Hitter.RunName(), Server: s.Server,
		SliceP99MS: append([]float64{}, s.p99s...), MedianP99MS: round(stats.Median(slices.Clone(s.p99s))),
	}
}
