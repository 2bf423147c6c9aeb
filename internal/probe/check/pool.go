package check

import (
	"fmt"
	"net"
	"slices"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

func unsafeMode(o *facts.Observation) Outcome {
	mode := o.Config.ExecMode
	if store.PooledSafe(mode) {
		return passed("%s is safe behind a pooler in transaction mode.", mode)
	}
	if o.Pooler.Answered() && !o.Pooler.Pooled {
		return passed("%s would be unsafe behind a pooler, but there is none.", mode)
	}
	// What each mode does there was measured; the runbook has the figures.
	h := hit{Evidence: fmt.Sprintf("DB_EXEC_MODE is %s, which requires that a statement stays on one server connection.", mode)}
	switch mode {
	case "describe_exec":
		h.Evidence = "DB_EXEC_MODE is describe_exec: behind a pooler in transaction mode, a response may belong to another client, and every statement takes two turns."
		h.CostMS = o.Pooler.Endpoint.FloorMS
	case "cache_statement":
		support := o.Ways.Prepared
		if support.Carried {
			return passed("cache_statement is safe behind this pooler, which supports prepared statements: %s.", support.How)
		}
		h.Evidence = "DB_EXEC_MODE is cache_statement, whose prepared statements collide behind a pooler in transaction mode unless the pooler supports them"
		if support.Known {
			// A collision is no slow request but a failed one: SQLSTATE 42P05 or 26000.
			h.outage, h.Evidence = true, h.Evidence+"; this one does not: "+support.How+"."
		} else {
			h.Evidence += "; whether this one does is unknown: " + support.How + "."
		}
	}
	return found(h)
}

func wrongEndpoint(o *facts.Observation) Outcome {
	e := o.Pooler.Endpoint
	if o.Pooler.Pooled {
		return passed("%s is a pooler: %s.", e.Address, o.Pooler.Proof)
	}
	h := hit{Evidence: fmt.Sprintf("%s is Postgres itself (%s): every connection needs its own server process, and their number is limited.", e.Address, o.Pooler.Proof)}
	if host, _, err := net.SplitHostPort(e.Address); err == nil && store.NeonPooler(host) != "" {
		h.Evidence += " Its name lacks the suffix -pooler."
		h.Remedy = fmt.Sprintf("kubectl -n honeydue set env deployment/honeydue DB_HOST=%s   # or the same host in DATABASE_URL", store.NeonPooler(host))
	}
	return found(h)
}

func extraTurns(o *facts.Observation) Outcome {
	var hits []hit
	for _, name := range hotNames(o.Hot) {
		worst, ok := worstBy(o.Hot, name, func(h facts.HotPath) float64 { return float64(h.Turns) })
		if ok && worst.Turns > 1 {
			hits = append(hits, hit{
				Evidence: fmt.Sprintf("%s takes %d turns in mode %s.", name, worst.Turns, o.Mode),
				CostMS:   float64(worst.Turns-1) * o.Pooler.Endpoint.FloorMS,
			})
		}
	}
	if n := notRun(o); n > 0 && len(hits) == 0 {
		return notKnown("%d of %d hot paths were not run.", n, len(o.Hot))
	}
	return orPassed(hits, "Every hot statement takes one turn in mode %s.", o.Mode)
}

// waitingShare is the least share of the timed hot paths that wait when a pool is too small: a queue
// meets whoever comes. One that waits alone has met a server connection that was just being opened, or a
// slow start, however few there was time for; leastWaiting is for those.
const (
	waitingShare = 0.2
	leastWaiting = 2
)

// poolerWait finds residuals that the evidence lets us call pooler wait, and clients in the pooler's
// queue.
func poolerWait(o *facts.Observation) Outcome {
	residuals := poolerWaits(o)
	var control float64
	for _, h := range o.Hot {
		if h.ResidualName != "" {
			control = max(control, h.ControlMS)
		}
	}
	timed := len(o.Hot) - notRun(o)
	queue := ""
	if o.Pools != nil {
		queue = fmt.Sprintf(" SHOW POOLS: %d waiting, %d servers busy, %d idle, longest wait %.0f ms.",
			o.Pools.ClientsWaiting, o.Pools.ServersActive, o.Pools.ServersIdle, o.Pools.MaxWaitMS())
	}
	switch {
	case len(residuals) >= leastWaiting && float64(len(residuals)) >= waitingShare*float64(timed):
		cost := facts.Median(residuals)
		return found(hit{
			Evidence: fmt.Sprintf("In %d of %d timed hot paths, %.0f ms are explained neither by turns nor by execution, and an empty query at the same moment took up to %.0f ms.%s",
				len(residuals), timed, cost, control, queue),
			CostMS: cost,
		})
	case starved(o) > 0:
		why := "and an empty query at the same moment had none either"
		if slices.ContainsFunc(o.Hot, func(h facts.HotPath) bool { return h.Starved && h.Waiting > 0 }) {
			why = "while clients waited in the pooler's queue"
		}
		return found(hit{
			Evidence: fmt.Sprintf("%s had no answer in %.0f s %s.%s", facts.Plural(starved(o), "hot path", "hot paths"), facts.QueryTimeout.Seconds(), why, queue),
			CostMS:   facts.MS(facts.QueryTimeout), severity: facts.Critical,
		})
	case announcedToTarget(o) > 0:
		return found(hit{Evidence: fmt.Sprintf("During the probe, PgBouncer notified the running server that %s for a server connection (query_wait_notify).%s",
			facts.Plural(int(announcedToTarget(o)), "statement waits", "statements wait"), queue)})
	case clientsWait(o):
		return found(hit{Evidence: "Clients wait in the pooler's queue." + queue, CostMS: o.Pools.MaxWaitMS()})
	}
	if n := notRun(o); n > 0 {
		return notKnown("%d of %d hot paths were not run.%s", n, len(o.Hot), queue)
	}
	if n := len(residuals); n > 0 {
		return passed("%d of %d timed hot paths waited. With a queue, at least %d and %.0f%% of them wait, so most likely a server connection was being opened.%s",
			n, timed, leastWaiting, 100*waitingShare, queue)
	}
	return passed("No hot path is slow together with its control query.%s", queue)
}

// poolerWaits are the residuals that the evidence lets us call pooler wait, in ms.
func poolerWaits(o *facts.Observation) []float64 {
	var out []float64
	for _, h := range o.Hot {
		if h.ResidualName != "" {
			out = append(out, h.ResidualMS)
		}
	}
	return out
}

// clientsWait reports whether the console shows a queue at the end: one client that is there for a moment is
// served by the time that it is counted.
func clientsWait(o *facts.Observation) bool {
	if o.Pools == nil || o.Pools.ClientsWaiting == 0 {
		return false
	}
	c := o.Ways.Console
	return o.Pools.MaxWaitMS() >= waitLeastMS || c != nil && c.First.ClientsWaiting > 0
}

// announcedToTarget is how many statements of the running server PgBouncer has announced as waiting meanwhile.
func announcedToTarget(o *facts.Observation) int64 {
	if o.Target == nil || o.Target.Metrics == nil {
		return 0
	}
	return o.Target.Metrics.Pool.QueuedDuring
}

// starved is how many hot paths had no answer in time because of the pooler's queue.
func starved(o *facts.Observation) int {
	n := 0
	for _, h := range o.Hot {
		if h.Starved {
			n++
		}
	}
	return n
}

// notRun is how many hot paths have no wall time.
func notRun(o *facts.Observation) int {
	n := 0
	for _, h := range o.Hot {
		if h.Runs == 0 {
			n++
		}
	}
	return n
}
