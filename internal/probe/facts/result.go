package facts

import (
	"time"
)

// Change is one thing that differs from a baseline.
type Change struct {
	What   string `json:"what"`
	Before string `json:"before"`
	After  string `json:"after"`
	// DeltaMS is the change in a request's time in ms; 0 where that is not known.
	DeltaMS float64 `json:"delta_ms"`
	// Worse is false for what has got better, or is merely different.
	Worse bool `json:"worse"`
}

// Version is what a part of the system says it is.
type Version struct {
	Of      string `json:"of"`
	Version string `json:"version"`
}

// SettingValue is one of the app's tuned settings as it is in force.
type SettingValue struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Drifted bool   `json:"drifted,omitempty"`
}

// Schema names the JSON document that a Result is printed as.
const Schema = "honeydue.probe/1"

// Result is everything one probe measured and concluded. It is plain data: Document renders it.
type Result struct {
	Verdict    string    `json:"verdict"`
	StartedAt  time.Time `json:"started_at"`
	DurationMS float64   `json:"duration_ms"`
	// Interrupted is set if the probe was ended early; checks without a measurement by then are unknown.
	Interrupted bool `json:"interrupted,omitempty"`
	// Unjudged names the hot paths, and the cache, of which nothing at all is known although they were asked for.
	Unjudged []string `json:"unjudged,omitempty"`
	// Cost is what the probe itself asked of the servers.
	Cost      Cost          `json:"cost"`
	Findings  []Finding     `json:"findings"`
	Checks    []CheckResult `json:"checks"`
	Endpoints []Endpoint    `json:"endpoints"`
	HotPaths  []HotPath     `json:"hot_paths"`
	// SubjectsFrom names the statement that picked the users: subject_pick, or a coarser one where that
	// would have read a table from end to end.
	SubjectsFrom string  `json:"subjects_from,omitempty"`
	Target       *Target `json:"target,omitempty"`
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

	Sketch *Sketch `json:"-"`
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
func (s Severity) AtLeast(floor Severity) bool { return s.Rank() <= floor.Rank() }

// Rank orders severities, the gravest first.
func (s Severity) Rank() int {
	switch s {
	case Critical:
		return 0
	case Warning:
		return 1
	default:
		return 2
	}
}

// Status is the outcome of one check. Unknown means that it could not be measured; it is no pass. Remark is a pass with
// something beside it that is worth knowing.
type Status string

// The outcomes of a check.
const (
	Pass    Status = "pass"
	Remark  Status = "info"
	Warn    Status = "warn"
	Fail    Status = "fail"
	Unknown Status = "unknown"
)

// Finding is one problem, its cost and its fix.
type Finding struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	// Outage marks a finding that makes requests fail instead of slow; its cost is the 5 s that a request waits.
	Outage bool `json:"outage,omitempty"`
	// WrongAnswers marks a finding that gives a client another client's data: it ranks above any time.
	WrongAnswers bool   `json:"wrong_answers,omitempty"`
	Evidence     string `json:"evidence"`
	// CostMS is the time that the finding adds to an affected request; 0 where that is none or not known.
	CostMS  float64 `json:"cost_ms_per_request"`
	Remedy  string  `json:"remedy"`
	Runbook string  `json:"runbook"`

	// SQL are the remedy's statements, made by a check of this process; what is read from a file has none.
	SQL []string `json:"-"`
	// Because is the code of the finding that this one is a symptom of; empty for a cause. What a cause costs is at
	// least what its most expensive symptom costs.
	Because string `json:"because,omitempty"`

	About []string `json:"-"`
	// Root is the same number for a cause and for all that it explains; it tells apart the causes of one code.
	Root   int     `json:"root"`
	Weighs float64 `json:"-"` // in ms, see weight
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

	// Unasked is set where it is unknown because nobody named what it is about, given where the settings are enough to
	// judge, and nothing is measured.
	Unasked bool `json:"unasked,omitempty"`
	Given   bool `json:"settings_only,omitempty"`
}

