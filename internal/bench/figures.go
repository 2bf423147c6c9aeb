package bench

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/bench/stats"
)

// judged is the plain data of a phase that followed a schedule, with its verdict.
func (r *run) judged(p PhasePlan, t *tally, ran Ran, e effort, stopped string) Phase {
	phase := r.figures(p, t, ran.Attack, ran.Elapsed)
	phase.Rate = Rate{Planned: round(e.planned), Achieved: round(e.achieved)}
	verdict, why := judge(evidence{
		n: t.all.requests, over: t.all.over,
		apart: t.misplaced(), slow: t.slow, unproven: t.unproven(), wantsState: p.State,
		cold: t.cold, fresh: t.fresh,
		stopped: stopped, invalid: e.invalid(p.Target), dependence: t.windows.Dependence(),
	})
	phase.Verdict = verdict
	if why != nil {
		phase.Reasons = why
	}
	if verdict == Fail || verdict == Inconclusive {
		phase.Reasons = append(phase.Reasons, phase.whatFailed()...)
	}
	phase = phase.withThresholds(t.watched)
	if w := phase.Writes; w != nil && w.Errors > 0 && (phase.Verdict == Fail || phase.Verdict == Inconclusive) {
		phase.Reasons = append(phase.Reasons, fmt.Sprintf("%d of %d writes failed: %s", w.Errors, w.Requests, commonest(w.ErrorKinds)))
	}
	return phase
}

// figures is the plain data of what a tally holds.
func (r *run) figures(p PhasePlan, t *tally, attack uint32, took time.Duration) Phase {
	h := t.all.latency
	phase := Phase{
		Name: p.Name, Reasons: []string{}, Requests: t.all.requests, Errors: t.all.errors,
		ErrorKinds: make(map[string]int), Over: t.all.over, OverAllowed: stats.OverAllowed(t.all.requests + t.slow),
		TargetMS: stats.MS(p.Target), HTTPVersion: t.proto,
		Latency: Latency{
			P50: stats.MS(h.Quantile(0.5)), P90: stats.MS(h.Quantile(0.9)), P99: quantileOf(h, 0.99),
			P999: quantileOf(h, 0.999), Max: stats.MS(h.Max()),
		},
		Service: partsOf(t.service), Queue: partsOf(t.queue), Lag: timesOf(t.lag),
		P99CI95MS: intervalOf(h),
		DBTurns:   Turns{P50: t.turnsAt(0.5), Max: t.turnsAt(1), Stated: t.told > 0},
		Apart:     make(map[string]int), ApartOver: t.slow,
		DurationMS: stats.MS(took),
		Retried:    t.retries, JSONByEnds: t.byEnds,
		Slowest: []Slow{}, Routes: []RouteFigures{},
		Timeline: t.time.figures(), latency: h,
	}
	if d := t.windows.Dependence(); d.Effect > 0 {
		phase.DesignEffect, phase.EffectiveN = round(d.Effect), d.Effective(t.all.requests+t.slow)
	}
	if answered := t.all.requests - t.all.errors; answered > 0 {
		phase.BytesMean = t.bytes / int64(answered)
	}
	for kind, n := range t.kinds {
		phase.ErrorKinds[string(kind)] = n
	}
	for state, n := range t.states {
		if phase.States == nil {
			phase.States = make(map[string]int)
		}
		phase.States[string(state)] = n
	}
	for state, n := range t.apart {
		if state != NotStated {
			phase.Apart[string(state)] = n
		}
	}
	if w := t.writes; w != nil {
		phase.Writes = &Writes{
			Requests: w.requests, Errors: w.errors, ErrorKinds: make(map[string]int),
			P50MS: stats.MS(w.latency.Quantile(0.5)), P99MS: stats.MS(w.latency.Quantile(0.99)), MaxMS: stats.MS(w.latency.Max()),
		}
		for kind, n := range t.unmade {
			phase.Writes.ErrorKinds[string(kind)] = n
		}
	}
	if t.told > 0 {
		free := float64(t.turns[0]) / float64(t.all.requests)
		phase.TurnFreeShare = &free
	}
	for _, g := range p.Goals {
		of := h
		if g.writes && t.writes != nil {
			of = t.writes.latency
		}
		if g.turns > 0 || g.writes && t.writes == nil || of.Count() == 0 {
			continue // judged later, or nothing was measured that it could be judged by
		}
		actual := of.Quantile(g.quantile)
		phase.Goals = append(phase.Goals, Goal{Text: g.text, LimitMS: msp(g.limit), ActualMS: msp(actual), Met: actual <= g.limit})
	}
	for id, f := range t.routes {
		phase.Routes = append(phase.Routes, f.of(id))
	}
	slices.SortFunc(phase.Routes, func(a, b RouteFigures) int { return cmp.Compare(a.Route, b.Route) })
	for _, s := range t.slowest {
		phase.Slowest = append(phase.Slowest, r.slow(s, attack))
	}
	return phase
}

