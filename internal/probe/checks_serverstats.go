package probe

import (
	"fmt"
	"slices"

	"github.com/honeydue/honeydue/internal/store"
)

// Cache hit: 99% is the floor that PgHero and pg-extras use. Fewer than 10,000 blocks (80 MB) in the window
// are no evidence: a probe's own plans read some, and so does an index build.
const (
	hitRateFloor    = 0.99
	hitFewestBlocks = 10_000
)

func cacheHit(o *observation) outcome {
	if why := o.server.why(readDatabase, readRates); why != "" {
		return notKnown("%s", why)
	}
	if o.server.extensions.NeonSchema != "" {
		return fileCacheHit(o.server)
	}
	first, last := o.server.first, o.server.last
	h := hit{remedy: `psql "$DATABASE_DIRECT_URL" -c 'SELECT relname, heap_blks_read, idx_blks_read FROM pg_statio_user_tables ORDER BY 2 DESC LIMIT 5'   # the table that is read from disk: add an index, or use a larger instance`}
	from := "from disk"
	if o.server.extensions.neon() {
		// What Postgres calls read may have come out of the compute's memory all the same.
		from = "from the compute's local file cache or the page server, which Postgres does not distinguish"
		h.severity, h.remedy = Info, remedySQL("CREATE EXTENSION neon;   -- this check then judges the local file cache")
	}
	hits, read := last.Hit-first.Hit, last.Read-first.Read
	if read >= hitFewestBlocks {
		if rate := hits / (hits + read); rate < hitRateFloor {
			h.evidence = fmt.Sprintf("In %.1f s, %.1f%% of the blocks came from memory and %.0f %s; %.0f%% from memory is normal.",
				o.server.window.Seconds(), 100*rate, read, from, 100*hitRateFloor)
			return found(h)
		}
	}
	if !last.reliable() {
		return passed("%.0f blocks came %s in %.1f s. Figures since the start are not used, because they cover only %s.", read, from, o.server.window.Seconds(), seconds(last.CountedS))
	}
	rate := last.Hit / max(1, last.Hit+last.Read)
	if last.Hit+last.Read > 0 && rate < hitRateFloor {
		h.severity = Info
		h.evidence = fmt.Sprintf("In the %s since the counters were reset, %.1f%% of the blocks came from memory, the others %s; %.0f%% is normal.",
			seconds(last.CountedS), 100*rate, from, 100*hitRateFloor)
		return found(h)
	}
	return passed("%.1f%% of the blocks came from memory in the %s since the counters were reset.", 100*rate, seconds(last.CountedS))
}

// fileCacheHit judges what Neon's page server had to send; its documentation, too, asks for 99% from the local file
// cache (neon.com/docs/extensions/neon).
func fileCacheHit(s *serverFacts) outcome {
	if why := s.why(readFileCache); why != "" {
		return notKnown("%s", why)
	}
	if !s.firstCache.known() || !s.lastCache.known() {
		return notKnown("The compute reports no local file cache statistics.")
	}
	remedy := `psql "$DATABASE_DIRECT_URL" -c 'SELECT relname, heap_blks_read, idx_blks_read FROM pg_statio_user_tables ORDER BY 2 DESC LIMIT 5'   # the table that is read most: add an index, or use a larger compute, which has a larger cache`
	hits, misses := *s.lastCache.Hits-*s.firstCache.Hits, *s.lastCache.Misses-*s.firstCache.Misses
	if rate := hits / max(1, hits+misses); misses >= hitFewestBlocks && rate < hitRateFloor {
		return found(hit{evidence: fmt.Sprintf("In %.1f s, %.1f%% of the pages missing from shared_buffers came from the compute's local file cache and %.0f from the page server; %.0f%% from the cache is normal.",
			s.window.Seconds(), 100*rate, misses, 100*hitRateFloor), remedy: remedy})
	}
	all := *s.lastCache.Hits + *s.lastCache.Misses
	if rate := *s.lastCache.Hits / max(1, all); s.last.reliable() && all > 0 && rate < hitRateFloor {
		return found(hit{evidence: fmt.Sprintf("Since the compute started, %.1f%% of the pages missing from shared_buffers came from its local file cache; %.0f%% is normal.",
			100*rate, 100*hitRateFloor), severity: Info, remedy: remedy})
	}
	return passed("%.0f pages came from the page server in %.1f s, %.0f from the compute's local file cache.", misses, s.window.Seconds(), hits)
}

// asleep: a database that suspends itself is started by whoever comes first, and he waits for it.
func asleep(o *observation) outcome {
	if why := o.server.why(readDatabase); why != "" {
		return notKnown("%s", why)
	}
	up := o.server.first.UptimeS
	switch {
	case o.server.upBeforeProbeS < 0:
		// A warning whatever it cost: one request pays it, whose turn came first.
		h := hit{severity: Warning, evidence: fmt.Sprintf("The database was suspended: this probe's connection started it, and it had been up for %s when it answered.", seconds(up))}
		for _, s := range []*pgServer{o.pooler, o.direct} {
			if s.answered() {
				h.costMS = max(h.costMS, s.endpoint.ConnectMS-float64(s.endpoint.ConnectTurns)*s.endpoint.FloorMS)
			}
		}
		return found(h)
	case up < youngS:
		return passed("Postgres was started %s ago, before this probe. Statistics since its start are too young to use.", seconds(up))
	}
	return passed("Postgres has been up for %s.", seconds(up))
}

