package probe

import "time"

// Schema names the JSON document that a Result is printed as.
const Schema = "honeydue.probe/1"

// Result is everything one probe measured and concluded. It is plain data: Document renders it.
type Result struct {
	Verdict    string    `json:"verdict"`
	StartedAt  time.Time `json:"started_at"`
	DurationMS float64   `json:"duration_ms"`
	// Cost is what the probe itself asked of the servers.
	Cost      Cost          `json:"cost"`
	Findings  []Finding     `json:"findings"`
	Checks    []CheckResult `json:"checks"`
	Endpoints []Endpoint    `json:"endpoints"`
	HotPaths  []HotPath     `json:"hot_paths"`
	Target    *Target       `json:"target,omitempty"`
	// Server, Redis and Cluster are what watching them gave; nil where that was not possible.
	Server  *ServerReport  `json:"server,omitempty"`
	Redis   *RedisReport   `json:"redis,omitempty"`
	Cluster *ClusterReport `json:"cluster,omitempty"`
	// Versions and Settings are what was in force, so that a later probe can say what has changed.
	Versions []Version      `json:"versions,omitempty"`
	Settings []SettingValue `json:"settings,omitempty"`
	// Changes is what differs from the baseline; nil if there was none to compare with.
	Changes []Change `json:"changes,omitempty"`
	// BaselineAt is when the baseline was taken.
	BaselineAt *time.Time `json:"baseline_at,omitempty"`
	// Trial prices the findings' remedies in the lab; nil without --trial. TrialNote says on what.
	Trial     []Trial `json:"trial,omitempty"`
	TrialNote string  `json:"trial_note,omitempty"`

	sketch *sketch
}

// Severity ranks a finding by what it does to users, not by its milliseconds.
type Severity string

// The severities, the gravest first.
const (
	Critical Severity = "critical"
	Warning  Severity = "warning"
	Info     Severity = "info"
)

// AtLeast reports whether s is as grave as floor, or graver.
func (s Severity) AtLeast(floor Severity) bool { return s.rank() <= floor.rank() }

func (s Severity) rank() int {
	switch s {
	case Critical:
		return 0
	case Warning:
		return 1
	default:
		return 2
	}
}

// Status is the outcome of one check. Unknown means that it could not be measured; it is no pass.
type Status string

// The outcomes of a check.
const (
	Pass    Status = "pass"
	Warn    Status = "warn"
	Fail    Status = "fail"
	Unknown Status = "unknown"
)

// Finding is one thing that is wrong, what it costs and how to mend it.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	// Outage marks what fails requests instead of slowing them; its cost is the 5 s for which a request
	// waits in vain.
	Outage   bool   `json:"outage,omitempty"`
	Evidence string `json:"evidence"`
	// CostMS is what the finding adds to a request that meets it; 0 where it costs none or can't be told.
	CostMS  float64 `json:"cost_ms_per_request"`
	Remedy  string  `json:"remedy"`
	Runbook string  `json:"runbook"`

	// sql are the remedy's statements, made by a check of this process; what is read from a file has none.
	sql []string
	// Because is the code of the finding that this one is a symptom of; empty for a cause. What a cause costs is at
	// least what its dearest symptom costs.
	Because string `json:"because,omitempty"`

	about []string
	root  int // tells apart the causes of one code; it is its own for a cause
}

// CheckResult is the outcome of one check of the registry.
type CheckResult struct {
	Code   string `json:"code"`
	Title  string `json:"title"`
	Status Status `json:"status"`
	// DurationMS is how long the evidence took to gather; checks that share evidence share that time.
	DurationMS float64 `json:"duration_ms"`
	Why        string  `json:"why"`
	// Because is the code of the check whose finding explains all that this one found.
	Because string `json:"because,omitempty"`
}

