package collect

import (
	"github.com/jackc/pgx/v5"
)

// databaseSQL reads the counters of the current database and the server's age.
const databaseSQL = `SELECT json_build_object(
	'uptime_s', extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()),
	'counted_s', extract(epoch FROM clock_timestamp() - greatest(d.stats_reset, pg_postmaster_start_time())),
	'hit', d.blks_hit, 'read', d.blks_read)
FROM pg_stat_database d WHERE d.datname = current_database()`

// extensionsSQL reads which of the extensions that this probe and warmup use are there, or could be. Neon's own is
// offered by its computes alone.
const extensionsSQL = `SELECT json_build_object(
	'there', (SELECT coalesce(json_agg(extname), '[]') FROM pg_extension WHERE extname IN ('pg_stat_statements', 'pg_prewarm')),
	'offered', (SELECT coalesce(json_agg(name), '[]') FROM pg_available_extensions WHERE name IN ('pg_stat_statements', 'pg_prewarm', 'neon')),
	'statements_schema', (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'),
	'neon_schema', (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'neon'))`

// fileCacheSQL reads what a compute of Neon's counts of its local file cache, which stands between Postgres's buffers
// and the page server (neon.com/docs/extensions/neon). The view's row is of NULLs where there is no such cache.
func fileCacheSQL(schema string) string {
	return "SELECT json_build_object('hits', sum(file_cache_hits), 'misses', sum(file_cache_misses)) FROM " +
		pgx.Identifier{schema, "neon_stat_file_cache"}.Sanitize()
}
