package bench

import (
	"math"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
)

// Schema names the shape of a Result as JSON.
const Schema = "honeydue.loadtest/1"

// Result is what a load test found: plain data, times in the unit that the
// field's name ends in. Its JSON, with the schema, version and commit that the
// report puts before it, is a contract with the release pipeline.
type Result struct {
	Verdict   Verdict   `json:"verdict"`
	Reasons   []string  `json:"reasons"`
	Target    string    `json:"target"`
	Profile   string    `json:"profile"`
	StartedAt time.Time `json:"started_at"`
	Run       string    `json:"run"` // the first 16 digits of each trace id
	Server    Server    `json:"server"`
	Phases    []Phase   `json:"phases"`
	Generator Generator `json:"generator"`
	// NotMeasured are phases of the profile that the verdict says nothing about.
	NotMeasured []Skipped `json:"not_measured"`
	// NotSeen is what a report does not show of the server's side, with the reason.
	NotSeen []Unseen `json:"not_seen,omitempty"`
	// Data is what a scenario made on the target for its run, and what became of it.
	Data *ScenarioData `json:"data,omitempty"`
	// Comparison is of a run that compared two servers; its phases are the two.
	Comparison *Comparison `json:"comparison,omitempty"`
	// Earlier is what has changed since a stored run. It decides nothing.
	Earlier *Earlier `json:"compared_with,omitempty"`
	// Capacity is of a run that looked for the highest rate on target.
	Capacity *Capacity `json:"capacity,omitempty"`
}

// Server is what the target said about itself before the run.
type Server struct {
	Version       string  `json:"version,omitempty"`
	Commit        string  `json:"commit,omitempty"`
	ThroughPooler *bool   `json:"through_pooler"` // null: it does not say
	PoolerProof   string  `json:"pooler_proof,omitempty"`
	LinkRTTMS     float64 `json:"link_rtt_ms,omitempty"` // between server and database, where it is known
	// Ablated are decisions that the target says an experiment has turned back.
	Ablated []string `json:"ablated,omitempty"`
	// StartedAt is when the target says that its process has started; zero: it does not say.
	StartedAt time.Time `json:"started_at,omitzero"`
}

// Phase is one phase's figures and verdict.
type Phase struct {
	Name       string         `json:"name"`
	Verdict    Verdict        `json:"verdict"`
	Reasons    []string       `json:"reasons"`
	Requests   int            `json:"requests"`
	Errors     int            `json:"errors"`
	ErrorKinds map[string]int `json:"error_kinds"`
	// Retried is how many tries got no answer, after which Go's HTTP client asked
	// again by itself: the server saw Requests and Retried together.
	Retried     int     `json:"retried,omitempty"`
	Over        int     `json:"over"`         // slower than the target, or failed
	OverAllowed int     `json:"over_allowed"` // -1: too few requests to claim a p99 at all
	TargetMS    float64 `json:"target_p99_ms"`
	// DesignEffect is how much more the slow requests vary from window to window
	// than independent ones would, and EffectiveN how many independent requests
	// tell as much. Absent where there were too few windows to measure it.
	DesignEffect float64        `json:"design_effect,omitempty"`
	EffectiveN   int            `json:"effective_n,omitempty"`
	Goals        []Goal         `json:"goals,omitempty"`
	Latency      Latency        `json:"latency_ms"` // from the scheduled moment
	Service      Parts          `json:"service_ms"` // from a connection in hand to the last byte
	Queue        Parts          `json:"queue_ms"`   // waiting for a connection
	P99CI95MS    [2]*float64    `json:"p99_ci95_ms"`
	Rate         Rate           `json:"rate"`
	Lag          Times          `json:"lag_ms"` // the generator's own lateness
	DBTurns      Turns          `json:"db_turns"`
	Apart        map[string]int `json:"apart"` // samples in another cache state, in none of the figures
	// ApartOver is how many of those of a warm phase were over the target: in none of
	// the figures either, but over all the same, and judged with Over.
	ApartOver  int            `json:"apart_over,omitempty"`
	States     map[string]int `json:"states,omitempty"` // of a mixed phase: the samples in its figures by what they proved
	Restarts   *Restarts      `json:"restarts,omitempty"`
	Routes     []RouteFigures `json:"routes"`
	Slowest    []Slow         `json:"slowest"`
	DurationMS float64        `json:"duration_ms"`
	BytesMean  int64          `json:"bytes_mean"`
	// JSONByEnds is how many good answers were too long (1 MiB) to be read as JSON
	// whole, and were judged by their two ends; all others were read.
	JSONByEnds  int `json:"json_checked_by_ends,omitempty"`
	HTTPVersion int `json:"http_version,omitempty"` // major version that was answered in

	// TurnFreeShare is the share of the requests that took no DB turn; null where none
	// stated its turns. One that failed, or did not state them, took some as far as is known.
	TurnFreeShare *float64 `json:"turn_free_share,omitempty"`
	// Writes are those of a phase whose figures are of reads (evening).
	Writes *Writes `json:"writes,omitempty"`
	// Thresholds are limits in addition to the p99 of the whole phase.
	Thresholds []ThresholdResult `json:"thresholds,omitempty"`
	Timeline   Timeline          `json:"timeline,omitzero"`
	// Server is the phase as the parts behind the target told of it; nil: nobody asked them.
	Server *ServerTimeline `json:"server_timeline,omitempty"`

	latency *stats.Histogram // every latency of the phase; nil: not kept
}

