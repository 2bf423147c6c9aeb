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
	mode, isGiven := o.facts.givenMode()
	forced := o.facts.planCacheMode == forceGeneric
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
		evidence = fmt.Sprintf("%s: the generic plan has an estimated cost of %.0f, the plan for its parameter values %.0f (%.1f times).",
			worst.who(), worst.GenericPlan.Root.TotalCost, worst.Plan.Root.TotalCost, factor)
	}
	switch {
	case forced:
		h := hit{
			evidence: strings.TrimSpace("The app's sessions run with plan_cache_mode = force_generic_plan, so plans ignore parameter values. " + evidence),
			remedy:   `psql "$DATABASE_URL" -c "SELECT setting, source FROM pg_settings WHERE name = 'plan_cache_mode'"   # where it is set; set it to auto there, then run RECONNECT on the pooler's console`,
		}
		if isGiven {
			h.remedy = mode.reset()
		}
		if worst != nil {
			h.costMS = overS14(*worst)
		}
		for _, p := range o.hot { // of every statement
			h.about = append(h.about, p.Plan.relations()...)
		}
		return found(h)
	case isGiven && mode.pending && mode.value == forceGeneric:
		return found(hit{
			evidence: strings.TrimSpace(fmt.Sprintf("plan_cache_mode = force_generic_plan is set for %s and takes effect when the pooler renews its connections. ", mode.of()) + evidence),
			remedy:   mode.reset(),
		})
	case len(o.facts.switchedOff()) > 0:
		off := o.facts.switchedOff()
		return found(hit{
			evidence: fmt.Sprintf("%s is off for %s; plans will change when the pooler renews its connections.", off[0].name, off[0].of()),
			remedy:   off[0].reset(),
		})
	case compared == 0:
		return notKnown("No generic plan could be asked for; it needs the direct endpoint.")
	case factor >= genericFactor:
		return found(hit{
			severity: Info, about: worst.Plan.relations(), evidence: evidence + " The app does not use it at present.",
			remedy: `psql "$DATABASE_URL" -c 'SHOW plan_cache_mode'   # keep auto and DB_EXEC_MODE=exec: both plan for the parameter values`,
		})
	}
	return passed("Generic plans cost at most %.1f times as much as plans for the parameter values, and plan_cache_mode is %s.", factor, o.facts.planCacheMode)
}

const forceGeneric = "force_generic_plan"

// givenMode is the plan_cache_mode that a role or the database gives to the app's sessions.
func (f *databaseFacts) givenMode() (givenSetting, bool) {
	i := slices.IndexFunc(f.given, func(g givenSetting) bool { return g.name == "plan_cache_mode" })
	if i < 0 {
		return givenSetting{}, false
	}
	return f.given[i], true
}

// switchedOff are the planner's steps (enable_…) that the next connections may not take, and this one may.
func (f *databaseFacts) switchedOff() []givenSetting {
	var out []givenSetting
	for _, g := range f.given {
		if g.pending && strings.HasPrefix(g.name, "enable_") && slices.Contains([]string{"off", "false", "no", "0"}, strings.ToLower(g.value)) {
			out = append(out, g)
		}
	}
	return out
}

// of says whose setting it is; the role has no name here.
func (g givenSetting) of() string {
	switch {
	case g.role && g.database:
		return "the app's role in this database"
	case g.role:
		return "the app's role"
	case g.everyRole:
		return "every role"
	}
	return "this database"
}

// reset undoes it where it was set. A role may do that for itself, so it is done as the app.
func (g givenSetting) reset() string {
	url, whose := "DATABASE_DIRECT_URL", `DATABASE :"DBNAME"`
	switch {
	case g.role && g.database:
		url, whose = "DATABASE_URL", `ROLE CURRENT_USER IN DATABASE :"DBNAME"`
	case g.role:
		url, whose = "DATABASE_URL", "ROLE CURRENT_USER"
	case g.everyRole:
		whose = "ROLE ALL"
	}
	alter := fmt.Sprintf("ALTER %s RESET %s;", whose, g.name)
	if g.name == readOnlyDefault {
		alter = "BEGIN READ WRITE;\n" + alter + "\nCOMMIT;"
	}
	return fmt.Sprintf("psql \"$%s\" -v ON_ERROR_STOP=1 <<'SQL' && psql \"$PGBOUNCER_ADMIN_URL\" -c RECONNECT\n%s\nSQL", url, alter)
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
				evidence: fmt.Sprintf("%s: the plan changed from %s (%s) to %s (%s); execution went from %.2f to %.2f ms.",
					h.who(), b.PlanHash, strings.Join(b.Access, ", "), h.PlanHash, strings.Join(h.Access, ", "), b.ExecutionMS, h.ExecutionMS),
				about: h.Plan.relations(),
			}.priced(h.ExecutionMS - b.ExecutionMS)
			if tables := h.Plan.relations(); len(tables) > 0 {
				now.remedy = remedySQL("ANALYZE " + strings.Join(quotedAll(tables), ", ") + ";   -- or undo what changed since: indexes, settings, data volume")
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
	return orPassed(hits, "All %d plans have the same shape as in the baseline.", compared)
}

func pathOf(paths []HotPath, h HotPath) (HotPath, bool) {
	i := slices.IndexFunc(paths, func(b HotPath) bool { return b.Name == h.Name && b.Subject == h.Subject })
	if i < 0 {
		return HotPath{}, false
	}
	return paths[i], true
}
