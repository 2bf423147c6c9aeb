package probe

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/honeydue/honeydue/internal/store"
)

// hotNames lists the hot statements, each once, in the order of the catalogue.
func hotNames(hot []HotPath) []string {
	var out []string
	for _, h := range hot {
		if !slices.Contains(out, h.Name) {
			out = append(out, h.Name)
		}
	}
	return out
}

// who names a hot path for people.
func (h HotPath) who() string { return fmt.Sprintf("%s for the %s user", h.Name, h.Subject) }

// worstBy returns the subject for whom a hot statement has the greatest value.
func worstBy(hot []HotPath, name string, value func(HotPath) float64) (HotPath, bool) {
	var worst HotPath
	found := false
	for _, h := range hot {
		if h.Name == name && (!found || value(h) > value(worst)) {
			worst, found = h, true
		}
	}
	return worst, found
}

func statementFails(o *observation) outcome {
	var hits []hit
	for _, name := range hotNames(o.hot) {
		for _, h := range o.hot {
			if h.Name == name && h.Error != "" {
				hits = append(hits, hit{evidence: fmt.Sprintf("%s: %s.", h.who(), h.Error), about: []string{h.sqlState}})
				break
			}
		}
	}
	if len(hits) == 0 && slices.ContainsFunc(o.hot, func(h HotPath) bool { return h.Plan == nil || h.NotMeasured != "" }) {
		return notKnown("Not every hot statement was explained and completed.%s", o.notMeasured())
	}
	return orPassed(hits, "%s run for every test user.", plural(len(hotNames(o.hot)), "hot statement", "hot statements"))
}

// notMeasured names the first hot path that one of the probe's own time-outs ended.
func (o *observation) notMeasured() string {
	for _, h := range o.hot {
		if h.NotMeasured != "" {
			return fmt.Sprintf(" %s: %s.", h.who(), h.NotMeasured)
		}
	}
	return ""
}

// excess is what a hot path pays for reading a table: the time of its sequential scans there, or the
// execution beyond S14's limit in any statement that reads it, whichever is more. Which says which path
// that is.
func excess(o *observation, table string) (costMS float64, which string) {
	for _, h := range o.hot {
		if h.Plan == nil || !slices.Contains(h.Plan.relations(), table) {
			continue
		}
		cost := max(0, h.tookAtLeast()-h.S14.LimitMS)
		scans := 0.0
		for _, s := range h.Plan.sequential() {
			if s.Relation == table && o.schema.size(table, s.Rows) >= s14ExemptRows {
				scans += s.MS
			}
		}
		if cost = max(cost, scans); cost > costMS {
			costMS, which = cost, h.who()
		}
	}
	return costMS, which
}

func missingIndex(o *observation) outcome {
	var hits []hit
	for _, want := range o.expected {
		if _, ok := o.schema.indexes[want.Name]; ok {
			continue
		}
		hits = append(hits, indexHit(o, want, fmt.Sprintf("%s on %s does not exist", want.Name, want.Table), want.DDL))
	}
	return orPassed(hits, "All %d indexes that the migrations create exist.", len(o.expected))
}

func invalidIndex(o *observation) outcome {
	var hits []hit
	for _, want := range o.expected {
		if valid, ok := o.schema.indexes[want.Name]; !ok || valid {
			continue
		}
		if b, ok := o.schema.builds[want.Name]; ok {
			h := indexHit(o, want, fmt.Sprintf("%s on %s is being built (%s), and no plan can use it until it is complete", want.Name, want.Table, b), "")
			h.severity, h.remedy, h.sql = Info, waitForBuild, nil
			hits = append(hits, h)
			continue
		}
		h := indexHit(o, want, fmt.Sprintf("%s on %s is invalid, so no plan can use it", want.Name, want.Table),
			"REINDEX INDEX CONCURRENTLY "+want.Name+";")
		if o.schema.hiddenBuild {
			h.evidence += " An index is being built in this database, but this role is not allowed to see which one."
			h.remedy = waitForBuild + ", as a role with pg_monitor; if it is a different index:\n" + h.remedy
		}
		hits = append(hits, h)
	}
	return orPassed(hits, "Every expected index is valid.")
}