// Writes are the figures of a phase's writes, which are in none of its others.
type Writes struct {
	Requests   int            `json:"requests"`
	Errors     int            `json:"errors"`
	ErrorKinds map[string]int `json:"error_kinds"`
	P50MS      float64        `json:"p50_ms"`
	P99MS      float64        `json:"p99_ms"`
	MaxMS      float64        `json:"max_ms"`
	// DBTurnsPerWrite has all turns of the server in the phase: of reads, sweeps and the
	// background as well. Null where no metrics page was read.
	DBTurnsPerWrite *float64 `json:"db_turns_per_write"`
}

// Latency are the percentiles of a phase. They are null where a phase claims
// none: the first requests after restarts are counted, not ranked. Of a phase
// without requests those that can't be null are 0.
type Latency struct {
	P50  float64  `json:"p50"`
	P90  float64  `json:"p90"`
	P99  *float64 `json:"p99"`
	P999 *float64 `json:"p999"`
	Max  float64  `json:"max"`
}

// Parts are two percentiles of a part of the latency. The p99 is null where the
// latency has none, and where nothing was answered.
type Parts struct {
	P50 float64  `json:"p50"`
	P99 *float64 `json:"p99"`
}

// Times are two percentiles of something beside the latency.
type Times struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// Rate is requests per second.
type Rate struct {
	Planned  float64 `json:"planned"`
	Achieved float64 `json:"achieved"`
}

// Turns are round trips to the database per request, as the server counted them.
type Turns struct {
	P50    int  `json:"p50"`
	Max    int  `json:"max"`
	Stated bool `json:"stated"` // false: the server did not say
}

// Restarts is the claim of the first phase: so many first requests of so many
// restarts were under the target.
type Restarts struct {
	Done      int     `json:"done"`
	Planned   int     `json:"planned"`
	Under     int     `json:"under"`
	TargetMS  float64 `json:"target_ms"`
	SureShare float64 `json:"sure_share"` // of all restarts, claimed at 95%
}

// Goal is one of the project's own targets, stricter than those that decide the
// verdict. It is reported and decides nothing. It limits either a latency or turns.
type Goal struct {
	Text        string   `json:"text"`
	LimitMS     *float64 `json:"limit_ms,omitempty"`
	ActualMS    *float64 `json:"actual_ms,omitempty"`
	LimitTurns  *float64 `json:"limit_turns,omitempty"`
	ActualTurns *float64 `json:"actual_turns,omitempty"`
	Met         bool     `json:"met"`
}

// RouteFigures are one route's part of a phase.
type RouteFigures struct {
	Route    string  `json:"route"`
	Requests int     `json:"requests"`
	Errors   int     `json:"errors"`
	Over     int     `json:"over"`
	P50MS    float64 `json:"p50_ms"`
	P99MS    float64 `json:"p99_ms"`
	MaxMS    float64 `json:"max_ms"`
}

// Slow is one of the slowest requests, and where its time went.
type Slow struct {
	TraceID      string             `json:"trace_id"`
	LatencyMS    float64            `json:"latency_ms"`
	Route        string             `json:"route"`
	ServerTiming map[string]float64 `json:"server_timing"`
	LagMS        float64            `json:"lag_ms"`
	QueueMS      float64            `json:"queue_ms"`
	ServiceMS    float64            `json:"service_ms"`
	// NetworkMS is what is left of the service when the server's own account is taken
	// from it: the way there and back, and waiting where the server does not see it.
	// Null: the server gave no account.
	NetworkMS   *float64 `json:"network_ms,omitempty"`
	TraceURL    string   `json:"trace_url,omitempty"`
	DBTurns     *int     `json:"db_turns"`
	CacheStatus string   `json:"cache_status,omitempty"`
	Status      int      `json:"status"`
	Error       string   `json:"error,omitempty"`
}

// Generator is what the tool says about itself: the worst of all phases.
type Generator struct {
	CPUPct       float64 `json:"cpu_pct"` // of one core
	Cores        int     `json:"cores"`
	LagP99MS     float64 `json:"lag_p99_ms"`
	FloorP99MS   float64 `json:"floor_p99_ms"` // against a server in the same process
	FloorRate    float64 `json:"floor_rate"`   // requests per second of that
	GCPauseMaxMS float64 `json:"gc_pause_max_ms"`
	// Descriptors and Ports are what was in use at the most, towards the target, of what there is; Connections were opened.
	Descriptors Used `json:"descriptors"`
	Ports       Used `json:"ports"`
	Connections int  `json:"connections_opened"`
	// Addresses are those of the target's name, with what was sent to each.
	Addresses []Address `json:"addresses,omitempty"`
}

// Used is how much of something limited was in use at the most. A limit of 0 is
// one that could not be read.
type Used struct {
	Peak  int `json:"peak"`
	Limit int `json:"limit"`
}

// msp is ms for a figure that may be absent.
func msp(d time.Duration) *float64 {
	v := stats.MS(d)
	return &v
}

// round keeps three decimals.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }
