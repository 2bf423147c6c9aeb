package facts

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// TurnMS is what a request pays when Redis has no answer for it: one turn to the database. Checks run when every
// connection is closed, so that it asks for what was measured.
func (o *Observation) TurnMS() float64 {
	if o.Pooler.Answered() {
		return o.Pooler.Endpoint.FloorMS
	}
	return 0
}

// Most says which kind of key takes the most memory; nothing if no key was sampled.
func (s KeySample) Most() string {
	var first KeyKind
	var all int64
	for _, k := range s.Kinds {
		all += k.Bytes
		if k.Bytes > first.Bytes {
			first = k
		}
	}
	if all == 0 {
		return ""
	}
	return fmt.Sprintf(" %d%% of the sampled keys' memory belongs to %s.", 100*first.Bytes/all, first.Pattern)
}

// Recent is how far back the slow log and the latency monitor are of interest in an incident.
const Recent = 10 * time.Minute

// SlowCommands lists the recent slow commands by name, each with how often and its longest time.
func (f *RedisFacts) SlowCommands() string {
	counts, worst := map[string]int{}, map[string]time.Duration{}
	for _, s := range f.Slow {
		if s.Age <= Recent {
			counts[s.Name]++
			worst[s.Name] = max(worst[s.Name], s.Took)
		}
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if worst[a] != worst[b] {
			return int(worst[b] - worst[a])
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, n := range names[:min(5, len(names))] {
		parts = append(parts, fmt.Sprintf("%s (%d, up to %.0f ms)", n, counts[n], MS(worst[n])))
	}
	return strings.Join(parts, ", ")
}

// KeySample is some of the keys of Redis: how many of each kind, and how large.
type KeySample struct {
	Keys   int64 // in the database
	Looked int   // of them sampled
	// Whole and allStates are whether they are all keys that there are, and all states.
	Whole, AllStates bool

	Kinds  []KeyKind
	States []string // the keys of states, for the protocol's health
	Lists  []string // the keys of copies
}

// KeyKind is keys of one pattern.
type KeyKind struct {
	Pattern        string
	N              int
	Bytes, Largest int64
}
