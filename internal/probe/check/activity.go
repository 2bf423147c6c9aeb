package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// idleTooLongS: every write of the app is one statement, so no transaction of its own is ever idle for
// longer than a turn; 2 s are 18 turns over an ocean.
const idleTooLongS = 2.0

// longTransactionS is the app's own limit for a statement (store.Config.StatementTimeout): what is older
// was not started by it.
const longTransactionS = 15.0

// LockChains judges HD-D04: sessions that wait for a lock, and who holds it in the end.
func LockChains(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadActivity); why != "" {
		return notKnown("%s", why)
	}
	var worst *facts.LockChain
	var seenAt int64
	chains := 0
	past := false
	// What the last look shows is told first: of what is over there is nothing left to end.
	for i := len(o.Server.Samples) - 1; i >= 0 && (worst == nil || worst.Longest < waitTooLongS || past); i-- {
		found := o.Server.Samples[i].Chains()
		if len(found) > 0 && (worst == nil || found[0].Longest > worst.Longest) {
			worst, chains, seenAt = &found[0], len(found), o.Server.Samples[i].At
			past = i < len(o.Server.Samples)-1
		}
	}
	if worst == nil || worst.Longest < waitTooLongS || past {
		if h, ok := lockedTable(o); ok {
			return found(h)
		}
	}
	switch {
	case worst == nil:
		return unlessHidden(o.Server, "No session waited for a lock in %s.", facts.Plural(len(o.Server.Samples), "sample", "samples"))
	case worst.Longest < waitTooLongS:
		return unlessHidden(o.Server, "The longest lock wait was %.0f ms.", worst.Longest*1000)
	}
	root := fmt.Sprintf("pid %d", worst.Root.PID)
	switch {
	case worst.Root.PID == 0:
		root = "a prepared transaction (pg_prepared_xacts)"
	case worst.Known:
		root = worst.Root.Who()
	}
	// Whoever blocks has begun before the others have waited; of a root that is hidden no more is known.
	began := facts.BeganBefore(seenAt - int64(worst.Longest*1e6))
	if worst.Root.XactAt > 0 {
		began = worst.Root.Began()
	}
	h := hit{
		Evidence: fmt.Sprintf("The root blocker is %s. It blocks %s, the longest for %s.",
			root, facts.Plural(len(worst.Waiting), "session", "sessions"), facts.Seconds(worst.Longest)),
		CostMS: worst.Longest * 1000, Remedy: facts.Terminate(worst.Root.PID, began, ""),
		about: append(facts.Transactions(worst.Waiting), worst.Root.Transaction()),
	}
	switch {
	case past:
		h.Evidence = fmt.Sprintf("During the probe, %s blocked %s, the longest for %s. In the last sample this was over.",
			root, facts.Plural(len(worst.Waiting), "session", "sessions"), facts.Seconds(worst.Longest))
		h.severity, h.Remedy = facts.Warning, facts.SeeBlockers
	case worst.Root.PID == 0:
		h.Remedy = facts.RollbackPrepared
	}
	if worst.Deep > 1 {
		h.Evidence += fmt.Sprintf(" The chain is %d sessions deep: those in between wait as well.", worst.Deep)
	}
	if chains > 1 {
		h.Evidence += fmt.Sprintf(" There are %d lock chains; this one has the longest wait.", chains)
	}
	return found(h)
}

