package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// overS14 is a hot path's execution beyond S14's limit, in ms.
func overS14(h facts.HotPath) float64 { return max(0, h.ExecutionMS-h.S14.LimitMS) }

// broken is the worst step of one hot statement that breaks a rule.
type broken struct {
	step
	path facts.HotPath
	cost float64
}

// worstSteps applies a rule to every executed plan and keeps the dearest step of each statement. What a
// step costs is its own time or, where S14 is broken, all of the excess.
func worstSteps(hot []facts.HotPath, rule func(*facts.Plan) []step, own func(step) float64) []broken {
	var out []broken
	for _, name := range hotNames(hot) {
		var worst *broken
		for _, h := range hot {
			if h.Name != name || h.Plan == nil {
				continue
			}
			for _, s := range rule(h.Plan) {
				b := broken{step: s, path: h, cost: max(own(s), overS14(h))}
				if worst == nil || b.cost > worst.cost {
					worst = &b
				}
			}
		}
		if worst != nil {
			out = append(out, *worst)
		}
	}
	return out
}

// ranOr is found(hits...) or, without any, a pass if every hot path was executed: a plan that is only an
// estimate breaks no rule and keeps none.
func ranOr(o *facts.Observation, hits []hit, format string, args ...any) Outcome {
	waiting := 0
	for _, h := range o.Hot {
		if h.FirstRun == nil {
			waiting++
		}
	}
	if len(hits) == 0 && waiting > 0 {
		return notKnown("%d of %d hot paths were not executed under ANALYZE.", waiting, len(o.Hot))
	}
	return orPassed(hits, format, args...)
}

// priced turns what a request does not notice into a remark: below the harmless limit an advice would
// cost more than it brings.
func (h hit) priced(costMS float64) hit {
	if h.CostMS = costMS; costMS < facts.HarmlessScanMS {
		h.severity, h.CostMS = facts.Info, 0
	}
	return h
}

// tables are the step's own or, where it has none, all that the statement reads.
func (b broken) tables() []string {
	if b.table != "" {
		return []string{b.table}
	}
	return b.path.Plan.Relations()
}

func (b broken) where() string {
	if b.node.Index != "" {
		return fmt.Sprintf("%s by %s", b.node.Type, b.node.Index)
	}
	if b.table != "" {
		return fmt.Sprintf("%s of %s", b.node.Type, b.table)
	}
	return b.node.Type
}

// atLeast stands before a factor that rounded figures give.
func (s step) atLeast() string {
	if s.about {
		return "at least "
	}
	return ""
}

func ownTime(s step) float64 { return s.ms }

func misestimate(o *facts.Observation) Outcome {
	rule := func(p *facts.Plan) []step { return misestimates(p, facts.MisestimateFactor) }
	var hits []hit
	for _, b := range worstSteps(o.Hot, rule, func(step) float64 { return 0 }) {
		if b.cost == 0 && b.factor < facts.MisestimateRemark {
			continue
		}
		sql := "ANALYZE " + quoted(b.table) + ";   -- if the plan does not change: ALTER TABLE … ALTER COLUMN … SET STATISTICS 1000"
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("%s: %s returns %.0f rows per loop, but the planner expected %.0f (%s%.0f times as many, %s in total).",
				b.path.Who(), b.where(), b.node.ActualRows, b.node.PlanRows, b.atLeast(), b.factor, b.rows),
			about: b.tables(),
		}.mendedBy(sql).priced(b.cost))
	}
	return ranOr(o, hits, "No plan step on a table returns %d times the expected rows and exceeds the execution SLO because of it.", facts.MisestimateFactor)
}

func spill(o *facts.Observation) Outcome {
	var hits []hit
	for _, b := range worstSteps(o.Hot, spills, ownTime) {
		how := "wrote"
		if b.node.SortMethod != "" {
			how = "sorted by " + b.node.SortMethod + " and wrote"
		}
		h := hit{
			Evidence: fmt.Sprintf("%s: a %s of %s rows %s %.0f kB to disk, because it does not fit into work_mem%s.",
				b.path.Who(), b.node.Type, b.rows, how, b.factor, workMem(o)),
			CostMS: b.cost,
			Remedy: moreWorkMem(o, b.path.Name, b.factor),
			about:  b.path.Plan.Relations(),
		}
		hits = append(hits, h)
	}
	return ranOr(o, hits, "Every sort and hash of the hot statements fits into work_mem%s.", workMem(o))
}

// defaultWorkMemKB is Postgres's own default for work_mem. mostWorkMemKB is what may be advised for it: each sort
// and hash of each connection may take it, so twenty connections of 64 MB are more than a small server has
// (postgresql.org/docs/current/runtime-config-resource.html: "several times the value of work_mem").
const (
	defaultWorkMemKB = 4096
	mostWorkMemKB    = 64 << 10
)

