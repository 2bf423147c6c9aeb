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

// readSchema asks for the sizes of the tables and the state of the indexes of the current schema, in one
// turn and without touching a table. REINDEX CONCURRENTLY builds an index of another name beside the old one.
func readSchema(ctx context.Context, conn *pgx.Conn) (*schemaFacts, error) {
	const sql = `
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
	out := &schemaFacts{rows: map[string]float64{}, indexes: map[string]bool{}, builds: map[string]indexBuild{}}
	err := readInOneTurn(ctx, conn, sql, func(rows pgx.Rows) error {
		var table, index string
		var valid bool
		var tuples float64
		var b indexBuild
		_, err := pgx.ForEachRow(rows, []any{&table, &index, &valid, &tuples, &b.phase, &b.done, &b.total, &out.hiddenBuild}, func() error {
			if tuples >= 0 {
				out.rows[table] = tuples
			}
			if index != "" {
				out.indexes[index] = valid
			}
			if b.phase != "" {
				b.table = table
				out.builds[index] = b
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
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

// pendingMigrations lists the files of the embedded steps that the database has not applied. It only
// reads goose's table; asking goose itself would create that table where it is missing.
func pendingMigrations(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	const undefinedTable = "42P01"
	steps, err := store.Migrations()
	if err != nil {
		return nil, err
	}
	applied := map[int64]bool{}
	err = readInOneTurn(ctx, conn, "SELECT version_id, is_applied FROM goose_db_version ORDER BY id", func(rows pgx.Rows) error {
		var id int64
		var is bool
		_, err := pgx.ForEachRow(rows, []any{&id, &is}, func() error {
			applied[id] = is
			return nil
		})
		return err
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); err != nil && (!ok || pg.Code != undefinedTable) {
		return nil, err
	}
	var out []string
	for _, m := range steps {
		if !applied[m.Version] {
			out = append(out, m.File)
		}
	}
	return out, nil
}
