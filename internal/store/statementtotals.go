package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/link"
)

// statementTotals leaves out itself. Without the texts (false) the view costs
// no file to read, however many statements it knows.
var statementTotals = Query{
	Name: "statement_totals",
	SQL: `/* statement_totals */
SELECT COALESCE(sum(calls), 0)::bigint, COALESCE(sum(total_exec_time), 0)::float8
FROM pg_stat_statements(false)
WHERE toplevel
  AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND queryid IS DISTINCT FROM (SELECT query_id FROM pg_stat_activity WHERE pid = pg_backend_pid())`,
	Sample: func(Subject) []any { return nil },
}

// StatementTotals is what the database has executed since its statistics were
// last reset, whoever asked for it, except for these look-ups themselves.
type StatementTotals struct {
	Calls  int64
	ExecMS float64 // in the executor: no network, no planning, no queue
}

// StatementStats is a connection to the direct endpoint that reads
// pg_stat_statements, for one goroutine at a time.
type StatementStats struct {
	conn *pgx.Conn
	sql  string // statementTotals with the extension's schema; "" before it was looked up
}

// OpenStatementStats connects. dials counts the connection; it may be nil.
func OpenStatementStats(ctx context.Context, directURL string, dials *link.Dials) (*StatementStats, error) {
	cc, err := directConfig(directURL)
	if err != nil {
		return nil, err
	}
	// Only by this protocol is the statement's own id known while it runs, on
	// every version that has pg_stat_activity.query_id.
	cc.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := connectCounted(ctx, cc, dials)
	if err != nil {
		return nil, connectFailure(cc, directURLName, err)
	}
	return &StatementStats{conn: conn}, nil
}

// Totals reads them: one turn, and another one the first time. Where the
// extension is not there, the error says so. When ctx ends before the answer,
// the connection is closed.
func (s *StatementStats) Totals(ctx context.Context) (StatementTotals, error) {
	if s.sql == "" {
		extension, err := FindExtension(ctx, s.conn, "pg_stat_statements")
		if err != nil {
			return StatementTotals{}, err
		}
		if !extension.Installed() {
			return StatementTotals{}, errors.New("the extension pg_stat_statements is not in this database")
		}
		s.sql = extension.qualify(statementTotals.SQL, extension.Name)
	}
	results, err := s.conn.PgConn().Exec(ctx, s.sql).ReadAll()
	if err != nil {
		return StatementTotals{}, withoutStatements(err)
	}
	row := results[0].Rows[0]
	calls, err := strconv.ParseInt(string(row[0]), 10, 64)
	if err != nil {
		return StatementTotals{}, fmt.Errorf("store: the number of calls is not a number: %w", err)
	}
	exec, err := strconv.ParseFloat(string(row[1]), 64)
	if err != nil {
		return StatementTotals{}, fmt.Errorf("store: the execution time is not a number: %w", err)
	}
	return StatementTotals{Calls: calls, ExecMS: exec}, nil
}

// withoutStatements puts into words that the extension is missing.
func withoutStatements(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	switch pg.Code {
	case insufficientPrivilege:
		return fmt.Errorf("pg_stat_statements may not be read by this role (%s)", pg.Message)
	case "42883", "42P01":
		return errors.New("the extension pg_stat_statements is not in this database")
	case "55000":
		return errors.New("pg_stat_statements is not in the server's shared_preload_libraries")
	case "42703":
		return errors.New("the server is older than Postgres 14, whose pg_stat_statements has fewer columns")
	}
	return err
}

// Usable reports whether the connection is open.
func (s *StatementStats) Usable() bool { return s != nil && !s.conn.IsClosed() }

// Close ends the connection. A second Close does nothing.
func (s *StatementStats) Close(ctx context.Context) error {
	if !s.Usable() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return s.conn.Close(ctx)
}
