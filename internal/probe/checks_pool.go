package probe

import (
	"fmt"
	"net"
	"slices"

	"github.com/honeydue/honeydue/internal/store"
)

func unsafeMode(o *observation) outcome {
	mode := o.config.ExecMode
	if store.PooledSafe(mode) {
		return passed("%s is safe behind a pooler in transaction mode.", mode)
	}
	if o.pooler.answered() && !o.pooler.pooled {
		return passed("%s would be unsafe behind a pooler, but there is none.", mode)
	}
	// What each mode does there was measured; the runbook has the figures.
	h := hit{evidence: fmt.Sprintf("DB_EXEC_MODE is %s, which requires that a statement stays on one server connection.", mode)}
	switch mode {
	case "describe_exec":
		h.evidence = "DB_EXEC_MODE is describe_exec: behind a pooler in transaction mode, a response may belong to another client, and every statement takes two turns."
		h.costMS = o.pooler.endpoint.FloorMS
	case "cache_statement":
		support := o.ways.prepared
		if support.carried {
			return passed("cache_statement is safe behind this pooler, which supports prepared statements: %s.", support.how)
		}
		h.evidence = "DB_EXEC_MODE is cache_statement, whose prepared statements collide behind a pooler in transaction mode unless the pooler supports them"
		if support.known {
			// A collision is no slow request but a failed one: SQLSTATE 42P05 or 26000.
			h.outage, h.evidence = true, h.evidence+"; this one does not: "+support.how+"."
		} else {
			h.evidence += "; whether this one does is unknown: " + support.how + "."
		}
	}
	return found(h)
}

func wrongEndpoint(o *observation) outcome {
	e := o.pooler.endpoint
	if o.pooler.pooled {
		return passed("%s is a pooler: %s.", e.Address, o.pooler.proof)
	}
	h := hit{evidence: fmt.Sprintf("%s is Postgres itself (%s): every connection needs its own server process, and their number is limited.", e.Address, o.pooler.proof)}
	if host, _, err := net.SplitHostPort(e.Address); err == nil && store.NeonPooler(host) != "" {
		h.evidence += " Its name lacks the suffix -pooler."
		h.remedy = fmt.Sprintf("kubectl -n honeydue set env deployment/honeydue DB_HOST=%s   # or the same host in DATABASE_URL", store.NeonPooler(host))
	}
	return found(h)
}

func extraTurns(o *observation) outcome {
	var hits []hit
	for _, name := range hotNames(o.hot) {
		worst, ok := worstBy(o.hot, name, func(h HotPath) float64 { return float64(h.Turns) })
		if ok && worst.Turns > 1 {
			hits = append(hits, hit{
				evidence: fmt.Sprintf("%s takes %d turns in mode %s.", name, worst.Turns, o.mode),
				costMS:   float64(worst.Turns-1) * o.pooler.endpoint.FloorMS,
			})
		}
	}
	if n := o.notRun(); n > 0 && len(hits) == 0 {
		return notKnown("%d of %d hot paths were not run.", n, len(o.hot))
	}
	return orPassed(hits, "Every hot statement takes one turn in mode %s.", o.mode)
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
func poolerWait(o *observation) outcome {
	residuals := o.poolerWaits()
	var control float64
	for _, h := range o.hot {
		if h.ResidualName != "" {
			control = max(control, h.ControlMS)
		}
	}
	timed := len(o.hot) - o.notRun()
	queue := ""
	if o.pools != nil {
		queue = fmt.Sprintf(" SHOW POOLS: %d waiting, %d servers busy, %d idle, longest wait %.0f ms.",
			o.pools.ClientsWaiting, o.pools.ServersActive, o.pools.ServersIdle, o.pools.MaxWaitMS())
	}
	switch {
	case len(residuals) >= leastWaiting && float64(len(residuals)) >= waitingShare*float64(timed):
		cost := median(residuals)
		return found(hit{
			evidence: fmt.Sprintf("In %d of %d timed hot paths, %.0f ms are explained neither by turns nor by execution, and an empty query at the same moment took up to %.0f ms.%s",
				len(residuals), timed, cost, control, queue),
			costMS: cost,
		})
	case o.starved() > 0:
		why := "and an empty query at the same moment had none either"
		if slices.ContainsFunc(o.hot, func(h HotPath) bool { return h.starved && h.waiting > 0 }) {
			why = "while clients waited in the pooler's queue"
		}
		return found(hit{
			evidence: fmt.Sprintf("%s had no answer in %.0f s %s.%s", plural(o.starved(), "hot path", "hot paths"), queryTimeout.Seconds(), why, queue),
			costMS:   ms(queryTimeout), severity: Critical,
		})
	case o.announcedToTarget() > 0:
		return found(hit{evidence: fmt.Sprintf("During the probe, PgBouncer notified the running server that %s for a server connection (query_wait_notify).%s",
			plural(int(o.announcedToTarget()), "statement waits", "statements wait"), queue)})
	case o.clientsWait():
		return found(hit{evidence: "Clients wait in the pooler's queue." + queue, costMS: o.pools.MaxWaitMS()})
	}
	if n := o.notRun(); n > 0 {
		return notKnown("%d of %d hot paths were not run.%s", n, len(o.hot), queue)
	}
	if n := len(residuals); n > 0 {
		return passed("%d of %d timed hot paths waited. With a queue, at least %d and %.0f%% of them wait, so most likely a server connection was being opened.%s",
			n, timed, leastWaiting, 100*waitingShare, queue)
	}
	return passed("No hot path is slow together with its control query.%s", queue)
}

// poolerWaits are the residuals that the evidence lets us call pooler wait, in ms.
func (o *observation) poolerWaits() []float64 {
	var out []float64
	for _, h := range o.hot {
		if h.ResidualName != "" {
			out = append(out, h.ResidualMS)
		}
	}
	return out
}

// clientsWait reports whether the console shows a queue at the end: one client that is there for a moment is
// served by the time that it is counted.
func (o *observation) clientsWait() bool {
	if o.pools == nil || o.pools.ClientsWaiting == 0 {
		return false
	}
	c := o.ways.console
	return o.pools.MaxWaitMS() >= waitLeastMS || c != nil && c.first.ClientsWaiting > 0
}

// announcedToTarget is how many statements of the running server PgBouncer has announced as waiting meanwhile.
func (o *observation) announcedToTarget() int64 {
	if o.target == nil || o.target.Metrics == nil {
		return 0
	}
	return o.target.Metrics.Pool.QueuedDuring
}

// starved is how many hot paths had no answer in time because of the pooler's queue.
func (o *observation) starved() int {
	n := 0
	for _, h := range o.hot {
		if h.starved {
			n++
		}
	}
	return n
}

// notRun is how many hot paths have no wall time.
func (o *observation) notRun() int {
	n := 0
	for _, h := range o.hot {
		if h.Runs == 0 {
			n++
		}
	}
	return n
}
