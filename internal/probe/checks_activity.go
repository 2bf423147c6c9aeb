package probe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/honeydue/honeydue/internal/store"
)

// idleTooLongS: every write of the app is one statement, so no transaction of its own is ever idle for
// longer than a turn; 2 s are 18 turns over an ocean.
const idleTooLongS = 2.0

// longTransactionS is the app's own limit for a statement (store.Config.StatementTimeout): what is older
// was not started by it.
const longTransactionS = 15.0

func lockChains(o *observation) outcome {
	if why := o.server.why(readActivity); why != "" {
		return notKnown("%s", why)
	}
	var worst *lockChain
	var seenAt int64
	chains := 0
	past := false
	// What the last look shows is told first: of what is over there is nothing left to end.
	for i := len(o.server.samples) - 1; i >= 0 && (worst == nil || worst.longest < waitTooLongS || past); i-- {
		found := o.server.samples[i].chains()
		if len(found) > 0 && (worst == nil || found[0].longest > worst.longest) {
			worst, chains, seenAt = &found[0], len(found), o.server.samples[i].At
			past = i < len(o.server.samples)-1
		}
	}
	if worst == nil || worst.longest < waitTooLongS || past {
		if h, ok := lockedTable(o); ok {
			return found(h)
		}
	}
	switch {
	case worst == nil:
		return o.server.unlessHidden("No session waited for a lock in %s.", plural(len(o.server.samples), "sample", "samples"))
	case worst.longest < waitTooLongS:
		return o.server.unlessHidden("The longest lock wait was %.0f ms.", worst.longest*1000)
	}
	root := fmt.Sprintf("pid %d", worst.root.PID)
	switch {
	case worst.root.PID == 0:
		root = "a prepared transaction (pg_prepared_xacts)"
	case worst.known:
		root = worst.root.who()
	}
	// Whoever blocks has begun before the others have waited; of a root that is hidden no more is known.
	began := beganBefore(seenAt - int64(worst.longest*1e6))
	if worst.root.XactAt > 0 {
		began = worst.root.began()
	}
	h := hit{
		evidence: fmt.Sprintf("The root blocker is %s. It blocks %s, the longest for %s.",
			root, plural(len(worst.waiting), "session", "sessions"), seconds(worst.longest)),
		costMS: worst.longest * 1000, remedy: terminate(worst.root.PID, began, ""),
		about: append(transactions(worst.waiting), worst.root.transaction()),
	}
	switch {
	case past:
		h.evidence = fmt.Sprintf("During the probe, %s blocked %s, the longest for %s. In the last sample this was over.",
			root, plural(len(worst.waiting), "session", "sessions"), seconds(worst.longest))
		h.severity, h.remedy = Warning, seeBlockers
	case worst.root.PID == 0:
		h.remedy = rollbackPrepared
	}
	if worst.deep > 1 {
		h.evidence += fmt.Sprintf(" The chain is %d sessions deep: those in between wait as well.", worst.deep)
	}
	if chains > 1 {
		h.evidence += fmt.Sprintf(" There are %d lock chains; this one has the longest wait.", chains)
	}
	return found(h)
}

// lockedTable finds a table of the app that nobody can read at the last look, whether somebody waits for it then or not.
func lockedTable(o *observation) (h hit, ok bool) {
	last := o.server.lastLook()
	for _, l := range last.Exclusive {
		if !slices.ContainsFunc(o.expected, func(i store.Index) bool { return i.Table == l.Table }) {
			continue
		}
		holder := "A prepared transaction (pg_prepared_xacts)"
		h = hit{remedy: rollbackPrepared, outage: true}
		if l.PID != 0 {
			i := slices.IndexFunc(last.Sessions, func(s pgSession) bool { return s.PID == l.PID })
			if i < 0 || last.Sessions[i].XactS < waitTooLongS {
				continue // autovacuum's, or that of a migration, is over in a moment
			}
			s := last.Sessions[i]
			holder = "The session " + s.who() + ","
			h.remedy, h.about = terminate(s.PID, s.began(), ""), []string{s.transaction()}
		}
		h.evidence = fmt.Sprintf("%s holds a lock on table %s that blocks readers too: every query on the table waits until that transaction ends.", holder, l.Table)
		return h, true
	}
	return hit{}, false
}

// waitTooLongS: a statement that waits for a lock for half a second pays more than four turns over an
// ocean. Two writes of one home that meet wait for a few milliseconds.
const waitTooLongS = 0.5

func idleTransactions(o *observation) outcome {
	if why := o.server.why(readActivity); why != "" {
		return notKnown("%s", why)
	}
	last := o.server.lastLook()
	var idle []pgSession
	for _, s := range last.Sessions {
		if s.idle() && s.StateS >= idleTooLongS {
			idle = append(idle, s)
		}
	}
	if len(idle) == 0 {
		return o.server.unlessHidden("No session has been idle in a transaction for %.0f s or longer.", idleTooLongS)
	}
	slices.SortFunc(idle, func(a, b pgSession) int { return -cmp.Compare(a.StateS, b.StateS) })
	first := idle[0]
	h := hit{
		evidence: fmt.Sprintf("%s in a transaction. The longest is pid %d%s, %s, idle for %s; its transaction is %s old. It keeps its locks, stops vacuum from removing newer dead rows, and occupies one of the pooler's server connections.",
			plural(len(idle), "session is idle", "sessions are idle"), first.PID, ofApp(first.App), first.State, seconds(first.StateS), seconds(first.XactS)),
		remedy: terminate(first.PID, first.began(), " AND state LIKE 'idle in transaction%'"),
		about:  transactions(idle),
	}
	return found(h)
}

