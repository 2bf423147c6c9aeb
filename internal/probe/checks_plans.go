package probe

import (
	"fmt"
	"slices"
	"strings"
)

// genericFactor is how many times dearer the generic plan may be by the planner's own reckoning.
// Postgres itself takes the generic plan only if it is no dearer than the custom ones were on average, so
// beyond this only a setting brings it about.
const genericFactor = 10

// genericPlan judges the plan that does not look at values: it is a fault where a setting makes the app's
// sessions use it, and a remark where it lies in wait.
func genericPlan(o *observation) outcome {
	forced := o.facts.planCacheMode == "force_generic_plan"
	var worst *HotPath
	factor := 0.0
	compared := 0
	for i, h := range o.hot {
		if h.Plan == nil || h.GenericPlan == nil {
			continue
		}
		compared++
		if f := h.GenericPlan.Root.TotalCost / max(h.Plan.Root.TotalCost, 1); f > factor {
			factor, worst = f, &o.hot[i]
		}
	}
	evidence := ""
	if worst != nil {
		evidence = fmt.Sprintf("%s: the generic plan is estimated at %.0f, the one for its values at %.0f (%.1f times).",
			worst.who(), worst.GenericPlan.Root.TotalCost, worst.Plan.Root.TotalCost, factor)
	}
	switch {
	case forced:
		h := hit{evidence: strings.TrimSpace("The app's sessions run with plan_cache_mode = force_generic_plan, so no plan looks at its values. " + evidence)}
		if worst != nil {
			h.costMS = overS14(*worst)
		}
		for _, p := range o.hot { // of every statement
			h.about = append(h.about, p.Plan.relations()...)
		}
		return found(h)
	case compared == 0:
		return notKnown("No generic plan could be asked for; it needs the direct endpoint.")
	case factor >= genericFactor:
		return found(hit{
			severity: Info, about: worst.Plan.relations(), evidence: evidence + " Nothing makes the app use it now.",
			remedy: "Keep DB_EXEC_MODE=exec and plan_cache_mode = auto: both plan for the values.",
		})
	}
	return passed("The generic plans are at most %.1f times as dear as those for the values, and plan_cache_mode is %s.", factor, o.facts.planCacheMode)
}

// planDrift compares the shape of each plan with the baseline's. A shape that changed and costs nothing is
// a remark.
func planDrift(o *observation) outcome {
	var hits []hit
	compared := 0
	for _, name := range hotNames(o.hot) {
		var worst *hit
		for _, h := range o.hot {
			b, ok := pathOf(o.config.Baseline.HotPaths, h)
			if h.Name != name || !ok || h.PlanHash == "" || b.PlanHash == "" {
				continue
			}
			compared++
			if h.PlanHash == b.PlanHash {
				continue
			}
			now := hit{
				evidence: fmt.Sprintf("%s: the plan was %s (%s) and is %s (%s); execution went from %.2f to %.2f ms.",
					h.who(), b.PlanHash, strings.Join(b.Access, ", "), h.PlanHash, strings.Join(h.Access, ", "), b.ExecutionMS, h.ExecutionMS),
				about: h.Plan.relations(),
			}.priced(h.ExecutionMS - b.ExecutionMS)
			if tables := h.Plan.relations(); len(tables) > 0 {
				now.remedy = "ANALYZE " + strings.Join(tables, ", ") + ";   -- or undo what has changed since: indexes, settings, the amount of data"
			}
			if worst == nil || now.costMS > worst.costMS {
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
	return orPassed(hits, "All %d plans have the shape that they had in the baseline.", compared)
}

func pathOf(paths []HotPath, h HotPath) (HotPath, bool) {
	i := slices.IndexFunc(paths, func(b HotPath) bool { return b.Name == h.Name && b.Subject == h.Subject })
	if i < 0 {
		return HotPath{}, false
	}
	return paths[i], true
}