// lockedTable finds a table of the app that nobody can read at the last look, whether somebody waits for it then or not.
func lockedTable(o *facts.Observation) (h hit, ok bool) {
	last := o.Server.LastLook()
	for _, l := range last.Exclusive {
		if !slices.ContainsFunc(o.Expected, func(i store.Index) bool { return i.Table == l.Table }) {
			continue
		}
		holder := "A prepared transaction (pg_prepared_xacts)"
		h = hit{Remedy: facts.RollbackPrepared, outage: true}
		if l.PID != 0 {
			i := slices.IndexFunc(last.Sessions, func(s facts.PGSession) bool { return s.PID == l.PID })
			if i < 0 || last.Sessions[i].XactS < waitTooLongS {
				continue // autovacuum's, or that of a migration, is over in a moment
			}
			s := last.Sessions[i]
			holder = "The session " + s.Who() + ","
			h.Remedy, h.about = facts.Terminate(s.PID, s.Began(), ""), []string{s.Transaction()}
		}
		h.Evidence = fmt.Sprintf("%s holds a lock on table %s that blocks readers too: every query on the table waits until that transaction ends.", holder, l.Table)
		return h, true
	}
	return hit{}, false
}

// waitTooLongS: a statement that waits for a lock for half a second pays more than four turns over an
// ocean. Two writes of one home that meet wait for a few milliseconds.
const waitTooLongS = 0.5

// IdleTransactions judges HD-D05: sessions that hold a transaction open and do nothing.
func IdleTransactions(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadActivity); why != "" {
		return notKnown("%s", why)
	}
	last := o.Server.LastLook()
	var idle []facts.PGSession
	for _, s := range last.Sessions {
		if s.Idle() && s.StateS >= idleTooLongS {
			idle = append(idle, s)
		}
	}
	if len(idle) == 0 {
		return unlessHidden(o.Server, "No session has been idle in a transaction for %.0f s or longer.", idleTooLongS)
	}
	slices.SortFunc(idle, func(a, b facts.PGSession) int { return -cmp.Compare(a.StateS, b.StateS) })
	first := idle[0]
	h := hit{
		Evidence: fmt.Sprintf("%s in a transaction. The longest is pid %d%s, %s, idle for %s; its transaction is %s old. It keeps its locks, stops vacuum from removing newer dead rows, and occupies one of the pooler's server connections.",
			facts.Plural(len(idle), "session is idle", "sessions are idle"), first.PID, facts.OfApp(first.App), first.State, facts.Seconds(first.StateS), facts.Seconds(first.XactS)),
		Remedy: facts.Terminate(first.PID, first.Began(), " AND state LIKE 'idle in transaction%'"),
		about:  facts.Transactions(idle),
	}
	return found(h)
}

func longTransactions(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadActivity); why != "" {
		return notKnown("%s", why)
	}
	var long []facts.PGSession
	for _, s := range o.Server.LastLook().Sessions {
		if !s.Idle() && s.XactS >= longTransactionS {
			long = append(long, s)
		}
	}
	if len(long) == 0 {
		return unlessHidden(o.Server, "No active transaction is %.0f s old or older.", longTransactionS)
	}
	slices.SortFunc(long, func(a, b facts.PGSession) int { return -cmp.Compare(a.XactS, b.XactS) })
	first := long[0]
	waiting := ""
	if first.WaitType != "" {
		waiting = fmt.Sprintf(" It waits for %s:%s.", first.WaitType, first.Wait)
	}
	return found(hit{
		Evidence: fmt.Sprintf("%s. The oldest is %s.%s Vacuum cannot remove rows that were deleted or updated since it started.",
			facts.Plural(len(long), "transaction has been open too long", "transactions have been open too long"), first.Who(), waiting),
		Remedy: facts.End("pg_cancel_backend", first.PID, first.Began(), "") + `   # check first: a dump or an index build may be intended`,
		about:  facts.Transactions(long),
	})
}

// Shares of the limit: PgHero's and most monitors' warning stands at 80%; at 95% of a hundred five are left,
// fewer than one pod opens in its first second.
const (
	connectionsWarn, connectionsFail = 0.80, 0.95
)

