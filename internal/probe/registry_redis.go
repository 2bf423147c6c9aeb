package probe

// redisChecks are about Redis at work, and about the health of the cache's protocol in it.
func redisChecks() []check {
	watched := []part{watchedRedis}
	return []check{
		{
			code: "HD-R04", title: "Redis out of memory: writes are refused", severity: Critical,
			needs: watched, run: redisFull,
			remedy: "redis-cli -u \"$REDIS_URL\" CONFIG SET maxmemory-policy allkeys-lru   # make the same change in deploy-k3s/base/redis.yaml",
		},
		{
			code: "HD-R19", title: "Redis permissions or mode: commands that the cache needs are refused", severity: Critical,
			needs: []part{upRedis}, run: redisRefuses,
		},
		{
			code: "HD-R14", title: "Redis persistence fails: saving to disk returns errors", severity: Warning,
			needs: watched, run: redisSaveFails,
			remedy: `redis-cli -u "$REDIS_URL" CONFIG SET save "" && redis-cli -u "$REDIS_URL" CONFIG SET appendonly no && redis-cli -u "$REDIS_URL" CONFIG SET stop-writes-on-bgsave-error no   # a cache needs no persistence; make the same change in deploy-k3s/base/redis.yaml`,
		},
		{
			code: "HD-R11", title: "Redis maxclients: Redis is running out of client connections", severity: Warning,
			needs: []part{askedRedis}, run: redisClients,
			remedy: "redis-cli -u \"$REDIS_URL\" CLIENT LIST | sed 's/.* name=\\([^ ]*\\) .*/\\1/' | sort | uniq -c   # which clients hold them? Then CONFIG SET maxclients 10000",
		},
		{
			code: "HD-R06", title: "Redis latency: replies are slow", severity: Warning,
			needs: watched, run: redisSlow,
			remedy: "redis-cli -u \"$REDIS_URL\" SLOWLOG GET 10 && redis-cli -u \"$REDIS_URL\" LATENCY DOCTOR   # find the command that blocks it; Redis runs one at a time",
		},
		{
			code: "HD-R08", title: "Redis SLOWLOG: slow commands block the server", severity: Warning,
			needs: watched, run: redisSlowLog,
			remedy: "redis-cli -u \"$REDIS_URL\" SLOWLOG GET 10   # shows arguments: do not paste it into a ticket. Replace KEYS with SCAN and a large DEL with UNLINK",
		},
		{
			code: "HD-R07", title: "Redis latency monitor recorded stalls", severity: Warning,
			needs: watched, run: redisLatencyEvents,
			remedy: "redis-cli -u \"$REDIS_URL\" LATENCY DOCTOR   # gives advice for each event",
		},
		{
			code: "HD-R05", title: "Redis evictions: keys that are still needed are removed", severity: Warning,
			needs: watched, run: redisEvictions,
			remedy: "honeydue probe -o json | jq .redis.kinds   # which kind of key grew?",
		},
		{
			code: "HD-R17", title: "Cache sweeps fail: the change log cannot be read", severity: Critical,
			needs: watched, run: sweepsFail,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=100 | grep -i sweep   # can the pods reach the database?",
		},
		{
			code: "HD-R16", title: "Cache holds are not released: reads bypass the cache", severity: Warning,
			needs: watched, run: holdsLinger,
			remedy: "kubectl -n honeydue rollout restart deployment/honeydue   # a running pod releases stuck holds within seconds; no pod is doing that",
		},
		{
			code: "HD-R18", title: "Cache versions evicted: copies remain that cannot be served", severity: Warning,
			needs: watched, run: statesMissing,
			remedy: "redis-cli -u \"$REDIS_URL\" CONFIG GET maxmemory-policy   # allkeys-lru keeps a state key while it is read; if the policy is right, add memory (HD-R05)",
		},
		{
			code: "HD-R10", title: "Redis big key: one key is unusually large", severity: Warning,
			needs: watched, run: redisBigKeys,
			remedy: "redis-cli -u \"$REDIS_URL\" --bigkeys -i 0.1   # shows its name; then UNLINK it, and find the program that writes it",
		},
		{
			code: "HD-R12", title: "Redis blocked clients: connections wait in blocking commands", severity: Warning,
			needs: watched, run: redisBlocked,
			remedy: "redis-cli -u \"$REDIS_URL\" CLIENT LIST | grep -E 'flags=b' | sed 's/.*\\(cmd=[^ ]*\\).*/\\1/' | sort | uniq -c   # then move the other program to its own Redis",
		},
		{
			code: "HD-R13", title: "Redis client buffers use too much memory", severity: Warning,
			needs: watched, run: redisBuffers,
			remedy: `redis-cli -u "$REDIS_URL" CLIENT LIST | sed 's/^\(id=[0-9]*\).* \(omem=[0-9]*\).*/\1 \2/' | sort -t= -k3 -n | tail -3   # omem= is the size of its output buffer; then CLIENT KILL ID …`,
		},
		{
			code: "HD-R15", title: "Redis persistence (RDB/AOF) is on: the cache writes to disk", severity: Warning,
			needs: watched, run: redisPersistence,
			remedy: `redis-cli -u "$REDIS_URL" CONFIG SET save "" && redis-cli -u "$REDIS_URL" CONFIG SET appendonly no   # make the same change in deploy-k3s/base/redis.yaml`,
		},
		{
			code: "HD-R09", title: "Redis MEMORY DOCTOR reports problems", severity: Info,
			needs: watched, run: redisDoctor,
			remedy: "redis-cli -u \"$REDIS_URL\" MEMORY DOCTOR   # gives advice for each problem",
		},
	}
}
