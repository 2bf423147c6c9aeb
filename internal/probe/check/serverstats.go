package check

import (
	"fmt"
	"slices"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// Cache hit: 99% is the floor that PgHero and pg-extras use. Fewer than 10,000 blocks (80 MB) in the window
// are no evidence: a probe's own plans read some, and so does an index build.
const (
	hitRateFloor    = 0.99
	hitFewestBlocks = 10_000
)

// CacheHit judges HD-D11: blocks that Postgres does not find in its own memory.
func CacheHit(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadDatabase, facts.ReadRates); why != "" {
		return notKnown("%s", why)
	}
	if o.Server.Extensions.NeonSchema != "" {
		return fileCacheHit(o.Server)
	}
	first, last := o.Server.First, o.Server.Last
	h := hit{Remedy: `psql "$DATABASE_DIRECT_URL" -c 'SELECT relname, heap_blks_read, idx_blks_read FROM pg_statio_user_tables ORDER BY 2 DESC LIMIT 5'   # the table that is read from disk: add an index, or use a larger instance`}
	from := "from disk"
	if o.Server.Extensions.Neon() {
		// What Postgres calls read may have come out of the compute's memory all the same.
		from = "from the compute's local file cache or the page server, which Postgres does not distinguish"
		h.severity, h.Remedy = facts.Info, remedySQL("CREATE EXTENSION neon;   -- this check then judges the local file cache")
	}
	hits, read := last.Hit-first.Hit, last.Read-first.Read
	if read >= hitFewestBlocks {
		if rate := hits / (hits + read); rate < hitRateFloor {
			h.Evidence = fmt.Sprintf("In %.1f s, %.1f%% of the blocks came from memory and %.0f %s; %.0f%% from memory is normal.",
				o.Server.Window.Seconds(), 100*rate, read, from, 100*hitRateFloor)
			return found(h)
		}
	}
	if !last.Reliable() {
		return passed("%.0f blocks came %s in %.1f s. Figures since the start are not used, because they cover only %s.", read, from, o.Server.Window.Seconds(), facts.Seconds(last.CountedS))
	}
	rate := last.Hit / max(1, last.Hit+last.Read)
	if last.Hit+last.Read > 0 && rate < hitRateFloor {
		h.severity = facts.Info
		h.Evidence = fmt.Sprintf("In the %s since the counters were reset, %.1f%% of the blocks came from memory, the others %s; %.0f%% is normal.",
			facts.Seconds(last.CountedS), 100*rate, from, 100*hitRateFloor)
		return found(h)
	}
	return passed("%.1f%% of the blocks came from memory in the %s since the counters were reset.", 100*rate, facts.Seconds(last.CountedS))
}

// fileCacheHit judges what Neon's page server had to send; its documentation, too, asks for 99% from the local file
// cache (neon.com/docs/extensions/neon).
func fileCacheHit(s *facts.ServerFacts) Outcome {
	if why := s.Why(facts.ReadFileCache); why != "" {
		return notKnown("%s", why)
	}
	if !s.FirstCache.Known() || !s.LastCache.Known() {
		return notKnown("The compute reports no local file cache statistics.")
	}
	remedy := `psql "$DATABASE_DIRECT_URL" -c 'SELECT relname, heap_blks_read, idx_blks_read FROM pg_statio_user_tables ORDER BY 2 DESC LIMIT 5'   # the table that is read most: add an index, or use a larger compute, which has a larger cache`
	hits, misses := *s.LastCache.Hits-*s.FirstCache.Hits, *s.LastCache.Misses-*s.FirstCache.Misses
	if rate := hits / max(1, hits+misses); misses >= hitFewestBlocks && rate < hitRateFloor {
		return found(hit{Evidence: fmt.Sprintf("In %.1f s, %.1f%% of the pages missing from shared_buffers came from the compute's local file cache and %.0f from the page server; %.0f%% from the cache is normal.",
			s.Window.Seconds(), 100*rate, misses, 100*hitRateFloor), Remedy: remedy})
	}
	all := *s.LastCache.Hits + *s.LastCache.Misses
	if rate := *s.LastCache.Hits / max(1, all); s.Last.Reliable() && all > 0 && rate < hitRateFloor {
		return found(hit{Evidence: fmt.Sprintf("Since the compute started, %.1f%% of the pages missing from shared_buffers came from its local file cache; %.0f%% is normal.",
			100*rate, 100*hitRateFloor), severity: facts.Info, Remedy: remedy})
	}
	return passed("%.0f pages came from the page server in %.1f s, %.0f from the compute's local file cache.", misses, s.Window.Seconds(), hits)
}

// Asleep judges HD-D14: a database that suspends itself is started by the first client, which waits for it.
func Asleep(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadDatabase); why != "" {
		return notKnown("%s", why)
	}
	up := o.Server.First.UptimeS
	switch {
	case o.Server.UpBeforeProbeS < 0:
		// A warning whatever it cost: one request pays it, whose turn came first.
		h := hit{severity: facts.Warning, Evidence: fmt.Sprintf("The database was suspended: this probe's connection started it, and it had been up for %s when it answered.", facts.Seconds(up))}
		for _, s := range []*facts.PGServer{o.Pooler, o.Direct} {
			if s.Answered() {
				h.CostMS = max(h.CostMS, s.Endpoint.ConnectMS-float64(s.Endpoint.ConnectTurns)*s.Endpoint.FloorMS)
			}
		}
		return found(h)
	case up < facts.YoungS:
		return passed("Postgres was started %s ago, before this probe. Statistics since its start are too young to use.", facts.Seconds(up))
	}
	return passed("Postgres has been up for %s.", facts.Seconds(up))
}

