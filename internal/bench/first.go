package bench

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// spareFirst is how many more restarts a phase makes at the most for users that the
// server turned out to know. warmup fills the caches with 50 users; of 20 of the 3,000
// of make verify one in three runs meets one.
const spareFirst = 10

// first restarts the server again and again, and each time measures the first
// request that it answers to a user. So few samples claim no p99: the verdict
// is on how many of them were under the target, and only all of them is a pass.
// A user that the server turns out to know is counted apart, and the next one asks
// after another restart, as long as there are users to spare.
func (r *run) first(ctx context.Context, p PhasePlan, users []User) (Phase, error) {
	t := newTally(AnyState, p.Target, r.Hitter.timeout)
	before := selfUsage()
	var failure error
	began, shots := time.Now(), r.Mix.once(users)
	seq := uint64(0)
	for i := 0; i < len(users) && int(seq) < p.Restarts; i++ {
		if ended(ctx) {
			break
		}
		r.tell(Progress{
			Phase: p.Name, Elapsed: time.Since(began), Planned: p.Restarts, Done: t.all.requests, Target: p.Target, Over: t.all.over,
			P50: t.all.latency.Quantile(0.5), P99: t.all.latency.Max(), Errors: t.all.errors, Kinds: maps.Clone(t.kinds),
		})
		// A connection to the server that is about to end would be found dead.
		r.Hitter.Close()
		if err := r.Restart(ctx); err != nil {
			if ctx.Err() == nil {
				failure = fmt.Errorf("restart %d of %d: %w", seq+1, p.Restarts, err)
			}
			break
		}
		due := time.Since(began)
		s := r.Hitter.Once(ctx, shots(uint64(i)))
		if ended(ctx) {
			break // cut off, not answered badly
		}
		state, spare := stateOf(s.Reply.CacheStatus), len(users)-i-1 >= p.Restarts-int(seq)
		if known := state == Warm || state == Partly; known && spare && !s.Failed() && s.Latency <= p.Target {
			t.apart[state]++ // it proves nothing; a slow one would, whoever asked
			continue
		}
		r.record(p.Name, seq, s)
		t.observe(due, s)
		if !s.Failed() {
			t.states[state]++
		}
		seq++
	}
	cpu, pause := before.since()
	r.note(cpu, pause)
	r.noteMachine()
	if r.Sampler != nil {
		r.notSeen(Unseen{What: "the server's side in phase " + p.Name, Because: "the server is another one for each request"})
	}

	phase := r.figures(p, t, singles, time.Since(began))
	phase.Rate, phase.OverAllowed = Rate{}, 0
	phase.Latency.P99, phase.Latency.P999, phase.P99CI95MS = nil, nil, [2]*float64{}
	phase.Service.P99, phase.Queue.P99 = nil, nil
	n, under := t.all.requests, t.all.requests-t.all.over
	phase.Restarts = &Restarts{
		Done: n, Planned: p.Restarts, Under: under,
		TargetMS: stats.MS(p.Target), SureShare: round(stats.SureShare(n, under)),
	}
	if missing := r.machine.peak.missing(t.kinds); len(missing) > 0 {
		phase.Verdict, phase.Reasons = Invalid, missing
		return phase, failure
	}
	phase.Verdict, phase.Reasons = judgeFirst(n, under, p.Restarts, t.states)
	phase.Reasons = append(phase.Reasons, phase.whatFailed()...)
	return phase, failure
}

// judgeFirst judges n first requests of so many planned. Each has to prove that
// its user was new to the server; one that failed proves nothing and is over.
func judgeFirst(n, under, planned int, states map[State]int) (Verdict, []string) {
	answered := 0
	for _, count := range states {
		answered += count
	}
	switch known := answered - states[Cold] - states[NotStated]; {
	case under < n:
		return Fail, []string{fmt.Sprintf("%d of %d first requests were over the target", n-under, n)}
	case n < planned:
		return Inconclusive, []string{fmt.Sprintf("stopped after %d of %d restarts", n, planned)}
	case known > 0:
		return Inconclusive, []string{fmt.Sprintf("%d of %d first requests were of users that the server knew: %s", known, n, otherUsers)}
	case states[NotStated] > 0:
		return Inconclusive, []string{fmt.Sprintf("%d replies have no Cache-Status: nothing proves that they were %s", states[NotStated], Cold)}
	}
	return Pass, []string{}
}
