package facts

import (
	"fmt"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// DefaultWindow is for how long the servers are watched while the statements are measured: long enough for
// rates, and a third of the time that an incident gives the probe.
const DefaultWindow = 3500 * time.Millisecond

// Names of the readings, as people are told of them.
const (
	ReadActivity    = "sessions"
	ReadTables      = "tables"
	ReadLimits      = "sequences and transaction ids"
	ReadReplication = "replication"
	ReadDatabase    = "counters"
	ReadRates       = "counters at the window's end"
	ReadExtensions  = "extensions"
	ReadStatements  = "pg_stat_statements"
	ReadFileCache   = "local file cache"
)

// ServerFacts is what watching Postgres has given.
type ServerFacts struct {
	// Failed is why the watching connection could not be opened, unread why a reading has no value.
	Failed  *Failure
	Unread  map[string]*Failure
	Way     Endpoint // of the watching connection
	Samples []Activity
	Tables  []TableSpace
	Limits  LimitFacts
	// First and last are the counters at both ends of the window.
	First, Last DatabaseCounters
	// FirstCache and lastCache are those of Neon's local file cache, where its extension is.
	FirstCache, LastCache FileCacheCounters
	Replication           ReplicationFacts
	Extensions            ExtensionFacts
	// Counted is what pg_stat_statements counted within the window, if it could be asked at both ends.
	Counted *StatementCounts
	Window  time.Duration
	// UpBeforeProbeS is how long the server had been up when the probe began: below 0 the probe's own
	// connection has started it.
	UpBeforeProbeS float64
}

// Why says why a reading has no value, or nothing if it has.
func (s *ServerFacts) Why(names ...string) string {
	if s == nil {
		return "No database answers."
	}
	if f := s.Failed; f != nil {
		return "The watching connection could not be opened: " + f.Error() + "."
	}
	for _, name := range names {
		if f := s.Unread[name]; f != nil {
			return fmt.Sprintf("The server's %s could not be read: %s.", name, f)
		}
	}
	return ""
}

// WatchFor is how long the servers are watched where a check asks for it.
func (c Config) WatchFor() time.Duration {
	if c.Window == 0 {
		return DefaultWindow
	}
	return max(0, c.Window)
}

// KnownStatement reports whether the catalog has a statement of that name.
func KnownStatement(name string) bool {
	return slices.ContainsFunc(store.Catalogue(), func(q store.Query) bool { return q.Name == name })
}