func connectionLimit(o *facts.Observation) Outcome {
	for _, s := range []*facts.PGServer{o.Direct, o.Pooler} {
		if s != nil && s.Failed != nil && s.Failed.Kind == facts.KindTooMany {
			return found(hit{
				Evidence: fmt.Sprintf("%s accepts no more connections: %s.", s.Endpoint.Address, s.Failed),
				severity: facts.Critical, CostMS: failedMS, Remedy: Repair(s.Failed, "DATABASE_DIRECT_URL", s.Endpoint.Address),
			})
		}
	}
	if why := o.Server.Why(facts.ReadActivity); why != "" {
		return notKnown("%s", why)
	}
	c := o.Server.LastLook().Connections()
	if c.Limit <= 0 {
		return notKnown("The server did not return its connection limit.")
	}
	share := float64(c.Used) / float64(c.Limit)
	if share < connectionsWarn {
		return passed("%d of the %d connections that the %s allows are open.", c.Used, c.Limit, c.Of)
	}
	h := hit{Evidence: fmt.Sprintf("%d of the %d connections that the %s allows are open (%.0f%%): %s.", c.Used, c.Limit, c.Of, 100*share, c.Holders)}
	if share >= connectionsFail {
		h.severity = facts.Critical
	}
	return found(h)
}

// Waits: more sessions waiting on average than a small server has cores (2), and more than half of the
// busy ones. Below that a server has room.
const (
	waitingSessions, waitingBusyShare = 2.0, 0.5
	FewestSamples                     = 3
)

func waitEvents(o *facts.Observation) Outcome {
	if why := o.Server.Why(facts.ReadActivity); why != "" {
		return notKnown("%s", why)
	}
	if n := len(o.Server.Samples); n < FewestSamples {
		return notKnown("Only %d samples of the sessions were taken.", n)
	}
	busy, events := facts.SumWaits(o.Server.Samples)
	var waiting float64
	var named []string
	for i, e := range events {
		waiting += e.Sessions
		if i < 3 {
			named = append(named, fmt.Sprintf("%s %.1f", e.Event, e.Sessions))
		}
	}
	evidence := fmt.Sprintf("In %d samples, %.1f sessions were busy on average", len(o.Server.Samples), busy)
	if len(named) > 0 {
		evidence += ", waiting: " + strings.Join(named, ", ")
	}
	if waiting < waitingSessions || waiting < waitingBusyShare*busy {
		return unlessHidden(o.Server, "%s.", evidence)
	}
	return found(hit{Evidence: evidence + ".", Remedy: waitRemedy(events[0].Event)})
}

// waitRemedy is the first thing to look at for the event that dominates.
func waitRemedy(event string) string {
	kind, name, _ := strings.Cut(event, ":")
	switch {
	case name == "SyncRep":
		return `psql "$DATABASE_DIRECT_URL" -c 'SHOW synchronous_standby_names' -c 'SELECT application_name, state, sync_state FROM pg_stat_replication'   # commits wait for a standby: bring it back, or remove it from synchronous_standby_names`
	case kind == "IO":
		return `psql "$DATABASE_DIRECT_URL" -c 'SELECT relname, heap_blks_read, idx_blks_read FROM pg_statio_user_tables ORDER BY 2 DESC LIMIT 5'   # which tables are read from disk? Add the missing index, or more memory`
	case kind == "LWLock":
		return `psql "$DATABASE_DIRECT_URL" -c 'SELECT wait_event, state, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC'   # run fewer statements at once: lower the pooler's default_pool_size`
	}
	return `psql "$DATABASE_DIRECT_URL" -c 'SELECT wait_event_type, wait_event, state, count(*) FROM pg_stat_activity GROUP BY 1, 2, 3 ORDER BY 4 DESC'`
}

// unlessHidden is a pass, if this role may see what the sessions of its database do.
func unlessHidden(s *facts.ServerFacts, format string, args ...any) Outcome {
	var hidden int64
	for _, h := range s.LastLook().Held {
		if h.State == facts.HiddenState {
			hidden += h.OfDatabase
		}
	}
	if hidden == 0 {
		return passed(format, args...)
	}
	return notKnown("This role cannot see what %s: run GRANT pg_monitor TO it.", facts.Plural(int(hidden), "session does", "sessions do"))
}
