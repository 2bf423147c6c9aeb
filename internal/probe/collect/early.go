package collect

import (
	"slices"
	"sync"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// early reports what can't be used at all as soon as that is certain, long before the probe is over. It judges copies of
// what had been measured at a moment; what a finding says may have more to it in the end, when its cause or its cost are
// known better.
type early struct {
	found func(facts.Finding)
	all   sync.WaitGroup
	mu    sync.Mutex
	codes []string // reported so far
}

// startEarly begins to wait for what is certain. The caller waits for its end.
func startEarly(o *facts.Observation, s *session, r *reaching, target *targetUnderWay) *early {
	e := &early{found: o.Config.Certain}
	if e.found == nil {
		return e
	}
	snapshot := func() *facts.Observation { return &facts.Observation{Config: o.Config, Mode: o.Mode} }
	database := make(chan struct{}) // closed when everything about the way to the database has been reported
	e.all.Go(func() {
		defer close(database)
		<-r.pooler
		<-r.startup
		now := snapshot()
		now.Pooler, now.Ways.Startup = r.poolerThen, o.Ways.Startup
		if now.Pooler != nil && now.Pooler.Failed != nil {
			e.report(now, "HD-N02", "HD-N03", "HD-P01", "HD-P08")
		}
		<-r.direct
		<-r.console
		now.Direct, now.Ways.Console, now.Ways.Database = r.directThen, r.consoleThen, o.Ways.Database
		if now.Pooler != nil {
			e.report(now, "HD-N02", "HD-N03", "HD-P01", "HD-P08", "HD-P05", "HD-P07", "HD-D01", "HD-D02", "HD-D07", "HD-D19")
		}
	})
	e.all.Go(func() {
		<-s.redisReached
		if o.Redis != nil && o.Redis.Failed != nil {
			now := snapshot()
			now.Redis = o.Redis
			e.report(now, "HD-R01", "HD-R11")
		}
	})
	if target.done != nil {
		e.all.Go(func() {
			<-target.tried
			now := snapshot()
			now.Target, now.TargetFailed = &target.then, target.thenFailed
			e.report(now, "HD-T01")
			<-database
			// Restarts of a pod explain more, and the cluster takes longer to say so.
			if o.Config.Cluster == nil {
				now.Pooler, now.Direct, now.Ways = r.poolerThen, r.directThen, facts.WaysFacts{Startup: o.Ways.Startup, Console: r.consoleThen, Database: o.Ways.Database}
				e.report(now, "HD-T02", "HD-N02", "HD-N03", "HD-P01", "HD-P05", "HD-P07", "HD-P08", "HD-D01", "HD-D07")
			}
		})
	}
	return e
}

// ofTheApp reports what makes the app's own requests fail, once its pool was opened and the catalogue read.
func (e *early) ofTheApp(o *facts.Observation, s *session, r *reaching) {
	if e.found == nil {
		return
	}
	now := &facts.Observation{
		Config: o.Config, Mode: o.Mode, Pooler: r.poolerThen, Direct: r.directThen, Facts: o.Facts, FactsFailed: o.FactsFailed,
		Schema: o.Schema, SchemaFailed: o.SchemaFailed, Expected: o.Expected, Pending: o.Pending, MigrationsFailed: o.MigrationsFailed,
		App: o.App, PoolFailed: s.dbFailed,
	}
	if s.db != nil {
		p := s.db.Proof()
		now.Proof = &p
	}
	e.reportIf(now, func(f facts.Finding) bool { return f.Outage }, "HD-D03", "HD-D19", "HD-D21", "HD-P15", "HD-Q19")
}

// report reports what these checks find and no other one explains, each code once.
func (e *early) report(o *facts.Observation, codes ...string) {
	e.reportIf(o, func(f facts.Finding) bool { return f.Severity != facts.Info }, codes...)
}

func (e *early) reportIf(o *facts.Observation, such func(facts.Finding) bool, codes ...string) {
	checks := slices.DeleteFunc(check.Registry(), func(c check.Check) bool { return !slices.Contains(codes, c.Code) })
	_, findings := check.Judge(checks, o, o.Config.Only, o.Config.Skip)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range findings {
		if f.Because == "" && such(f) && !slices.Contains(e.codes, f.Code) {
			e.codes = append(e.codes, f.Code)
			e.found(f)
		}
	}
}
