package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

const (
	// StaleShare is how many rows must have changed for each one that the last ANALYZE saw. Autovacuum would
	// set to work at 0.1, and wakes once a minute only. It is above 1 because of how Postgres counts: what a
	// session has loaded and analyzed itself may be added to the count after the ANALYZE that saw it.
	StaleShare = 1.1
	// DeadFactor is how far beyond the point where autovacuum would vacuum a table (Postgres: threshold + scale
	// factor x rows, 50 + 20% unless changed) its dead rows must be: with 2 they are two for five live ones.
	DeadFactor = 2
	// unusedAfter is how long statistics must have been counting before an index without a scan is called
	// unused: a weekly job has had its turn by then.
	unusedAfter = 7 * 24 * time.Hour
)

// tablesOf lists the tables of the migrations that the database has statistics of.
func tablesOf(o *facts.Observation) []string {
	ours := map[string]bool{}
	for _, i := range o.Expected {
		ours[i.Table] = true
	}
	var out []string
	for _, t := range slices.Sorted(maps.Keys(o.Facts.Tables)) {
		if ours[t] {
			out = append(out, t)
		}
	}
	return out
}

// mendTable is a statement on a table, after autovacuum has been switched on again where it was off.
func mendTable(t facts.TableFacts, name, statement string) string {
	if t.Autovacuum {
		return statement
	}
	return "ALTER TABLE " + quoted(name) + " RESET (autovacuum_enabled);\n" + statement
}

func autovacuumOff(t facts.TableFacts, name string) string {
	if t.Autovacuum {
		return ""
	}
	return fmt.Sprintf(" Autovacuum is off for %s.", name)
}

// tableHit is about one table, that a statement mends.
func tableHit(o *facts.Observation, name, mends, evidence string) hit {
	t := o.Facts.Tables[name]
	h := hit{Evidence: evidence + autovacuumOff(t, name), about: []string{name}}.mendedBy(mendTable(t, name, mends))
	cost, which := excess(o, name)
	h.CostMS = cost
	if which != "" {
		h.Evidence += " " + which + " is slower because of it."
	}
	return h
}

func staleStatistics(o *facts.Observation) Outcome {
	var hits []hit
	for _, name := range tablesOf(o) {
		t := o.Facts.Tables[name]
		if t.Changed < max(facts.RuleLeastRows, t.AnalyzeAt, StaleShare*t.Estimated) {
			continue
		}
		since := fmt.Sprintf("since its last ANALYZE, which counted %.0f", t.Estimated)
		if !t.Analyzed {
			since = "and it has never been analyzed"
		}
		hits = append(hits, tableHit(o, name, "ANALYZE "+quoted(name)+";", fmt.Sprintf("%s: %.0f rows have changed %s.", name, t.Changed, since)))
	}
	return orPassed(hits, "No table has changed more rows since its last ANALYZE than it had then.")
}

func deadRows(o *facts.Observation) Outcome {
	var hits []hit
	for _, name := range tablesOf(o) {
		t := o.Facts.Tables[name]
		if t.Dead < facts.RuleLeastRows || t.Dead < DeadFactor*t.VacuumAt {
			continue
		}
		hits = append(hits, tableHit(o, name, "VACUUM (ANALYZE) "+quoted(name)+";",
			fmt.Sprintf("%s has %.0f dead rows and %.0f live ones; every scan reads the dead rows too.", name, t.Dead, t.Live)))
	}
	return orPassed(hits, "No table has more than %d times the dead rows that trigger autovacuum.", DeadFactor)
}

// ExpectedKey is what an index of the migrations is on, in indexKey's form.
func ExpectedKey(want store.Index) string {
	first, _, _ := strings.Cut(want.DDL, ";\n")
	return facts.IndexKey(first)
}

func wrongIndex(o *facts.Observation) Outcome {
	var hits []hit
	for _, want := range o.Expected {
		have, ok := o.Facts.Index(want.Name)
		unique := strings.HasPrefix(want.DDL, "CREATE UNIQUE ")
		if !ok || have.Table == want.Table && have.Key == ExpectedKey(want) && (have.Unique || !unique) {
			continue
		}
		hits = append(hits, indexHit(o, want,
			fmt.Sprintf("%s on %s differs from its migration: it is on %s %s and should be on %s %s",
				want.Name, want.Table, have.Table, facts.MaskExpr(have.Key), want.Table, facts.MaskExpr(ExpectedKey(want))),
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
func brokenIndexes(o *facts.Observation, table string) string {
	var ddl []string
	for _, want := range o.Expected {
		if want.Table != table || o.Schema == nil {
			continue
		}
		if valid, ok := o.Schema.Indexes[want.Name]; !ok {
			ddl = append(ddl, want.DDL)
		} else if _, building := o.Schema.Builds[want.Name]; !valid && !building {
			ddl = append(ddl, "REINDEX INDEX CONCURRENTLY "+want.Name+";")
		}
	}
	return strings.Join(ddl, "\n")
}

// needlessIndex finds indexes beside those of the migrations: a copy of another is a fault at once, one
// that nobody has used is a remark after a week.
func needlessIndex(o *facts.Observation) Outcome {
	ours := map[string]bool{}
	for _, i := range o.Expected {
		ours[i.Name] = true
	}
	var hits []hit
	for _, d := range o.Facts.Indexes {
		if ours[d.Name] || d.Constraint || !slices.Contains(tablesOf(o), d.Table) {
			continue
		}
		h := hit{Remedy: remedySQL("DROP INDEX CONCURRENTLY " + pgx.Identifier{d.Name}.Sanitize() + ";")}
		twin := slices.IndexFunc(o.Facts.Indexes, func(e facts.IndexDefinition) bool {
			return e.Name != d.Name && e.Valid && e.Table == d.Table && e.Key == d.Key && (e.Unique || !d.Unique) && (ours[e.Name] || e.Name < d.Name)
		})
		switch {
		case twin >= 0:
			h.Evidence = fmt.Sprintf("%s on %s (%.0f kB) duplicates %s: every write updates both.", d.Name, d.Table, d.KB, o.Facts.Indexes[twin].Name)
		case d.Scans == 0 && o.Facts.CountedFor >= unusedAfter:
			h.severity = facts.Info
			h.Evidence = fmt.Sprintf("%s on %s (%.0f kB) has not been used for %.0f days, and no migration creates it.", d.Name, d.Table, d.KB, o.Facts.CountedFor.Hours()/24)
		default:
			continue
		}
		hits = append(hits, h)
	}
	unsure := ""
	if o.Facts.CountedFor < unusedAfter {
		unsure = fmt.Sprintf(" Whether an index is unused is not known yet: the statistics cover %.1f days, and %.0f are needed.", o.Facts.CountedFor.Hours()/24, unusedAfter.Hours()/24)
	}
	return orPassed(hits, "No index duplicates another.%s", unsure)
}
