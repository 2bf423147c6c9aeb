package config

import (
	"strconv"
	"strings"
	"time"
)

// TunedValue is a value that the team settled on after measuring.
type TunedValue struct {
	Decision string // its number in docs: S1 to S15
	Name     string // what it is, in words
	Env      string // the variable that carries it; "" when it is a setting of Redis
	Redis    string // the parameter of CONFIG GET that carries it; "" when it is ours
	Value    string // as one writes it in Env or Redis
	Was      string // before the decision; "" when there was nothing
	Why      string
	Kind     Kind
}

// Kind says how two ways of writing a tuned value are compared.
type Kind string

// The kinds.
const (
	KindCount    Kind = "count"
	KindDuration Kind = "duration"
	KindBytes    Kind = "bytes"
	KindWord     Kind = "word"
	KindHost     Kind = "host" // a host name whose first label ends with Value
)

// poolerHost is the variable that carries S1, which is a property of a host name and no default.
const poolerHost = "DB_HOST"

// Tuned lists the tuned values in the order of their decisions. It is the only place that has them.
func Tuned() []TunedValue {
	return []TunedValue{
		{
			Decision: "S1", Name: "database endpoint", Env: poolerHost, Value: "-pooler", Kind: KindHost,
			Why: "the pooler keeps backends warm, so that no query pays for starting one",
		},
		{
			Decision: "S2", Name: "idle connections kept", Env: "DB_MIN_IDLE_CONNS", Value: "20", Was: "10", Kind: KindCount,
			Why: "a burst of requests finds open connections; opening one takes six round trips",
		},
		{
			Decision: "S2", Name: "lifetime of a connection", Env: "DB_CONN_MAX_LIFETIME", Value: "1800s", Was: "600s", Kind: KindDuration,
			Why: "each renewal costs six round trips",
		},
		{
			Decision: "S2", Name: "idle time of a connection", Env: "DB_CONN_MAX_IDLE_TIME", Value: "0", Kind: KindDuration,
			Why: "0 = an idle connection is never closed",
		},
		{
			Decision: "S4", Name: "Redis eviction policy", Redis: "maxmemory-policy", Value: "allkeys-lru", Was: "noeviction", Kind: KindWord,
			Why: "a full cache evicts cold keys instead of refusing writes",
		},
		{
			Decision: "S4", Name: "memory limit of Redis", Redis: "maxmemory", Value: "256mb", Kind: KindBytes,
			Why: "without a limit the policy never applies",
		},
		{
			Decision: "S5", Name: "token cache in Redis", Env: "TOKEN_CACHE_TTL", Value: "1h", Was: "5m", Kind: KindDuration,
			Why: "a returning user's token costs no round trip to the database; with lists it is kept as long as they are (BOARD_CACHE_TTL)",
		},
		{
			Decision: "S6", Name: "user cache in memory", Env: "USER_CACHE_TTL", Value: "5m", Was: "30s", Kind: KindDuration,
			Why: "an active user is looked up once",
		},
		{
			Decision: "S7", Name: "users cached in memory", Env: "USER_CACHE_SIZE", Value: "5000", Kind: KindCount,
			Why: "about 5 MB at most, so that a flood of users cannot exhaust the pod's memory",
		},
		{
			Decision: "S11", Name: "residence ids cache", Env: "RESIDENCE_IDS_CACHE_TTL", Value: "5m", Kind: KindDuration,
			Why: "the four hot reads share it",
		},
	}
}

// TunedFor returns the tuned value that a variable carries.
func TunedFor(variable string) (TunedValue, bool) {
	for _, t := range Tuned() {
		if t.Env != "" && t.Env == variable {
			return t, true
		}
	}
	return TunedValue{}, false
}

// Holds tells whether value means the same as the tuned one: 30m is 1800s, 268435456 is 256mb. For KindHost, value
// is a host name, with or without a port.
func (t TunedValue) Holds(value string) bool {
	value = strings.TrimSpace(value)
	switch t.Kind {
	case KindCount:
		a, errA := strconv.ParseInt(t.Value, 10, 64)
		b, errB := strconv.ParseInt(value, 10, 64)
		return errA == nil && errB == nil && a == b
	case KindDuration:
		a, errA := time.ParseDuration(t.Value)
		b, errB := time.ParseDuration(value)
		return errA == nil && errB == nil && a == b
	case KindBytes:
		a, okA := redisBytes(t.Value)
		b, okB := redisBytes(value)
		return okA && okB && a == b
	case KindHost:
		host, _, _ := strings.Cut(value, ":")
		label, _, _ := strings.Cut(host, ".")
		return strings.HasSuffix(label, t.Value)
	case KindWord:
		return strings.EqualFold(t.Value, value)
	}
	return false
}

// Bytes is the size that was settled on; 0 for another kind.
func (t TunedValue) Bytes() int64 {
	if t.Kind != KindBytes {
		return 0
	}
	n, _ := redisBytes(t.Value) // the table's values can be read: see its test
	return n
}

// redisBytes reads a size as redis.conf has it: kb is 1024, k is 1000.
func redisBytes(s string) (int64, bool) {
	s = strings.ToLower(s)
	factor := int64(1)
	for _, unit := range []struct {
		suffix string
		factor int64
	}{
		{"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}, {"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {"b", 1},
	} {
		if rest, ok := strings.CutSuffix(s, unit.suffix); ok {
			s, factor = rest, unit.factor
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n * factor, err == nil
}
