package collect

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

const tablesSQL = `
SELECT c.relname::text, greatest(c.reltuples, 0)::float8, c.reltuples >= 0,
	coalesce(s.n_live_tup, 0)::float8, coalesce(s.n_dead_tup, 0)::float8, coalesce(s.n_mod_since_analyze, 0)::float8,
	(coalesce(o.v->>'autovacuum_vacuum_threshold', current_setting('autovacuum_vacuum_threshold'))::float8
		+ coalesce(o.v->>'autovacuum_vacuum_scale_factor', current_setting('autovacuum_vacuum_scale_factor'))::float8 * greatest(c.reltuples, 0)),
	(coalesce(o.v->>'autovacuum_analyze_threshold', current_setting('autovacuum_analyze_threshold'))::float8
		+ coalesce(o.v->>'autovacuum_analyze_scale_factor', current_setting('autovacuum_analyze_scale_factor'))::float8 * greatest(c.reltuples, 0)),
	coalesce((o.v->>'autovacuum_enabled')::bool, true), greatest(c.relpages, 0)::float8 * 8
FROM pg_class c
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
CROSS JOIN LATERAL (SELECT jsonb_object_agg(option_name, option_value) AS v FROM pg_options_to_table(c.reloptions)) o
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())`

// pg_index's options: bit 1 is descending, bit 2 nulls first.
const indexesSQL = `
SELECT i.relname::text, c.relname::text, x.indisvalid AND x.indisready, pg_get_indexdef(x.indexrelid),
	x.indisunique, EXISTS (SELECT FROM pg_constraint WHERE conindid = x.indexrelid AND contype IN ('p', 'u', 'x')),
	x.indexprs IS NULL AND x.indpred IS NULL,
	ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY k(n, place) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.n ORDER BY place),
	x.indoption::int2[], coalesce(s.idx_scan, 0)::float8, i.relpages::float8 * 8
FROM pg_index x
JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = x.indexrelid
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
ORDER BY c.relname, i.relname`

const countedSQL = `
SELECT extract(epoch FROM now() - greatest(pg_postmaster_start_time(),
		(SELECT stats_reset FROM pg_stat_database WHERE datname = current_database())))::float8,
	coalesce((SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'hypopg'), ''),
	pg_size_bytes(current_setting('shared_buffers'))::float8 / 1024`

// The app's planner settings out of ALTER ROLE and ALTER DATABASE, of each the one that wins. Those with a unit can't be
// compared as text and are left out.
const givenSQL = `
SELECT DISTINCT ON (g.name) g.name, s.value, CASE g.vartype
		WHEN 'bool' THEN s.value::bool <> g.setting::bool WHEN 'enum' THEN lower(s.value) <> g.setting ELSE s.value::float8 <> g.setting::float8 END,
	s.setrole <> 0, s.setrole = 0 AND s.setdatabase = 0, s.setdatabase <> 0
FROM (
	SELECT setrole, setdatabase, split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value
	FROM pg_db_role_setting, unnest(setconfig) c
	WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
		AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))
) s JOIN pg_settings g ON g.name = s.name
WHERE g.category LIKE 'Query Tuning%' AND g.unit IS NULL AND g.vartype IN ('bool', 'enum', 'integer', 'real')
ORDER BY g.name, s.setrole <> 0 DESC, s.setdatabase <> 0 DESC`

// The settings of the app's own sessions, which a role or a database may have changed.
const settingsSQL = `SELECT current_setting('plan_cache_mode'), pg_size_bytes(current_setting('work_mem'))::float8 / 1024`

func newDatabaseFacts() *facts.DatabaseFacts {
	return &facts.DatabaseFacts{Tables: map[string]facts.TableFacts{}}
}

// readFacts asks for all but the session's in one turn, in a read-only transaction, and touches no table of the app.
func readFacts(ctx context.Context, conn *pgx.Conn) (*facts.DatabaseFacts, error) {
	out, b := newDatabaseFacts(), readOnly()
	queueFacts(out, b)
	return out, inOneTurn(ctx, conn, b)
}

func queueFacts(f *facts.DatabaseFacts, b *pgx.Batch) {
	b.Queue(marked(tablesSQL)).Query(func(rows pgx.Rows) error { return scanTables(f, rows) })
	b.Queue(marked(indexesSQL)).Query(func(rows pgx.Rows) error { return scanIndexes(f, rows) })
	b.Queue(marked(countedSQL)).QueryRow(func(row pgx.Row) error {
		var seconds float64
		err := row.Scan(&seconds, &f.Hypopg, &f.SharedBuffersKB)
		f.CountedFor = time.Duration(seconds * float64(time.Second))
		return err
	})
}

// readSession asks in one turn what a session of the app begins with.
func readSession(ctx context.Context, app *pgx.Conn) (*facts.SessionFacts, error) {
	out, b := &facts.SessionFacts{}, readOnly()
	b.Queue(marked(settingsSQL)).QueryRow(func(row pgx.Row) error { return row.Scan(&out.PlanCacheMode, &out.WorkMemKB) })
	b.Queue(marked(givenSQL)).Query(func(rows pgx.Rows) error {
		var g facts.GivenSetting
		_, err := pgx.ForEachRow(rows, []any{&g.Name, &g.Value, &g.Pending, &g.Role, &g.EveryRole, &g.Database}, func() error {
			out.Given = append(out.Given, g)
			return nil
		})
		return err
	})
	b.Queue(marked(sessionSQL)).Query(func(rows pgx.Rows) error { return scanSession(out, rows) })
	return out, inOneTurn(ctx, app, b)
}

// readInOneTurn runs one statement without parameters in a read-only transaction with the probe's time-outs.
func readInOneTurn(ctx context.Context, conn *pgx.Conn, sql string, take func(pgx.Rows) error) error {
	b := readOnly()
	b.Queue(marked(sql)).Query(take)
	return inOneTurn(ctx, conn, b)
}

func scanTables(f *facts.DatabaseFacts, rows pgx.Rows) error {
	var name string
	var t facts.TableFacts
	_, err := pgx.ForEachRow(rows, []any{
		&name, &t.Estimated, &t.Analyzed, &t.Live, &t.Dead, &t.Changed, &t.VacuumAt, &t.AnalyzeAt, &t.Autovacuum, &t.KB,
	}, func() error {
		f.Tables[name] = t
		return nil
	})
	return err
}

func scanIndexes(f *facts.DatabaseFacts, rows pgx.Rows) error {
	var d facts.IndexDefinition
	var definition string
	var plain bool
	var columns []string
	var options []int16
	_, err := pgx.ForEachRow(rows, []any{
		&d.Name, &d.Table, &d.Valid, &definition, &d.Unique, &d.Constraint, &plain, &columns, &options, &d.Scans, &d.KB,
	}, func() error {
		d.Key = facts.IndexKey(definition)
		d.Columns = nil
		if plain && len(columns) >= len(options) {
			for i, o := range options {
				d.Columns = append(d.Columns, facts.IndexColumn{Name: columns[i], Descending: o&1 != 0, NullsFirst: o&2 != 0})
			}
		}
		f.Indexes = append(f.Indexes, d)
		return nil
	})
	return err
}
