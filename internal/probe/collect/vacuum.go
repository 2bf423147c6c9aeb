package collect

// spaceSQL reads what the collector of statistics knows of the app's tables, and estimates from the
// planner's own statistics how large each would be if it were packed: a row is its columns' average widths
// behind a header of 24 bytes and a pointer of 4, rounded up to 8; a page holds 8,168 bytes of rows. No
// table is read.
const spaceSQL = `SELECT coalesce(json_agg(t), '[]') FROM (
	SELECT c.relname AS name, s.n_dead_tup AS dead,
		pg_relation_size(c.oid) AS bytes,
		coalesce(w.width, 0) AS width, greatest(c.reltuples, s.n_live_tup) AS rows,
		extract(epoch FROM now() - greatest(s.last_autovacuum, s.last_vacuum)) AS vacuumed_s
	FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
	LEFT JOIN LATERAL (
		SELECT ceil((28 + sum(p.avg_width * (1 - p.null_frac))) / 8) * 8 AS width
		FROM pg_stats p WHERE p.schemaname = s.schemaname AND p.tablename = s.relname
	) w ON true
	WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
	ORDER BY pg_relation_size(c.oid) DESC LIMIT 50
) t`

// limitsSQL reads how far sequences and transaction ids have come to their ends. A sequence ends where its
// column's type does, if that is sooner.
const limitsSQL = `SELECT json_build_object(
	'sequences', (SELECT coalesce(json_agg(q), '[]') FROM (
		SELECT c.relname AS name, coalesce(pg_sequence_last_value(s.seqrelid), 0)::float8 AS last,
			least(s.seqmax::float8, CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
				ELSE 9223372036854775807 END) AS most
		FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
		LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
			AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
		LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
		WHERE NOT s.seqcycle AND s.seqincrement > 0 AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
			AND has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')
		ORDER BY coalesce(pg_sequence_last_value(s.seqrelid), 0) DESC LIMIT 50
	) q),
	'hidden_sequences', (SELECT count(*) FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
		WHERE NOT s.seqcycle AND s.seqincrement > 0 AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
			AND NOT has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')),
	'xid_age', (SELECT max(age(datfrozenxid)) FROM pg_database WHERE datallowconn),
	'mxid_age', (SELECT max(mxid_age(datminmxid)) FROM pg_database WHERE datallowconn))`

// replicationSQL reads who follows this server and how far behind, and slots that keep its log.
const replicationSQL = `SELECT json_build_object(
	'replica', pg_is_in_recovery(),
	'behind_s', CASE WHEN pg_is_in_recovery() AND pg_last_wal_receive_lsn() <> pg_last_wal_replay_lsn()
		THEN extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END,
	'followers', (SELECT coalesce(json_agg(f), '[]') FROM (
		SELECT r.application_name AS app, coalesce(r.state, 'hidden') AS state,
			extract(epoch FROM r.replay_lag) AS lag_s,
			CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)::float8 END AS behind_bytes
		FROM pg_stat_replication r LIMIT 50
	) f),
	'slots', (SELECT coalesce(json_agg(k), '[]') FROM (
		SELECT k.active, CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), k.restart_lsn)::float8 END AS kept_bytes
		FROM pg_replication_slots k LIMIT 50
	) k))`
