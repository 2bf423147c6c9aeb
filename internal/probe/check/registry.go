package check

import (
	"slices"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Registry lists every check. A code is for ever: it names a runbook page, alerts and skip lists. The
// letter says where the fault lies: N network, P pooler and pool, D database server, Q queries, R Redis,
// C configuration, T the running server, K the cluster. Causes stand before their symptoms.
func Registry() []Check {
	return slices.Concat(
		wayCauses(), reachChecks(), statementCauses(), scanChecks(), statementSteps(), tuningChecks(), targetChecks(),
		serverChecks(), redisChecks(), clusterChecks(), statementRemarks(), wayChecks(),
	)
}

// reachChecks are about what answers at all, and as whom.
func reachChecks() []Check {
	return []Check{
		{
			Code: "HD-P01", title: "Database endpoint unreachable: the app cannot connect", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.AskedPooler}, run: poolerDown,
			remedy: "kubectl get pods -A | grep -i pooler   # is it running, and do DB_HOST and DB_PORT name it?",
		},
		{
			Code: "HD-D01", title: "Database down: no statement gets an answer", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.AskedPooler}, run: databaseDown,
			remedy: `psql "$DATABASE_DIRECT_URL" -c 'SELECT pg_postmaster_start_time(), pg_is_in_recovery()'   # connecting wakes a suspended database (Neon); otherwise start the server: its log shows why it stopped`,
		},
		{
			Code: "HD-P05", title: "Pooler stuck: it accepts clients but assigns no server connection", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.AskedPooler}, run: poolerStuck,
		},
		{
			Code: "HD-D19", title: "Read-only database: the app's writes are refused", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.UpPooler}, run: refusesWrites,
		},
		{
			Code: "HD-D02", title: "Direct endpoint unusable: migrations cannot run through it", severity: facts.Warning,
			Needs: []facts.Part{facts.AskedDirect}, run: directDown,
			remedy: `psql "$DATABASE_DIRECT_URL" -c 'SELECT 1'   # migrations and half of this probe need it: fix DATABASE_DIRECT_URL (or DB_DIRECT_HOST)`,
		},
		{
			Code: "HD-D03", title: "Pending migrations: the schema is older than this version", severity: facts.Critical,
			Needs: []facts.Part{facts.UpDirect}, run: migrationsBehind,
			remedy: "honeydue migrate up",
		},
		{
			Code: "HD-R01", title: "Redis connection failed: the cache cannot be used", severity: facts.Critical,
			Needs: []facts.Part{facts.AskedRedis}, run: redisDown,
			remedy: "kubectl -n honeydue get pods -l app.kubernetes.io/name=honeydue-redis   # is it running, and does REDIS_URL name it?",
		},
		{
			Code: "HD-T01", title: "Server unreachable: no valid HTTP response", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.AskedTarget}, run: targetDown,
			remedy: "kubectl -n honeydue get pods -l app.kubernetes.io/name=honeydue && kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=50",
		},
		{
			Code: "HD-T02", title: "Readiness check fails: the running server is not ready", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.UpTarget}, run: targetNotReady,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=50   # the log shows what it is waiting for",
		},
		{
			Code: "HD-P03", title: "DB_EXEC_MODE is unsafe behind a pooler in transaction mode", severity: facts.Critical,
			Needs: []facts.Part{facts.AskedPooler}, run: unsafeMode,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_EXEC_MODE=exec",
		},
		{
			Code: "HD-P02", title: "Pooler bypassed: the app connects to Postgres directly", severity: facts.Critical,
			Needs: []facts.Part{facts.UpPooler}, run: wrongEndpoint,
			remedy: findPooler,
		},
		{
			Code: "HD-T03", title: "Pooler bypassed: the running server connects to Postgres directly", severity: facts.Critical,
			Needs: []facts.Part{facts.UpTarget}, run: targetBypassesPooler,
			remedy: findPooler,
		},
		{
			Code: "HD-P15", title: "Connection pool cannot be opened, although the endpoint answers", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.UpPooler}, run: poolRefused,
		},
		{
			Code: "HD-D21", title: "Database setting differs from what the app relies on", severity: facts.Warning,
			Needs: []facts.Part{facts.UpPooler, facts.KnowsFacts}, run: otherSettings,
		},
		{
			Code: "HD-Q06", title: "SQL error: a hot statement fails", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.UpPooler, facts.KnowsPlans}, run: statementFails,
			remedy: "honeydue migrate status   # does the schema match this version?",
		},
		{
			Code: "HD-Q19", title: "SQL error in the self-test: the app's own statements fail", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.UpPooler}, run: appStatements,
			remedy: "honeydue migrate status   # does the schema match this version?",
		},
		{
			Code: "HD-Q01", title: "Missing index: an expected index does not exist", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsSchema}, run: missingIndex,
		},
		{
			Code: "HD-Q02", title: "Invalid index: Postgres cannot use it", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsSchema}, run: invalidIndex,
		},
	}
}

func scanChecks() []Check {
	return []Check{
		{
			Code: "HD-Q03", title: "Sequential scan: a hot statement reads the whole table", severity: facts.Critical,
			Needs: []facts.Part{facts.KnowsSchema, facts.KnowsPlans}, run: sequentialScan,
		},
	}
}

// tuningChecks are about what makes a healthy request slower than it has to be.
func tuningChecks() []Check {
	return []Check{
		{
			Code: "HD-Q04", title: "Slow query: a hot statement exceeds its execution SLO", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsPlans}, run: slowExecution,
			remedy: "honeydue probe -o json | jq '.hot_paths[].plan'   # find the slow step in the plan",
		},
		{
			Code: "HD-Q05", title: "Extra round trips: a hot statement takes more than one turn", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsWalls}, run: extraTurns,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_EXEC_MODE=exec",
		},
		{
			Code: "HD-P04", title: "Pooler queue: statements wait for a server connection", severity: facts.Warning,
			Needs: []facts.Part{facts.UpPooler}, run: statementsQueue,
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW POOLS'   # if cl_waiting is above 0: shorten the transactions that hold server connections, or raise default_pool_size`,
		},
		{
			Code: "HD-R02", title: "Redis maxmemory-policy differs from its tuned value", severity: facts.Critical,
			Needs: []facts.Part{facts.UpRedis}, run: redisPolicy,
		},
		{
			Code: "HD-R03", title: "Redis maxmemory differs from its tuned value", severity: facts.Warning,
			Needs: []facts.Part{facts.UpRedis}, run: redisMemory,
		},
		{
			Code: "HD-C01", title: "Configuration drift: a setting differs from its tuned value", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsSettings}, run: drifted,
		},
	}
}
