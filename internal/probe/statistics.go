package probe

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// databaseFacts is what Postgres's catalogue and its cumulative statistics say about tables, indexes and
// settings, besides what schemaFacts has.
type databaseFacts struct {
	tables  map[string]tableFacts
	indexes []indexDefinition
	// sharedBuffersKB is the server's memory for blocks; 0 where it is not known.
	sharedBuffersKB float64
	sessionFacts
	// countedFor is how long the cumulative statistics have been counting, at least.
	countedFor time.Duration
	// hypopg is the schema of the extension, quoted where SQL needs quotes; empty where it is not installed in this database.
	hypopg string
}

// sessionFacts is what the app's sessions begin with, through the pooler where there is one.
type sessionFacts struct {
	planCacheMode string
	workMemKB     float64
	// given are the planner's settings that a role or a database has of its own.
	given []givenSetting
	// session are the settings that the app relies on.
	session []appSetting
}

// tableFacts are counts of rows. Estimated is the planner's, the others are those of the cumulative
// statistics; vacuumAt and analyzeAt are where autovacuum would set to work.
type tableFacts struct {
	estimated, live, dead, changed float64
	vacuumAt, analyzeAt            float64
	autovacuum                     bool
	// analyzed is false where the planner has no statistics of the table at all.
	analyzed bool
	kb       float64 // by the planner's count of pages
}

// indexDefinition is one index of the app's tables as it is.
type indexDefinition struct {
	name, table string
	valid       bool
	// key is the part of pg_get_indexdef's after the table's name, in one normal form.
	key        string
	unique     bool
	constraint bool
	// columns are in order, with their direction; nil where the index has expressions or a predicate.
	columns []indexColumn
	scans   float64
	kb      float64
}

type indexColumn struct {
	name       string
	descending bool
	nullsFirst bool
}

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

// givenSetting is a setting that the app's sessions begin with, because of ALTER ROLE or ALTER DATABASE.
type givenSetting struct {
	name, value string
	// pending is set where the session that was asked has another value: it is older than the change.
	pending         bool
	role, everyRole bool // whose it is; of a role in one database both role and database are set
	database        bool
}

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

func newDatabaseFacts() *databaseFacts { return &databaseFacts{tables: map[string]tableFacts{}} }

// readFacts asks for all but the session's in one turn, in a read-only transaction, and touches no table of the app.
func readFacts(ctx context.Context, conn *pgx.Conn) (*databaseFacts, error) {
	out, b := newDatabaseFacts(), readOnly()
	out.queue(b)
	return out, inOneTurn(ctx, conn, b)
}

func (f *databaseFacts) queue(b *pgx.Batch) {
	b.Queue(marked(tablesSQL)).Query(func(rows pgx.Rows) error { return f.scanTables(rows) })
	b.Queue(marked(indexesSQL)).Query(func(rows pgx.Rows) error { return f.scanIndexes(rows) })
	b.Queue(marked(countedSQL)).QueryRow(func(row pgx.Row) error {
		var seconds float64
		err := row.Scan(&seconds, &f.hypopg, &f.sharedBuffersKB)
		f.countedFor = time.Duration(seconds * float64(time.Second))
		return err
	})
}

// readSession asks in one turn what a session of the app begins with.
func readSession(ctx context.Context, app *pgx.Conn) (*sessionFacts, error) {
	out, b := &sessionFacts{}, readOnly()
	b.Queue(marked(settingsSQL)).QueryRow(func(row pgx.Row) error { return row.Scan(&out.planCacheMode, &out.workMemKB) })
	b.Queue(marked(givenSQL)).Query(func(rows pgx.Rows) error {
		var g givenSetting
		_, err := pgx.ForEachRow(rows, []any{&g.name, &g.value, &g.pending, &g.role, &g.everyRole, &g.database}, func() error {
			out.given = append(out.given, g)
			return nil
		})
		return err
	})
	b.Queue(marked(sessionSQL)).Query(func(rows pgx.Rows) error { return out.scanSession(rows) })
	return out, inOneTurn(ctx, app, b)
}

// readInOneTurn runs one statement without parameters in a read-only transaction with the probe's time-outs.
func readInOneTurn(ctx context.Context, conn *pgx.Conn, sql string, take func(pgx.Rows) error) error {
	b := readOnly()
	b.Queue(marked(sql)).Query(take)
	return inOneTurn(ctx, conn, b)
}

func (f *databaseFacts) scanTables(rows pgx.Rows) error {
	var name string
	var t tableFacts
	_, err := pgx.ForEachRow(rows, []any{
		&name, &t.estimated, &t.analyzed, &t.live, &t.dead, &t.changed, &t.vacuumAt, &t.analyzeAt, &t.autovacuum, &t.kb,
	}, func() error {
		f.tables[name] = t
		return nil
	})
	return err
}

func (f *databaseFacts) scanIndexes(rows pgx.Rows) error {
	var d indexDefinition
	var definition string
	var plain bool
	var columns []string
	var options []int16
	_, err := pgx.ForEachRow(rows, []any{
		&d.name, &d.table, &d.valid, &definition, &d.unique, &d.constraint, &plain, &columns, &options, &d.scans, &d.kb,
	}, func() error {
		d.key = indexKey(definition)
		d.columns = nil
		if plain && len(columns) >= len(options) {
			for i, o := range options {
				d.columns = append(d.columns, indexColumn{columns[i], o&1 != 0, o&2 != 0})
			}
		}
		f.indexes = append(f.indexes, d)
		return nil
	})
	return err
}

// index finds an index by its name.
func (f *databaseFacts) index(name string) (indexDefinition, bool) {
	for _, d := range f.indexes {
		if d.name == name {
			return d, true
		}
	}
	return indexDefinition{}, false
}

// indexKey brings what follows the table's name in a definition of an index into one form, whether a
// migration or pg_get_indexdef wrote it.
func indexKey(definition string) string {
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
