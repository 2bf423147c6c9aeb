package probe

import (
	"fmt"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// part is something that a check may need to judge at all.
type part string

const (
	askedPooler   part = "the app's endpoint was tried"
	askedDirect   part = "the direct endpoint was tried"
	askedRedis    part = "Redis was tried"
	askedTarget   part = "the running server was asked"
	upPooler      part = "the app's endpoint answers"
	upDirect      part = "the direct endpoint answers"
	upRedis       part = "Redis answers"
	upTarget      part = "the running server answers"
	knowsSchema   part = "the catalog was read"
	knowsPlans    part = "statements were explained"
	knowsWalls    part = "statements were run"
	knowsSettings part = "the settings are known"
	knowsFacts    part = "the statistics were read"
	hasBaseline   part = "a baseline was given"
	askedServer   part = "the database was tried"
	watchedServer part = "the database was watched"
	watchedRedis  part = "Redis was watched"
	askedCluster  part = "the cluster was asked"
	knowsReads    part = "the running server's reads were timed"
	knowsMetrics  part = "the running server's metrics were read"
)

// observation is everything that was measured, for the checks to judge.
type observation struct {
	config Config
	// mode is the execution mode that the probe itself used: the app's, or exec where that is not safe.
	mode string

	pooler, direct *pgServer // nil if not configured
	redis          *redisServer
	target         *Target
	targetFailed   *failure
	targetServer   *targetServer

	schema           *schemaFacts
	schemaFailed     *failure
	expected         []store.Index
	pending          []string
	facts            *databaseFacts
	factsFailed      *failure
	promises         map[string]promise // by the index's name
	migrationsFailed *failure

	picks        []*Plan // of the ways to pick users; nil if they were not explained with the catalogue
	subjectsFrom string  // the statement that picked the users
	hot          []HotPath
	plansFailed  string // why there are none
	walls        bool
	wallsFailed  string
	pools        *store.Pools
	ways         waysFacts
	app          appTest
	work         serverWork
	// proof is what the app's pool learned when it was opened, poolFailed why it could not be.
	proof      *store.Proof
	poolFailed *failure
	lookups    lookups

	// server is what watching Postgres gave; nil if there was none to watch.
	server  *serverFacts
	cluster *clusterFacts // nil if none is configured

	cost  Cost
	times map[part]time.Duration
}

const outOfTime = "The probe ended before it answered; use a longer --timeout."

// missing says why a part is not there, or nothing if it is.
func (o *observation) missing(p part) string {
	switch p {
	case askedPooler:
		if o.pooler == nil {
			return "DATABASE_URL is not set."
		}
		return ifNot(!o.pooler.failed.outOfTime(), outOfTime)
	case askedDirect:
		if o.direct == nil {
			return "DATABASE_DIRECT_URL is not set."
		}
		return ifNot(!o.direct.failed.outOfTime(), outOfTime)
	case askedRedis:
		if o.redis == nil {
			return "REDIS_URL is not set; the app uses an in-process cache."
		}
		return ifNot(!o.redis.failed.outOfTime(), outOfTime)
	case askedTarget:
		if o.target == nil {
			return "No --target was given."
		}
		return ifNot(!o.targetFailed.outOfTime(), outOfTime)
	case upPooler:
		if why := o.missing(askedPooler); why != "" {
			return why
		}
		return ifNot(o.pooler.failed == nil, "The app's endpoint cannot be used.")
	case upDirect:
		if why := o.missing(askedDirect); why != "" {
			return why
		}
		return ifNot(o.direct.failed == nil, "The direct endpoint cannot be used.")
	case upRedis:
		if why := o.missing(askedRedis); why != "" {
			return why
		}
		return ifNot(o.redis.failed == nil, "Redis cannot be used.")
	case upTarget:
		if why := o.missing(askedTarget); why != "" {
			return why
		}
		return ifNot(o.targetFailed == nil, "The running server does not answer.")
	case knowsSchema:
		if o.schemaFailed != nil {
			return fmt.Sprintf("The database catalog could not be read: %s.", o.schemaFailed)
		}
		return ifNot(o.schema != nil, "No database answers.")
	case knowsPlans:
		return ifNot(len(o.hot) > 0, orElse(o.plansFailed, "No database answers."))
	case knowsWalls:
		return ifNot(o.walls, orElse(o.wallsFailed, "The app's endpoint cannot be used."))
	case knowsFacts:
		if o.factsFailed != nil {
			return fmt.Sprintf("The statistics could not be read: %s.", o.factsFailed)
		}
		return ifNot(o.facts != nil, "No database answers.")
	case hasBaseline:
		return ifNot(o.config.Baseline != nil, "No --baseline was given.")
	case askedServer:
		return ifNot(o.pooler != nil || o.direct != nil, "No database is configured.")
	case watchedServer:
		return o.server.why()
	case watchedRedis:
		if why := o.missing(upRedis); why != "" {
			return why
		}
		return o.redis.why()
	case askedCluster:
		return ifNot(o.cluster != nil, "No cluster is configured.")
	case knowsReads:
		if why := o.missing(upTarget); why != "" {
			return why
		}
		return ifNot(slices.ContainsFunc(o.target.Reads, TargetRead.told), orElse(o.targetServer.readsFailed, "No read of the running server was timed."))
	case knowsMetrics:
		return ifNot(o.target != nil && o.target.Metrics != nil, o.metricsMissing())
	case knowsSettings:
		return ifNot(len(o.config.Settings) > 0, "The settings are unknown.")
	}
	return fmt.Sprintf("%q is not known.", string(p))
}

// unasked reports whether a part is missing because nobody named what it is about; targets, baselines and clusters
// are left out by applies.
func (o *observation) unasked(p part) bool {
	c := o.config
	switch p {
	case askedPooler, upPooler:
		return c.URL == ""
	case knowsWalls:
		return c.URL == "" || c.NoAnalyze
	case askedDirect, upDirect:
		return c.DirectURL == ""
	case askedRedis, upRedis, watchedRedis:
		return c.RedisURL == ""
	case askedServer, watchedServer, knowsSchema, knowsPlans, knowsFacts:
		return c.URL == "" && c.DirectURL == ""
	}
	return false
}

// took is how long the evidence for these parts took to gather.
func (o *observation) took(parts []part) time.Duration {
	var longest time.Duration
	for _, p := range parts {
		longest = max(longest, o.times[p])
	}
	return longest
}

// result is the observation as plain data.
func (o *observation) result() Result {
	r := Result{
		Endpoints: o.endpoints(), HotPaths: o.hot, Target: o.target, Cost: o.cost,
		Versions: o.versions(), Settings: o.settings(), SubjectsFrom: o.subjectsFrom, sketch: o.sketch(),
		Server: o.serverReport(), Redis: o.redisReport(), Cluster: o.clusterReport(),
	}
	if r.HotPaths == nil {
		r.HotPaths = []HotPath{}
	}
	return r
}

// endpoints are all that were tried.
func (o *observation) endpoints() []Endpoint {
	out := []Endpoint{}
	for _, s := range []*pgServer{o.pooler, o.direct} {
		if s != nil {
			out = append(out, s.endpoint)
		}
	}
	if o.redis != nil {
		out = append(out, o.redis.endpoint)
	}
	if o.ways.web != nil {
		out = append(out, o.ways.web.endpoint)
	}
	return out
}

func ifNot(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
