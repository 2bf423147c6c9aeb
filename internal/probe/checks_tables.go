package probe

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/store"
)

const (
	// staleShare is how many rows must have changed for each one that the last ANALYZE saw. Autovacuum would
	// set to work at 0.1, and wakes once a minute only. It is above 1 because of how Postgres counts: what a
	// session has loaded and analyzed itself may be added to the count after the ANALYZE that saw it.
	staleShare = 1.1
	// deadFactor is how far beyond the point where autovacuum would vacuum a table (Postgres: threshold + scale
	// factor x rows, 50 + 20% unless changed) its dead rows must be: with 2 they are two for five live ones.
	deadFactor = 2
	// unusedAfter is how long statistics must have been counting before an index without a scan is called
	// unused: a weekly job has had its turn by then.
	unusedAfter = 7 * 24 * time.Hour
)

// tablesOf lists the tables of the migrations that the database has statistics of.
func (o *observation) tablesOf() []string {
	ours := map[string]bool{}
	for _, i := range o.expected {
		ours[i.Table] = true
	}
	var out []string
	for _, t := range slices.Sorted(maps.Keys(o.facts.tables)) {
		if ours[t] {
			out = append(out, t)
		}
	}
	return out
}

// mendTable is a statement on a table, after autovacuum has been switched on again where it was off.
func mendTable(t tableFacts, name, statement string) string {
	if t.autovacuum {
		return statement
	}
	return "ALTER TABLE " + quoted(name) + " RESET (autovacuum_enabled);\n" + statement
}

func autovacuumOff(t tableFacts, name string) string {
	if t.autovacuum {
		return ""
	}
	return fmt.Sprintf(" Autovacuum is off for %s.", name)
}

// tableHit is about one table, that a statement mends.
func tableHit(o *observation, name, mends, evidence string) hit {
	t := o.facts.tables[name]
	h := hit{evidence: evidence + autovacuumOff(t, name), about: []string{name}}.mendedBy(mendTable(t, name, mends))
	cost, which := excess(o, name)
	h.costMS = cost
	if which != "" {
		h.evidence += " " + which + " is slower because of it."
	}
	return h
}

func staleStatistics(o *observation) outcome {
	var hits []hit
	for _, name := range o.tablesOf() {
		t := o.facts.tables[name]
		if t.changed < max(ruleLeastRows, t.analyzeAt, staleShare*t.estimated) {
			continue
		}
		since := fmt.Sprintf("since its last ANALYZE, which counted %.0f", t.estimated)
		if !t.analyzed {
			since = "and it has never been analyzed"
		}
		hits = append(hits, tableHit(o, name, "ANALYZE "+quoted(name)+";", fmt.Sprintf("%s: %.0f rows have changed %s.", name, t.changed, since)))
	}
	return orPassed(hits, "No table has changed more rows since its last ANALYZE than it had then.")
}

func deadRows(o *observation) outcome {
	var hits []hit
	for _, name := range o.tablesOf() {
		t := o.facts.tables[name]
		if t.dead < ruleLeastRows || t.dead < deadFactor*t.vacuumAt {
			continue
		}
		hits = append(hits, tableHit(o, name, "VACUUM (ANALYZE) "+quoted(name)+";",
			fmt.Sprintf("%s has %.0f dead rows and %.0f live ones; every scan reads the dead rows too.", name, t.dead, t.live)))
	}
	return orPassed(hits, "No table has more than %d times the dead rows that trigger autovacuum.", deadFactor)
}

// expectedKey is what an index of the migrations is on, in indexKey's form.
func expectedKey(want store.Index) string {
	first, _, _ := strings.Cut(want.DDL, ";\n")
	return indexKey(first)
}

func wrongIndex(o *observation) outcome {
	var hits []hit
	for _, want := range o.expected {
		have, ok := o.facts.index(want.Name)
		unique := strings.HasPrefix(want.DDL, "CREATE UNIQUE ")
		if !ok || have.table == want.Table && have.key == expectedKey(want) && (have.unique || !unique) {
			continue
		}
		hits = append(hits, indexHit(o, want,
			fmt.Sprintf("%s on %s differs from its migration: it is on %s %s and should be on %s %s",
				want.Name, want.Table, have.table, maskExpr(have.key), want.Table, maskExpr(expectedKey(want))),
			replaceIndex(want)))
	}
	return orPassed(hits, "Every expected index is on the right columns.")
}

// replaceIndex builds the right index beside the wrong one before that one goes, so that there is no
// moment without any.
func replaceIndex(want store.Index) string {
	first, rest, _ := strings.Cut(want.DDL, ";\n")
	spare := want.Name + "_new"
	out := []string{
		strings.TrimSuffix(strings.Replace(first, " "+want.Name+" ON ", " "+spare+" ON ", 1), ";") + ";",
		"DROP INDEX CONCURRENTLY " + want.Name + ";",
		"ALTER INDEX " + spare + " RENAME TO " + want.Name + ";",
	}
	if rest != "" {
		out = append(out, rest)
	}
	return strings.Join(out, "\n")
}

// brokenIndexes is the DDL for the indexes that are missing or not valid on a table, and that nobody is building; empty
// if nothing is.
func brokenIndexes(o *observation, table string) string {
	var ddl []string
	for _, want := range o.expected {
		if want.Table != table || o.schema == nil {
			continue
		}
		if valid, ok := o.schema.indexes[want.Name]; !ok {
			ddl = append(ddl, want.DDL)
		} else if _, building := o.schema.builds[want.Name]; !valid && !building {
			ddl = append(ddl, "REINDEX INDEX CONCURRENTLY "+want.Name+";")
		}
	}
	return strings.Join(ddl, "\n")
}

// needlessIndex finds indexes beside those of the migrations: a copy of another is a fault at once, one
// that nobody has used is a remark after a week.
func needlessIndex(o *observation) outcome {
	ours := map[string]bool{}
	for _, i := range o.expected {
		ours[i.Name] = true
	}
	var hits []hit
	for _, d := range o.facts.indexes {
		if ours[d.name] || d.constraint || !slices.Contains(o.tablesOf(), d.table) {
			continue
		}
		h := hit{remedy: remedySQL("DROP INDEX CONCURRENTLY " + pgx.Identifier{d.name}.Sanitize() + ";")}
		twin := slices.IndexFunc(o.facts.indexes, func(e indexDefinition) bool {
			return e.name != d.name && e.valid && e.table == d.table && e.key == d.key && (e.unique || !d.unique) && (ours[e.name] || e.name < d.name)
		})
		switch {
		case twin >= 0:
			h.evidence = fmt.Sprintf("%s on %s (%.0f kB) duplicates %s: every write updates both.", d.name, d.table, d.kb, o.facts.indexes[twin].name)
		case d.scans == 0 && o.facts.countedFor >= unusedAfter:
			h.severity = Info
			h.evidence = fmt.Sprintf("%s on %s (%.0f kB) has not been used for %.0f days, and no migration creates it.", d.name, d.table, d.kb, o.facts.countedFor.Hours()/24)
		default:
			continue
		}
		hits = append(hits, h)
	}
	unsure := ""
	if o.facts.countedFor < unusedAfter {
		unsure = fmt.Sprintf(" Whether an index is unused is not known yet: the statistics cover %.1f days, and %.0f are needed.", o.facts.countedFor.Hours()/24, unusedAfter.Hours()/24)
	}
	return orPassed(hits, "No index duplicates another.%s", unsure)
}
