package check

import (
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// serverChecks are about Postgres while it is at work: who waits for whom, what fills up, what it counts
// itself.
func serverChecks() []Check {
	watched := []facts.Part{facts.WatchedServer}
	return []Check{
		{
			Code: "HD-D14", title: "Cold start: the database was suspended", severity: facts.Warning,
			Needs: watched, run: Asleep,
			remedy: "honeydue warmup   # run it before users come, or turn off autosuspend for production at the provider",
		},
		{
			Code: "HD-D04", title: "Lock wait: sessions wait for a lock", severity: facts.Critical,
			Needs: watched, run: LockChains,
		},
		{
			Code: "HD-D05", title: "Idle in transaction: a session keeps its transaction open", severity: facts.Warning,
			Needs: watched, run: IdleTransactions,
		},
		{
			Code: "HD-D06", title: "Long-running transaction: vacuum cannot remove dead rows", severity: facts.Warning,
			Needs: watched, run: longTransactions,
		},
		{
			Code: "HD-D07", title: "max_connections: Postgres is running out of connections", severity: facts.Warning,
			Needs: []facts.Part{facts.AskedServer}, run: connectionLimit,
			remedy: `psql "$DATABASE_DIRECT_URL" -c 'SELECT count(*), state, application_name FROM pg_stat_activity GROUP BY 2, 3 ORDER BY 1 DESC'   # which programs hold them? The app belongs behind the pooler`,
		},
		{
			Code: "HD-D20", title: "Database timeout is shorter than the app's own", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsFacts}, run: shortTimeouts,
		},
		{
			Code: "HD-D08", title: "Wait events: sessions wait inside Postgres", severity: facts.Warning,
			Needs: watched, run: waitEvents,
		},
		{
			Code: "HD-D10", title: "Table bloat: much of a table's space is empty", severity: facts.Warning,
			Needs: watched, run: bloat,
		},
		{
			Code: "HD-D22", title: "shared_buffers too small: hot statements read from disk on every run", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsPlans, facts.KnowsFacts}, run: smallBuffers,
		},
		{
			Code: "HD-D11", title: "Low cache hit ratio: blocks come from disk instead of memory", severity: facts.Warning,
			Needs: watched, run: CacheHit,
		},
		{
			Code: "HD-D12", title: "pg_stat_statements: a hot statement is slow on average", severity: facts.Warning,
			Needs: watched, run: statementMeans,
			remedy: "honeydue probe -o json | jq '.hot_paths[].plan'   # find the slow step in the plan",
		},
		{
			Code: "HD-D13", title: "Other workloads: statements of other programs keep the database busy", severity: facts.Warning,
			Needs: watched, run: foreignLoad,
			remedy: `psql "$DATABASE_DIRECT_URL" -c "SELECT pid, usename, application_name, now() - query_start AS runs, left(query, 60) FROM pg_stat_activity WHERE state = 'active' ORDER BY 4 DESC LIMIT 5"   # shows the program; then move that job to a replica or to a quiet time`,
		},
		{
			Code: "HD-D24", title: "CPU starvation: the database server gets too little CPU time", severity: facts.Warning,
			Needs: []facts.Part{facts.AskedServer}, run: cpuStarved,
			remedy: `psql "$DATABASE_DIRECT_URL" -c "SELECT pid, usename, application_name, left(query, 60) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"   # if no session is active, the machine is short of CPU: check the CPU limit and steal (vmstat 1), or use a larger instance`,
		},
		{
			Code: "HD-D15", title: "Missing extension: pg_stat_statements or pg_prewarm", severity: facts.Info,
			Needs: watched, run: missingExtensions,
		},
		{
			Code: "HD-D16", title: "Sequence exhaustion: a sequence is running out of values", severity: facts.Warning,
			Needs: watched, run: sequences,
		},
		{
			Code: "HD-D17", title: "Transaction ID wraparound: transaction IDs are running out", severity: facts.Warning,
			Needs: watched, run: transactionIDs,
		},
		{
			Code: "HD-D18", title: "Replication lag: a standby is behind the primary", severity: facts.Warning,
			Needs: watched, run: replicationLag,
			remedy: `psql "$DATABASE_DIRECT_URL" -c 'SELECT application_name, state, replay_lag FROM pg_stat_replication'   # is the standby slow, or the network?`,
		},
	}
}
