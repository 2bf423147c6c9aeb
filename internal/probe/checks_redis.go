package probe

import (
	"fmt"
	"strconv"
)

func redisDown(o *observation) outcome {
	f := o.redis.failed
	if f == nil && o.redis.endpoint.FloorMS == 0 {
		return passed("%s answers, however slowly.", o.redis.endpoint.Address)
	}
	if f == nil {
		return passed("%s answers in %.1f ms.", o.redis.endpoint.Address, o.redis.endpoint.FloorMS)
	}
	h := hit{
		evidence: fmt.Sprintf("%s: %s. Every authenticated read then queries the database for the user.", o.redis.endpoint.Address, f),
		remedy:   repair(f, redisVariable, o.redis.endpoint.Address),
		costMS:   o.turnMS(),
	}
	return found(h)
}

// tunedRedis returns the tuned parameter of that name.
func (o *observation) tunedRedis(name string) (RedisParameter, bool) {
	for _, p := range o.config.RedisTuned {
		if p.Name == name {
			return p, true
		}
	}
	return RedisParameter{}, false
}

// because adds why INFO is not known.
func (s *redisServer) because() string {
	if s.untold == nil {
		return ""
	}
	return ": INFO failed, " + s.untold.Error()
}

func redisPolicy(o *observation) outcome {
	r := o.redis
	tuned, ok := o.tunedRedis("maxmemory-policy")
	switch {
	case r.policy == "":
		return notKnown("Redis did not return maxmemory-policy%s.", r.because())
	case !ok:
		return notKnown("There is no tuned policy to compare %s with.", r.policy)
	case tuned.Holds(r.policy):
		return passed("maxmemory-policy is %s.", r.policy)
	}
	h := hit{
		evidence: fmt.Sprintf("maxmemory-policy is %s; the tuned value is %s.", r.policy, tuned.Tuned),
		severity: Warning,
		remedy:   "redis-cli -u \"$REDIS_URL\" CONFIG SET maxmemory-policy " + tuned.Tuned + "   # and the same in deploy-k3s/base/redis.yaml",
	}
	if r.policy == "noeviction" {
		h.severity = Critical
		h.evidence = fmt.Sprintf("maxmemory-policy is noeviction; the tuned value is %s. Once memory is full, every write is refused.", tuned.Tuned)
		if r.maxMemory > 0 {
			h.evidence = fmt.Sprintf("%s %d%% of the memory is in use.", h.evidence, 100*r.memory/r.maxMemory)
		}
	}
	return found(h)
}

func redisMemory(o *observation) outcome {
	r := o.redis
	tuned, ok := o.tunedRedis("maxmemory")
	switch {
	case r.policy == "":
		return notKnown("Redis did not return maxmemory%s.", r.because())
	case !ok:
		return notKnown("There is no tuned limit to compare with.")
	case tuned.Holds(strconv.FormatInt(r.maxMemory, 10)):
		return passed("maxmemory is %s, %d%% is in use.", tuned.Tuned, 100*r.memory/max(1, r.maxMemory))
	}
	h := hit{
		evidence: fmt.Sprintf("maxmemory is %d MB; the tuned value is %s.", r.maxMemory>>20, tuned.Tuned),
		remedy:   tunedMemory(tuned),
	}
	if r.maxMemory == 0 {
		h.evidence = "maxmemory is 0: Redis never evicts keys, and the kernel kills it when the node runs out of memory."
	}
	return found(h)
}

// tunedMemory sets the limit that the manifests' pod has room for.
func tunedMemory(tuned RedisParameter) string {
	return "redis-cli -u \"$REDIS_URL\" CONFIG SET maxmemory " + tuned.Tuned + "   # and the same in deploy-k3s/base/redis.yaml"
}

// moreMemory doubles a limit that is the tuned one at least. The pod's own limit, half above it as in the manifests, goes
// with it: beyond that the kernel would end Redis.
func (o *observation) moreMemory(limit int64) string {
	if tuned, ok := o.tunedRedis("maxmemory"); ok && limit < tuned.Bytes {
		return tunedMemory(tuned)
	}
	return fmt.Sprintf(`kubectl -n honeydue patch deployment/honeydue-redis --type json -p '[{"op":"replace","path":"/spec/template/spec/containers/0/resources/limits/memory","value":"%dMi"},`+
		`{"op":"replace","path":"/spec/template/spec/containers/0/args/2","value":"%dmb"}]'   # Redis restarts empty; make the same change in deploy-k3s/base/redis.yaml and, as decision S4, in internal/config/tuned.go`, 3*limit>>20, 2*limit>>20)
}
