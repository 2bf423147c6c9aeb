package facts

import (
	"net/http"
	"slices"

	"github.com/honeydue/honeydue/internal/cache"
)

// Timed lists the reads that were answered.
func (t *Target) Timed() []TargetRead {
	return slices.DeleteFunc(slices.Clone(t.Reads), func(r TargetRead) bool { return r.Runs == 0 })
}

// told reports whether anything came of asking: a timed answer, an error or a refusal.
func (r TargetRead) told() bool {
	return r.Runs > 0 || r.Error != "" || r.Status != 0 && r.Status != http.StatusOK
}

// LeastOf is the least of a value over all reads in which the server told its own account; false if there is none.
func (t *Target) LeastOf(value func(TargetRead) float64) (float64, bool) {
	var values []float64
	for _, r := range t.Timed() {
		if r.Explained {
			values = append(values, value(r))
		}
	}
	if len(values) == 0 {
		return 0, false
	}
	return slices.Min(values), true
}

// Authed are the timed reads that ask who the user is: each visits Redis.
func (t *Target) Authed() []TargetRead {
	return slices.DeleteFunc(t.Timed(), func(r TargetRead) bool { return !r.Authed })
}

// MedianOf is the median over all reads.
func (t *Target) MedianOf(value func(TargetRead) float64) float64 {
	var values []float64
	for _, r := range t.Timed() {
		values = append(values, value(r))
	}
	return Median(values)
}

// Target is what a running server said about itself.
type Target struct {
	URL   string `json:"url"`
	Ready bool   `json:"ready"`
	// StatusCode is /readyz's; 0 if no answer came.
	StatusCode int `json:"status_code"`
	// Reason is what /readyz says when it is not ready.
	Reason string `json:"reason,omitempty"`
	// ThroughPooler is yes, no or unknown.
	ThroughPooler string  `json:"through_pooler"`
	ExecMode      string  `json:"exec_mode,omitempty"`
	Version       string  `json:"version,omitempty"`
	Commit        string  `json:"commit,omitempty"`
	FirstMS       float64 `json:"first_ms"`
	WarmMS        float64 `json:"warm_ms"`
	DBTurns       *int64  `json:"db_turns,omitempty"`
	ServerTiming  string  `json:"server_timing,omitempty"`
	Error         string  `json:"error,omitempty"`
	// Cache is redis or in_process, as /readyz says.
	Cache string `json:"cache,omitempty"`
	// Builds are the versions and commits that answered on several connections; more than one during a roll-out.
	Builds []string `json:"builds,omitempty"`
	// RoundTripMS is the least of three TCP hand-shakes, LiveMS the least of the answers of /livez on an open
	// connection: the way, and what stands in it.
	RoundTripMS float64 `json:"round_trip_ms,omitempty"`
	LiveMS      float64 `json:"live_ms,omitempty"`
	// Reads are the hot reads, asked of the server one by one.
	Reads []TargetRead `json:"reads,omitempty"`
	// Metrics is what the server counts of its pool and caches; nil if nobody named its admin address.
	Metrics *TargetMetrics `json:"metrics,omitempty"`
}

