package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var pagePrewarm = Query{
	Name: "page_prewarm",
	SQL: `/* page_prewarm */ WITH limits AS (
	SELECT setting::float8 * $1::float8 AS pages FROM pg_settings WHERE name = 'shared_buffers'
), relations AS (
	SELECT c.oid, sum(c.relpages) OVER (ORDER BY c.relkind <> 'i', c.relpages, c.oid) AS so_far
	FROM pg_class c
	WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND c.relkind IN ('i', 'r') AND c.relpages > 0
)
SELECT COALESCE(sum(pg_prewarm(oid::regclass)), 0)::bigint, count(*)
FROM relations, limits WHERE so_far <= limits.pages`,
	Sample: func(Subject) []any { return []any{0.0} },
}

// ErrNoPrewarm says that pg_prewarm cannot be used; the error around it has a hint.
var ErrNoPrewarm = errors.New("pages cannot be loaded by pg_prewarm")

// Prewarmer is a connection to the direct endpoint that loads pages into the
// database's memory, for one goroutine at a time.
type Prewarmer struct {
	conn *pgx.Conn
	sql  string
}

// OpenPrewarmer connects and looks pg_prewarm up, in whatever schema it is.
// Where it is not installed, the error is an ErrNoPrewarm.
func OpenPrewarmer(ctx context.Context, directURL string) (*Prewarmer, error) {
	cc, err := directConfig(directURL)
	if err != nil {
		return nil, err
	}
	cc.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return nil, connectFailure(cc, directURLName, err)
	}
	p := &Prewarmer{conn: conn}
	extension, err := FindExtension(ctx, conn, "pg_prewarm")
	switch {
	case err != nil:
	case !extension.Installed() && extension.Available:
		err = advise("Run CREATE EXTENSION pg_prewarm;", "%w: the extension is available and not installed", ErrNoPrewarm)
	case !extension.Installed():
		err = advise("Ask the server's administrator to install the extension.", "%w: the server does not have the extension", ErrNoPrewarm)
	}
	if err != nil {
		p.Close(ctx)
		return nil, err
	}
	p.sql = extension.qualify(pagePrewarm.SQL, extension.Name)
	return p, nil
}

// Load loads the indexes of the app's schema and then its tables, small before
// large, up to a share of shared_buffers: one turn. It returns how many pages
// and relations that were. A role that may not call pg_prewarm is an
// ErrNoPrewarm.
func (p *Prewarmer) Load(ctx context.Context, share float64) (pages, relations int64, err error) {
	err = p.conn.QueryRow(ctx, p.sql, share).Scan(&pages, &relations)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == insufficientPrivilege {
		return 0, 0, advise("Grant the role USAGE on the extension's schema, EXECUTE on pg_prewarm, and the right to read the tables.",
			"%w: %w", ErrNoPrewarm, err)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("store: pg_prewarm failed: %w", err)
	}
	return pages, relations, nil
}

// Close ends the connection.
func (p *Prewarmer) Close(ctx context.Context) { closeConn(ctx, p.conn) }