// Endpoint is the connect waterfall of one server and its round trip when warm.
type Endpoint struct {
	Name string `json:"name"`
	// Address is host:port, without user or password.
	Address string `json:"address"`
	// FloorMS is the least of FloorSamples empty queries (PINGs on Redis), JitterMS their median less it.
	FloorMS  float64 `json:"floor_ms"`
	JitterMS float64 `json:"jitter_ms"`
	// ConnectMS and ConnectTurns are the sums over the phases.
	ConnectMS    float64 `json:"connect_ms"`
	ConnectTurns int64   `json:"connect_turns"`
	Phases       []Phase `json:"phases"`
	TLS          *TLS    `json:"tls,omitempty"`
	// SegmentsSent and SegmentsAgain are the kernel's count of TCP segments and of those sent again, at
	// the probe's end; nil where the kernel can't be asked.
	SegmentsSent  *int64 `json:"segments_sent,omitempty"`
	SegmentsAgain *int64 `json:"segments_retransmitted,omitempty"`
	// DirectTLS says whether sslnegotiation=direct works there: supported, refused or in use; empty if it
	// was not tried.
	DirectTLS string `json:"direct_tls,omitempty"`
	// Transfers are results of several sizes, on a hot connection and after idleness.
	Transfers []Transfer `json:"transfers,omitempty"`
	// ProxyBetween is set when TCP's handshake is far faster than a turn: someone nearer answers it.
	ProxyBetween bool     `json:"proxy_between"`
	Notes        []string `json:"notes,omitempty"`
	// Error says in which phase connecting failed; empty if it did not.
	Error string `json:"error,omitempty"`
}

// Phase is one step of connecting. Turns counts round trips: for tcp the handshake's own, for the rest
// a write followed by a read at the socket.
type Phase struct {
	Name  string  `json:"name"`
	Turns int64   `json:"turns"`
	MS    float64 `json:"ms"`
}

// TLS is what the handshake agreed on.
type TLS struct {
	Version string `json:"version"`
	Curve   string `json:"curve"`
	// HelloRetry is set when the server refused the key share offered first, which costs one more turn.
	HelloRetry bool      `json:"hello_retry_request"`
	NotAfter   time.Time `json:"certificate_not_after"`
	NotBefore  time.Time `json:"certificate_not_before"`
}

// Transfer is one result of a size: how long its bytes kept arriving after the first of them.
type Transfer struct {
	KB int `json:"kb"`
	// HotMS is on a connection that has just carried as much, IdleMS after IdleS seconds of silence;
	// IdleMS is nil where that was not tried.
	HotMS  float64  `json:"hot_spread_ms"`
	IdleMS *float64 `json:"idle_spread_ms,omitempty"`
	// ExtraTurns is how many round trips more the idle one took.
	ExtraTurns int `json:"idle_extra_turns"`
}

// HotPath is one hot statement for one kind of user:
// wall = turns x floor (network) + planning + execution + residual.
type HotPath struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	// Turns is the median over the runs, counted at the socket.
	Turns       int64   `json:"turns"`
	WallMS      float64 `json:"wall_ms"`
	NetworkMS   float64 `json:"network_ms"`
	PlanningMS  float64 `json:"planning_ms"`
	ExecutionMS float64 `json:"execution_ms"`
	// ResidualMS is what no other term explains; it may be slightly negative, since each term is measured.
	ResidualMS float64 `json:"residual_ms"`
	// ResidualName is "pooler wait" where an empty query beside it, or SHOW POOLS, agrees; else empty.
	ResidualName string `json:"residual_name,omitempty"`
	// BesideMS is the median of empty queries sent at the same moments on another connection.
	BesideMS float64 `json:"beside_ms"`
	Runs     int     `json:"runs"`
	Rows     int64   `json:"rows"`
	// Access names the index or the sequential scan by which each table is reached.
	Access []string `json:"access,omitempty"`
	// PlanHash names the shape of Plan: two plans with the same kinds of step on the same tables and indexes
	// have the same.
	PlanHash string `json:"plan_hash,omitempty"`
	// FirstRun is what the statement met when the probe first ran it; nil where it was not run.
	FirstRun *FirstRun `json:"first_run,omitempty"`
	// S14 judges the execution against the promise of mission S14.
	S14  S14Verdict `json:"s14"`
	Plan *Plan      `json:"plan"`
	// GenericPlan is the plan Postgres would use if it stopped looking at the values; nil where it could
	// not be asked for safely (it needs the direct endpoint).
	GenericPlan *Plan  `json:"generic_plan"`
	Error       string `json:"error,omitempty"`
}