func longTransactions(o *observation) outcome {
	if why := o.server.why(readActivity); why != "" {
		return notKnown("%s", why)
	}
	var long []pgSession
	for _, s := range o.server.lastLook().Sessions {
		if !s.idle() && s.XactS >= longTransactionS {
			long = append(long, s)
		}
	}
	if len(long) == 0 {
		return o.server.unlessHidden("No active transaction is %.0f s old or older.", longTransactionS)
	}
	slices.SortFunc(long, func(a, b pgSession) int { return -cmp.Compare(a.XactS, b.XactS) })
	first := long[0]
	waiting := ""
	if first.WaitType != "" {
		waiting = fmt.Sprintf(" It waits for %s:%s.", first.WaitType, first.Wait)
	}
	return found(hit{
		evidence: fmt.Sprintf("%s. The oldest is %s.%s Vacuum cannot remove rows that were deleted or updated since it started.",
			plural(len(long), "transaction has been open too long", "transactions have been open too long"), first.who(), waiting),
		remedy: end("pg_cancel_backend", first.PID, first.began(), "") + `   # check first: a dump or an index build may be intended`,
		about:  transactions(long),
	})
}

// Shares of the limit: PgHero's and most monitors' warning stands at 80%; at 95% of a hundred five are left,
// fewer than one pod opens in its first second.
const (
	connectionsWarn, connectionsFail = 0.80, 0.95
)

func connectionLimit(o *observation) outcome {
	for _, s := range []*pgServer{o.direct, o.pooler} {
		if s != nil && s.failed != nil && s.failed.kind == kindTooMany {
			return found(hit{
				evidence: fmt.Sprintf("%s accepts no more connections: %s.", s.endpoint.Address, s.failed),
				severity: Critical, costMS: failedMS, remedy: repair(s.failed, "DATABASE_DIRECT_URL", s.endpoint.Address),
			})
		}
	}
	if why := o.server.why(readActivity); why != "" {
		return notKnown("%s", why)
	}
	c := o.server.lastLook().connections()
	if c.limit <= 0 {
		return notKnown("The server did not return its connection limit.")
	}
	share := float64(c.used) / float64(c.limit)
	if share < connectionsWarn {
		return passed("%d of the %d connections that the %s allows are open.", c.used, c.limit, c.of)
	}
	h := hit{evidence: fmt.Sprintf("%d of the %d connections that the %s allows are open (%.0f%%): %s.", c.used, c.limit, c.of, 100*share, c.holders)}
	if share >= connectionsFail {
		h.severity = Critical
	}
	return found(h)
}

// connections is how near the nearest of the limits is.
type connections struct {
	used, limit int64
	of          string // whose limit it is
	holders     string
}

func (a activity) connections() connections {
	var used, ofDatabase, ofRole int64
	states := map[string]int64{}
	for _, h := range a.Held {
		used, ofDatabase, ofRole = used+h.N, ofDatabase+h.OfDatabase, ofRole+h.OfRole
		states[h.State] += h.N
	}
	out := connections{used: used, limit: a.Limits.Server, of: "server"}
	nearer := func(used, limit int64, of string) {
		if limit >= 0 && float64(used)*float64(out.limit) > float64(out.used)*float64(limit) {
			out = connections{used: used, limit: limit, of: of}
		}
	}
	nearer(ofDatabase, a.Limits.Database, "database")
	nearer(ofRole, a.Limits.Role, "role")
	var parts []string
	for state, n := range states {
		parts = append(parts, fmt.Sprintf("%d %s", n, state))
	}
	slices.Sort(parts)
	out.holders = strings.Join(parts, ", ")
	if len(a.Held) > 0 && harmlessApp(a.Held[0].App) {
		out.holders += fmt.Sprintf("; the application with the most, %d, is %s", a.Held[0].N, a.Held[0].App)
	}
	return out
}

// Waits: more sessions waiting on average than a small server has cores (2), and more than half of the
// busy ones. Below that a server has room.
const (
	waitingSessions, waitingBusyShare = 2.0, 0.5
	fewestSamples                     = 3
)

func waitEvents(o *observation) outcome {
	if why := o.server.why(readActivity); why != "" {
		return notKnown("%s", why)
	}
	if n := len(o.server.samples); n < fewestSamples {
		return notKnown("Only %d samples of the sessions were taken.", n)
	}
	busy, events := sumWaits(o.server.samples)
	var waiting float64
	var named []string
	for i, e := range events {
		waiting += e.sessions
		if i < 3 {
			named = append(named, fmt.Sprintf("%s %.1f", e.event, e.sessions))
		}
	}
	evidence := fmt.Sprintf("In %d samples, %.1f sessions were busy on average", len(o.server.samples), busy)
	if len(named) > 0 {
		evidence += ", waiting: " + strings.Join(named, ", ")
	}
	if waiting < waitingSessions || waiting < waitingBusyShare*busy {
		return o.server.unlessHidden("%s.", evidence)
	}
	return found(hit{evidence: evidence + ".", remedy: waitRemedy(events[0].event)})
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
func (s *serverFacts) unlessHidden(format string, args ...any) outcome {
	var hidden int64
	for _, h := range s.lastLook().Held {
		if h.State == hiddenState {
			hidden += h.OfDatabase
		}
	}
	if hidden == 0 {
		return passed(format, args...)
	}
	return notKnown("This role cannot see what %s: run GRANT pg_monitor TO it.", plural(int(hidden), "session does", "sessions do"))
}

func (s *serverFacts) lastLook() activity {
	if s == nil || len(s.samples) == 0 {
		return activity{}
	}
	return s.samples[len(s.samples)-1]
}
