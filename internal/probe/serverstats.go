package probe

import "slices"

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

// youngS is how long a server has to be up before its cumulative figures say anything of its usual day: an
// hour, in which each user's caches of an hour (decision S5) have gone round once.
const youngS = 3600

// reliable reports whether the counters cover enough time to be judged.
func (d databaseCounters) reliable() bool { return d.CountedS >= youngS }

// extensionsSQL reads which of the extensions that this probe and warmup use are there, or could be.
const extensionsSQL = `SELECT json_build_object(
	'there', (SELECT coalesce(json_agg(extname), '[]') FROM pg_extension WHERE extname IN ('pg_stat_statements', 'pg_prewarm')),
	'offered', (SELECT coalesce(json_agg(name), '[]') FROM pg_available_extensions WHERE name IN ('pg_stat_statements', 'pg_prewarm')))`

type extensionFacts struct {
	There   []string `json:"there"`
	Offered []string `json:"offered"`
}

func (e extensionFacts) has(name string) bool { return slices.Contains(e.There, name) }
