package facts

import (
	"strings"
	"time"
)

// DatabaseFacts is what Postgres's catalogue and its cumulative statistics say about tables, indexes and
// settings, besides what schemaFacts has.
type DatabaseFacts struct {
	Tables  map[string]TableFacts
	Indexes []IndexDefinition
	// SharedBuffersKB is the server's memory for blocks; 0 where it is not known.
	SharedBuffersKB float64
	SessionFacts
	// CountedFor is how long the cumulative statistics have been counting, at least.
	CountedFor time.Duration
	// Hypopg is the schema of the extension, quoted where SQL needs quotes; empty where it is not installed in this database.
	Hypopg string
}

// SessionFacts is what the app's sessions begin with, through the pooler where there is one.
type SessionFacts struct {
	PlanCacheMode string
	WorkMemKB     float64
	// Given are the planner's settings that a role or a database has of its own.
	Given []GivenSetting
	// Session are the settings that the app relies on.
	Session []AppSetting
}

// TableFacts are counts of rows. Estimated is the planner's, the others are those of the cumulative
// statistics; vacuumAt and analyzeAt are where autovacuum would set to work.
type TableFacts struct {
	Estimated, Live, Dead, Changed float64
	VacuumAt, AnalyzeAt            float64
	Autovacuum                     bool
	// Analyzed is false where the planner has no statistics of the table at all.
	Analyzed bool
	KB       float64 // by the planner's count of pages
}

// IndexDefinition is one index of the app's tables as it is.
type IndexDefinition struct {
	Name, Table string
	Valid       bool
	// Key is the part of pg_get_indexdef's after the table's name, in one normal form.
	Key        string
	Unique     bool
	Constraint bool
	// Columns are in order, with their direction; nil where the index has expressions or a predicate.
	Columns []IndexColumn
	Scans   float64
	KB      float64
}

// IndexColumn is one column or expression of an index, with how it is ordered.
type IndexColumn struct {
	Name       string
	Descending bool
	NullsFirst bool
}

// GivenSetting is a setting that the app's sessions begin with, because of ALTER ROLE or ALTER DATABASE.
type GivenSetting struct {
	Name, Value string
	// Pending is set where the session that was asked has another value: it is older than the change.
	Pending         bool
	Role, EveryRole bool // whose it is; of a role in one database both role and database are set
	Database        bool
}

// Index finds an index by its name.
func (f *DatabaseFacts) Index(name string) (IndexDefinition, bool) {
	for _, d := range f.Indexes {
		if d.Name == name {
			return d, true
		}
	}
	return IndexDefinition{}, false
}

// IndexKey brings what follows the table's name in a definition of an index into one form, whether a
// migration or pg_get_indexdef wrote it.
func IndexKey(definition string) string {
	_, key, found := strings.Cut(definition, " ON ")
	if !found {
		return ""
	}
	key = strings.TrimSuffix(strings.Join(strings.Fields(key), " "), ";")
	open := strings.IndexByte(key, '(')
	if open < 0 {
		return ""
	}
	columns, condition, partial := strings.Cut(key[open:], " WHERE ")
	columns = singleParentheses(strings.ToLower(columns))
	if _, method, named := strings.Cut(strings.ToLower(strings.TrimSpace(key[:open])), " using "); named && method != "btree" {
		columns = method + " " + columns
	}
	if !partial {
		return columns
	}
	condition = strings.TrimSpace(condition)
	if strings.HasPrefix(condition, "(") && strings.HasSuffix(condition, ")") {
		condition = condition[1 : len(condition)-1]
	}
	return columns + " where " + strings.ToLower(condition)
}

// singleParentheses makes one parenthesis of several in a row: Postgres adds its own around an expression.
func singleParentheses(s string) string {
	for _, twice := range []string{"((", "))"} {
		for strings.Contains(s, twice) {
			s = strings.ReplaceAll(s, twice, twice[:1])
		}
	}
	return s
}
