package probe

import (
	"fmt"
	"strings"

	"github.com/honeydue/honeydue/internal/cache"
)

// A hit rate is judged from enough look-ups on, and is low where the median read is no hit.
const (
	hitLookups = 200
	hitShare   = 0.5
)

func targetHitRate(o *observation) outcome {
	var hits []hit
	var said []string
	for _, c := range o.target.Metrics.Caches {
		if c.Asked < hitLookups {
			continue
		}
		share := float64(c.Hits) / float64(c.Asked)
		said = append(said, fmt.Sprintf("%s %.0f%% of %d", c.Cache, 100*share, c.Asked))
		if share >= hitShare {
			continue
		}
		hits = append(hits, hit{
			evidence: fmt.Sprintf("The %s cache had the answer for %.0f%% of %d look-ups since the server started.", c.Cache, 100*share, c.Asked),
			costMS:   (1 - share) * o.turnMS(), about: []string{c.Cache},
		})
	}
	if len(said) == 0 {
		return notKnown("No cache has been asked %d times since the server started.", hitLookups)
	}
	return orPassed(hits, "Hits since the server started: %s.", strings.Join(said, ", "))
}

func targetRedisErrors(o *observation) outcome {
	m := o.target.Metrics
	if m.RedisErrorsDuring > 0 {
		return found(hit{evidence: fmt.Sprintf("%s while the probe asked, %d since the server started; those requests went on without the cache.",
			plural(int(m.RedisErrorsDuring), "call failed or was not made", "calls failed or were not made"), m.RedisErrors)})
	}
	return passed("No call failed while the probe asked; %d since the server started.", m.RedisErrors)
}

// refusedShare of all look-ups of lists is one turn in ten reads that a quieter household would not pay. The scenario of
// `loadtest init` (20 users at 50 requests a second, one in five a write, at 110 ms) has 1.7%.
const refusedShare = 0.1

func targetFillsRefused(o *observation) outcome {
	m := o.target.Metrics
	var asked int64
	for _, c := range m.Caches {
		if c.Cache == string(cache.EntryList) {
			asked = c.Asked
		}
	}
	if asked < hitLookups {
		return notKnown("The lists have not been asked for %d times since the server started.", hitLookups)
	}
	share := float64(m.FillsRefused) / float64(asked)
	said := fmt.Sprintf("%d of %d reads of lists were not stored since the server started, because what they show was being written", m.FillsRefused, asked)
	if share < refusedShare {
		return passed("%s.", said)
	}
	return found(hit{evidence: said + ": the next read asks the database again.", costMS: share * o.turnMS()})
}

func targetRepairs(o *observation) outcome {
	m := o.target.Metrics
	switch {
	case m.RepairsDuring > 0:
		return found(hit{evidence: fmt.Sprintf("%s while the probe asked, %d since the server started, and nobody had announced them to the caches: reads were up to 2 s behind.",
			plural(int(m.RepairsDuring), "write was noticed by the change log only", "writes were noticed by the change log only"), m.Repairs)})
	case m.SweepsDuring == 0:
		return notKnown("This pod read no change log while the probe asked, so that another one would have counted such writes; it has counted %d since it started. Give --metrics-url another pod's.", m.Repairs)
	}
	return passed("%s by this pod while the probe asked met no such write; %d since the server started.",
		plural(int(m.SweepsDuring), "reading of the change log", "readings of the change log"), m.Repairs)
}
