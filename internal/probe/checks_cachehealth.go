package probe

import (
	"fmt"

	"github.com/honeydue/honeydue/internal/cache"
)

// statesFewest is how many states say something of all of them: with fewer, as many as one in seven may be held and
// none of them be seen, in one look of twenty.
const statesFewest = 20

// A hold lingers from cache.Patience on, after which the pods resolve it through the database. A write holds
// for its own time, a few turns.

func holdsLinger(o *observation) outcome {
	if why := o.redis.why(askedKeys); why != "" {
		return notKnown("%s", why)
	}
	f := o.redis.facts
	h := f.holds
	switch {
	case len(h.first) == 0 && h.looked < statesFewest && !f.sample.allStates && !f.unused():
		return notKnown("Only %s found in the sample of %d keys: too few to rule out a stuck hold.", plural(h.looked, "state was", "states were"), f.sample.keys)
	case len(h.first) == 0:
		return passed("None of %s has a hold.", plural(h.looked, "sampled state", "sampled states"))
	case h.gap < cache.Patience:
		return notKnown("%s held, but was watched for only %.1f s; a hold counts as stuck after %.0f s.", plural(len(h.first), "state is", "states are"), h.gap.Seconds(), cache.Patience.Seconds())
	case h.linger == 0:
		return passed("%s held at first; %.1f s later none was held by the same write.", plural(len(h.first), "state was", "states were"), h.gap.Seconds())
	}
	return found(hit{
		evidence: fmt.Sprintf("%s after %.1f s, in %d sampled states. Their writers are gone or stuck, and no pod releases the holds, so every read of those homes goes to the database.",
			plural(h.linger, "hold is still there", "holds are still there"), h.gap.Seconds(), h.looked),
		costMS: o.turnMS(),
	})
}

// Sweeps: they are tried each 0.5 s and renew a lease of 2 s. After five idle minutes they stop by design.
const sweepTriedS = 5.0

func sweepsFail(o *observation) outcome {
	if why := o.redis.why(askedShared); why != "" {
		return notKnown("%s", why)
	}
	s := o.redis.facts.shared
	switch {
	case !s.used:
		return passed("No pod has run a cache sweep through this Redis.")
	case s.leaseS > 0:
		return passed("The sweep lease is valid for another %.1f s.", s.leaseS)
	case s.sweptS > sweepTriedS:
		return passed("The sweep is paused because nothing was read; it last ran %s ago, and the next read restarts it.", seconds(s.sweptS))
	}
	return found(hit{
		evidence: fmt.Sprintf("A pod tried to sweep %.1f s ago, but the lease was not renewed: the change log cannot be read. Without the lease no cached copy is served, and every read goes to the database.", s.sweptS),
		costMS:   o.turnMS(),
	})
}

// States are written with the copies that need them; one copy in ten without its user's state means that
// states are evicted first.
const (
	statesMissingShare = 0.1
	copiesFewest       = 20
)

func statesMissing(o *observation) outcome {
	if why := o.redis.why(askedKeys); why != "" {
		return notKnown("%s", why)
	}
	f := o.redis.facts
	h := f.holds
	switch {
	case h.copies < copiesFewest && !f.sample.whole && !f.unused():
		return notKnown("%s among the %d sampled keys, of %d in all: fewer than %d are too few to judge the rest.",
			plural(h.copies, "copy of a list that was used within an hour is", "copies of lists that were used within an hour are"), f.sample.looked, f.sample.keys, copiesFewest)
	case h.copies == 0:
		return passed("The sampled keys include no list copy that was used in the last hour.")
	case h.copies < copiesFewest:
		return passed("%d of %s had no state key; fewer than %d copies are too few to judge.", h.missing, plural(h.copies, "sampled copy", "sampled copies"), copiesFewest)
	}
	share := float64(h.missing) / float64(h.copies)
	if share < statesMissingShare {
		return passed("%d of %d sampled copies lack their user's state key.", h.missing, h.copies)
	}
	return found(hit{
		evidence: fmt.Sprintf("%d of %d sampled copies (%.0f%%) have lost their user's state key. They can no longer be served, and they use memory that servable copies need.", h.missing, h.copies, 100*share),
		costMS:   share * o.turnMS(),
	})
}
