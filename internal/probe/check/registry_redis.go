package check

import (
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// redisChecks are about Redis at work, and about the health of the cache's protocol in it.
func redisChecks() []Check {
	watched := []facts.Part{facts.WatchedRedis}
	return []Check{
		{
			Code: "HD-R04", title: "Redis out of memory: writes are refused", severity: facts.Critical,
			Needs: watched, run: redisFull,
			remedy: "redis-cli -u \"$REDIS_URL\" CONFIG SET maxmemory-policy allkeys-lru   # make the same change in deploy-k3s/base/redis.yaml",
		},
		{
			Code: "HD-R19", title: "Redis permissions or mode: commands that the cache needs are refused", severity: facts.Critical,
			Needs: []facts.Part{facts.UpRedis}, run: redisRefuses,
		},
		{
			Code: "HD-R14", title: "Redis persistence fails: saving to disk returns errors", severity: facts.Warning,
			Needs: watched, run: redisSaveFails,
			remedy: `redis-cli -u "$REDIS_URL" CONFIG SET save "" && redis-cli -u "$REDIS_URL" CONFIG SET appendonly no && redis-cli -u "$REDIS_URL" CONFIG SET stop-writes-on-bgsave-error no   # a cache needs no persistence; make the same change in deploy-k3s/base/redis.yaml`,
		},
		{
			Code: "HD-R11", title: "Redis maxclients: Redis is running out of client connections", severity: facts.Warning,
			Needs: []facts.Part{facts.AskedRedis}, run: redisClients,
			remedy: "redis-cli -u \"$REDIS_URL\" CLIENT LIST | sed 's/.* name=\\([^ ]*\\) .*/\\1/' | sort | uniq -c   # which clients hold them? Then CONFIG SET maxclients 10000",
		},
		{
			Code: "HD-R06", title: "Redis latency: replies are slow", severity: facts.Warning,
			Needs: watched, run: redisSlow,
			remedy: "redis-cli -u \"$REDIS_URL\" SLOWLOG GET 10 && redis-cli -u \"$REDIS_URL\" LATENCY DOCTOR   # find the command that blocks it; Redis runs one at a time",
		},
		{
			Code: "HD-R08", title: "Redis SLOWLOG: slow commands block the server", severity: facts.Warning,
			Needs: watched, run: redisSlowLog,
			remedy: "redis-cli -u \"$REDIS_URL\" SLOWLOG GET 10   # shows arguments: do not paste it into a ticket. Replace KEYS with SCAN and a large DEL with UNLINK",
		},
		{
			Code: "HD-R07", title: "Redis latency monitor recorded stalls", severity: facts.Warning,
			Needs: watched, run: redisLatencyEvents,
			remedy: "redis-cli -u \"$REDIS_URL\" LATENCY DOCTOR   # gives advice for each event",
		},
		{
			Code: "HD-R05", title: "Redis evictions: keys that are still needed are removed", severity: facts.Warning,
			Needs: watched, run: redisEvictions,
			remedy: "honeydue probe -o json | jq .redis.kinds   # which kind of key grew?",
		},
		{
			Code: "HD-R17", title: "Cache sweeps fail: the change log cannot be read", severity: facts.Critical,
			Needs: watched, run: sweepsFail,
			remedy: "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=100 | grep -i sweep   # can the pods reach the database?",
		},
		{
			Code: "HD-R16", title: "Cache holds are not released: reads bypass the cache", severity: facts.Warning,
			Needs: watched, run: holdsLinger,
			remedy: "kubectl -n honeydue rollout restart deployment/honeydue   # a running pod releases stuck holds within seconds; no pod is doing that",
		},
		{
			Code: "HD-R18", title: "Cache versions evicted: copies remain that cannot be served", severity: facts.Warning,
			Needs: watched, run: statesMissing,
			remedy: "redis-cli -u \"$REDIS_URL\" CONFIG GET maxmemory-policy   # allkeys-lru keeps a state key while it is read; if the policy is right, add memory (HD-R05)",
		},
		{
			Code: "HD-R10", title: "Redis big key: one key is unusually large", severity: facts.Warning,
			Needs: watched, run: redisBigKeys,
			remedy: "redis-cli -u \"$REDIS_URL\" --bigkeys -i 0.1   # shows its name; then UNLINK it, and find the program that writes it",
		},
		{
			Code: "HD-R12", title: "Redis blocked clients: connections wait in blocking commands", severity: facts.Warning,
			Needs: watched, run: redisBlocked,
			remedy: "redis-cli -u \"$REDIS_URL\" CLIENT LIST | grep -E 'flags=b' | sed 's/.*\\(cmd=[^ ]*\\).*/\\1/' | sort | uniq -c   # then move the other program to its own Redis",
		},
		{
			Code: "HD-R13", title: "Redis client buffers use too much memory", severity: facts.Warning,
			Needs: watched, run: redisBuffers,
			remedy: `redis-cli -u "$REDIS_URL" CLIENT LIST | sed 's/^\(id=[0-9]*\).* \(omem=[0-9]*\).*/\1 \2/' | sort -t= -k3 -n | tail -3   # omem= is the size of its output buffer; then CLIENT KILL ID …`,
		},
		{
			Code: "HD-R15", title: "Redis persistence (RDB/AOF) is on: the cache writes to disk", severity: facts.Warning,
			Needs: watched, run: redisPersistence,
			remedy: `redis-cli -u "$REDIS_URL" CONFIG SET save "" && redis-cli -u "$REDIS_URL" CONFIG SET appendonly no   # make the same change in deploy-k3s/base/redis.yaml`,
		},
		{
			Code: "HD-R09", title: "Redis MEMORY DOCTOR reports problems", severity: facts.Info,
			Needs: watched, run: redisDoctor,
			remedy: "redis-cli -u \"$REDIS_URL\" MEMORY DOCTOR   # gives advice for each problem",
		},
	}
}
