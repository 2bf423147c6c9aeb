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
		return notKnown("%s found among the keys that there was time for, of %d: too few to say that none is held.", plural(h.looked, "state was", "states were"), f.sample.keys)
	case len(h.first) == 0:
		return passed("None of %s is held.", plural(h.looked, "sampled state", "sampled states"))
	case h.gap < cache.Patience:
		return notKnown("%s held, and looked at for %.1f s only; a hold lingers from %.0f s on.", plural(len(h.first), "state is", "states are"), h.gap.Seconds(), cache.Patience.Seconds())
	case h.linger == 0:
		return passed("%s held at first, and none by the same write %.1f s later.", plural(len(h.first), "state was", "states were"), h.gap.Seconds())
	}
	return found(hit{
		evidence: fmt.Sprintf("%s after %.1f s, in %d sampled states. Their writers are gone or hang, and no pod resolves them: every read of those homes goes to the database.",
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
		return passed("No pod has swept by way of this Redis.")
	case s.leaseS > 0:
		return passed("The lease stands for another %.1f s.", s.leaseS)
	case s.sweptS > sweepTriedS:
		return passed("The sweep sleeps, and was last tried %s ago; the next read wakes it.", seconds(s.sweptS))
	}
	return found(hit{
		evidence: fmt.Sprintf("A pod tried to sweep %.1f s ago, and the lease has not been renewed: the change log can't be read. Without the lease no copy is served, and every read goes to the database.", s.sweptS),
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
		return notKnown("%s among the %d keys that were sampled, of %d: fewer than %d tell nothing of the rest.",
			plural(h.copies, "copy of a list that was used within an hour is", "copies of lists that were used within an hour are"), f.sample.looked, f.sample.keys, copiesFewest)
	case h.copies == 0:
		return passed("No copy of a list that was used within an hour is among the sampled keys.")
	case h.copies < copiesFewest:
		return passed("%d of %s had no state; fewer than %d copies are not judged.", h.missing, plural(h.copies, "sampled copy", "sampled copies"), copiesFewest)
	}
	share := float64(h.missing) / float64(h.copies)
	if share < statesMissingShare {
		return passed("%d of %d sampled copies have no state of their user.", h.missing, h.copies)
	}
	return found(hit{
		evidence: fmt.Sprintf("%d of %d sampled copies (%.0f%%) have no state of their user any more: they can't be served, and take the memory of those that can.", h.missing, h.copies, 100*share),
		costMS:   share * o.turnMS(),
	})
}
