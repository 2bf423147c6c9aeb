package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/store"
)

// schemaFacts is what the database's catalogue says about the app's tables.
type schemaFacts struct {
	// rows is each table's estimated size; a table that was never analysed is not in it.
	rows map[string]float64
	// indexes by name; false where one is not valid.
	indexes map[string]bool
	// builds are under way, by the name of the index that is not valid until its build ends. hiddenBuild is set where
	// the role may not see what somebody builds in this database.
	builds      map[string]indexBuild
	hiddenBuild bool
}

// indexBuild is how far Postgres has come with an index.
type indexBuild struct {
	table       string
	phase       string
	done, total float64 // blocks; 0 in a phase that counts none
}

func (b indexBuild) String() string {
	if b.total > 0 {
		return fmt.Sprintf("%s, %.0f of %.0f blocks", b.phase, b.done, b.total)
	}
	return b.phase
}

const schemaSQL = `
SELECT c.relname::text, coalesce(i.relname::text, ''), coalesce(x.indisvalid AND x.indisready, true), c.reltuples::float8,
	coalesce(b.phase, ''), coalesce(b.blocks_done, 0)::float8, coalesce(b.blocks_total, 0)::float8,
	EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = current_database() AND relid IS NULL)
FROM pg_class c
LEFT JOIN pg_index x ON x.indrelid = c.oid
LEFT JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN LATERAL (
	SELECT p.phase, p.blocks_done, p.blocks_total
	FROM pg_stat_progress_create_index p LEFT JOIN pg_class n ON n.oid = p.index_relid
	WHERE p.datname = current_database() AND p.relid = c.oid
		AND (p.index_relid = i.oid OR starts_with(n.relname::text, i.relname || '_ccnew'))
	LIMIT 1
) b ON NOT (x.indisvalid AND x.indisready)
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())`

func newSchemaFacts() *schemaFacts {
	return &schemaFacts{rows: map[string]float64{}, indexes: map[string]bool{}, builds: map[string]indexBuild{}}
}

// readSchema asks for the sizes of the tables and the state of the indexes of the current schema, in one
// turn and without touching a table.
func readSchema(ctx context.Context, conn *pgx.Conn) (*schemaFacts, error) {
	out, b := newSchemaFacts(), readOnly()
	out.queue(b)
	if err := inOneTurn(ctx, conn, b); err != nil {
		return nil, err
	}
	return out, nil
}

// queue asks for all of it. REINDEX CONCURRENTLY builds an index of another name beside the old one.
func (s *schemaFacts) queue(b *pgx.Batch) {
	b.Queue(marked(schemaSQL)).Query(func(rows pgx.Rows) error {
		var table, index string
		var valid bool
		var tuples float64
		var b indexBuild
		_, err := pgx.ForEachRow(rows, []any{&table, &index, &valid, &tuples, &b.phase, &b.done, &b.total, &s.hiddenBuild}, func() error {
			if tuples >= 0 {
				s.rows[table] = tuples
			}
			if index != "" {
				s.indexes[index] = valid
			}
			if b.phase != "" {
				b.table = table
				s.builds[index] = b
			}
			return nil
		})
		return err
	})
}

// size is a table's number of rows: the estimate, or what a scan has just seen if that is more.
func (s *schemaFacts) size(table string, seen float64) float64 {
	if s == nil {
		return seen
	}
	return max(s.rows[table], seen)
}

// isBuilding reports whether an index of the table is under way.
func (s *schemaFacts) isBuilding(table string) bool {
	if s == nil {
		return false
	}
	for _, b := range s.builds {
		if b.table == table {
			return true
		}
	}
	return false
}

// appliedMigrations are the versions of goose's table, by the last word on each.
type appliedMigrations map[int64]bool

// queue reads goose's table; asking goose itself would create that table where it is missing.
func (m appliedMigrations) queue(b *pgx.Batch) {
	b.Queue(marked("SELECT version_id, is_applied FROM goose_db_version ORDER BY id")).Query(func(rows pgx.Rows) error {
		var id int64
		var is bool
		_, err := pgx.ForEachRow(rows, []any{&id, &is}, func() error {
			m[id] = is
			return nil
		})
		return err
	})
}

// pending lists the files of the embedded steps that are not among them.
func (m appliedMigrations) pending() (files []string, err error) {
	steps, err := store.Migrations()
	for _, step := range steps {
		if !m[step.Version] {
			files = append(files, step.File)
		}
	}
	return files, err
}

// pendingMigrations lists the files of the embedded steps that the database has not applied.
func pendingMigrations(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	const undefinedTable = "42P01"
	applied, b := appliedMigrations{}, readOnly()
	applied.queue(b)
	err := inOneTurn(ctx, conn, b)
	if pg, ok := errors.AsType[*pgconn.PgError](err); err != nil && (!ok || pg.Code != undefinedTable) {
		return nil, err
	}
	return applied.pending()
}