// metered adds what the server's metrics page says of the turns of the phase.
func (p Phase) metered(by *ServerTimeline, goals []goal) Phase {
	p.Server = by
	perRequest := by.named(seriesPoolTurns)
	if p.Writes == nil || perRequest == nil || perRequest.Mean == nil {
		return p
	}
	perWrite := round(*perRequest.Mean * float64(p.Requests+p.Writes.Requests) / float64(p.Writes.Requests))
	p.Writes.DBTurnsPerWrite = &perWrite
	for _, g := range goals {
		if g.turns > 0 {
			p.Goals = append(p.Goals, Goal{Text: g.text, LimitTurns: &g.turns, ActualTurns: &perWrite, Met: perWrite <= g.turns})
		}
	}
	return p
}

func (f *figures) of(route string) RouteFigures {
	return RouteFigures{
		Route: route, Requests: f.requests, Errors: f.errors, Over: f.over,
		P50MS: stats.MS(f.latency.Quantile(0.5)), P99MS: stats.MS(f.latency.Quantile(0.99)), MaxMS: stats.MS(f.latency.Max()),
	}
}

func (r *run) slow(s slowSample, attack uint32) Slow {
	out := Slow{
		TraceID: r.Hitter.run.TraceID(attack, s.Seq), LatencyMS: stats.MS(s.latency), Route: s.Shot.Route,
		ServerTiming: api.ParseServerTiming(s.Reply.ServerTiming),
		LagMS:        stats.MS(s.Lag), QueueMS: stats.MS(s.Queue), ServiceMS: stats.MS(s.Service),
		CacheStatus: s.Reply.CacheStatus, Status: s.Reply.Status, Error: string(s.Kind),
	}
	out.TraceURL = r.TraceLink.To(out.TraceID)
	out.NetworkMS = out.network()
	if turns := s.Reply.Turns; turns >= 0 {
		out.DBTurns = &turns
	}
	return out
}

// network is the part of the service that the server does not account for.
func (s Slow) network() *float64 {
	told, rest := false, s.ServiceMS
	for _, name := range serverParts() {
		if took, ok := s.ServerTiming[name+"_ms"]; ok {
			told, rest = true, rest-took
		}
	}
	if !told {
		return nil
	}
	rest = max(0, round(rest))
	return &rest
}

// serverParts are the parts of a request that the server accounts for: together
// they are its whole time there.
func serverParts() []string { return []string{"acquire", "db", "redis", "app"} }

func timesOf(h *stats.Histogram) Times {
	return Times{P50: stats.MS(h.Quantile(0.5)), P99: stats.MS(h.Quantile(0.99))}
}

func partsOf(h *stats.Histogram) Parts {
	return Parts{P50: stats.MS(h.Quantile(0.5)), P99: quantileOf(h, 0.99)}
}

// quantileOf is a quantile in ms, nil of nothing.
func quantileOf(h *stats.Histogram, q float64) *float64 {
	if h.Count() == 0 {
		return nil
	}
	return msp(h.Quantile(q))
}

// intervalOf is the 95% interval of the p99, null where it has no bound.
func intervalOf(h *stats.Histogram) (ends [2]*float64) {
	lo, hi := stats.P99Ranks(h.Count())
	if lo > 0 {
		ends[0] = msp(h.AtRank(lo))
	}
	if hi > 0 {
		ends[1] = msp(h.AtRank(hi))
	}
	return ends
}

// cores is how many cores this process may use at once.
func cores() int { return runtime.GOMAXPROCS(0) }

// meanRate is the rate in requests per second at which the plan sends its first
// n requests.
func (s Schedule) meanRate(n uint64) float64 {
	if n == 0 || s.count == 0 {
		return 0
	}
	return float64(n) / max(s.At(n), time.Nanosecond).Seconds()
}