// statementsCounted is what pg_stat_statements counted in the window, or why what it would say is not known.
func statementsCounted(s *facts.ServerFacts, what string) (*facts.StatementCounts, string) {
	if why := s.Why(facts.ReadExtensions); why != "" {
		return nil, why
	}
	if !s.Extensions.Has("pg_stat_statements") {
		return nil, fmt.Sprintf("pg_stat_statements is not installed (see HD-D15), so %s is unknown.", what)
	}
	if why := s.Why(facts.ReadStatements); why != "" {
		return nil, why
	}
	if s.Counted == nil {
		return nil, "pg_stat_statements was not read at both ends of a window."
	}
	return s.Counted, ""
}

// statementFewestCalls: a hot statement's mean over everybody's calls in the window. Fewer calls than 20, without
// the probe's own, say nothing of users.
const statementFewestCalls = 20

func statementMeans(o *facts.Observation) Outcome {
	counted, why := statementsCounted(o.Server, "what the server counts")
	if why != "" {
		return notKnown("%s", why)
	}
	hot := facts.HotStatements()
	var hits []hit
	busy := 0
	for _, s := range counted.Ours {
		calls := s.Calls - float64(ownCalls(o, s.Name))
		mean := s.MS / s.Calls
		if calls < statementFewestCalls || !slices.ContainsFunc(hot, func(q store.Query) bool { return q.Name == s.Name }) {
			continue
		}
		busy++
		if mean > facts.S14HeavyMS {
			hits = append(hits, hit{
				Evidence: fmt.Sprintf("%s was called %.0f times in %.1f s and took %.1f ms on average in the server; the execution SLO for the heavy user is %.0f ms.",
					s.Name, calls, o.Server.Window.Seconds(), mean, facts.S14HeavyMS),
				CostMS: mean - facts.S14HeavyMS,
			})
		}
	}
	if why := counted.Why(); why != "" && len(hits) == 0 {
		return notKnown("%s", why)
	}
	return orPassed(hits, "%s called by others in %.1f s, none slower than the execution SLO allows.", facts.Plural(busy, "hot statement was", "hot statements were"), o.Server.Window.Seconds())
}

// ownCalls is how often the probe itself ran a statement.
func ownCalls(o *facts.Observation, name string) int {
	n := 0
	for _, h := range o.Hot {
		if h.Name == name {
			n += h.Runs + 1 // one may have warmed a cache
		}
	}
	return n
}

// foreignBusy: others' statements that keep one session busy all the time leave a server of two cores half
// of itself. That is judged by the looks at the sessions: pg_stat_statements counts a report when it ends, and then
// all of it.
const foreignBusy = 1.0

func foreignLoad(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadActivity); why != "" {
		return notKnown("%s", why)
	}
	looks := o.Server.Samples
	if len(looks) < FewestSamples {
		return notKnown("Only %d samples of the sessions were taken.", len(looks))
	}
	busy := 0
	var oldest facts.PGSession
	for _, look := range looks {
		for _, s := range look.Sessions {
			if !s.Foreign() {
				continue
			}
			busy++
			if s.XactS >= oldest.XactS {
				oldest = s
			}
		}
	}
	mean := float64(busy) / float64(len(looks))
	counted, uncounted := statementsCounted(o.Server, "what others' statements take")
	if uncounted == "" && counted.Why() != "" && mean < foreignBusy {
		return notKnown("%s", counted.Why())
	}
	if mean < foreignBusy {
		return unlessHidden(o.Server, "In %d samples, %.1f sessions on average ran statements of other programs.", len(looks), mean)
	}
	h := hit{Evidence: fmt.Sprintf("In %d samples over %.1f s, %.1f sessions on average ran statements of other programs; the oldest was %s.",
		len(looks), o.Server.Window.Seconds(), mean, oldest.Who())}
	if uncounted == "" {
		h.Evidence += fmt.Sprintf(" Their finished statements took %.0f ms of that time (pg_stat_statements).", counted.Others.Within(o.Server.Window))
	}
	return found(h)
}

func missingExtensions(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadExtensions); why != "" {
		return notKnown("%s", why)
	}
	var hits []hit
	for _, e := range []struct{ name, use string }{
		{"pg_stat_statements", "the server's own statistics for each statement are missing"},
		{"pg_prewarm", "honeydue warmup loads pages with queries instead"},
	} {
		if o.Server.Extensions.Has(e.name) {
			continue
		}
		h := hit{Evidence: fmt.Sprintf("%s is not installed: %s.", e.name, e.use), Remedy: remedySQL("CREATE EXTENSION IF NOT EXISTS " + e.name + ";")}
		if !slices.Contains(o.Server.Extensions.Offered, e.name) {
			h.Evidence = fmt.Sprintf("%s is not installed and not available on this server: %s.", e.name, e.use)
			h.Remedy = `psql "$DATABASE_DIRECT_URL" -c 'SELECT name, comment FROM pg_available_extensions ORDER BY 1'   # what the provider offers; ask for it. The probe works without it`
		}
		hits = append(hits, h)
	}
	return orPassed(hits, "pg_stat_statements and pg_prewarm are installed.")
}
