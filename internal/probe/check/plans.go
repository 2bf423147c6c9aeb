package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// genericFactor is how many times dearer the generic plan may be by the planner's own reckoning.
// Postgres itself takes the generic plan only if it is no dearer than the custom ones were on average, so
// beyond this only a setting brings it about.
const genericFactor = 10

// GenericPlan judges the plan that does not look at values: it is a fault where a setting makes the app's
// sessions use it, and a remark where it lies in wait.
func GenericPlan(o *facts.Observation) Outcome {
	mode, isGiven := o.Facts.GivenMode()
	forced := o.Facts.PlanCacheMode == forceGeneric
	var worst *facts.HotPath
	factor := 0.0
	compared := 0
	for i, h := range o.Hot {
		if h.Plan == nil || h.GenericPlan == nil {
			continue
		}
		compared++
		if f := h.GenericPlan.Root.TotalCost / max(h.Plan.Root.TotalCost, 1); f > factor {
			factor, worst = f, &o.Hot[i]
		}
	}
	evidence := ""
	if worst != nil {
		evidence = fmt.Sprintf("%s: the generic plan has an estimated cost of %.0f, the plan for its parameter values %.0f (%.1f times).",
			worst.Who(), worst.GenericPlan.Root.TotalCost, worst.Plan.Root.TotalCost, factor)
	}
	switch {
	case forced:
		h := hit{
			Evidence: strings.TrimSpace("The app's sessions run with plan_cache_mode = force_generic_plan, so plans ignore parameter values. " + evidence),
			Remedy:   `psql "$DATABASE_URL" -c "SELECT setting, source FROM pg_settings WHERE name = 'plan_cache_mode'"   # where it is set; set it to auto there, then run RECONNECT on the pooler's console`,
		}
		if isGiven {
			h.Remedy = mode.Reset()
		}
		if worst != nil {
			h.CostMS = overS14(*worst)
		}
		for _, p := range o.Hot { // of every statement
			h.about = append(h.about, p.Plan.Relations()...)
		}
		return found(h)
	case isGiven && mode.Pending && mode.Value == forceGeneric:
		return found(hit{
			Evidence: strings.TrimSpace(fmt.Sprintf("plan_cache_mode = force_generic_plan is set for %s and takes effect when the pooler renews its connections. ", mode.Of()) + evidence),
			Remedy:   mode.Reset(),
		})
	case len(o.Facts.SwitchedOff()) > 0:
		off := o.Facts.SwitchedOff()
		return found(hit{
			Evidence: fmt.Sprintf("%s is off for %s; plans will change when the pooler renews its connections.", off[0].Name, off[0].Of()),
			Remedy:   off[0].Reset(),
		})
	case compared == 0:
		return notKnown("No generic plan could be asked for; it needs the direct endpoint.")
	case factor >= genericFactor:
		return found(hit{
			severity: facts.Info, about: worst.Plan.Relations(), Evidence: evidence + " The app does not use it at present.",
			Remedy: `psql "$DATABASE_URL" -c 'SHOW plan_cache_mode'   # keep auto and DB_EXEC_MODE=exec: both plan for the parameter values`,
		})
	}
	return passed("Generic plans cost at most %.1f times as much as plans for the parameter values, and plan_cache_mode is %s.", factor, o.Facts.PlanCacheMode)
}

const forceGeneric = "force_generic_plan"

// planDrift compares the shape of each plan with the baseline's. A shape that changed and costs nothing is
// a remark.
func planDrift(o *facts.Observation) Outcome {
	var hits []hit
	compared := 0
	for _, name := range hotNames(o.Hot) {
		var worst *hit
		for _, h := range o.Hot {
			b, ok := PathOf(o.Config.Baseline.HotPaths, h)
			if h.Name != name || !ok || h.PlanHash == "" || b.PlanHash == "" {
				continue
			}
			compared++
			if h.PlanHash == b.PlanHash {
				continue
			}
			now := hit{
				Evidence: fmt.Sprintf("%s: the plan changed from %s (%s) to %s (%s); execution went from %.2f to %.2f ms.",
					h.Who(), b.PlanHash, strings.Join(b.Access, ", "), h.PlanHash, strings.Join(h.Access, ", "), b.ExecutionMS, h.ExecutionMS),
				about: h.Plan.Relations(),
			}.priced(h.ExecutionMS - b.ExecutionMS)
			if tables := h.Plan.Relations(); len(tables) > 0 {
				now.Remedy = remedySQL("ANALYZE " + strings.Join(quotedAll(tables), ", ") + ";   -- or undo what changed since: indexes, settings, data volume")
			}
			if worst == nil || now.CostMS > worst.CostMS {
				worst = &now
			}
		}
		if worst != nil {
			hits = append(hits, *worst)
		}
	}
	if compared == 0 {
		return notKnown("The baseline has no plans to compare with.")
	}
	return orPassed(hits, "All %d plans have the same shape as in the baseline.", compared)
}

// PathOf finds the path of the same statement for the same kind of user.
func PathOf(paths []facts.HotPath, h facts.HotPath) (facts.HotPath, bool) {
	i := slices.IndexFunc(paths, func(b facts.HotPath) bool { return b.Name == h.Name && b.Subject == h.Subject })
	if i < 0 {
		return facts.HotPath{}, false
	}
	return paths[i], true
}