// moreWorkMem is the setting that keeps a step in memory: the default where less is set, else the next
// power of two above four times what was written, because rows take two to four times the space in memory.
// Above mostWorkMemKB it is the statement that has to change.
func moreWorkMem(o *facts.Observation, name string, writtenKB float64) string {
	need := float64(defaultWorkMemKB)
	if o.Facts == nil || o.Facts.WorkMemKB >= defaultWorkMemKB {
		for need < 4*writtenKB {
			need *= 2
		}
	}
	if need > mostWorkMemKB {
		return fmt.Sprintf(`honeydue probe -o json | jq '.hot_paths[] | select(.name == "%s") | .plan'   # %.0f MB of work_mem for each sort of each connection would be too much: make %s sort fewer rows, with an index in its sort order or a LIMIT`, name, need/1024, name)
	}
	return fmt.Sprintf(`psql "$DATABASE_URL" -c "ALTER ROLE CURRENT_USER SET work_mem = '%.0fMB'" && psql "$PGBOUNCER_ADMIN_URL" -c RECONNECT   # applies to each sort of each connection`, need/1024)
}

func workMem(o *facts.Observation) string {
	if o.Facts == nil {
		return ""
	}
	return fmt.Sprintf(" (%.0f kB)", o.Facts.WorkMemKB)
}

func heapFetched(o *facts.Observation) Outcome {
	var hits []hit
	for _, b := range worstSteps(o.Hot, heapFetches, ownTime) {
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("%s: %s read the table for %s rows (%.0f%% of them), because their pages are not marked all-visible.",
				b.path.Who(), b.where(), b.rows, b.factor*100),
			about: b.tables(),
		}.mendedBy("VACUUM "+quoted(b.table)+";").priced(b.cost))
	}
	return ranOr(o, hits, "Index-only scans read only their index.")
}

func discardedRows(o *facts.Observation) Outcome {
	var hits []hit
	for _, b := range worstSteps(o.Hot, discarded, ownTime) {
		h := hit{about: b.tables(), Evidence: fmt.Sprintf("%s: %s reads and discards %s rows, %s%.0f for each one that it returns.", b.path.Who(), b.where(), b.rows, b.atLeast(), b.factor)}
		if sql := brokenIndexes(o, b.table); sql != "" {
			h = h.mendedBy(sql)
		}
		hits = append(hits, h.priced(b.cost))
	}
	return ranOr(o, hits, "No step of a hot statement discards %d rows for each one that it returns.", facts.DiscardedShare)
}

// coldReads judges what the first run met. Only the difference to the best run can be laid to where the pages lay.
func coldReads(o *facts.Observation) Outcome {
	var hits []hit
	for _, name := range hotNames(o.Hot) {
		cost := func(h facts.HotPath) float64 {
			if !h.FirstRun.Cold() {
				return -1
			}
			return max(0, h.FirstRun.ExecutionMS-h.ExecutionMS)
		}
		w, ok := worstBy(o.Hot, name, cost)
		if !ok || cost(w) < 0 {
			continue
		}
		f := w.FirstRun
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("%s: its first run read %.0f of %.0f pages from outside shared_buffers and took %.1f ms; a warm run takes %.1f ms.",
				w.Who(), f.ReadBlocks, f.ReadBlocks+f.HitBlocks, f.ExecutionMS, w.ExecutionMS),
			about: w.Plan.Relations(),
		}.priced(cost(w)))
	}
	return ranOr(o, hits, "The pages of the hot statements were in memory, or there were few of them.")
}

// PlanningLeastMS is what planning must take before it is worth a word: less than a twentieth of a turn
// to a database an ocean away (110 ms).
const PlanningLeastMS = 5.0

// planningDominates judges the user for whom a statement was planned fastest: planning hardly depends on the
// values, so what holds for one user alone was a busy moment.
func planningDominates(o *facts.Observation) Outcome {
	var hits []hit
	for _, name := range hotNames(o.Hot) {
		least, ok := worstBy(o.Hot, name, func(h facts.HotPath) float64 {
			if h.FirstRun == nil {
				return math.Inf(-1)
			}
			return -h.PlanningMS
		})
		if !ok || least.PlanningMS < PlanningLeastMS || least.PlanningMS <= least.ExecutionMS {
			continue
		}
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("%s: planning takes %.1f ms or more for every user; execution takes %.1f ms for the %s user%s.",
				name, least.PlanningMS, least.ExecutionMS, least.Subject, mostIndexes(o, least.Plan)),
			CostMS: least.PlanningMS - PlanningLeastMS,
			about:  least.Plan.Relations(),
		})
	}
	return ranOr(o, hits, "No hot statement takes %.0f ms or more to plan and longer to plan than to execute.", PlanningLeastMS)
}

// mostIndexes names the table of a plan with the most indexes: each is weighed at each planning.
func mostIndexes(o *facts.Observation, p *facts.Plan) string {
	if o.Facts == nil || p == nil {
		return ""
	}
	count := map[string]int{}
	for _, d := range o.Facts.Indexes {
		count[d.Table]++
	}
	tables := p.Relations()
	if len(tables) == 0 {
		return ""
	}
	most := slices.MaxFunc(tables, func(a, b string) int { return cmp.Compare(count[a], count[b]) })
	return fmt.Sprintf("; the planner considers %[2]s of %[1]s", most, facts.Plural(count[most], "index", "indexes"))
}
