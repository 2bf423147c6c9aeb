package probe

import "slices"

// databaseSQL reads the counters of the current database and the server's age.
const databaseSQL = `SELECT json_build_object(
	'uptime_s', extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()),
	'counted_s', extract(epoch FROM clock_timestamp() - greatest(d.stats_reset, pg_postmaster_start_time())),
	'hit', d.blks_hit, 'read', d.blks_read, 'deadlocks', d.deadlocks)
FROM pg_stat_database d WHERE d.datname = current_database()`

// databaseCounters are counters since CountedS seconds ago.
type databaseCounters struct {
	UptimeS   float64 `json:"uptime_s"`
	CountedS  float64 `json:"counted_s"`
	Hit       float64 `json:"hit"`
	Read      float64 `json:"read"`
	Deadlocks float64 `json:"deadlocks"`
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

// statementsSQL sums up pg_stat_statements: for each statement of the catalogue, known by the comment that
// its text begins with, and for all others together. Their texts do not leave the server. The probe's own
// readings carry such a comment, too, and its plans begin with EXPLAIN.
const statementsSQL = `SELECT json_build_object(
	'ours', (SELECT coalesce(json_agg(o), '[]') FROM (
		SELECT substring(s.query FROM '^/\* ([a-z_]{1,40}) \*/') AS name, sum(s.calls) AS calls, sum(s.total_exec_time) AS ms
		FROM pg_stat_statements s
		WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND s.query ~ '^/\* [a-z_]{1,40} \*/'
		GROUP BY 1
	) o),
	'others', (SELECT json_build_object('calls', coalesce(sum(s.calls), 0), 'ms', coalesce(sum(s.total_exec_time), 0))
		FROM pg_stat_statements s
		WHERE s.query IS NULL OR s.query !~ '^(/\* [a-z_]{1,40} \*/|EXPLAIN )'))`

type statementCounts struct {
	Ours   []statementCount `json:"ours"`
	Others statementCount   `json:"others"`
}

type statementCount struct {
	Name  string  `json:"name"`
	Calls float64 `json:"calls"`
	MS    float64 `json:"ms"`
}

// since is what was counted between two looks. A statement that was evicted from the view in between has
// smaller figures than before and is left out.
func (c statementCounts) since(before statementCounts, known func(name string) bool) statementCounts {
	was := map[string]statementCount{}
	for _, s := range before.Ours {
		was[s.Name] = s
	}
	var out statementCounts
	for _, s := range c.Ours {
		s.Calls, s.MS = s.Calls-was[s.Name].Calls, s.MS-was[s.Name].MS
		if s.Calls > 0 && s.MS >= 0 && known(s.Name) {
			out.Ours = append(out.Ours, s)
		}
	}
	out.Others = statementCount{Calls: max(0, c.Others.Calls-before.Others.Calls), MS: max(0, c.Others.MS-before.Others.MS)}
	return out
}
