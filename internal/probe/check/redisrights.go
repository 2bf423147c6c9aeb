package check

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// withoutCache is what the app does where it can't use Redis.
const withoutCache = "Reads then come from the database."

// redisRefuses judges the self-test: what the cache does, done with the rights of the app's own user.
func redisRefuses(o *facts.Observation) Outcome {
	t := o.Redis.Self
	if t == nil {
		return notKnown("The self-test was not run.")
	}
	if o.Redis.SelfFailed != nil {
		return notKnown("The self-test got no answer: %s.", o.Redis.SelfFailed)
	}
	f := t.Fault
	address := o.Redis.Endpoint.Address
	h := hit{CostMS: o.TurnMS(), about: []string{string(f.Kind)}}
	switch f.Kind {
	case "":
		return passed("The app's user ran every command and script of the cache on scratch keys.")
	case cache.FaultPermission:
		h.Evidence = fmt.Sprintf("The user in REDIS_URL lacks permissions that the cache needs at %s; %s missing: %s. %s",
			address, facts.Plural(len(t.Missing), "permission is", "permissions are"), strings.Join(t.Missing, " "), withoutCache)
		h.Remedy = aclRemedy(t.Missing)
	case cache.FaultCluster:
		h.Evidence = fmt.Sprintf("%s runs in cluster mode, which refuses the cache's scripts because their keys span several hash slots. %s", address, withoutCache)
		h.Remedy = `redis-cli -u "$REDIS_URL" INFO cluster   # cluster_enabled:1; REDIS_URL must name a Redis without it, as in deploy-k3s/base/redis.yaml`
	case cache.FaultReplica:
		h.Evidence = fmt.Sprintf("%s is a read-only replica: nothing can be cached, and writes cannot invalidate copies. %s", address, withoutCache)
		h.Remedy = `redis-cli -u "$REDIS_URL" INFO replication   # role:slave; REDIS_URL must name its master_host`
	default:
		h.Evidence = fmt.Sprintf("The self-test failed at %s: %s. %s", address, f, withoutCache)
		h.Remedy = `redis-cli -u "$REDIS_URL" INFO errorstats   # ` + strings.TrimSuffix(f.Hint(), ".")
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
		`   # REDIS_USER is the user in REDIS_URL, or default; make the same change where the ACL is stored (users.acl, or the provider's console)`
}
