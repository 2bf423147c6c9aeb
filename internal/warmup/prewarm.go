package warmup

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// share of shared_buffers that prewarm fills at most: more would evict what it has just loaded, and what
// others are using.
const prewarmShare = 0.5

// prewarm loads the indexes of the app's tables and then the tables themselves, the smallest first, with
// pg_prewarm. Done twice, the second pass finds everything in memory and shows what the first one read.
func (w *warmer) prewarm(ctx context.Context, s *Step) error {
	s.Measure = "reading these pages"
	if w.config.DirectURL == "" {
		return skip("DATABASE_DIRECT_URL is not set: pg_prewarm may run longer than a pooler's transaction should.")
	}
	config, err := pgx.ParseConfig(w.config.DirectURL)
	if err != nil {
		return skip("DATABASE_DIRECT_URL can't be read.") // the error's own text quotes the URL
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("the direct endpoint at %s can't be reached", config.Host)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing is lost with it

	installed, available, err := findPrewarm(ctx, conn)
	switch {
	case err != nil:
		return fmt.Errorf("the extensions can't be listed: %w", err)
	case !installed && available:
		return skip("The extension pg_prewarm is there and not installed: CREATE EXTENSION pg_prewarm;")
	case !installed:
		return skip("The server has no extension pg_prewarm.")
	}
	for _, took := range []*float64{&s.BeforeMS, &s.AfterMS} {
		began := time.Now()
		var relations int64
		if s.Count, relations, err = loadPages(ctx, conn); err != nil {
			return fmt.Errorf("pg_prewarm failed: %w", err)
		}
		*took = ms(time.Since(began))
		s.Detail = fmt.Sprintf("%d pages (%d MB) of %d indexes and tables are in the database's memory.", s.Count, s.Count*8>>10, relations)
	}
	s.DBTurns = 3
	return nil
}

func findPrewarm(ctx context.Context, conn *pgx.Conn) (installed, available bool, err error) {
	err = conn.QueryRow(ctx, `
		SELECT installed_version IS NOT NULL, true FROM pg_available_extensions WHERE name = 'pg_prewarm'
		UNION ALL SELECT false, false LIMIT 1`).Scan(&installed, &available)
	return installed, available, err
}

// loadPages loads what fits into the share of shared_buffers, indexes before tables and small before
// large, and returns the number of pages and of relations.
func loadPages(ctx context.Context, conn *pgx.Conn) (pages, relations int64, err error) {
	err = conn.QueryRow(ctx, `
		WITH limits AS (
			SELECT setting::float8 * $1::float8 AS pages FROM pg_settings WHERE name = 'shared_buffers'
		), relations AS (
			SELECT c.oid, sum(c.relpages) OVER (ORDER BY c.relkind <> 'i', c.relpages, c.oid) AS so_far
			FROM pg_class c
			WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('i', 'r') AND c.relpages > 0
		)
		SELECT coalesce(sum(pg_prewarm(oid::regclass)), 0)::int8, count(*)
		FROM relations, limits WHERE so_far <= limits.pages`, prewarmShare).Scan(&pages, &relations)
	return pages, relations, err
}
