package check

import (
	"fmt"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// statesFewest is how many states say something of all of them: with fewer, as many as one in seven may be held and
// none of them be seen, in one look of twenty.
const statesFewest = 20

// A hold lingers from cache.Patience on, after which the pods resolve it through the database. A write holds
// for its own time, a few turns.

func holdsLinger(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedKeys); why != "" {
		return notKnown("%s", why)
	}
	f := o.Redis.Facts
	h := f.Holds
	switch {
	case len(h.First) == 0 && h.Looked < statesFewest && !f.Sample.AllStates && !f.Unused():
		return notKnown("Only %s found in the sample of %d keys: too few to rule out a stuck hold.", facts.Plural(h.Looked, "state was", "states were"), f.Sample.Keys)
	case len(h.First) == 0:
		return passed("None of %s has a hold.", facts.Plural(h.Looked, "sampled state", "sampled states"))
	case h.Gap < cache.Patience:
		return notKnown("%s held, but was watched for only %.1f s; a hold counts as stuck after %.0f s.", facts.Plural(len(h.First), "state is", "states are"), h.Gap.Seconds(), cache.Patience.Seconds())
	case h.Linger == 0:
		return passed("%s held at first; %.1f s later none was held by the same write.", facts.Plural(len(h.First), "state was", "states were"), h.Gap.Seconds())
	}
	return found(hit{
		Evidence: fmt.Sprintf("%s after %.1f s, in %d sampled states. Their writers are gone or stuck, and no pod releases the holds, so every read of those homes goes to the database.",
			facts.Plural(h.Linger, "hold is still there", "holds are still there"), h.Gap.Seconds(), h.Looked),
		CostMS: o.TurnMS(),
	})
}

// Sweeps: they are tried each 0.5 s and renew a lease of 2 s. After five idle minutes they stop by design.
const sweepTriedS = 5.0

func sweepsFail(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedShared); why != "" {
		return notKnown("%s", why)
	}
	s := o.Redis.Facts.Shared
	switch {
	case !s.Used:
		return passed("No pod has run a cache sweep through this Redis.")
	case s.LeaseS > 0:
		return passed("The sweep lease is valid for another %.1f s.", s.LeaseS)
	case s.SweptS > sweepTriedS:
		return passed("The sweep is paused because nothing was read; it last ran %s ago, and the next read restarts it.", facts.Seconds(s.SweptS))
	}
	return found(hit{
		Evidence: fmt.Sprintf("A pod tried to sweep %.1f s ago, but the lease was not renewed: the change log cannot be read. Without the lease no cached copy is served, and every read goes to the database.", s.SweptS),
		CostMS:   o.TurnMS(),
	})
}

// States are written with the copies that need them; one copy in ten without its user's state means that
// states are evicted first.
const (
	statesMissingShare = 0.1
	copiesFewest       = 20
)

func statesMissing(o *facts.Observation) Outcome {
	if why := o.Redis.Why(facts.AskedKeys); why != "" {
		return notKnown("%s", why)
	}
	f := o.Redis.Facts
	h := f.Holds
	switch {
	case h.Copies < copiesFewest && !f.Sample.Whole && !f.Unused():
		return notKnown("%s among the %d sampled keys, of %d in all: fewer than %d are too few to judge the rest.",
			facts.Plural(h.Copies, "copy of a list that was used within an hour is", "copies of lists that were used within an hour are"), f.Sample.Looked, f.Sample.Keys, copiesFewest)
	case h.Copies == 0:
		return passed("The sampled keys include no list copy that was used in the last hour.")
	case h.Copies < copiesFewest:
		return passed("%d of %s had no state key; fewer than %d copies are too few to judge.", h.Missing, facts.Plural(h.Copies, "sampled copy", "sampled copies"), copiesFewest)
	}
	share := float64(h.Missing) / float64(h.Copies)
	if share < statesMissingShare {
		return passed("%d of %d sampled copies lack their user's state key.", h.Missing, h.Copies)
	}
	return found(hit{
		Evidence: fmt.Sprintf("%d of %d sampled copies (%.0f%%) have lost their user's state key. They can no longer be served, and they use memory that servable copies need.", h.Missing, h.Copies, 100*share),
		CostMS:   share * o.TurnMS(),
	})
}
