package facts

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// Part is something that a check may need to judge at all.
type Part string

// What a check may need; the value says it in words.
const (
	AskedPooler   Part = "the app's endpoint was tried"
	AskedDirect   Part = "the direct endpoint was tried"
	AskedRedis    Part = "Redis was tried"
	AskedTarget   Part = "the running server was asked"
	UpPooler      Part = "the app's endpoint answers"
	UpDirect      Part = "the direct endpoint answers"
	UpRedis       Part = "Redis answers"
	UpTarget      Part = "the running server answers"
	KnowsSchema   Part = "the catalog was read"
	KnowsPlans    Part = "statements were explained"
	KnowsWalls    Part = "statements were run"
	KnowsSettings Part = "the settings are known"
	KnowsFacts    Part = "the statistics were read"
	HasBaseline   Part = "a baseline was given"
	AskedServer   Part = "the database was tried"
	WatchedServer Part = "the database was watched"
	WatchedRedis  Part = "Redis was watched"
	AskedCluster  Part = "the cluster was asked"
	KnowsReads    Part = "the running server's reads were timed"
	KnowsMetrics  Part = "the running server's metrics were read"
)

// Observation is everything that was measured, for the checks to judge.
type Observation struct {
	Config Config
	// Mode is the execution mode that the probe itself used: the app's, or exec where that is not safe.
	Mode string

	Pooler, Direct *PGServer // nil if not configured
	Redis          *RedisServer
	Target         *Target
	TargetFailed   *Failure
	TargetServer   *TargetServer

	Schema           *SchemaFacts
	SchemaFailed     *Failure
	Expected         []store.Index
	Pending          []string
	Facts            *DatabaseFacts
	FactsFailed      *Failure
	Promises         map[string]Promise // by the index's name
	MigrationsFailed *Failure

	Picks        []*Plan // of the ways to pick users; nil if they were not explained with the catalogue
	SubjectsFrom string  // the statement that picked the users
	Hot          []HotPath
	PlansFailed  string // why there are none
	Walls        bool
	WallsFailed  string
	Pools        *store.Pools
	Ways         WaysFacts
	App          appTest
	Work         ServerWork
	// Proof is what the app's pool learned when it was opened, poolFailed why it could not be.
	Proof      *store.Proof
	PoolFailed *Failure
	Lookups    Lookups

	// Server is what watching Postgres gave; nil if there was none to watch.
	Server  *ServerFacts
	Cluster *ClusterFacts // nil if none is configured

	Cost  Cost
	Times map[Part]time.Duration
}

const outOfTime = "The probe ended before it answered; use a longer --timeout."

