package check

import (
	"fmt"
	"strconv"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

func redisDown(o *facts.Observation) Outcome {
	f := o.Redis.Failed
	if f == nil && o.Redis.Endpoint.FloorMS == 0 {
		return passed("%s answers, however slowly.", o.Redis.Endpoint.Address)
	}
	if f == nil {
		return passed("%s answers in %.1f ms.", o.Redis.Endpoint.Address, o.Redis.Endpoint.FloorMS)
	}
	h := hit{
		Evidence: fmt.Sprintf("%s: %s. Every authenticated read then queries the database for the user.", o.Redis.Endpoint.Address, f),
		Remedy:   Repair(f, redisVariable, o.Redis.Endpoint.Address),
		CostMS:   o.TurnMS(),
	}
	return found(h)
}

// tunedRedis returns the tuned parameter of that name.
func tunedRedis(o *facts.Observation, name string) (facts.RedisParameter, bool) {
	for _, p := range o.Config.RedisTuned {
		if p.Name == name {
			return p, true
		}
	}
	return facts.RedisParameter{}, false
}

func redisPolicy(o *facts.Observation) Outcome {
	r := o.Redis
	tuned, ok := tunedRedis(o, "maxmemory-policy")
	switch {
	case r.Policy == "":
		return notKnown("Redis did not return maxmemory-policy%s.", r.Because())
	case !ok:
		return notKnown("There is no tuned policy to compare %s with.", r.Policy)
	case tuned.Holds(r.Policy):
		return passed("maxmemory-policy is %s.", r.Policy)
	}
	h := hit{
		Evidence: fmt.Sprintf("maxmemory-policy is %s; the tuned value is %s.", r.Policy, tuned.Tuned),
		severity: facts.Warning,
		Remedy:   "redis-cli -u \"$REDIS_URL\" CONFIG SET maxmemory-policy " + tuned.Tuned + "   # make the same change in deploy-k3s/base/redis.yaml",
	}
	if r.Policy == "noeviction" {
		h.severity = facts.Critical
		h.Evidence = fmt.Sprintf("maxmemory-policy is noeviction; the tuned value is %s. Once memory is full, every write is refused.", tuned.Tuned)
		if r.MaxMemory > 0 {
			h.Evidence = fmt.Sprintf("%s %d%% of the memory is in use.", h.Evidence, 100*r.Memory/r.MaxMemory)
		}
	}
	return found(h)
}

func redisMemory(o *facts.Observation) Outcome {
	r := o.Redis
	tuned, ok := tunedRedis(o, "maxmemory")
	switch {
	case r.Policy == "":
		return notKnown("Redis did not return maxmemory%s.", r.Because())
	case !ok:
		return notKnown("There is no tuned limit to compare with.")
	case tuned.Holds(strconv.FormatInt(r.MaxMemory, 10)):
		return passed("maxmemory is %s, %d%% is in use.", tuned.Tuned, 100*r.Memory/max(1, r.MaxMemory))
	}
	h := hit{
		Evidence: fmt.Sprintf("maxmemory is %d MB; the tuned value is %s.", r.MaxMemory>>20, tuned.Tuned),
		Remedy:   tunedMemory(tuned),
	}
	if r.MaxMemory == 0 {
		h.Evidence = "maxmemory is 0: Redis never evicts keys, and the kernel kills it when the node runs out of memory."
	}
	return found(h)
}

// tunedMemory sets the limit that the manifests' pod has room for.
func tunedMemory(tuned facts.RedisParameter) string {
	return "redis-cli -u \"$REDIS_URL\" CONFIG SET maxmemory " + tuned.Tuned + "   # make the same change in deploy-k3s/base/redis.yaml"
}

// moreMemory doubles a limit that is the tuned one at least. The pod's own limit, half above it as in the manifests, goes
// with it: beyond that the kernel would end Redis.
func moreMemory(o *facts.Observation, limit int64) string {
	if tuned, ok := tunedRedis(o, "maxmemory"); ok && limit < tuned.Bytes {
		return tunedMemory(tuned)
	}
	return fmt.Sprintf(`kubectl -n honeydue patch deployment/honeydue-redis --type json -p '[{"op":"replace","path":"/spec/template/spec/containers/0/resources/limits/memory","value":"%dMi"},`+
		`{"op":"replace","path":"/spec/template/spec/containers/0/args/2","value":"%dmb"}]'   # Redis restarts empty; make the same change in deploy-k3s/base/redis.yaml and, as decision S4, in internal/config/tuned.go`, 3*limit>>20, 2*limit>>20)
}