// TargetRead is one route of a running server, as its median of the answers after the first:
// wall = client network + ingress + app + acquire + turns (turns x minimum RTT) + the database's rest + Redis.
type TargetRead struct {
	Route  string `json:"route"`
	Authed bool   `json:"authed"`
	Status int    `json:"status"`
	// Runs counts the responses after the first one, which warms the caches and is reported separately.
	Runs       int     `json:"runs"`
	FirstMS    float64 `json:"first_ms"`
	FirstTurns *int64  `json:"first_db_turns,omitempty"`
	WallMS     float64 `json:"wall_ms"`
	// ClientNetworkMS is a round trip and the time from the body's first byte to its last.
	ClientNetworkMS float64 `json:"client_network_ms"`
	// IngressMS is what neither the way nor the server's own account explains: proxies, queues in front of the
	// server. It may be slightly negative, since each term is measured.
	IngressMS float64 `json:"ingress_ms"`
	AppMS     float64 `json:"app_ms"`
	AcquireMS float64 `json:"acquire_ms"`
	// TurnsMS is turns x the minimum RTT that the probe measured, DBRestMS the rest of the time in the database.
	TurnsMS  float64 `json:"db_turns_ms"`
	DBRestMS float64 `json:"db_rest_ms"`
	RedisMS  float64 `json:"redis_ms"`
	Turns    *int64  `json:"db_turns,omitempty"`
	// TurnsWarm is how many turns the route may take when warm, OverBudget how many of the runs took more.
	TurnsWarm  int64 `json:"db_turns_warm"`
	OverBudget int   `json:"over_budget"`
	// The least of all runs: what not even the fastest was spared.
	AppLeastMS     float64 `json:"app_least_ms"`
	AcquireLeastMS float64 `json:"acquire_least_ms"`
	RedisLeastMS   float64 `json:"redis_least_ms"`
	// Explained is false where the server sent no Server-Timing; then ingress holds all of it.
	Explained   bool   `json:"explained"`
	CacheStatus string `json:"cache_status,omitempty"`
	Bytes       int    `json:"bytes"`
	Error       string `json:"error,omitempty"`
}

// TargetMetrics is what one server counts of itself since it started, and while the probe asked it.
type TargetMetrics struct {
	URL  string      `json:"url"`
	Pool PoolMetrics `json:"pool"`
	// Caches are its lookups by cache.
	Caches []CacheMetrics `json:"caches"`
	// Lists are its reads of lists by what became of them; empty if it does not count them.
	Lists []ListMetrics `json:"lists"`
	// RedisErrors counts calls to Redis that failed, or were not made because the last ones had.
	RedisErrors       int64 `json:"redis_errors"`
	RedisErrorsDuring int64 `json:"redis_errors_during"`
	// FillsRefused counts lists that were read from the database and not stored, because what they show was being
	// written or had changed meanwhile; Repairs counts writes that nobody had announced to the caches, by the pod whose
	// sweep met them: Sweeps counts those of this one.
	FillsRefused  int64 `json:"fills_refused"`
	Sweeps        int64 `json:"sweeps"`
	SweepsDuring  int64 `json:"sweeps_during"`
	Repairs       int64 `json:"repairs"`
	RepairsDuring int64 `json:"repairs_during"`
}

// PoolMetrics is the state of a server's pool of database connections.
type PoolMetrics struct {
	Idle  int64 `json:"idle"`
	InUse int64 `json:"in_use"`
	Max   int64 `json:"max"`
	// Acquires counts acquired connections, Waited those for which no connection was idle.
	Acquires       int64   `json:"acquires"`
	Waited         int64   `json:"waited"`
	MeanMS         float64 `json:"mean_acquire_ms"`
	AcquiresDuring int64   `json:"acquires_during"`
	WaitedDuring   int64   `json:"waited_during"`
	// Queued counts statements that PgBouncer has announced as waiting for a server connection: 1.25 and newer do after
	// query_wait_notify, 5 s by default.
	Queued       int64   `json:"queued"`
	QueuedDuring int64   `json:"queued_during"`
	MeanDuringMS float64 `json:"mean_acquire_during_ms"`
	// IdleLimitS is the idleness after which the other side has closed the server's connections; 0 where it did not.
	IdleLimitS float64 `json:"idle_limit_s,omitempty"`
	TotalMS    float64 `json:"-"` // that all borrowings took; a rounded mean times a million is none
}

// CacheMetrics is how often one cache was asked, and how often it had the answer.
type CacheMetrics struct {
	Cache string `json:"cache"`
	Asked int64  `json:"asked"`
	Hits  int64  `json:"hits"`
}

// ListMetrics is how often a list was read, and what became of it.
type ListMetrics struct {
	List  string `json:"list"`
	Reads int64  `json:"reads"`
	// Outcomes are those of honeydue_cache_lists_total that have happened.
	Outcomes map[string]int64 `json:"outcomes"`
}

// Free are the reads without the database.
func (l ListMetrics) Free() (n int64) {
	for _, o := range cache.Outcomes() {
		if o.Free() {
			n += l.Outcomes[string(o)]
		}
	}
	return n
}
