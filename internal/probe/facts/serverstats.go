package facts

import (
	"slices"
)

// DatabaseCounters are counters since CountedS seconds ago.
type DatabaseCounters struct {
	UptimeS  float64 `json:"uptime_s"`
	CountedS float64 `json:"counted_s"`
	Hit      float64 `json:"hit"`
	Read     float64 `json:"read"`
}

// YoungS is how long a server has to be up before its cumulative figures say anything of its usual day.
const YoungS = 3600

// Reliable reports whether the counters cover enough time to be judged.
func (d DatabaseCounters) Reliable() bool { return d.CountedS >= YoungS }

// ExtensionFacts names the extensions of the database, and the schemas of those that are read.
type ExtensionFacts struct {
	There   []string `json:"there"`
	Offered []string `json:"offered"`
	// StatementsSchema is where pg_stat_statements lies, quoted where SQL needs quotes; often not in the search_path.
	StatementsSchema string `json:"statements_schema"`
	// NeonSchema is where Neon's own extension lies, empty without it.
	NeonSchema string `json:"neon_schema"`
}

// Has reports whether the extension is installed in the database.
func (e ExtensionFacts) Has(name string) bool { return slices.Contains(e.There, name) }

// Neon reports whether this is a compute of Neon's.
func (e ExtensionFacts) Neon() bool { return e.NeonSchema != "" || slices.Contains(e.Offered, "neon") }

// FileCacheCounters are pages since the compute's start.
type FileCacheCounters struct {
	Hits   *float64 `json:"hits"`
	Misses *float64 `json:"misses"`
}

// Known reports whether the view has given both figures.
func (c FileCacheCounters) Known() bool { return c.Hits != nil && c.Misses != nil }
