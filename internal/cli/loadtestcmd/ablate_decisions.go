package loadtestcmd

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/lab"
)

// everything is the name of the variant in which all decisions are turned back.
const everything = "all"

// ablation is a decision, and how it is turned back.
type ablation struct {
	name, title string
	old, tuned  string
	method      string
	// measures of a decision that is measured from the start of a server on, and
	// set, which gives the variables that turn it back.
	measures []bench.Measure
	set      func(lab.Env) map[string]string
	// special measures it in another way, with so many users.
	special func(*ablating, context.Context, ablation) error
	users   int
}

func ablationNames() []string {
	var names []string
	for _, d := range ablations() {
		names = append(names, d.name)
	}
	return names
}

// fixed gives the same variables whatever the lab is.
func fixed(pairs ...string) func(lab.Env) map[string]string {
	return func(lab.Env) map[string]string {
		set := make(map[string]string, len(pairs)/2)
		for pair := range slices.Chunk(pairs, 2) {
			set[pair[0]] = pair[1]
		}
		return set
	}
}

func direct(env lab.Env) map[string]string { return map[string]string{"DATABASE_URL": env.DirectURL} }

// was is the old value of a variable that the decisions changed.
func was(variable string) string {
	t, _ := config.TunedFor(variable)
	return t.Was
}

