package probe

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
)

// activitySQL is one look at the sessions that do something, and at who holds the connections. Of a statement's text
// only the word in the comment that it begins with is asked for, which tells the app's, and is shown nowhere. Who blocks
// whom is asked only of those that wait for a lock: the function takes the lock manager's own locks for a moment. Of
// others' sessions a role without pg_read_all_stats sees the database and the user and no more, not even their kind;
// those of Postgres itself lack one of the two.
const activitySQL = `SELECT json_build_object(
	'at', (extract(epoch FROM now()) * 1000000)::bigint,
	'sessions', (SELECT coalesce(json_agg(s), '[]') FROM (
		SELECT a.pid, a.state, a.application_name AS app,
			CASE WHEN starts_with(a.query, 'SELECT ` + readingMark + `') OR starts_with(a.query, 'EXPLAIN ') OR starts_with(a.query, 'BEGIN READ ONLY;')
				THEN '` + ownStatement + `' ELSE coalesce(substring(a.query FROM '^/\* ([a-z_]{1,40}) \*/'), '') END AS statement,
			coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0) AS xact_s,
			coalesce(extract(epoch FROM a.xact_start) * 1000000, 0)::bigint AS xact_at,
			coalesce(extract(epoch FROM clock_timestamp() - a.state_change), 0) AS state_s,
			coalesce(a.wait_event_type, '') AS wait_type, coalesce(a.wait_event, '') AS wait,
			coalesce(extract(epoch FROM clock_timestamp() -
				(SELECT min(l.waitstart) FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted)), 0) AS waits_s,
			CASE WHEN a.wait_event_type = 'Lock' THEN pg_blocking_pids(a.pid) ELSE '{}' END AS blockers
		FROM pg_stat_activity a
		WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.state <> 'idle'
		ORDER BY a.xact_start LIMIT 500
	) s),
	'held', (SELECT coalesce(json_agg(h), '[]') FROM (
		SELECT coalesce(a.state, 'hidden') AS state, a.application_name AS app, count(*) AS n,
			count(*) FILTER (WHERE a.datname = current_database()) AS of_database,
			count(*) FILTER (WHERE a.usename = current_user) AS of_role
		FROM pg_stat_activity a
		WHERE coalesce(a.backend_type, 'client backend') = 'client backend' AND a.datname IS NOT NULL AND a.usesysid IS NOT NULL
		GROUP BY 1, 2 ORDER BY n DESC LIMIT 100
	) h),
	'exclusive', (SELECT coalesce(json_agg(DISTINCT jsonb_build_object('pid', coalesce(l.pid, 0), 'table', c.relname)), '[]')
		FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
		WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p') AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())),
	'limits', json_build_object(
		'server', current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
			- coalesce(current_setting('reserved_connections', true)::int, 0),
		'database', (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),
		'role', (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user)))`

// activity is one look at the sessions.
type activity struct {
	// At is when the look began, by the server's clock in microseconds since 1970.
	At       int64       `json:"at"`
	Sessions []pgSession `json:"sessions"`
	Held     []heldBy    `json:"held"`
	// Exclusive are the locks of whole tables, against readers, too.
	Exclusive []tableLock `json:"exclusive"`
	Limits    struct {
		Server   int64 `json:"server"`
		Database int64 `json:"database"` // -1: none of its own
		Role     int64 `json:"role"`     // as above
	} `json:"limits"`
}

// pgSession is a session that is not idle. Ages are in seconds, as of the server's clock.
type pgSession struct {
	PID       int64   `json:"pid"`
	State     string  `json:"state"`
	App       string  `json:"app"`
	Statement string  `json:"statement"`
	XactS     float64 `json:"xact_s"`
	XactAt    int64   `json:"xact_at"` // when it began, as activity.At; 0 without a transaction
	StateS    float64 `json:"state_s"`
	WaitType  string  `json:"wait_type"`
	Wait      string  `json:"wait"`
	WaitsS    float64 `json:"waits_s"` // for a lock
	Blockers  []int64 `json:"blockers"`
}

// tableLock is an ACCESS EXCLUSIVE lock that is held. A prepared transaction has no process: 0.
type tableLock struct {
	PID   int64  `json:"pid"`
	Table string `json:"table"`
}

// heldBy is how many connections an application holds in a state.
type heldBy struct {
	State      string `json:"state"`
	App        string `json:"app"`
	N          int64  `json:"n"`
	OfDatabase int64  `json:"of_database"`
	OfRole     int64  `json:"of_role"`
}

// hiddenState stands for a state that the role may not see.
const hiddenState = "hidden"

const idleInTransaction = "idle in transaction"

