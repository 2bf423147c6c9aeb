package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// hotNames lists the hot statements, each once, in the order of the catalogue.
func hotNames(hot []facts.HotPath) []string {
	var out []string
	for _, h := range hot {
		if !slices.Contains(out, h.Name) {
			out = append(out, h.Name)
		}
	}
	return out
}

// worstBy returns the subject for whom a hot statement has the greatest value.
func worstBy(hot []facts.HotPath, name string, value func(facts.HotPath) float64) (facts.HotPath, bool) {
	var worst facts.HotPath
	found := false
	for _, h := range hot {
		if h.Name == name && (!found || value(h) > value(worst)) {
			worst, found = h, true
		}
	}
	return worst, found
}

func statementFails(o *facts.Observation) Outcome {
	var hits []hit
	for _, name := range hotNames(o.Hot) {
		for _, h := range o.Hot {
			if h.Name == name && h.Error != "" {
				hits = append(hits, hit{Evidence: fmt.Sprintf("%s: %s.", h.Who(), h.Error), about: []string{h.SQLState}})
				break
			}
		}
	}
	if len(hits) == 0 && slices.ContainsFunc(o.Hot, func(h facts.HotPath) bool { return h.Plan == nil || h.NotMeasured != "" }) {
		return notKnown("Not every hot statement was explained and completed.%s", notMeasured(o))
	}
	return orPassed(hits, "%s run for every test user.", facts.Plural(len(hotNames(o.Hot)), "hot statement", "hot statements"))
}

// notMeasured names the first hot path that one of the probe's own time-outs ended.
func notMeasured(o *facts.Observation) string {
	for _, h := range o.Hot {
		if h.NotMeasured != "" {
			return fmt.Sprintf(" %s: %s.", h.Who(), h.NotMeasured)
		}
	}
	return ""
}

// excess is what a hot path pays for reading a table: the time of its sequential scans there, or the
// execution beyond S14's limit in any statement that reads it, whichever is more. Which says which path
// that is.
func excess(o *facts.Observation, table string) (costMS float64, which string) {
	for _, h := range o.Hot {
		if h.Plan == nil || !slices.Contains(h.Plan.Relations(), table) {
			continue
		}
		cost := max(0, h.TookAtLeast()-h.S14.LimitMS)
		scans := 0.0
		for _, s := range h.Plan.Sequential() {
			if s.Relation == table && o.Schema.Size(table, s.Rows) >= facts.S14ExemptRows {
				scans += s.MS
			}
		}
		if cost = max(cost, scans); cost > costMS {
			costMS, which = cost, h.Who()
		}
	}
	return costMS, which
}

func missingIndex(o *facts.Observation) Outcome {
	var hits []hit
	for _, want := range o.Expected {
		if _, ok := o.Schema.Indexes[want.Name]; ok {
			continue
		}
		hits = append(hits, indexHit(o, want, fmt.Sprintf("%s on %s does not exist", want.Name, want.Table), want.DDL))
	}
	return orPassed(hits, "All %d indexes that the migrations create exist.", len(o.Expected))
}

func invalidIndex(o *facts.Observation) Outcome {
	var hits []hit
	for _, want := range o.Expected {
		if valid, ok := o.Schema.Indexes[want.Name]; !ok || valid {
			continue
		}
		if b, ok := o.Schema.Builds[want.Name]; ok {
			h := indexHit(o, want, fmt.Sprintf("%s on %s is being built (%s), and no plan can use it until it is complete", want.Name, want.Table, b), "")
			h.severity, h.Remedy, h.sql = facts.Info, waitForBuild, nil
			hits = append(hits, h)
			continue
		}
		h := indexHit(o, want, fmt.Sprintf("%s on %s is invalid, so no plan can use it", want.Name, want.Table),
			"REINDEX INDEX CONCURRENTLY "+want.Name+";")
		if o.Schema.HiddenBuild {
			h.Evidence += " An index is being built in this database, but this role is not allowed to see which one."
			h.Remedy = waitForBuild + ", as a role with pg_monitor; if it is a different index:\n" + h.Remedy
		}
		hits = append(hits, h)
	}
	return orPassed(hits, "Every expected index is valid.")
}

// waitForBuild is the remedy for an index that is under way: another build would queue behind it and do it again.
const waitForBuild = `psql "$DATABASE_DIRECT_URL" -c 'SELECT index_relid::regclass, phase, blocks_done, blocks_total FROM pg_stat_progress_create_index'   # wait for it`

