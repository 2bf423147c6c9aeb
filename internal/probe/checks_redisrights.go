package probe

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/cache"
)

// withoutCache is what the app does where it can't use Redis.
const withoutCache = "Reads then come from the database."

// redisRefuses judges the self-test: what the cache does, done with the rights of the app's own user.
func redisRefuses(o *observation) outcome {
	t := o.redis.self
	if t == nil {
		return notKnown("The self-test was not made.")
	}
	if o.redis.selfFailed != nil {
		return notKnown("The self-test had no answer: %s.", o.redis.selfFailed)
	}
	f := t.Fault
	address := o.redis.endpoint.Address
	h := hit{costMS: o.turnMS(), about: []string{string(f.Kind)}}
	switch f.Kind {
	case "":
		return passed("Every command and the scripts of the cache were run on scratch keys by the app's user.")
	case cache.FaultPermission:
		h.evidence = fmt.Sprintf("The user of REDIS_URL lacks rights that the cache needs at %s; %s missing: %s. %s",
			address, plural(len(t.Missing), "right is", "rights are"), strings.Join(t.Missing, " "), withoutCache)
		h.remedy = aclRemedy(t.Missing)
	case cache.FaultCluster:
		h.evidence = fmt.Sprintf("%s runs in cluster mode, and the cache's scripts use keys of several hash slots, which a cluster refuses. %s", address, withoutCache)
		h.remedy = `redis-cli -u "$REDIS_URL" INFO cluster   # cluster_enabled:1; REDIS_URL must name a Redis without it, as in deploy-k3s/base/redis.yaml`
	case cache.FaultReplica:
		h.evidence = fmt.Sprintf("%s is a read-only replica: nothing can be cached there, and writes can't be announced. %s", address, withoutCache)
		h.remedy = `redis-cli -u "$REDIS_URL" INFO replication   # role:slave; REDIS_URL must name its master_host`
	default:
		h.evidence = fmt.Sprintf("The self-test failed at %s: %s. %s", address, f, withoutCache)
		h.remedy = `redis-cli -u "$REDIS_URL" INFO errorstats   # ` + strings.TrimSuffix(f.Hint(), ".")
	}
	return found(h)
}

// aclRemedy gives the app's user rights. Whoever administers users has another URL than the app.
func aclRemedy(rules []string) string {
	quoted := make([]string, len(rules))
	for i, r := range rules {
		quoted[i] = r
		if strings.ContainsAny(r, "~*|") {
			quoted[i] = "'" + r + "'"
		}
	}
	return `redis-cli -u "$REDIS_ADMIN_URL" ACL SETUSER "$REDIS_USER" ` + strings.Join(quoted, " ") +
		`   # REDIS_USER is the user in REDIS_URL, default if there is none; then the same where the ACL is kept (users.acl, or the provider's page)`
}
