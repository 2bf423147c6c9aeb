package check

import (
	"cmp"
	"fmt"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// A server is starved if it works for half of the time at most, and what comes at any moment waits for it as long as the jitter
// that is a finding, by its own clock and by that of the probe. One that takes slowFactor times as long as usual for a piece is
// slow.
const (
	starvedShare  = 0.5
	StarvedWaitMS = jitterLeastMS
	fewestPauses  = 2
	slowFactor    = 10
)

// Slow reports whether the pieces of the fixed work take too long on this server, as ms each.
func Slow(times []float64) bool {
	return facts.PausesOf(times).PieceMS >= slowFactor*facts.UsualPieceMS
}

// Starved reports whether the server stood still between pieces of the fixed work, as ms each.
func Starved(times []float64) bool {
	p := facts.PausesOf(times)
	return p.Share <= starvedShare && p.WaitMS >= StarvedWaitMS
}

// cpuStarved wants the same at every moment: a machine may be busy at one.
func cpuStarved(o *facts.Observation) Outcome {
	if len(o.Work.Moments) == 0 {
		return notKnown("A fixed amount of work could not be timed with the server's clock: %s.", cmp.Or(o.Work.Failed, "there was no time"))
	}
	var all, own []float64
	starving := true
	for _, m := range o.Work.Moments {
		all, own = append(all, m.Server...), append(own, m.Own...)
		starving = starving && Starved(m.Server)
	}
	server, probe := facts.PausesOf(all), facts.PausesOf(own)
	work := server.PieceMS * float64(len(all))
	says := fmt.Sprintf("By the server's own clock, %.0f ms of CPU work took %.0f ms", work, work/server.Share)
	late := o.Nearest().LateMS()
	stoodStill := starving && server.Count >= fewestPauses && late >= StarvedWaitMS
	if !stoodStill && !Slow(all) {
		return passed("%s.", says)
	}
	if len(own) > 0 && (stoodStill && probe.WaitMS >= server.WaitMS/2 || Slow(all) && probe.PieceMS >= server.PieceMS/2) {
		return notKnown("%s, but the probe's own machine was short of CPU too: it waited %.0f ms on average, the server %.0f ms; a unit of work took it %.1f ms, the server %.1f ms.",
			says, probe.WaitMS, server.WaitMS, probe.PieceMS, server.PieceMS)
	}
	var hits []hit
	if Slow(all) {
		var executing []float64
		for _, h := range o.Hot {
			executing = append(executing, h.PlanningMS+h.ExecutionMS)
		}
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("By the server's own clock, work that takes %.2f ms on a typical core takes %.1f ms.", facts.UsualPieceMS, server.PieceMS),
			CostMS:   (1 - facts.UsualPieceMS/server.PieceMS) * facts.Median(executing),
		})
	}
	if !stoodStill {
		return found(hits...)
	}
	return found(append(hits, hit{
		Evidence: fmt.Sprintf("%s: it was paused %s, for up to %.0f ms. A statement that arrives at a random moment waits %.0f ms on average.", says, facts.Plural(server.Count, "time", "times"), server.LongestMS, server.WaitMS),
		CostMS:   server.WaitMS,
	})...)
}