// Missing says why a part is not there, or nothing if it is.
func (o *Observation) Missing(p Part) string {
	switch p {
	case AskedPooler:
		if o.Pooler == nil {
			return "DATABASE_URL is not set."
		}
		return IfNot(!o.Pooler.Failed.OutOfTime(), outOfTime)
	case AskedDirect:
		if o.Direct == nil {
			return "DATABASE_DIRECT_URL is not set."
		}
		return IfNot(!o.Direct.Failed.OutOfTime(), outOfTime)
	case AskedRedis:
		if o.Redis == nil {
			return "REDIS_URL is not set; the app uses an in-process cache."
		}
		return IfNot(!o.Redis.Failed.OutOfTime(), outOfTime)
	case AskedTarget:
		if o.Target == nil {
			return "No --target was given."
		}
		return IfNot(!o.TargetFailed.OutOfTime(), outOfTime)
	case UpPooler:
		if why := o.Missing(AskedPooler); why != "" {
			return why
		}
		return IfNot(o.Pooler.Failed == nil, "The app's endpoint cannot be used.")
	case UpDirect:
		if why := o.Missing(AskedDirect); why != "" {
			return why
		}
		return IfNot(o.Direct.Failed == nil, "The direct endpoint cannot be used.")
	case UpRedis:
		if why := o.Missing(AskedRedis); why != "" {
			return why
		}
		return IfNot(o.Redis.Failed == nil, "Redis cannot be used.")
	case UpTarget:
		if why := o.Missing(AskedTarget); why != "" {
			return why
		}
		return IfNot(o.TargetFailed == nil, "The running server does not answer.")
	case KnowsSchema:
		if o.SchemaFailed != nil {
			return fmt.Sprintf("The database catalog could not be read: %s.", o.SchemaFailed)
		}
		return IfNot(o.Schema != nil, "No database answers.")
	case KnowsPlans:
		return IfNot(len(o.Hot) > 0, cmp.Or(o.PlansFailed, "No database answers."))
	case KnowsWalls:
		return IfNot(o.Walls, cmp.Or(o.WallsFailed, "The app's endpoint cannot be used."))
	case KnowsFacts:
		if o.FactsFailed != nil {
			return fmt.Sprintf("The statistics could not be read: %s.", o.FactsFailed)
		}
		return IfNot(o.Facts != nil, "No database answers.")
	case HasBaseline:
		return IfNot(o.Config.Baseline != nil, "No --baseline was given.")
	case AskedServer:
		return IfNot(o.Pooler != nil || o.Direct != nil, "No database is configured.")
	case WatchedServer:
		return o.Server.Why()
	case WatchedRedis:
		if why := o.Missing(UpRedis); why != "" {
			return why
		}
		return o.Redis.Why()
	case AskedCluster:
		return IfNot(o.Cluster != nil, "No cluster is configured.")
	case KnowsReads:
		if why := o.Missing(UpTarget); why != "" {
			return why
		}
		return IfNot(slices.ContainsFunc(o.Target.Reads, TargetRead.told), cmp.Or(o.TargetServer.ReadsFailed, "No read of the running server was timed."))
	case KnowsMetrics:
		return IfNot(o.Target != nil && o.Target.Metrics != nil, o.metricsMissing())
	case KnowsSettings:
		return IfNot(len(o.Config.Settings) > 0, "The settings are unknown.")
	}
	return fmt.Sprintf("%q is not known.", string(p))
}

// Unasked reports whether a part is missing because nobody named what it is about; targets, baselines and clusters
// are left out by applies.
func (o *Observation) Unasked(p Part) bool {
	c := o.Config
	switch p {
	case AskedPooler, UpPooler:
		return c.URL == ""
	case KnowsWalls:
		return c.URL == "" || c.NoAnalyze
	case AskedDirect, UpDirect:
		return c.DirectURL == ""
	case AskedRedis, UpRedis, WatchedRedis:
		return c.RedisURL == ""
	case AskedServer, WatchedServer, KnowsSchema, KnowsPlans, KnowsFacts:
		return c.URL == "" && c.DirectURL == ""
	}
	return false
}

// Took is how long the evidence for these parts took to gather.
func (o *Observation) Took(parts []Part) time.Duration {
	var longest time.Duration
	for _, p := range parts {
		longest = max(longest, o.Times[p])
	}
	return longest
}

// Endpoints are all that were tried.
func (o *Observation) Endpoints() []Endpoint {
	out := []Endpoint{}
	for _, s := range []*PGServer{o.Pooler, o.Direct} {
		if s != nil {
			out = append(out, s.Endpoint)
		}
	}
	if o.Redis != nil {
		out = append(out, o.Redis.Endpoint)
	}
	if o.Ways.Web != nil {
		out = append(out, o.Ways.Web.Endpoint)
	}
	return out
}

// IfNot is why, unless ok.
func IfNot(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

// HotStatements are the statements of the catalog on which the warm reads depend.
func HotStatements() []store.Query {
	var out []store.Query
	for _, q := range store.Catalogue() {
		if q.Hot {
			out = append(out, q)
		}
	}
	return out
}

// Clock notes how long the evidence for these parts took to gather.
func (o *Observation) Clock(d time.Duration, parts ...Part) {
	for _, p := range parts {
		o.Times[p] = d
	}
}

// FailureText says why there is no database; a nil failure means that none is configured or answers.
func FailureText(f *Failure) string {
	if f == nil {
		return "no database answers"
	}
	return f.Error()
}
