package check

import (
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// targetChecks judge what a running server gave to the probe's own reads, and what it counts. Causes stand before
// their symptoms.
func targetChecks() []Check {
	return []Check{
		{
			Code: "HD-T12", title: "HTTP errors: a hot read of the running server fails", severity: facts.Critical, outage: true,
			Needs: []facts.Part{facts.KnowsReads}, run: targetReadFails,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=50   # each failure is logged once, with its trace ID",
		},
		{
			Code: "HD-T13", title: "Redis is not used: the running server caches in its own process", severity: facts.Warning,
			Needs: []facts.Part{facts.UpTarget}, run: targetWithoutRedis,
			remedy: "kubectl -n honeydue set env deployment/honeydue --from=secret/honeydue   # REDIS_URL is not set there",
		},
		{
			Code: "HD-T11", title: "DB_EXEC_MODE mismatch between the running server and the environment", severity: facts.Warning,
			Needs: []facts.Part{facts.UpTarget}, run: targetMode,
			remedy: "kubectl -n honeydue rollout restart deployment/honeydue   # or fix DB_EXEC_MODE where the probe runs",
		},
		{
			Code: "HD-T10", title: "Mixed versions: pods of different builds answer", severity: facts.Warning,
			Needs: []facts.Part{facts.UpTarget}, run: targetBuilds,
			remedy: "kubectl -n honeydue rollout status deployment/honeydue   # if stuck: kubectl -n honeydue rollout undo deployment/honeydue",
		},
		{
			Code: "HD-T04", title: "Pool exhaustion: requests wait for a database connection", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsReads}, run: targetAcquires,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_MAX_CONNS=50   # limited by the pooler's default_pool_size; make the same change in deploy-k3s/base/honeydue.env",
		},
		{
			Code: "HD-T07", title: "Redis errors: the running server's Redis calls fail", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsMetrics}, run: targetRedisErrors,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=50 | grep -i redis   # can the pods reach Redis?",
		},
		{
			Code: "HD-T15", title: "Redis latency: Redis calls of the running server are slow", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsReads}, run: targetRedisSlow,
			remedy: "kubectl -n honeydue get pods -o wide -l 'app.kubernetes.io/name in (honeydue, honeydue-redis)'   # the same region and node pool?",
		},
		{
			Code: "HD-T05", title: "Cache misses: warm reads query the database", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsReads}, run: targetWarmTurns,
			remedy: "honeydue probe --target URL -o json | jq '.target.reads[].cache_status'   # shows which cache missed, and why",
		},
		{
			Code: "HD-T06", title: "Low cache hit ratio in the running server", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsMetrics}, run: targetHitRate,
			remedy: "honeydue config   # BOARD_CACHE_TTL and the other *_CACHE_* values; then redis-cli -u \"$REDIS_URL\" INFO stats | grep evicted_keys",
		},
		{
			Code: "HD-T18", title: "Unexplained cache misses: more list misses than writes explain", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsMetrics}, run: targetMisses,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=50 | grep -i redis   # shows why the pods cannot use Redis",
		},
		{
			Code: "HD-T16", title: "Cache churn: lists change as fast as they are read", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsMetrics}, run: targetFillsRefused,
			remedy: "psql \"$DATABASE_DIRECT_URL\" -c \"SELECT what, r AS residence, count(*) FROM changes, unnest(residence_ids) r WHERE at > now() - interval '10 minutes' GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 5\"   # shows the most frequent writes",
		},
		{
			Code: "HD-T17", title: "Missed cache invalidations: only the change log reports some writes", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsMetrics}, run: targetRepairs,
			remedy: "kubectl -n honeydue get pods && psql \"$DATABASE_DIRECT_URL\" -c \"SELECT usename, application_name, client_addr, count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1, 2, 3\"   # a restart (HD-K01) can interrupt a writer; any other client must write through the API",
		},
		{
			Code: "HD-T14", title: "Slow server: response time is spent in the app itself", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsReads}, run: targetAppSlow,
			remedy: "kubectl -n honeydue top pods -l app.kubernetes.io/name=honeydue   # if throttled, remove the CPU limit (HD-K02); on a full node, raise the request",
		},
		{
			Code: "HD-T09", title: "Ingress latency: something between client and server adds time", severity: facts.Warning,
			Needs: []facts.Part{facts.KnowsReads}, run: targetIngress,
			remedy: "kubectl -n kube-system logs deployment/traefik --tail=50   # compare with: kubectl -n honeydue port-forward deployment/honeydue 8080",
		},
		{
			Code: "HD-T08", title: "Client latency: the network path takes longer than the server", severity: facts.Info,
			Needs: []facts.Part{facts.KnowsReads}, run: targetFar,
			remedy: `honeydue probe --target "$TARGET"   # run it close to the users; TARGET is the URL`,
		},
	}
}