// FirstRun is a statement's first execution under ANALYZE, before it had warmed anything.
type FirstRun struct {
	ExecutionMS float64 `json:"execution_ms"`
	// HitBlocks were in Postgres's memory and ReadBlocks were not; of 8 KiB each.
	HitBlocks  float64 `json:"hit_blocks"`
	ReadBlocks float64 `json:"read_blocks"`
}

// S14Verdict says whether a hot statement keeps S14: at most 1 ms of execution for the median user, 8 ms
// for 200 tasks, by index or bitmap scans.
type S14Verdict struct {
	Status  Status  `json:"status"`
	LimitMS float64 `json:"limit_ms"`
	Why     string  `json:"why,omitempty"`
}

// Cost is the load that a probe puts on the servers.
type Cost struct {
	DBTurns    int64   `json:"db_turns"`
	Connects   int     `json:"connects"`
	DBMS       float64 `json:"db_ms"`
	RedisTurns int64   `json:"redis_turns"`
	// CatalogMS is what the server spent on the views that were watched; it is no part of DBMS.
	CatalogMS float64 `json:"catalog_ms,omitempty"`
	// ClusterRequests is how often the cluster's API was asked.
	ClusterRequests int `json:"cluster_requests,omitempty"`
	// Rows is how many rows the hot statements gave to the probe, timed or under EXPLAIN ANALYZE.
	Rows int64 `json:"rows"`
	// TargetRequests is how many requests a running server had to answer.
	TargetRequests int64 `json:"target_requests,omitempty"`
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
// wall = client network + ingress + app + acquire + turns (turns x floor) + the database's rest + Redis.
type TargetRead struct {
	Route  string `json:"route"`
	Authed bool   `json:"authed"`
	Status int    `json:"status"`
	// Runs counts the answers after the first, which warms what it can and is told apart.
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
	// TurnsMS is turns x the floor that the probe measured itself, DBRestMS what the server waited beyond that.
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
	// Caches are its look-ups by cache.
	Caches []CacheMetrics `json:"caches"`
	// RedisErrors counts calls to Redis that failed, or were not made because the last ones had.
	RedisErrors       int64 `json:"redis_errors"`
	RedisErrorsDuring int64 `json:"redis_errors_during"`
}

// PoolMetrics is the state of a server's pool of database connections.
type PoolMetrics struct {
	Idle  int64 `json:"idle"`
	InUse int64 `json:"in_use"`
	Max   int64 `json:"max"`
	// Acquires counts borrowings, Waited those that found no idle connection.
	Acquires       int64   `json:"acquires"`
	Waited         int64   `json:"waited"`
	MeanMS         float64 `json:"mean_acquire_ms"`
	AcquiresDuring int64   `json:"acquires_during"`
	WaitedDuring   int64   `json:"waited_during"`
	MeanDuringMS   float64 `json:"mean_acquire_during_ms"`
}

// CacheMetrics is how often one cache was asked, and how often it had the answer.
type CacheMetrics struct {
	Cache string `json:"cache"`
	Asked int64  `json:"asked"`
	Hits  int64  `json:"hits"`
}

// Worst returns the gravest severity among the findings, and false if there is none.
func (r Result) Worst() (Severity, bool) {
	if len(r.Findings) == 0 {
		return "", false
	}
	worst := Info
	for _, f := range r.Findings {
		if f.Severity.AtLeast(worst) {
			worst = f.Severity
		}
	}
	return worst, true
}
