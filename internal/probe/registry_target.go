package probe

// targetChecks judge what a running server gave to the probe's own reads, and what it counts. Causes stand before
// their symptoms.
func targetChecks() []check {
	return []check{
		{
			code: "HD-T12", title: "HTTP errors: a hot read of the running server fails", severity: Critical, outage: true,
			needs: []part{knowsReads}, run: targetReadFails,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=50   # each failure is logged once, with its trace ID",
		},
		{
			code: "HD-T13", title: "Redis is not used: the running server caches in its own process", severity: Warning,
			needs: []part{upTarget}, run: targetWithoutRedis,
			remedy: "kubectl -n honeydue set env deployment/honeydue --from=secret/honeydue   # REDIS_URL is not set there",
		},
		{
			code: "HD-T11", title: "DB_EXEC_MODE mismatch between the running server and the environment", severity: Warning,
			needs: []part{upTarget}, run: targetMode,
			remedy: "kubectl -n honeydue rollout restart deployment/honeydue   # or fix DB_EXEC_MODE where the probe runs",
		},
		{
			code: "HD-T10", title: "Mixed versions: pods of different builds answer", severity: Warning,
			needs: []part{upTarget}, run: targetBuilds,
			remedy: "kubectl -n honeydue rollout status deployment/honeydue   # if stuck: kubectl -n honeydue rollout undo deployment/honeydue",
		},
		{
			code: "HD-T04", title: "Pool exhaustion: requests wait for a database connection", severity: Warning,
			needs: []part{knowsReads}, run: targetAcquires,
			remedy: "kubectl -n honeydue set env deployment/honeydue DB_MAX_CONNS=50   # limited by the pooler's default_pool_size; make the same change in deploy-k3s/base/honeydue.env",
		},
		{
			code: "HD-T07", title: "Redis errors: the running server's Redis calls fail", severity: Warning,
			needs: []part{knowsMetrics}, run: targetRedisErrors,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=50 | grep -i redis   # can the pods reach Redis?",
		},
		{
			code: "HD-T15", title: "Redis latency: Redis calls of the running server are slow", severity: Warning,
			needs: []part{knowsReads}, run: targetRedisSlow,
			remedy: "kubectl -n honeydue get pods -o wide -l 'app.kubernetes.io/name in (honeydue, honeydue-redis)'   # the same region and node pool?",
		},
		{
			code: "HD-T05", title: "Cache misses: warm reads query the database", severity: Warning,
			needs: []part{knowsReads}, run: targetWarmTurns,
			remedy: "honeydue probe --target URL -o json | jq '.target.reads[].cache_status'   # shows which cache missed, and why",
		},
		{
			code: "HD-T06", title: "Low cache hit ratio in the running server", severity: Warning,
			needs: []part{knowsMetrics}, run: targetHitRate,
			remedy: "honeydue config   # BOARD_CACHE_TTL and the other *_CACHE_* values; then redis-cli -u \"$REDIS_URL\" INFO stats | grep evicted_keys",
		},
		{
			code: "HD-T18", title: "Unexplained cache misses: more list misses than writes explain", severity: Warning,
			needs: []part{knowsMetrics}, run: targetMisses,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=50 | grep -i redis   # shows why the pods cannot use Redis",
		},
		{
			code: "HD-T16", title: "Cache churn: lists change as fast as they are read", severity: Warning,
			needs: []part{knowsMetrics}, run: targetFillsRefused,
			remedy: "psql \"$DATABASE_DIRECT_URL\" -c \"SELECT what, r AS residence, count(*) FROM changes, unnest(residence_ids) r WHERE at > now() - interval '10 minutes' GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 5\"   # shows the most frequent writes",
		},
		{
			code: "HD-T17", title: "Missed cache invalidations: only the change log reports some writes", severity: Warning,
			needs: []part{knowsMetrics}, run: targetRepairs,
			remedy: "kubectl -n honeydue get pods && psql \"$DATABASE_DIRECT_URL\" -c \"SELECT usename, application_name, client_addr, count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1, 2, 3\"   # a restart (HD-K01) can interrupt a writer; any other client must write through the API",
		},
		{
			code: "HD-T14", title: "Slow server: response time is spent in the app itself", severity: Warning,
			needs: []part{knowsReads}, run: targetAppSlow,
			remedy: "kubectl -n honeydue top pods -l app.kubernetes.io/name=honeydue   # if throttled, remove the CPU limit (HD-K02); on a full node, raise the request",
		},
		{
			code: "HD-T09", title: "Ingress latency: something between client and server adds time", severity: Warning,
			needs: []part{knowsReads}, run: targetIngress,
			remedy: "kubectl -n kube-system logs deployment/traefik --tail=50   # compare with: kubectl -n honeydue port-forward deployment/honeydue 8080",
		},
		{
			code: "HD-T08", title: "Client latency: the network path takes longer than the server", severity: Info,
			needs: []part{knowsReads}, run: targetFar,
			remedy: `honeydue probe --target "$TARGET"   # run it close to the users; TARGET is the URL`,
		},
	}
}
