package facts

import (
	"net"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
)

// Because adds why INFO is not known.
func (s *RedisServer) Because() string {
	if s.Untold == nil {
		return ""
	}
	return ": INFO failed, " + s.Untold.Error()
}

// RedisServer is what is known of Redis.
type RedisServer struct {
	Endpoint Endpoint
	Failed   *Failure
	Remote   net.IP // whom it is connected to; nil if it never was, or is a socket of this machine
	TLS      TLSTrust
	Facts    *RedisFacts // nil until it was watched
	// Self is what came of the self-test, nil if it was not made; selfFailed is why it had no answer.
	Self       *cache.SelfTest
	SelfFailed *Failure
	// Samples are the PINGs of the floor; lost is why there was none after them, nil if they ended by themselves.
	Samples []time.Duration
	Lost    *Failure
	// Of INFO; empty where Redis would not say, for which untold is the reason.
	Untold    *Failure
	Policy    string
	MaxMemory int64
	Memory    int64  // counted against maxMemory
	Product   string // Redis, or Valkey
	Version   string
}

// Read takes from INFO's text what the checks need.
func (s *RedisServer) Read(info string) {
	values := cache.ParseInfo(info)
	s.Policy, s.Product, s.Version = values["maxmemory_policy"], RedisName, values["redis_version"]
	if values["server_name"] == "valkey" { // whose redis_version stays that of the Redis that it comes from
		s.Product, s.Version = ValkeyName, values["valkey_version"]
	}
	s.MaxMemory, s.Memory = InfoNumber(values, "maxmemory"), CountedMemory(values)
}

// NotCounted is the part of used_memory that Redis does not compare with maxmemory: what replicas have not fetched beyond
// the backlog, and what waits for the append-only file.
const NotCounted = "mem_not_counted_for_evict"

// CountedMemory is the memory of INFO that Redis compares with maxmemory.
func CountedMemory(info map[string]string) int64 {
	return max(0, InfoNumber(info, "used_memory")-InfoNumber(info, NotCounted))
}
