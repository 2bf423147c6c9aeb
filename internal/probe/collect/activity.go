package collect

import (
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// activitySQL is one look at the sessions that do something, and at who holds the connections. Of a statement's text
// only the word in the comment that it begins with is asked for, which tells the app's, and is shown nowhere. Who blocks
// whom is asked only of those that wait for a lock: the function takes the lock manager's own locks for a moment. Of
// others' sessions a role without pg_read_all_stats sees the database and the user and no more, not even their kind;
// those of Postgres itself lack one of the two.
const activitySQL = `SELECT json_build_object(
	'at', (extract(epoch FROM now()) * 1000000)::bigint,
	'sessions', (SELECT coalesce(json_agg(s), '[]') FROM (
		SELECT a.pid, a.state, a.application_name AS app,
			CASE WHEN starts_with(a.query, 'SELECT ` + readingMark + `') OR starts_with(a.query, 'EXPLAIN ') OR starts_with(a.query, 'BEGIN READ ONLY;')
				THEN '` + facts.OwnStatement + `' ELSE coalesce(substring(a.query FROM '^/\* ([a-z_]{1,40}) \*/'), '') END AS statement,
			coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0) AS xact_s,
			coalesce(extract(epoch FROM a.xact_start) * 1000000, 0)::bigint AS xact_at,
			coalesce(extract(epoch FROM clock_timestamp() - a.state_change), 0) AS state_s,
			coalesce(a.wait_event_type, '') AS wait_type, coalesce(a.wait_event, '') AS wait,
			coalesce(extract(epoch FROM clock_timestamp() -
				(SELECT min(l.waitstart) FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted)), 0) AS waits_s,
			CASE WHEN a.wait_event_type = 'Lock' THEN pg_blocking_pids(a.pid) ELSE '{}' END AS blockers
		FROM pg_stat_activity a
		WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.state <> 'idle'
		ORDER BY a.xact_start LIMIT 500
	) s),
	'held', (SELECT coalesce(json_agg(h), '[]') FROM (
		SELECT coalesce(a.state, 'hidden') AS state, a.application_name AS app, count(*) AS n,
			count(*) FILTER (WHERE a.datname = current_database()) AS of_database,
			count(*) FILTER (WHERE a.usename = current_user) AS of_role
		FROM pg_stat_activity a
		WHERE coalesce(a.backend_type, 'client backend') = 'client backend' AND a.datname IS NOT NULL AND a.usesysid IS NOT NULL
		GROUP BY 1, 2 ORDER BY n DESC LIMIT 100
	) h),
	'exclusive', (SELECT coalesce(json_agg(DISTINCT jsonb_build_object('pid', coalesce(l.pid, 0), 'table', c.relname)), '[]')
		FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
		WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p') AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())),
	'limits', json_build_object(
		'server', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
			- coalesce(current_setting('reserved_connections', true)::int, 0),
		'database', (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),
		'role', (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user)))`
