package probe

import (
	"fmt"
	"strings"
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
			costMS:   (1 - share) * o.turnMS(),
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
