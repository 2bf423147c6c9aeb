package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// A hit rate is judged from enough look-ups on, and is low where the median read is no hit.
const (
	hitLookups = 200
	hitShare   = 0.5
)

func targetHitRate(o *facts.Observation) Outcome {
	var hits []hit
	var said []string
	for _, c := range o.Target.Metrics.Caches {
		if c.Asked < hitLookups {
			continue
		}
		share := float64(c.Hits) / float64(c.Asked)
		said = append(said, fmt.Sprintf("%s %.0f%% of %d", c.Cache, 100*share, c.Asked))
		if share >= hitShare {
			continue
		}
		hits = append(hits, hit{
			Evidence: fmt.Sprintf("The %s cache hit for %.0f%% of %d lookups since the server started.", c.Cache, 100*share, c.Asked),
			CostMS:   (1 - share) * o.TurnMS(), about: []string{c.Cache},
		})
	}
	if len(said) == 0 {
		return notKnown("No cache has had %d lookups since the server started.", hitLookups)
	}
	return orPassed(hits, "Hits since the server started: %s.", strings.Join(said, ", "))
}

func targetRedisErrors(o *facts.Observation) Outcome {
	m := o.Target.Metrics
	if m.RedisErrorsDuring > 0 {
		return found(hit{Evidence: fmt.Sprintf("%s during the probe, %d since the server started; those requests continued without the cache.",
			facts.Plural(int(m.RedisErrorsDuring), "call failed or was skipped", "calls failed or were skipped"), m.RedisErrors)})
	}
	return passed("No call failed during the probe; %d since the server started.", m.RedisErrors)
}

// refusedShare of all look-ups of lists is one turn in ten reads that a quieter household would not pay. The scenario of
// `loadtest init` (20 users at 50 requests a second, one in five a write, at 110 ms) has 1.7%.
const refusedShare = 0.1

func targetFillsRefused(o *facts.Observation) Outcome {
	m := o.Target.Metrics
	var asked int64
	for _, c := range m.Caches {
		if c.Cache == string(cache.EntryList) {
			asked = c.Asked
		}
	}
	if asked < hitLookups {
		return notKnown("The lists have had fewer than %d lookups since the server started.", hitLookups)
	}
	share := float64(m.FillsRefused) / float64(asked)
	said := fmt.Sprintf("%d of %d list reads since the server started could not be cached, because the list was being written", m.FillsRefused, asked)
	if share < refusedShare {
		return passed("%s.", said)
	}
	return found(hit{Evidence: said + ": the next read queries the database again.", CostMS: share * o.TurnMS()})
}

func targetRepairs(o *facts.Observation) Outcome {
	m := o.Target.Metrics
	switch {
	case m.RepairsDuring > 0:
		return found(hit{Evidence: fmt.Sprintf("%s during the probe, %d since the server started, without an invalidation by the writer: reads were stale for up to 2 s.",
			facts.Plural(int(m.RepairsDuring), "write was found only in the change log", "writes were found only in the change log"), m.Repairs)})
	case m.SweepsDuring == 0:
		return notKnown("This pod did not read the change log during the probe, so another pod would have counted such writes; it has counted %d since it started. Give --metrics-url of another pod.", m.Repairs)
	}
	return passed("%s by this pod during the probe found no such write; %d since the server started.",
		facts.Plural(int(m.SweepsDuring), "read of the change log", "reads of the change log"), m.Repairs)
}

// unexplainedShare of all reads of lists is one turn in ten reads that neither a write nor a first visit is the reason of.
const unexplainedShare = 0.1

// expected are the outcomes that a busy household brings about, each with a turn: what it writes, its day's end, and people
// who come for the first time.
func expected(o cache.Outcome) bool {
	return o.Free() || slices.Contains([]cache.Outcome{cache.OwnWrite, cache.OtherWrite, cache.Held, cache.Aged, cache.Cold}, o)
}

// unexplained are the reads of lists that asked the database for no such reason, by outcome.
func unexplained(m *facts.TargetMetrics) (reads, sum int64, by map[cache.Outcome]int64) {
	by = map[cache.Outcome]int64{}
	for _, l := range m.Lists {
		reads += l.Reads
		for _, o := range cache.Outcomes() {
			if n := l.Outcomes[string(o)]; n > 0 && !expected(o) {
				by[o], sum = by[o]+n, sum+n
			}
		}
	}
	return reads, sum, by
}

func targetMisses(o *facts.Observation) Outcome {
	m := o.Target.Metrics
	reads, sum, by := unexplained(m)
	switch {
	case len(m.Lists) == 0:
		return notKnown("The server does not report the outcomes of its list reads.")
	case reads < hitLookups:
		return notKnown("The lists have been read %d times since the server started; %d reads are needed to judge.", reads, hitLookups)
	}
	share := float64(sum) / float64(reads)
	said := fmt.Sprintf("%d of %d list reads since the server started queried the database although no write caused it", sum, reads)
	if share < unexplainedShare {
		return passed("%s.", said)
	}
	outcomes := slices.SortedFunc(maps.Keys(by), func(a, b cache.Outcome) int { return cmp.Or(-cmp.Compare(by[a], by[b]), cmp.Compare(a, b)) })
	parts := make([]string, len(outcomes))
	for i, one := range outcomes {
		parts[i] = fmt.Sprintf("%s %d", one, by[one])
	}
	h := hit{Evidence: fmt.Sprintf("%s: %s.", said, strings.Join(parts, ", ")), CostMS: share * o.TurnMS(), Remedy: missRemedy(outcomes[0])}
	if most := outcomes[0]; 2*by[most] >= sum {
		h.about = []string{string(most)}
	}
	return found(h)
}

// missRemedy is what to do about the outcome that is the reason of most.
func missRemedy(o cache.Outcome) string {
	switch o {
	case cache.Expired:
		return "kubectl -n honeydue set env deployment/honeydue BOARD_CACHE_TTL-   # unset, lists are kept for 30 days"
	case cache.Evicted:
		return `redis-cli -u "$REDIS_URL" INFO stats | grep -E 'evicted_keys|expired_keys'   # evicted_keys grows: HD-R05. Otherwise keys are deleted, or Redis was flushed`
	case cache.Reset:
		return `redis-cli -u "$REDIS_URL" INFO server | grep uptime_in_seconds   # after each restart all lists are read again: why does it restart?`
	case cache.OtherKind:
		return `psql "$DATABASE_DIRECT_URL" -c "SELECT what, actor, count(*) FROM changes WHERE at > now() - interval '10 minutes' AND user_ids <> '{}' GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 5"   # which accounts change, log out or join so often?`
	case cache.NoLease:
		return "kubectl -n honeydue logs -l app.kubernetes.io/name=honeydue --tail=100 | grep 'caches could not be updated'   # why do the sweeps fail?"
	default:
		return "" // the check's own
	}
}
