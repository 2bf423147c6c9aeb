package bench

import "strings"

// Measure is something that is measured, under a name that ends in its unit.
type Measure string

// The measures.
const (
	ReadyMS      Measure = "ready_ms"
	StartTurns   Measure = "start_turns"
	StartDials   Measure = "start_connections"
	FirstMS      Measure = "first_request_ms"
	FirstTurns   Measure = "first_request_turns"
	FirstDials   Measure = "first_request_connections"
	BurstMS      Measure = "burst_ms"
	BurstMaxMS   Measure = "burst_slowest_ms"
	ColdMS       Measure = "cold_read_ms"
	ColdTurns    Measure = "cold_read_turns"
	AccountMS    Measure = "cold_account_ms"
	AccountTurns Measure = "cold_account_turns"
	WarmMS       Measure = "warm_read_ms"
	WarmP99MS    Measure = "warm_read_p99_ms"
	WarmTurns    Measure = "warm_read_turns"
	OpeningMS    Measure = "opening_ms"
	OpeningAsks  Measure = "opening_asks_database_pct"
	WriteMS      Measure = "write_ms"
	WriteTurns   Measure = "write_turns"
	BareMS       Measure = "write_without_lists_ms"
	BareTurns    Measure = "write_without_lists_turns"
	FullNewMS    Measure = "full_redis_new_user_ms"
	FullNewAsks  Measure = "full_redis_new_user_asks_database_pct"
	FullBusyMS   Measure = "full_redis_busy_user_ms"
	FullBusyAsks Measure = "full_redis_busy_user_asks_database_pct"
	FullIdleMS   Measure = "full_redis_idle_user_ms"
	FullIdleAsks Measure = "full_redis_idle_user_asks_database_pct"
	FullRefused  Measure = "full_redis_refused_commands"
	FloodEntries Measure = "flood_remembered_users"
	FloodHeapMB  Measure = "flood_heap_growth_mb"
)

// label says a measure in words.
func (m Measure) label() string {
	switch m {
	case ReadyMS:
		return "start to /readyz, ms"
	case StartTurns:
		return "round trips on the link until then, all connections"
	case StartDials:
		return "connections opened until then"
	case FirstMS:
		return "first request, ms"
	case FirstTurns:
		return "its DB turns"
	case FirstDials:
		return "connections opened meanwhile"
	case BurstMS:
		return "25 new users at once: p50, ms"
	case BurstMaxMS:
		return "the slowest of the 25, ms"
	case ColdMS:
		return "cold board: p50, ms"
	case ColdTurns:
		return "cold board: DB turns"
	case AccountMS:
		return "cold /api/auth/me/: p50, ms"
	case AccountTurns:
		return "cold /api/auth/me/: DB turns"
	case WarmMS:
		return "warm board: p50, ms"
	case WarmP99MS:
		return "warm board: p99, ms"
	case WarmTurns:
		return "warm board: DB turns"
	case OpeningMS:
		return "a request of the replay: p50, ms"
	case OpeningAsks:
		return "requests that ask the database, %"
	case WriteMS:
		return "starting a task: p50, ms"
	case WriteTurns:
		return "starting a task: DB turns"
	case BareMS:
		return "the same while lists are not cached: p50, ms"
	case BareTurns:
		return "the same while lists are not cached: DB turns"
	case FullNewMS:
		return "Redis full: a new user's second board: p50, ms"
	case FullNewAsks:
		return "of those, ask the database, %"
	case FullBusyMS:
		return "Redis full: the board of one seen just before: p50, ms"
	case FullBusyAsks:
		return "of those, ask the database, %"
	case FullIdleMS:
		return "Redis full: the board of one not seen since: p50, ms"
	case FullIdleAsks:
		return "of those, ask the database, %"
	case FullRefused:
		return "commands that Redis refused for want of memory"
	case FloodEntries:
		return "users in the pod's memory after the flood"
	case FloodHeapMB:
		return "heap that the flood has left behind, MB"
	}
	return string(m)
}

// share tells a measure whose samples are 0 or 100 and whose figure is their mean.
func (m Measure) share() bool { return strings.HasSuffix(string(m), "_pct") }

// chancy tells a measure that chance plays with: what a request takes of turns and
// connections does not vary by itself. The turns of a start do, by how TLS
// happens to cut its records.
func (m Measure) chancy() bool {
	return m.share() || strings.HasSuffix(string(m), "_ms") || strings.HasSuffix(string(m), "_mb") || m == StartTurns
}

// source is the measure whose samples a measure is taken from.
func (m Measure) source() Measure {
	if m == WarmP99MS {
		return WarmMS
	}
	return m
}