// waitForBuild is the remedy for an index that is under way: another build would queue behind it and do it again.
const waitForBuild = `psql "$DATABASE_DIRECT_URL" -c 'SELECT index_relid::regclass, phase, blocks_done, blocks_total FROM pg_stat_progress_create_index'   # wait for it`

// indexHit is critical where a hot statement pays a millisecond or more for the index that it can't use.
func indexHit(o *observation, want store.Index, evidence, sql string) hit {
	if p, ok := o.promises[want.Name]; ok {
		evidence += p.String()
	}
	h := hit{evidence: evidence + ".", about: []string{want.Table, want.Name}}.mendedBy(sql)
	cost, which := excess(o, want.Table)
	if thrown, by := thrownAway(o, want.Table); thrown > cost {
		cost, which = thrown, by
	}
	if cost > 0 {
		h.costMS = cost
		if cost >= harmlessScanMS {
			h.severity = Critical
		}
		h.evidence = fmt.Sprintf("%s; %s is slower because of it.", evidence, which)
	}
	return h
}

// thrownAway is what a hot path pays for rows of a table that it reads by another index and throws away (HD-Q13): their
// share of the time of those steps.
func thrownAway(o *observation, table string) (costMS float64, which string) {
	for _, h := range o.hot {
		if h.Plan == nil {
			continue
		}
		cost := 0.0
		for _, s := range h.Plan.discarded() {
			if s.node.Relation == table {
				cost += s.totalMS * s.rows.low / (s.rows.low + h.Plan.rows(s.node).high)
			}
		}
		if cost > costMS {
			costMS, which = cost, h.who()
		}
	}
	return costMS, which
}

func sequentialScan(o *observation) outcome {
	type worst struct {
		scan scan
		path HotPath
		rows float64
	}
	byTable := map[string]worst{}
	var tables []string
	for _, h := range o.hot {
		if h.Plan == nil {
			continue
		}
		for _, s := range h.Plan.sequential() {
			rows := o.schema.size(s.Relation, s.Rows)
			if rows < s14ExemptRows {
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
		h.costMS, _ = excess(o, table)
		took := fmt.Sprintf("%.1f ms", w.scan.MS)
		switch {
		case w.scan.MS == 0:
			took = "by the plan; it was not run"
			if w.rows < harmlessRows {
				h.severity = Info
			}
		case w.scan.MS < harmlessScanMS:
			// An index would take as long.
			h.severity, h.costMS = Info, 0
		}
		h.evidence = fmt.Sprintf("%s does a sequential scan of %s (about %.0f rows, %s).", w.path.who(), table, w.rows, took)
		hits = append(hits, h)
	}
	return orPassed(hits, "Every hot statement uses an index on every table of %d rows or more.", s14ExemptRows)
}

// scanRemedy makes the indexes that are missing or not valid if there are any, or waits for one that is being built;
// else the statistics are the first suspect.
func scanRemedy(o *observation, h hit, table string) hit {
	sql := brokenIndexes(o, table)
	if sql == "" && o.schema.isBuilding(table) {
		h.remedy = waitForBuild
		return h
	}
	return h.mendedBy(cmp.Or(sql, "ANALYZE "+quoted(table)+";   -- the indexes exist; if the plan does not change, check random_page_cost"))
}

func slowExecution(o *observation) outcome {
	var hits []hit
	judged := 0
	for _, name := range hotNames(o.hot) {
		over := func(h HotPath) float64 { return h.tookAtLeast() - h.S14.LimitMS }
		for _, h := range o.hot {
			if h.Name == name && h.S14.Status != Unknown {
				judged++
			}
		}
		if worst, ok := worstBy(o.hot, name, over); ok && over(worst) > 0 && worst.S14.Status == Fail {
			hits = append(hits, hit{
				evidence: fmt.Sprintf("%s: %s.", worst.who(), worst.S14.Why),
				costMS:   over(worst),
				about:    worst.Plan.relations(),
			})
		}
	}
	if len(hits) == 0 && judged < len(o.hot) {
		return notKnown("%d of %d hot paths were not executed under ANALYZE.", len(o.hot)-judged, len(o.hot))
	}
	return orPassed(hits, "Execution stays within %.0f ms for the median user, %.0f ms for %d tasks.", s14MedianMS, s14HeavyMS, s14HeavyTasks)
}
