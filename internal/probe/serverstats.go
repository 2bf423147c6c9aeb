package probe

import (
	"slices"

	"github.com/jackc/pgx/v5"
)

// databaseSQL reads the counters of the current database and the server's age.
const databaseSQL = `SELECT json_build_object(
	'uptime_s', extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()),
	'counted_s', extract(epoch FROM clock_timestamp() - greatest(d.stats_reset, pg_postmaster_start_time())),
	'hit', d.blks_hit, 'read', d.blks_read)
FROM pg_stat_database d WHERE d.datname = current_database()`

// databaseCounters are counters since CountedS seconds ago.
type databaseCounters struct {
	UptimeS  float64 `json:"uptime_s"`
	CountedS float64 `json:"counted_s"`
	Hit      float64 `json:"hit"`
	Read     float64 `json:"read"`
}

// youngS is how long a server has to be up before its cumulative figures say anything of its usual day.
const youngS = 3600

// reliable reports whether the counters cover enough time to be judged.
func (d databaseCounters) reliable() bool { return d.CountedS >= youngS }

// extensionsSQL reads which of the extensions that this probe and warmup use are there, or could be. Neon's own is
// offered by its computes alone.
const extensionsSQL = `SELECT json_build_object(
	'there', (SELECT coalesce(json_agg(extname), '[]') FROM pg_extension WHERE extname IN ('pg_stat_statements', 'pg_prewarm')),
	'offered', (SELECT coalesce(json_agg(name), '[]') FROM pg_available_extensions WHERE name IN ('pg_stat_statements', 'pg_prewarm', 'neon')),
	'statements_schema', (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'),
	'neon_schema', (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'neon'))`

type extensionFacts struct {
	There   []string `json:"there"`
	Offered []string `json:"offered"`
	// StatementsSchema is where pg_stat_statements lies, quoted where SQL needs quotes; often not in the search_path.
	StatementsSchema string `json:"statements_schema"`
	// NeonSchema is where Neon's own extension lies, empty without it.
	NeonSchema string `json:"neon_schema"`
}

func (e extensionFacts) has(name string) bool { return slices.Contains(e.There, name) }

// neon reports whether this is a compute of Neon's.
func (e extensionFacts) neon() bool { return e.NeonSchema != "" || slices.Contains(e.Offered, "neon") }

// fileCacheSQL reads what a compute of Neon's counts of its local file cache, which stands between Postgres's buffers
// and the page server (neon.com/docs/extensions/neon). The view's row is of NULLs where there is no such cache.
func fileCacheSQL(schema string) string {
	return "SELECT json_build_object('hits', sum(file_cache_hits), 'misses', sum(file_cache_misses)) FROM " +
		pgx.Identifier{schema, "neon_stat_file_cache"}.Sanitize()
}

// fileCacheCounters are pages since the compute's start.
type fileCacheCounters struct {
	Hits   *float64 `json:"hits"`
	Misses *float64 `json:"misses"`
}

func (c fileCacheCounters) known() bool { return c.Hits != nil && c.Misses != nil }
