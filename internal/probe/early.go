package probe

import (
	"slices"
	"sync"
)

// early reports what can't be used at all as soon as that is certain, long before the probe is over. It judges copies of
// what had been measured at a moment; what a finding says may have more to it in the end, when its cause or its cost are
// known better.
type early struct {
	found func(Finding)
	all   sync.WaitGroup
	mu    sync.Mutex
	codes []string // reported so far
}

// startEarly begins to wait for what is certain. The caller waits for its end.
func (o *observation) startEarly(s *session, r *reaching, target *targetUnderWay) *early {
	e := &early{found: o.config.Certain}
	if e.found == nil {
		return e
	}
	snapshot := func() *observation { return &observation{config: o.config, mode: o.mode} }
	database := make(chan struct{}) // closed when everything about the way to the database has been reported
	e.all.Go(func() {
		defer close(database)
		<-r.pooler
		<-r.startup
		now := snapshot()
		now.pooler, now.ways.startup = r.poolerThen, o.ways.startup
		if now.pooler != nil && now.pooler.failed != nil {
			e.report(now, "HD-N02", "HD-N03", "HD-P01", "HD-P08")
		}
		<-r.direct
		<-r.console
		now.direct, now.ways.console, now.ways.database = r.directThen, r.consoleThen, o.ways.database
		if now.pooler != nil {
			e.report(now, "HD-N02", "HD-N03", "HD-P01", "HD-P08", "HD-P05", "HD-P07", "HD-D01", "HD-D02", "HD-D07", "HD-D19")
		}
	})
	e.all.Go(func() {
		<-s.redisReached
		if o.redis != nil && o.redis.failed != nil {
			now := snapshot()
			now.redis = o.redis
			e.report(now, "HD-R01", "HD-R11")
		}
	})
	if target.done != nil {
		e.all.Go(func() {
			<-target.tried
			now := snapshot()
			now.target, now.targetFailed = &target.then, target.thenFailed
			e.report(now, "HD-T01")
			<-database
			// Restarts of a pod explain more, and the cluster takes longer to say so.
			if o.config.Cluster == nil {
				now.pooler, now.direct, now.ways = r.poolerThen, r.directThen, waysFacts{startup: o.ways.startup, console: r.consoleThen, database: o.ways.database}
				e.report(now, "HD-T02", "HD-N02", "HD-N03", "HD-P01", "HD-P05", "HD-P07", "HD-P08", "HD-D01", "HD-D07")
			}
		})
	}
	return e
}

// ofTheApp reports what makes the app's own requests fail, once its pool was opened and the catalogue read.
func (e *early) ofTheApp(o *observation, s *session, r *reaching) {
	if e.found == nil {
		return
	}
	now := &observation{
		config: o.config, mode: o.mode, pooler: r.poolerThen, direct: r.directThen, facts: o.facts, factsFailed: o.factsFailed,
		schema: o.schema, schemaFailed: o.schemaFailed, expected: o.expected, pending: o.pending, migrationsFailed: o.migrationsFailed,
		app: o.app, poolFailed: s.dbFailed,
	}
	if s.db != nil {
		p := s.db.Proof()
		now.proof = &p
	}
	e.reportIf(now, func(f Finding) bool { return f.Outage }, "HD-D03", "HD-D19", "HD-D21", "HD-P15", "HD-Q19")
}

// report reports what these checks find and no other one explains, each code once.
func (e *early) report(o *observation, codes ...string) {
	e.reportIf(o, func(f Finding) bool { return f.Severity != Info }, codes...)
}

func (e *early) reportIf(o *observation, such func(Finding) bool, codes ...string) {
	checks := slices.DeleteFunc(registry(), func(c check) bool { return !slices.Contains(codes, c.code) })
	_, findings := judge(checks, o, o.config.Only, o.config.Skip)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range findings {
		if f.Because == "" && such(f) && !slices.Contains(e.codes, f.Code) {
			e.codes = append(e.codes, f.Code)
			e.found(f)
		}
	}
}
