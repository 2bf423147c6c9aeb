package facts

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Activity is one look at the sessions.
type Activity struct {
	// At is when the look began, by the server's clock in microseconds since 1970.
	At       int64       `json:"at"`
	Sessions []PGSession `json:"sessions"`
	Held     []HeldBy    `json:"held"`
	// Exclusive are the locks of whole tables, against readers, too.
	Exclusive []tableLock `json:"exclusive"`
	Limits    struct {
		Server   int64 `json:"server"`
		Database int64 `json:"database"` // -1: none of its own
		Role     int64 `json:"role"`     // as above
	} `json:"limits"`
}

// PGSession is a session that is not idle. Ages are in seconds, as of the server's clock.
type PGSession struct {
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

// HeldBy is how many connections an application holds in a state.
type HeldBy struct {
	State      string `json:"state"`
	App        string `json:"app"`
	N          int64  `json:"n"`
	OfDatabase int64  `json:"of_database"`
	OfRole     int64  `json:"of_role"`
}

// HiddenState stands for a state that the role may not see.
const HiddenState = "hidden"

// IdleInTransaction is the state of a session that holds a transaction and does nothing.
const IdleInTransaction = "idle in transaction"

// Idle reports whether the session holds a transaction and does nothing.
func (s PGSession) Idle() bool {
	return s.State == IdleInTransaction || s.State == IdleInTransaction+" (aborted)"
}

// OwnStatement is the name that activitySQL gives to whatever the probe itself asks on its other connections.
const OwnStatement = "probe"

// Foreign reports whether the session is at work on a statement that is neither the app's nor the probe's. Who waits
// for a lock, for its client or for a replica leaves the server alone meanwhile.
func (s PGSession) Foreign() bool {
	return s.State == "active" && s.WaitType != "Lock" && s.WaitType != "Client" && s.Wait != "SyncRep" &&
		s.Statement != OwnStatement && !KnownStatement(s.Statement)
}

// Who names a session without anything that its user wrote: the process, its state, and the name of the
// application if that is a name and no value.
func (s PGSession) Who() string {
	return fmt.Sprintf("pid %d%s, %s, its transaction is %s old", s.PID, OfApp(s.App), s.State, Seconds(s.XactS))
}

// Transaction names what the session is at, for the table of causes: the process serves others before and after.
func (s PGSession) Transaction() string { return fmt.Sprintf("pid %d since %d", s.PID, s.XactAt) }

// Transactions names what the sessions are at; see PGSession.Transaction.
func Transactions(of []PGSession) []string {
	var out []string
	for _, s := range of {
		out = append(out, s.Transaction())
	}
	return out
}

// HarmlessApp reports whether a name is what a program calls itself: words, perhaps with a version. What holds an
// address or a long number may be a user's.
func HarmlessApp(name string) bool {
	return regexp.MustCompile(`^[A-Za-z][A-Za-z _/.-]{0,30}([ /-]v?\d{1,3}(\.\d{1,3}){0,2})?$`).MatchString(name)
}

// OfApp is " (name)" for a name that is fit to be shown, and empty for any other.
func OfApp(name string) string {
	if !HarmlessApp(name) {
		return ""
	}
	return " (" + name + ")"
}

// LockChain is a session that blocks others and waits for nobody.
type LockChain struct {
	Root    PGSession
	Known   bool // the root is among the sessions that were seen
	Waiting []PGSession
	Longest float64 // of the blocked, in seconds
	Deep    int     // the longest way from a waiting session to the root
}

// Chains follows each waiting session to who blocks it at last.
func (a Activity) Chains() []LockChain {
	sessions := map[int64]PGSession{}
	for _, s := range a.Sessions {
		sessions[s.PID] = s
	}
	byRoot := map[int64]*LockChain{}
	for _, s := range a.Sessions {
		if len(s.Blockers) == 0 {
			continue
		}
		root, deep := rootOf(sessions, s.PID)
		c := byRoot[root]
		if c == nil {
			r, known := sessions[root]
			r.PID = root
			c = &LockChain{Root: r, Known: known}
			byRoot[root] = c
		}
		c.Waiting = append(c.Waiting, s)
		c.Longest, c.Deep = max(c.Longest, s.WaitsS), max(c.Deep, deep)
	}
	var out []LockChain
	for _, c := range byRoot {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b LockChain) int {
		return cmp.Or(-cmp.Compare(a.Longest, b.Longest), cmp.Compare(a.Root.PID, b.Root.PID))
	})
	return out
}

// rootOf goes from one session to the first that blocks it until nobody does. A ring is a deadlock, which
// Postgres ends by itself within a second; the walk ends, too.
func rootOf(sessions map[int64]PGSession, pid int64) (root int64, deep int) {
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

// WaitShare is how many sessions on average waited for an event.
type WaitShare struct {
	Event    string
	Sessions float64
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

// SumWaits sums up the samples: busy sessions on average, and what they waited for, the most first.
func SumWaits(samples []Activity) (busy float64, events []WaitShare) {
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
		events = append(events, WaitShare{event, count / n})
	}
	slices.SortFunc(events, func(a, b WaitShare) int {
		return cmp.Or(-cmp.Compare(a.Sessions, b.Sessions), cmp.Compare(a.Event, b.Event))
	})
	return busy / n, events
}

// Connections is how near the nearest of the limits is.
type Connections struct {
	Used, Limit int64
	Of          string // whose limit it is
	Holders     string
}

// Connections counts who holds connections, and how many.
func (a Activity) Connections() Connections {
	var used, ofDatabase, ofRole int64
	states := map[string]int64{}
	for _, h := range a.Held {
		used, ofDatabase, ofRole = used+h.N, ofDatabase+h.OfDatabase, ofRole+h.OfRole
		states[h.State] += h.N
	}
	out := Connections{Used: used, Limit: a.Limits.Server, Of: "server"}
	nearer := func(used, limit int64, of string) {
		if limit >= 0 && float64(used)*float64(out.Limit) > float64(out.Used)*float64(limit) {
			out = Connections{Used: used, Limit: limit, Of: of}
		}
	}
	nearer(ofDatabase, a.Limits.Database, "database")
	nearer(ofRole, a.Limits.Role, "role")
	var parts []string
	for state, n := range states {
		parts = append(parts, fmt.Sprintf("%d %s", n, state))
	}
	slices.Sort(parts)
	out.Holders = strings.Join(parts, ", ")
	if len(a.Held) > 0 && HarmlessApp(a.Held[0].App) {
		out.Holders += fmt.Sprintf("; the application with the most, %d, is %s", a.Held[0].N, a.Held[0].App)
	}
	return out
}

// LastLook is the newest look at the sessions; empty if there was none.
func (s *ServerFacts) LastLook() Activity {
	if s == nil || len(s.Samples) == 0 {
		return Activity{}
	}
	return s.Samples[len(s.Samples)-1]
}