// ablations lists the decisions in the order of their numbers. S9, S10 and S12 to S15 are not here: they have no old
// value that the server could still take.
func ablations() []ablation {
	return []ablation{
		{
			name: "S1", title: "through the pooler", old: "the direct endpoint", tuned: "the pooler", set: direct,
			measures: []bench.Measure{bench.ReadyMS, bench.StartTurns, bench.FirstMS, bench.BurstMaxMS, bench.ColdMS},
			method:   "The same link lies before both endpoints. A connection to the lab's Postgres takes one round trip more than one to its PgBouncer (HelloRetryRequest in TLS). A process of Postgres starts in some ms here; what that takes on Neon is not in these figures.",
		},
		{
			name: "S2", title: "20 idle connections, kept", old: was("DB_MIN_IDLE_CONNS") + ", 600s, closed after 30m idle", tuned: "20, 1800s, never closed",
			set:      fixed("DB_MIN_IDLE_CONNS", was("DB_MIN_IDLE_CONNS"), "DB_CONN_MAX_LIFETIME", was("DB_CONN_MAX_LIFETIME"), "DB_CONN_MAX_IDLE_TIME", "30m"),
			measures: []bench.Measure{bench.ReadyMS, bench.StartDials, bench.FirstMS, bench.BurstMS, bench.BurstMaxMS, bench.ColdMS},
			method:   "Only the number of connections shows within minutes. Lifetime and idle time were set to their old values too, and no connection grew old enough for them: what they buy (a third of the renewals, each of the round trips that a connection takes) was not measured.",
		},
		{
			name: "S3", title: "eager warm-up at boot", old: "the pool opens when a request needs it", tuned: "20 connections before /readyz says yes",
			set:      fixed("HONEYDUE_ABLATE", config.AblateWarmUp),
			measures: []bench.Measure{bench.ReadyMS, bench.StartDials, bench.FirstMS, bench.FirstDials, bench.BurstMS, bench.BurstMaxMS},
			method:   "Turned back, /readyz says yes before the database was asked for anything. Connections opened meanwhile count the whole pool: the change log's reader opens one as well.",
		},
		{
			name: "S4", title: "a full Redis evicts", old: "noeviction", tuned: "allkeys-lru", special: (*ablating).fullRedis, users: 2 * (fullIdle + fullBusy + fullFresh),
			method: "In each round Redis was filled with the lists of 60 users, 2 s later with those of 30 more, and then limited to the memory in use. 30 others came. 2.5 s later all were asked for the board: the 30 for the second time, those seen just before, and those not seen since. An evicting cache gives the memory of the last to the first.",
		},
		{
			name: "S5", title: "token cache in Redis", old: was("TOKEN_CACHE_TTL"), tuned: "1h", special: (*ablating).tokenReplay, users: replayUsers,
			method: "On a clock 300 times faster: 5 min are 1 s, 1 h is 12 s. 40 users open the board, each every 20 min (4 s) on average, independently of each other (Poisson, a seed for each round); the first hour (12 s) is not counted, the next 90 min (18 s) are. Today a token lives as long as its user's lists, so BOARD_CACHE_TTL was set to the same. Both servers at once, each with a Redis database of its own.",
		},
		{
			name: "S6", title: "user cache in memory", old: was("USER_CACHE_TTL"), tuned: "5m", special: (*ablating).userReplay, users: replayUsers,
			method: "On a clock 30 times faster: 30 s are 1 s, 5 min are 10 s. 40 users ask for /api/auth/me/, each once a minute (2 s) on average, independently of each other (Poisson, a seed for each round); the first 5 min (10 s) are not counted, the next 7.5 min (15 s) are. Both servers at once. The hot lists need no user, so only this route meets the cache.",
		},
		{
			name: "S7", title: "user cache capped", old: "no cap", tuned: "5000 users", special: (*ablating).floodUsers,
			method: "Each user of the flood asked once for /api/auth/me/, with the link at 0 ms: only memory is looked at. Heap after a garbage collection, before and after.",
		},
		{
			name: "S8", title: "token and user by one join", old: "two statements", tuned: "one statement", set: fixed("HONEYDUE_ABLATE", config.AblateAuthJoin),
			measures: []bench.Measure{bench.ColdTurns, bench.ColdMS, bench.AccountTurns, bench.AccountMS, bench.FirstMS, bench.WarmMS},
			method:   "Cold: users whom no cache knows, one after the other. A board's list shares the round trip of the second statement, or of the join.",
		},
		{
			name: "S11", title: "residence ids in Redis", old: "none (forgotten after 1 s)", tuned: "5m", special: (*ablating).residenceIDs, users: 4 * writeUsers,
			method: "Each user saw his board, and 1.3 s later started a task: the server has to know in which residence it lies. serve takes no time below 1 s for this cache, so it was let expire. The lists' own copies hold the ids too; the last two rows are with BOARD_CACHE_TTL=0 on both sides, as it was when S11 was decided.",
		},
		{
			name: "zero-turn", title: "lists from Redis", old: "BOARD_CACHE_TTL=0", tuned: "720h", set: fixed("BOARD_CACHE_TTL", "0"),
			measures: []bench.Measure{bench.WarmTurns, bench.WarmMS, bench.WarmP99MS, bench.ColdMS},
			method:   "Warm: users who saw their board a moment ago, at 80 requests/s on a schedule.",
		},
		{
			name: everything, title: "turned back at once", old: "all of the above", tuned: "all as tuned",
			set: func(env lab.Env) map[string]string {
				set := direct(env)
				maps.Copy(set, map[string]string{
					"DB_MIN_IDLE_CONNS": was("DB_MIN_IDLE_CONNS"), "DB_CONN_MAX_LIFETIME": was("DB_CONN_MAX_LIFETIME"), "DB_CONN_MAX_IDLE_TIME": "30m",
					"HONEYDUE_ABLATE": strings.Join([]string{config.AblateWarmUp, config.AblateAuthJoin}, ","),
					"TOKEN_CACHE_TTL": was("TOKEN_CACHE_TTL"), "USER_CACHE_TTL": was("USER_CACHE_TTL"), "USER_CACHE_SIZE": uncapped,
					"RESIDENCE_IDS_CACHE_TTL": "1s", "BOARD_CACHE_TTL": "0", "LIST_MEMORY_BYTES": "0",
				})
				return set
			},
			measures: []bench.Measure{bench.ReadyMS, bench.FirstMS, bench.FirstTurns, bench.BurstMS, bench.BurstMaxMS, bench.ColdMS, bench.ColdTurns, bench.AccountMS, bench.WarmMS, bench.WarmP99MS, bench.WarmTurns},
			method:   "S4 is not among them: no Redis is full here.",
		},
	}
}