// indexHit is critical where a hot statement pays a millisecond or more for the index that it can't use.
func indexHit(o *facts.Observation, want store.Index, evidence, sql string) hit {
	if p, ok := o.Promises[want.Name]; ok {
		evidence += p.String()
	}
	h := hit{Evidence: evidence + ".", about: []string{want.Table, want.Name}}.mendedBy(sql)
	cost, which := excess(o, want.Table)
	if thrown, by := thrownAway(o, want.Table); thrown > cost {
		cost, which = thrown, by
	}
	if cost > 0 {
		h.CostMS = cost
		if cost >= facts.HarmlessScanMS {
			h.severity = facts.Critical
		}
		h.Evidence = fmt.Sprintf("%s; %s is slower because of it.", evidence, which)
	}
	return h
}

// thrownAway is what a hot path pays for rows of a table that it reads by another index and throws away (HD-Q13): their
// share of the time of those steps.
func thrownAway(o *facts.Observation, table string) (costMS float64, which string) {
	for _, h := range o.Hot {
		if h.Plan == nil {
			continue
		}
		cost := 0.0
		for _, s := range discarded(h.Plan) {
			if s.node.Relation == table {
				cost += s.totalMS * s.rows.Low / (s.rows.Low + h.Plan.Rows(s.node).High)
			}
		}
		if cost > costMS {
			costMS, which = cost, h.Who()
		}
	}
	return costMS, which
}

func sequentialScan(o *facts.Observation) Outcome {
	type worst struct {
		scan facts.Scan
		path facts.HotPath
		rows float64
	}
	byTable := map[string]worst{}
	var tables []string
	for _, h := range o.Hot {
		if h.Plan == nil {
			continue
		}
		for _, s := range h.Plan.Sequential() {
			rows := o.Schema.Size(s.Relation, s.Rows)
			if rows < facts.S14ExemptRows {
				continue
			}
			w, known := byTable[s.Relation]
			if !known {
				tables = append(tables, s.Relation)
			}
			if !known || s.MS > w.scan.MS {
				byTable[s.Relation] = worst{s, h, rows}
			}
		}
	}
	var hits []hit
	for _, table := range tables {
		w := byTable[table]
		h := scanRemedy(o, hit{about: []string{table}}, table)
		h.CostMS, _ = excess(o, table)
		took := fmt.Sprintf("%.1f ms", w.scan.MS)
		switch {
		case w.scan.MS == 0:
			took = "by the plan; it was not run"
			if w.rows < facts.HarmlessRows {
				h.severity = facts.Info
			}
		case w.scan.MS < facts.HarmlessScanMS:
			// An index would take as long.
			h.severity, h.CostMS = facts.Info, 0
		}
		h.Evidence = fmt.Sprintf("%s does a sequential scan of %s (about %.0f rows, %s).", w.path.Who(), table, w.rows, took)
		hits = append(hits, h)
	}
	return orPassed(hits, "Every hot statement uses an index on every table of %d rows or more.", facts.S14ExemptRows)
}

// scanRemedy makes the indexes that are missing or not valid if there are any, or waits for one that is being built;
// else the statistics are the first suspect.
func scanRemedy(o *facts.Observation, h hit, table string) hit {
	sql := brokenIndexes(o, table)
	if sql == "" && o.Schema.IsBuilding(table) {
		h.Remedy = waitForBuild
		return h
	}
	return h.mendedBy(cmp.Or(sql, "ANALYZE "+quoted(table)+";   -- the indexes exist; if the plan does not change, check random_page_cost"))
}

func slowExecution(o *facts.Observation) Outcome {
	var hits []hit
	judged := 0
	for _, name := range hotNames(o.Hot) {
		over := func(h facts.HotPath) float64 { return h.TookAtLeast() - h.S14.LimitMS }
		for _, h := range o.Hot {
			if h.Name == name && h.S14.Status != facts.Unknown {
				judged++
			}
		}
		if worst, ok := worstBy(o.Hot, name, over); ok && over(worst) > 0 && worst.S14.Status == facts.Fail {
			hits = append(hits, hit{
				Evidence: fmt.Sprintf("%s: %s.", worst.Who(), worst.S14.Why),
				CostMS:   over(worst),
				about:    worst.Plan.Relations(),
			})
		}
	}
	if len(hits) == 0 && judged < len(o.Hot) {
		return notKnown("%d of %d hot paths were not executed under ANALYZE.", len(o.Hot)-judged, len(o.Hot))
	}
	return orPassed(hits, "Execution stays within %.0f ms for the median user, %.0f ms for %d tasks.", facts.S14MedianMS, facts.S14HeavyMS, facts.S14HeavyTasks)
}
