package probe

import "slices"

// registry lists every check. A code is for ever: it names a runbook page, alerts and skip lists. The
// letter says where the fault lies: N network, P pooler and pool, D database server, Q queries, R Redis,
// C configuration, T the running server, K the cluster. Causes stand before their symptoms.
func registry() []check {
	return slices.Concat(
		wayCauses(), reachChecks(), statementCauses(), scanChecks(), statementSteps(), tuningChecks(), targetChecks(),
		serverChecks(), redisChecks(), clusterChecks(), statementRemarks(), wayChecks(),
	)
}

// reachChecks are about what answers at all, and as whom.
func reachChecks() []check {
	return []check{
		{
			code: "HD-P01", title: "Database endpoint unreachable: the app cannot connect", severity: Critical, outage: true,
			needs: []part{askedPooler}, run: poolerDown,
			remedy: "kubectl get pods -A | grep -i pooler   # is it running, and do DB_HOST and DB_PORT name it?",
		},
		{
			code: "HD-D01", title: "Database down: no statement gets an answer", severity: Critical, outage: true,
			needs: []part{askedPooler}, run: databaseDown,
			remedy: `psql "$DATABASE_DIRECT_URL" -c 'SELECT pg_postmaster_start_time(), pg_is_in_recovery()'   # connecting wakes a suspended database (Neon); otherwise start the server: its log shows why it stopped`,
		},
		{
			code: "HD-P05", title: "Pooler stuck: it accepts clients but assigns no server connection", severity: Critical, outage: true,
			needs: []part{askedPooler}, run: poolerStuck,
		},
		{
			code: "HD-D19", title: "Read-only database: the app's writes are refused", severity: Critical, outage: true,
			needs: []part{upPooler}, run: refusesWrites,
		},
		{
			code: "HD-D02", title: "Direct endpoint unusable: migrations cannot run through it", severity: Warning,
			needs: []part{askedDirect}, run: directDown,
			remedy: `psql "$DATABASE_DIRECT_URL" -c 'SELECT 1'   # migrations and half of this probe need it: fix DATABASE_DIRECT_URL (or DB_DIRECT_HOST)`,
		},
		{
			code: "HD-D03", title: "Pending migrations: the schema is older than this version", severity: Critical,
			needs: []part{upDirect}, run: migrationsBehind,
			remedy: "honeydue migrate up",
		},
		{
			code: "HD-R01", title: "Redis connection failed: the cache cannot be used", severity: Critical,
			needs: []part{askedRedis}, run: redisDown,
			remedy: "kubectl -n honeydue get pods -l app.kubernetes.io/name=honeydue-redis   # is it running, and does REDIS_URL name it?",
		},
		{
			code: "HD-T01", title: "Server unreachable: no valid HTTP response", severity: Critical, outage: true,
			needs: []part{askedTarget}, run: targetDown,
			remedy: "kubectl -n honeydue get pods -l app.kubernetes.io/name=honeydue && kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=50",
		},
		{
			code: "HD-T02", title: "Readiness check fails: the running server is not ready", severity: Critical, outage: true,
			needs: []part{upTarget}, run: targetNotReady,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=50   # the log shows what it is waiting for",
		},
		{
			code: "HD-P03", title: "DB_EXEC_MODE is unsafe behind a pooler in transaction mode", severity: Critical,
			needs: []part{askedPooler}, run: unsafeMode,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_EXEC_MODE=exec",
		},
		{
			code: "HD-P02", title: "Pooler bypassed: the app connects to Postgres directly", severity: Critical,
			needs: []part{upPooler}, run: wrongEndpoint,
			remedy: findPooler,
		},
		{
			code: "HD-T03", title: "Pooler bypassed: the running server connects to Postgres directly", severity: Critical,
			needs: []part{upTarget}, run: targetBypassesPooler,
			remedy: findPooler,
		},
		{
			code: "HD-P15", title: "Connection pool cannot be opened, although the endpoint answers", severity: Critical, outage: true,
			needs: []part{upPooler}, run: poolRefused,
		},
		{
			code: "HD-D21", title: "Database setting differs from what the app relies on", severity: Warning,
			needs: []part{upPooler, knowsFacts}, run: otherSettings,
		},
		{
			code: "HD-Q06", title: "SQL error: a hot statement fails", severity: Critical, outage: true,
			needs: []part{upPooler, knowsPlans}, run: statementFails,
			remedy: "honeydue migrate status   # does the schema match this version?",
		},
		{
			code: "HD-Q19", title: "SQL error in the self-test: the app's own statements fail", severity: Critical, outage: true,
			needs: []part{upPooler}, run: appStatements,
			remedy: "honeydue migrate status   # does the schema match this version?",
		},
		{
			code: "HD-Q01", title: "Missing index: an expected index does not exist", severity: Warning,
			needs: []part{knowsSchema}, run: missingIndex,
		},
		{
			code: "HD-Q02", title: "Invalid index: Postgres cannot use it", severity: Warning,
			needs: []part{knowsSchema}, run: invalidIndex,
		},
	}
}

func scanChecks() []check {
	return []check{
		{
			code: "HD-Q03", title: "Sequential scan: a hot statement reads the whole table", severity: Critical,
			needs: []part{knowsSchema, knowsPlans}, run: sequentialScan,
		},
	}
}

// tuningChecks are about what makes a healthy request slower than it has to be.
func tuningChecks() []check {
	return []check{
		{
			code: "HD-Q04", title: "Slow query: a hot statement exceeds its execution SLO", severity: Warning,
			needs: []part{knowsPlans}, run: slowExecution,
			remedy: "honeydue probe -o json | jq '.hot_paths[].plan'   # find the slow step in the plan",
		},
		{
			code: "HD-Q05", title: "Extra round trips: a hot statement takes more than one turn", severity: Warning,
			needs: []part{knowsWalls}, run: extraTurns,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_EXEC_MODE=exec",
		},
		{
			code: "HD-P04", title: "Pooler queue: statements wait for a server connection", severity: Warning,
			needs: []part{upPooler}, run: statementsQueue,
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW POOLS'   # if cl_waiting is above 0: shorten the transactions that hold server connections, or raise default_pool_size`,
		},
		{
			code: "HD-R02", title: "Redis maxmemory-policy differs from its tuned value", severity: Critical,
			needs: []part{upRedis}, run: redisPolicy,
		},
		{
			code: "HD-R03", title: "Redis maxmemory differs from its tuned value", severity: Warning,
			needs: []part{upRedis}, run: redisMemory,
		},
		{
			code: "HD-C01", title: "Configuration drift: a setting differs from its tuned value", severity: Warning,
			needs: []part{knowsSettings}, run: drifted,
		},
	}
}