// Endpoint is the connect waterfall of one server and its round trip when warm.
type Endpoint struct {
	Name string `json:"name"`
	// Address is host:port, without user or password.
	Address string `json:"address"`
	// FloorMS is the least of FloorSamples empty queries (PINGs on Redis). JitterMS is the median less FloorMS of those that did
	// not have to wait for a server connection of a pooler. Both are 0 where there were fewer than three of these, and then
	// neither is known.
	FloorMS       float64 `json:"floor_ms"`
	JitterMS      float64 `json:"jitter_ms"`
	FloorSamples  int     `json:"floor_samples"`
	JitterSamples int     `json:"-"` // those that JitterMS is of
	// ConnectMS and ConnectTurns are the sums over the phases.
	ConnectMS    float64 `json:"connect_ms"`
	ConnectTurns int64   `json:"connect_turns"`
	Phases       []Phase `json:"phases"`
	TLS          *TLS    `json:"tls,omitempty"`
	// SegmentsSent and SegmentsAgain are the kernel's count of TCP segments and of those sent again, at
	// the probe's end; nil where the kernel can't be asked.
	SegmentsSent  *int64 `json:"segments_sent,omitempty"`
	SegmentsAgain *int64 `json:"segments_retransmitted,omitempty"`
	// SegmentsDisordered is how many segments with data came before one that was sent earlier.
	SegmentsDisordered *int64 `json:"segments_out_of_order,omitempty"`
	// DirectTLS says whether sslnegotiation=direct works there: supported, refused or in use; empty if it
	// was not tried.
	DirectTLS string `json:"direct_tls,omitempty"`
	// Transfers are results of several sizes, on a hot connection and after idleness.
	Transfers []Transfer `json:"transfers,omitempty"`
	// TCPRoundTripMS is TCP's own round trip, the least of the handshake's and of what the kernel has seen;
	// 0 where it is not known. ProxyBetween is set when it is far shorter than a turn: someone nearer ends
	// the connection.
	TCPRoundTripMS float64  `json:"tcp_round_trip_ms,omitempty"`
	ProxyBetween   bool     `json:"proxy_between"`
	Notes          []string `json:"notes,omitempty"`
	// Error says in which phase connecting failed; empty if it did not.
	Error string `json:"error,omitempty"`
}

// Sum adds up the phases.
func (e *Endpoint) Sum() {
	e.ConnectMS, e.ConnectTurns = 0, 0
	for _, p := range e.Phases {
		e.ConnectMS += p.MS
		e.ConnectTurns += p.Turns
	}
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
// wall = turns x minimum RTT (network) + planning + execution + residual.
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
	// ResidualName is "pooler wait" where the control query or SHOW POOLS agrees; else empty.
	ResidualName string `json:"residual_name,omitempty"`
	// ControlMS is the median of the control queries: empty ones, sent at the same moments on another connection.
	ControlMS float64 `json:"beside_ms"`
	Runs      int     `json:"runs"`
	Rows      int64   `json:"rows"`
	// Access names the index or the sequential scan by which each table is reached.
	Access []string `json:"access,omitempty"`
	// PlanHash names the shape of Plan: two plans with the same kinds of step on the same tables and indexes
	// have the same.
	PlanHash string `json:"plan_hash,omitempty"`
	// FirstRun is what the statement met when the probe first ran it; nil where it was not run.
	FirstRun *FirstRun `json:"first_run,omitempty"`
	// LaterRuns is what the runs after the first met, of these the one that read the fewest blocks, without sequential scans;
	// nil where there was no second run.
	LaterRuns *Blocks `json:"later_runs,omitempty"`
	// S14 judges the execution against the execution SLO.
	S14  S14Verdict `json:"s14"`
	Plan *Plan      `json:"plan"`
	// GenericPlan is the plan Postgres would use if it stopped looking at the values; nil where it could
	// not be asked for safely (it needs the direct endpoint).
	GenericPlan *Plan  `json:"generic_plan"`
	Error       string `json:"error,omitempty"`
	// NotMeasured is why a term is missing although nothing failed: one of the probe's own timeouts.
	NotMeasured string `json:"not_measured,omitempty"`
	// EndedAfterMS is set where the probe's timeout ended the execution: it takes at least this long.
	EndedAfterMS float64 `json:"ended_after_ms,omitempty"`

	// Starved is set where no answer came in time because of the pooler.
	Starved bool `json:"-"`
	// Waiting is how many clients were seen in the pooler's queue meanwhile, -1 if that is not known; see measured.
	Waiting int64 `json:"-"`
	// SQLState is that of Error; empty if it is no server's.
	SQLState string `json:"-"`
}

// TookAtLeast is the execution in ms, or how long the probe let it go on.
func (h HotPath) TookAtLeast() float64 { return max(h.ExecutionMS, h.EndedAfterMS) }

// FirstRun is a statement's first execution under ANALYZE, before it had warmed anything.
type FirstRun struct {
	ExecutionMS float64 `json:"execution_ms"`
	// HitBlocks were in Postgres's memory and ReadBlocks were not; of 8 KiB each.
	HitBlocks  float64 `json:"hit_blocks"`
	ReadBlocks float64 `json:"read_blocks"`
}

// Blocks are pages of 8 KiB, by where Postgres found them: in its own memory, or outside of it.
type Blocks struct {
	Hit  float64 `json:"hit_blocks"`
	Read float64 `json:"read_blocks"`
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
	DBTurns  int64 `json:"db_turns"`
	Connects int   `json:"connects"`
	// DBMS is what the server spent under EXPLAIN ANALYZE. The timed runs come on top: the server does not tell what
	// they took, about as much each as the plan says (HotPath.PlanningMS and ExecutionMS).
	DBMS float64 `json:"db_ms"`
	// WorkMS is its CPU time for the fixed amount of work that HD-D24 times; it is no part of DBMS.
	WorkMS     float64 `json:"work_ms,omitempty"`
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