// statementsCounted is what pg_stat_statements counted in the window, or why what it would say is not known.
func (s *serverFacts) statementsCounted(what string) (*statementCounts, string) {
	if why := s.why(readExtensions); why != "" {
		return nil, why
	}
	if !s.extensions.has("pg_stat_statements") {
		return nil, fmt.Sprintf("pg_stat_statements is not installed (see HD-D15), so %s is unknown.", what)
	}
	if why := s.why(readStatements); why != "" {
		return nil, why
	}
	if s.counted == nil {
		return nil, "pg_stat_statements was not read at both ends of a window."
	}
	return s.counted, ""
}

// statementFewestCalls: a hot statement's mean over everybody's calls in the window. Fewer calls than 20, without
// the probe's own, say nothing of users.
const statementFewestCalls = 20

func statementMeans(o *observation) outcome {
	counted, why := o.server.statementsCounted("what the server counts")
	if why != "" {
		return notKnown("%s", why)
	}
	hot := hotStatements()
	var hits []hit
	busy := 0
	for _, s := range counted.Ours {
		calls := s.Calls - float64(o.ownCalls(s.Name))
		mean := s.MS / s.Calls
		if calls < statementFewestCalls || !slices.ContainsFunc(hot, func(q store.Query) bool { return q.Name == s.Name }) {
			continue
		}
		busy++
		if mean > s14HeavyMS {
			hits = append(hits, hit{
				evidence: fmt.Sprintf("%s was called %.0f times in %.1f s and took %.1f ms on average in the server; the execution SLO for the heavy user is %.0f ms.",
					s.Name, calls, o.server.window.Seconds(), mean, s14HeavyMS),
				costMS: mean - s14HeavyMS,
			})
		}
	}
	if why := counted.why(); why != "" && len(hits) == 0 {
		return notKnown("%s", why)
	}
	return orPassed(hits, "%s called by others in %.1f s, none slower than the execution SLO allows.", plural(busy, "hot statement was", "hot statements were"), o.server.window.Seconds())
}

// ownCalls is how often the probe itself ran a statement.
func (o *observation) ownCalls(name string) int {
	n := 0
	for _, h := range o.hot {
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

func foreignLoad(o *observation) outcome {
	if why := o.server.why(readActivity); why != "" {
		return notKnown("%s", why)
	}
	looks := o.server.samples
	if len(looks) < fewestSamples {
		return notKnown("Only %d samples of the sessions were taken.", len(looks))
	}
	busy := 0
	var oldest pgSession
	for _, look := range looks {
		for _, s := range look.Sessions {
			if !s.foreign() {
				continue
			}
			busy++
			if s.XactS >= oldest.XactS {
				oldest = s
			}
		}
	}
	mean := float64(busy) / float64(len(looks))
	counted, uncounted := o.server.statementsCounted("what others' statements take")
	if uncounted == "" && counted.why() != "" && mean < foreignBusy {
		return notKnown("%s", counted.why())
	}
	if mean < foreignBusy {
		return o.server.unlessHidden("In %d samples, %.1f sessions on average ran statements of other programs.", len(looks), mean)
	}
	h := hit{evidence: fmt.Sprintf("In %d samples over %.1f s, %.1f sessions on average ran statements of other programs; the oldest was %s.",
		len(looks), o.server.window.Seconds(), mean, oldest.who())}
	if uncounted == "" {
		h.evidence += fmt.Sprintf(" Their finished statements took %.0f ms of that time (pg_stat_statements).", counted.Others.within(o.server.window))
	}
	return found(h)
}

func missingExtensions(o *observation) outcome {
	if why := o.server.why(readExtensions); why != "" {
		return notKnown("%s", why)
	}
	var hits []hit
	for _, e := range []struct{ name, use string }{
		{"pg_stat_statements", "the server's own statistics for each statement are missing"},
		{"pg_prewarm", "honeydue warmup loads pages with queries instead"},
	} {
		if o.server.extensions.has(e.name) {
			continue
		}
		h := hit{evidence: fmt.Sprintf("%s is not installed: %s.", e.name, e.use), remedy: remedySQL("CREATE EXTENSION IF NOT EXISTS " + e.name + ";")}
		if !slices.Contains(o.server.extensions.Offered, e.name) {
			h.evidence = fmt.Sprintf("%s is not installed and not available on this server: %s.", e.name, e.use)
			h.remedy = `psql "$DATABASE_DIRECT_URL" -c 'SELECT name, comment FROM pg_available_extensions ORDER BY 1'   # what the provider offers; ask for it. The probe works without it`
		}
		hits = append(hits, h)
	}
	return orPassed(hits, "pg_stat_statements and pg_prewarm are installed.")
}
