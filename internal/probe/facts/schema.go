package facts

import (
	"fmt"
)

// SchemaFacts is what the database's catalogue says about the app's tables.
type SchemaFacts struct {
	// Rows is each table's estimated size; a table that was never analysed is not in it.
	Rows map[string]float64
	// Indexes by name; false where one is not valid.
	Indexes map[string]bool
	// Builds are under way, by the name of the index that is not valid until its build ends. hiddenBuild is set where
	// the role may not see what somebody builds in this database.
	Builds      map[string]IndexBuild
	HiddenBuild bool
}

// IndexBuild is how far Postgres has come with an index.
type IndexBuild struct {
	Table       string
	Phase       string
	Done, Total float64 // blocks; 0 in a phase that counts none
}

func (b IndexBuild) String() string {
	if b.Total > 0 {
		return fmt.Sprintf("%s, %.0f of %.0f blocks", b.Phase, b.Done, b.Total)
	}
	return b.Phase
}

// Size is a table's number of rows: the estimate, or what a scan has just seen if that is more.
func (s *SchemaFacts) Size(table string, seen float64) float64 {
	if s == nil {
		return seen
	}
	return max(s.Rows[table], seen)
}

// IsBuilding reports whether an index of the table is under way.
func (s *SchemaFacts) IsBuilding(table string) bool {
	if s == nil {
		return false
	}
	for _, b := range s.Builds {
		if b.Table == table {
			return true
		}
	}
	return false
}
