package bench

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// Verdict is what may be claimed.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "pass"         // the bound holds at 95%
	Fail         Verdict = "fail"         // the opposite bound holds
	Inconclusive Verdict = "inconclusive" // too little to say either
	Invalid      Verdict = "invalid"      // the generator did not keep up: the measurement is invalid
)

// worseThan orders verdicts: one that calls the measurement invalid hides
// all others, a miss hides a doubt.
func (v Verdict) worseThan(o Verdict) bool { return v.weight() > o.weight() }

func (v Verdict) weight() int {
	switch v {
	case Pass:
		return 0
	case Inconclusive:
		return 1
	case Fail:
		return 2
	}
	return 3
}

// The limits beyond which a run is not valid.
const (
	minAchieved   = 0.95                   // of the planned rate
	minLate       = 250 * time.Millisecond // at the end of a run: less is a pause of the machine, and no missing rate
	maxLagShare   = 0.10                   // of the target: the p99 of the generator's own lateness
	minLagAllowed = 5 * time.Millisecond   // a target of a few ms does not make the tool's timers finer
	maxCPUShare   = 0.90                   // of all cores that the process may use
	maxFloorShare = 0.50                   // of the target: the p99 that the tool measures on itself
)

// effort is how well the generator did in one phase.
type effort struct {
	planned, achieved float64       // requests per second
	late              time.Duration // the last request's
	lagP99            time.Duration
	cpuPct            float64
	gcPause           time.Duration
	floorP99          time.Duration // 0 = not measured
	missing           []string      // of descriptors and ports: see Machine.missing
}

// invalid says why the measurement is invalid, and which resource ran out. An
// empty list says that the generator kept up.
func (e effort) invalid(target time.Duration) []string {
	why := slices.Clone(e.missing)
	cores := float64(runtime.GOMAXPROCS(0))
	saturated := e.cpuPct >= maxCPUShare*100*cores
	resource := "this machine's CPU, which something else took: the generator itself used " + percent(e.cpuPct) + " of a core"
	switch {
	case saturated:
		resource = "the generator's own CPU, at " + percent(e.cpuPct) + " of a core"
	case e.gcPause > e.lagP99/2:
		resource = fmt.Sprintf("the generator's garbage collector, which paused it for up to %s", human(e.gcPause))
	}
	if e.achieved < minAchieved*e.planned && e.late > minLate {
		why = append(why, fmt.Sprintf("the generator sent %.1f requests/s of %.1f planned; what ran out is %s", e.achieved, e.planned, resource))
	}
	if limit := max(minLagAllowed, time.Duration(maxLagShare*float64(target))); e.lagP99 > limit {
		why = append(why, fmt.Sprintf("the generator was late by p99 %s, more than %s; what ran out is %s", human(e.lagP99), human(limit), resource))
	}
	if saturated && len(why) == 0 {
		why = append(why, "what ran out is "+resource)
	}
	if limit := time.Duration(maxFloorShare * float64(target)); e.floorP99 > limit {
		why = append(why, fmt.Sprintf("the load generator's own latency is p99 %s, too close to the target of %s: this machine's CPU and loopback are too busy", human(e.floorP99), human(target)))
	}
	return why
}

// evidence is what a phase's verdict rests on.
type evidence struct {
	n, over         int
	apart, unproven int
	slow            int // of apart, over the target: see tally.misplace
	wantsState      State
	cold, fresh     int    // of a mixed phase: samples that proved cold, of so many of new users
	stopped         string // why the phase ended before its plan, "" when it did not
	invalid         []string
	dependence      stats.Dependence
}

// maxApart is the share of requests of a warm phase that may have missed a cache.
// More, and a pass would leave out what users wait for. A cold phase has no such
// limit: a user who was known by mistake is one sample less and hides nothing.
const maxApart = 0.05

// otherUsers is what to do about users whom the server was to see for the first time and knew.
const otherUsers = "give other users, whom the server has not seen for BOARD_CACHE_TTL"

// judge gives the verdict of a phase that claims a p99, with its reasons. A
// reason is given for every verdict but a plain pass.
func judge(e evidence) (Verdict, []string) {
	if len(e.invalid) > 0 {
		if e.stopped != "" {
			return Invalid, append(slices.Clone(e.invalid), e.stopped)
		}
		return Invalid, e.invalid
	}
	var why []string
	if e.stopped != "" {
		why = append(why, e.stopped)
	}
	all := e.n + e.apart
	e.n, e.over = e.n+e.slow, e.over+e.slow
	allowed := stats.OverAllowed(e.n)
	switch {
	case stats.ClaimRefuted(e.n, e.over):
		why = append(why, fmt.Sprintf("%d of %d were over the target; a p99 on target shows at least so many in 1 of 20 runs at most%s", e.over, e.n, e.misses()))
		if doubt := e.dependence.Rarity(e.n); doubt != "" {
			why = append(why, doubt)
		}
		return Fail, why
	case allowed < 0:
		if e.wantsState == Cold && e.apart > 0 {
			why = append(why, fmt.Sprintf("%d of %d users were known to the server already: %s", e.apart, all, otherUsers))
		}
		return Inconclusive, append(why, fmt.Sprintf("%d requests cannot claim a p99: %d at least", e.n, stats.SamplesNeeded(0)))
	case e.over > allowed:
		return Inconclusive, append(why, fmt.Sprintf("%d of %d were over the target: more than the %d that a claim allows, fewer than would refute it; %d requests with as many would do%s", e.over, e.n, allowed, stats.SamplesNeeded(e.over), e.misses()))
	}
	if e.wantsState == Warm && float64(e.apart) > maxApart*float64(all) {
		why = append(why, fmt.Sprintf("%d of %d requests were not %s and are counted apart", e.apart, all, e.wantsState))
	}
	if e.wantsState == Mixed && float64(e.cold) < mixedCold*float64(e.fresh) {
		why = append(why, fmt.Sprintf("only %d of %d requests of new users were cold: the others were known to the server", e.cold, e.fresh))
	}
	if e.wantsState != AnyState && e.unproven > 0 {
		why = append(why, fmt.Sprintf("%d replies have no Cache-Status: nothing proves that they were %s", e.unproven, e.wantsState))
	}
	if doubt := e.dependence.Doubt(e.n, e.over); doubt != "" {
		why = append(why, doubt)
	}
	if len(why) > 0 {
		return Inconclusive, why
	}
	return Pass, nil
}

// misses says how many of those that were over were not in the phase's state.
func (e evidence) misses() string {
	if e.slow == 0 {
		return ""
	}
	return fmt.Sprintf("; %d of them were not %s", e.slow, e.wantsState)
}

func percent(v float64) string { return fmt.Sprintf("%.0f%%", v) }

func human(d time.Duration) string { return figure(stats.MS(d)) }
