package store

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Index is one that the embedded migrations make.
type Index struct {
	Name, Table string
	// DDL makes it again on a database in use, without locking out writers.
	DDL string
	// Migration is the file of the one that makes it.
	Migration string
}

// Indexes lists every index that the schema should have after the newest
// migration, those of primary keys and unique constraints included, in the
// order in which the migrations make them. It is read from the migrations
// themselves, so that there is no second list; a test compares it with a
// migrated database.
func Indexes() ([]Index, error) {
	var out []Index
	drop := func(gone func(Index) bool) { out = slices.DeleteFunc(out, gone) }
	err := eachMigration(func(step Migration, up string) {
		for statement := range strings.SplitSeq(up, ";") {
			switch statement = strings.TrimSpace(statement); {
			case createIndex.MatchString(statement):
				m := createIndex.FindStringSubmatch(statement)
				out = append(out, Index{Name: m[2], Table: m[3], DDL: fmt.Sprintf("CREATE %sINDEX CONCURRENTLY IF NOT EXISTS %s ON %s %s;",
					strings.ToUpper(m[1]), m[2], m[3], oneLine(m[4]))})
			case createTable.MatchString(statement):
				m := createTable.FindStringSubmatch(statement)
				out = append(out, constraintIndexes(m[1], m[2])...)
			case dropIndex.MatchString(statement):
				name := dropIndex.FindStringSubmatch(statement)[1]
				drop(func(i Index) bool { return i.Name == name })
			case dropTable.MatchString(statement):
				table := dropTable.FindStringSubmatch(statement)[1]
				drop(func(i Index) bool { return i.Table == table })
			}
		}
		for i := range out {
			out[i].Migration = cmp.Or(out[i].Migration, step.File)
		}
	})
	return out, err
}

// Migrations lists the embedded steps, the oldest first, without asking a
// database whether they are applied.
func Migrations() ([]Migration, error) {
	var out []Migration
	err := eachMigration(func(m Migration, _ string) { out = append(out, m) })
	return out, err
}

// eachMigration visits the embedded files in their order, with their Up part
// freed of comments.
func eachMigration(visit func(m Migration, up string)) error {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := migrationFiles.ReadFile(file)
		if err != nil {
			return fmt.Errorf("store: an embedded migration cannot be read: %w", err)
		}
		number, _, _ := strings.Cut(path.Base(file), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return fmt.Errorf("store: the migration %s has no number: %w", path.Base(file), err)
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		visit(Migration{Version: version, File: path.Base(file)}, sqlComment.ReplaceAllString(up, ""))
	}
	return nil
}

// How the migrations are written; see the files themselves.
//
//nolint:gochecknoglobals // compiled once, never written
var (
	sqlComment  = regexp.MustCompile(`(?m)--.*$`)
	createIndex = regexp.MustCompile(`(?is)^CREATE\s+(UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF NOT EXISTS\s+)?(\w+)\s+ON\s+(\w+)\s+(.+)$`)
	createTable = regexp.MustCompile(`(?is)^CREATE\s+TABLE\s+(?:IF NOT EXISTS\s+)?(\w+)\s*\((.+)\)$`)
	dropIndex   = regexp.MustCompile(`(?is)^DROP\s+INDEX\s+(?:CONCURRENTLY\s+)?(?:IF EXISTS\s+)?(\w+)`)
	dropTable   = regexp.MustCompile(`(?is)^DROP\s+TABLE\s+(?:IF EXISTS\s+)?(\w+)`)
	keyColumn   = regexp.MustCompile(`(?im)^\s*(\w+)\s+\w.*?\b(PRIMARY KEY|UNIQUE)\b`)
	keyColumns  = regexp.MustCompile(`(?im)^\s*(PRIMARY KEY|UNIQUE)\s*\(([^)]*)\)`)
)

// constraintIndexes lists the indexes behind a table's keys, under the names
// that Postgres gives them.
func constraintIndexes(table, body string) []Index {
	var out []Index
	add := func(kind, columns string) {
		primary := strings.EqualFold(kind, "PRIMARY KEY")
		name, constraint := table+"_pkey", "ADD PRIMARY KEY"
		if !primary {
			name = table + "_" + strings.ReplaceAll(strings.ReplaceAll(columns, " ", ""), ",", "_") + "_key"
			constraint = "ADD UNIQUE"
		}
		out = append(out, Index{Name: name, Table: table, DDL: fmt.Sprintf(
			"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS %[1]s ON %[2]s (%[3]s);\nALTER TABLE %[2]s %[4]s USING INDEX %[1]s;",
			name, table, columns, constraint)})
	}
	for _, m := range keyColumns.FindAllStringSubmatch(body, -1) {
		add(m[1], oneLine(m[2]))
	}
	for _, m := range keyColumn.FindAllStringSubmatch(body, -1) {
		if first := strings.ToUpper(m[1]); first != "PRIMARY" && first != "UNIQUE" && first != "CHECK" {
			add(m[2], m[1])
		}
	}
	return out
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
