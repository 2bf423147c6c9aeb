package collect

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

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

func newSchemaFacts() *facts.SchemaFacts {
	return &facts.SchemaFacts{Rows: map[string]float64{}, Indexes: map[string]bool{}, Builds: map[string]facts.IndexBuild{}}
}

// readSchema asks for the sizes of the tables and the state of the indexes of the current schema, in one
// turn and without touching a table.
func readSchema(ctx context.Context, conn *pgx.Conn) (*facts.SchemaFacts, error) {
	out, b := newSchemaFacts(), readOnly()
	queueSchema(out, b)
	if err := inOneTurn(ctx, conn, b); err != nil {
		return nil, err
	}
	return out, nil
}

// queueSchema asks for all of it. REINDEX CONCURRENTLY builds an index of another name beside the old one.
func queueSchema(s *facts.SchemaFacts, b *pgx.Batch) {
	b.Queue(marked(schemaSQL)).Query(func(rows pgx.Rows) error {
		var table, index string
		var valid bool
		var tuples float64
		var b facts.IndexBuild
		_, err := pgx.ForEachRow(rows, []any{&table, &index, &valid, &tuples, &b.Phase, &b.Done, &b.Total, &s.HiddenBuild}, func() error {
			if tuples >= 0 {
				s.Rows[table] = tuples
			}
			if index != "" {
				s.Indexes[index] = valid
			}
			if b.Phase != "" {
				b.Table = table
				s.Builds[index] = b
			}
			return nil
		})
		return err
	})
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
