package probe

// serverChecks are about Postgres while it is at work: who waits for whom, what fills up, what it counts
// itself.
func serverChecks() []check {
	watched := []part{watchedServer}
	return []check{
		{
			code: "HD-D14", title: "The database was asleep", severity: Warning,
			needs: watched, run: asleep,
			remedy: "honeydue warmup   # before users come; or turn autosuspend off for production, at the provider",
		},
		{
			code: "HD-D04", title: "Sessions wait for a lock", severity: Critical,
			needs: watched, run: lockChains,
		},
		{
			code: "HD-D05", title: "A session is idle in a transaction", severity: Warning,
			needs: watched, run: idleTransactions,
		},
		{
			code: "HD-D06", title: "A transaction is long", severity: Warning,
			needs: watched, run: longTransactions,
		},
		{
			code: "HD-D07", title: "The connections run out", severity: Warning,
			needs: []part{askedServer}, run: connectionLimit,
			remedy: `psql "$DATABASE_DIRECT_URL" -c 'SELECT count(*), state, application_name FROM pg_stat_activity GROUP BY 2, 3 ORDER BY 1 DESC'   # who holds them? the app belongs behind the pooler`,
		},
		{
			code: "HD-D20", title: "A time-out of the database is shorter than the app's own", severity: Warning,
			needs: []part{knowsFacts}, run: shortTimeouts,
		},
		{
			code: "HD-D08", title: "Sessions wait inside the server", severity: Warning,
			needs: watched, run: waitEvents,
		},
		{
			code: "HD-D10", title: "A table is bloated", severity: Warning,
			needs: watched, run: bloat,
		},
		{
			code: "HD-D22", title: "shared_buffers is too small: hot statements read from disk in every run", severity: Warning,
			needs: []part{knowsPlans, knowsFacts}, run: smallBuffers,
		},
		{
			code: "HD-D11", title: "Blocks come from disk instead of memory", severity: Warning,
			needs: watched, run: cacheHit,
		},
		{
			code: "HD-D12", title: "The server counts a hot statement as slow", severity: Warning,
			needs: watched, run: statementMeans,
			remedy: "honeydue probe -o json | jq '.hot_paths[].plan'   # the slow step is in the plan",
		},
		{
			code: "HD-D13", title: "Statements of others keep the server busy", severity: Warning,
			needs: watched, run: foreignLoad,
			remedy: `psql "$DATABASE_DIRECT_URL" -c "SELECT pid, usename, application_name, now() - query_start AS runs, left(query, 60) FROM pg_stat_activity WHERE state = 'active' ORDER BY 4 DESC LIMIT 5"   # whose it is; then move that job to a replica or to the night`,
		},
		{
			code: "HD-D24", title: "CPU starvation: the database server gets too little CPU time", severity: Warning,
			needs: []part{askedServer}, run: cpuStarved,
			remedy: `psql "$DATABASE_DIRECT_URL" -c "SELECT pid, usename, application_name, left(query, 60) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"   # nobody at work? then its machine gives it too little: CPU limit, steal (vmstat 1), a larger instance`,
		},
		{
			code: "HD-D15", title: "An extension that helps is missing", severity: Info,
			needs: watched, run: missingExtensions,
		},
		{
			code: "HD-D16", title: "A sequence runs out", severity: Warning,
			needs: watched, run: sequences,
		},
		{
			code: "HD-D17", title: "Transaction ids run out", severity: Warning,
			needs: watched, run: transactionIDs,
		},
		{
			code: "HD-D18", title: "Replication lags", severity: Warning,
			needs: watched, run: replicationLag,
			remedy: `psql "$DATABASE_DIRECT_URL" -c 'SELECT application_name, state, replay_lag FROM pg_stat_replication'   # a replica that is slow, or a network that is`,
		},
	}
}