// idle reports whether the session holds a transaction and does nothing.
func (s pgSession) idle() bool {
	return s.State == idleInTransaction || s.State == idleInTransaction+" (aborted)"
}

// ownStatement is the name that activitySQL gives to whatever the probe itself asks on its other connections.
const ownStatement = "probe"

// foreign reports whether the session is at work on a statement that is neither the app's nor the probe's. Who waits
// for a lock, for its client or for a replica leaves the server alone meanwhile.
func (s pgSession) foreign() bool {
	return s.State == "active" && s.WaitType != "Lock" && s.WaitType != "Client" && s.Wait != "SyncRep" &&
		s.Statement != ownStatement && !knownStatement(s.Statement)
}

// who names a session without anything that its user wrote: the process, its state, and the name of the
// application if that is a name and no value.
func (s pgSession) who() string {
	return fmt.Sprintf("pid %d%s, %s, its transaction is %s old", s.PID, ofApp(s.App), s.State, seconds(s.XactS))
}

// transaction names what the session is at, for the table of causes: the process serves others before and after.
func (s pgSession) transaction() string { return fmt.Sprintf("pid %d since %d", s.PID, s.XactAt) }

func transactions(of []pgSession) []string {
	var out []string
	for _, s := range of {
		out = append(out, s.transaction())
	}
	return out
}

// harmlessApp reports whether a name is what a program calls itself: words, perhaps with a version. What holds an
// address or a long number may be a user's.
func harmlessApp(name string) bool {
	return regexp.MustCompile(`^[A-Za-z][A-Za-z _/.-]{0,30}([ /-]v?\d{1,3}(\.\d{1,3}){0,2})?$`).MatchString(name)
}

func ofApp(name string) string {
	if !harmlessApp(name) {
		return ""
	}
	return " (" + name + ")"
}

// lockChain is a session that blocks others and waits for nobody.
type lockChain struct {
	root    pgSession
	known   bool // the root is among the sessions that were seen
	waiting []pgSession
	longest float64 // of the blocked, in seconds
	deep    int     // the longest way from a waiting session to the root
}

// chains follows each waiting session to who blocks it at last.
func (a activity) chains() []lockChain {
	sessions := map[int64]pgSession{}
	for _, s := range a.Sessions {
		sessions[s.PID] = s
	}
	byRoot := map[int64]*lockChain{}
	for _, s := range a.Sessions {
		if len(s.Blockers) == 0 {
			continue
		}
		root, deep := rootOf(sessions, s.PID)
		c := byRoot[root]
		if c == nil {
			r, known := sessions[root]
			r.PID = root
			c = &lockChain{root: r, known: known}
			byRoot[root] = c
		}
		c.waiting = append(c.waiting, s)
		c.longest, c.deep = max(c.longest, s.WaitsS), max(c.deep, deep)
	}
	var out []lockChain
	for _, c := range byRoot {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b lockChain) int {
		return cmp.Or(-cmp.Compare(a.longest, b.longest), cmp.Compare(a.root.PID, b.root.PID))
	})
	return out
}

// rootOf goes from one session to the first that blocks it until nobody does. A ring is a deadlock, which
// Postgres ends by itself within a second; the walk ends, too.
func rootOf(sessions map[int64]pgSession, pid int64) (root int64, deep int) {
	seen := map[int64]bool{}
	for !seen[pid] {
		seen[pid] = true
		s := sessions[pid]
		if len(s.Blockers) == 0 {
			return pid, deep
		}
		pid, deep = s.Blockers[0], deep+1
	}
	return pid, deep
}

// waitShare is how many sessions on average waited for an event.
type waitShare struct {
	event    string
	sessions float64
}

// countsAsWait leaves out the kinds of events on which nothing is to be mended: the client is asked, or the statement
// sleeps because it was told to. Locks have a check of their own.
func countsAsWait(kind string) bool {
	switch kind {
	case "", "Client", "Activity", "Timeout", "Extension", "Lock":
		return false
	}
	return true
}

// sumWaits sums up the samples: busy sessions on average, and what they waited for, the most first.
func sumWaits(samples []activity) (busy float64, events []waitShare) {
	counts := map[string]float64{}
	for _, a := range samples {
		for _, s := range a.Sessions {
			if s.State != "active" {
				continue
			}
			busy++
			if countsAsWait(s.WaitType) {
				counts[s.WaitType+":"+s.Wait]++
			}
		}
	}
	n := float64(max(1, len(samples)))
	for event, count := range counts {
		events = append(events, waitShare{event, count / n})
	}
	slices.SortFunc(events, func(a, b waitShare) int {
		return cmp.Or(-cmp.Compare(a.sessions, b.sessions), cmp.Compare(a.event, b.event))
	})
	return busy / n, events
}
