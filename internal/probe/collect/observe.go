package collect

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/app"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/collect/redis"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// Observe connects to every server at once, explains the statements on one connection while others measure the way, and
// then runs the statements, so that no measurement disturbs another. Beside that the servers are watched, and the
// running server and the cluster are asked.
func Observe(ctx context.Context, c facts.Config) *facts.Observation {
	o := &facts.Observation{Config: c, Mode: safeMode(c.ExecMode), Times: map[facts.Part]time.Duration{}}
	say := c.Progress
	if say == nil {
		say = func(string) {}
	}

	say("connecting to every server")
	s := &session{redisReached: make(chan struct{})}
	defer s.close(ctx)
	began := time.Now()
	cluster := askCluster(ctx, o)
	target := startTarget(ctx, o)
	r := reach(ctx, o, s)
	watch := startWatching(ctx, o, s, began)
	certain := startEarly(o, s, r, target)
	planner := s.planner(r)
	if <-r.proved; !r.far() {
		<-r.pooler
		<-r.app
	}
	o.Clock(time.Since(began), facts.UpDirect, facts.AskedDirect)

	say("reading the database catalog")
	readCatalogue(ctx, o, s, planner)
	o.Clock(time.Since(began), facts.KnowsSchema, facts.KnowsFacts)

	say("explaining the hot statements")
	st := explainStatements(ctx, o, s, r, planner)
	<-r.pooler
	<-r.app
	keepSession(ctx, o, s, planner)
	o.Clock(time.Since(began), facts.UpPooler, facts.AskedPooler)
	certain.ofTheApp(o, s, r)
	<-r.quiet
	target.patience(ctx)

	say("running the hot statements")
	runStatements(ctx, o, s, r, st)
	o.Clock(time.Since(began), facts.KnowsPlans, facts.KnowsWalls)

	say("measuring the network again and watching the servers")
	r.all.Wait()
	certain.all.Wait()
	endWays(ctx, o, s)
	o.SplitWalls(cmp.Or(floor(s), r.turn)) // the latter where too few empty queries came back
	o.PoolFailed = s.dbFailed
	if s.db != nil {
		p := s.db.Proof()
		o.Proof = &p
	}
	target.wait(o, s)
	s.target.Settle(floor(s))
	watch.wait(o, s)
	o.Clock(s.redisTook, facts.UpRedis, facts.AskedRedis)
	o.Cluster = cluster.wait()
	lookForClosed(ctx, &o.Ways, s)
	o.Clock(time.Since(began), facts.WatchedServer, facts.WatchedRedis, facts.AskedCluster)
	o.Lookups = lookedUp(o, s)
	addCost(o, s)
	return o
}

// session holds the connections of one probe.
type session struct {
	pooler, direct *pgClient
	// db runs the statements as the app does; its pool is one connection. lanes are more of its kind.
	db       *store.DB
	lanes    []*store.DB
	dbFailed *facts.Failure
	// sessionRead is what a session through the app's endpoint begins with; nil where that could not be read.
	sessionRead   *facts.SessionFacts
	sessionFailed error
	pools         *poolsConsole
	redis         *redis.Client
	pair          *pair
	// reader is the connection that has watched Postgres; nil where there was nothing to watch.
	reader *reader
	// target is the running server; nil where none was named.
	target *app.TargetConversation
	// redisReached is closed once redis is set, and redisTook how long that took.
	redisReached chan struct{}
	redisTook    time.Duration
	// stopWatching ends the look at the pooler's server connections; nil if nobody looks.
	stopWatching func()
	explain      *explainer
	attr         *attributor
}

// CloseTimeout is how long taking leave may take: a server that has gone silent hears nothing of it.
const CloseTimeout = 500 * time.Millisecond

// close ends all of them at once. It does not wait for longer than closeTimeout; pgxpool gives up a silent server by
// itself after 15 s, and then the last of these goroutines ends.
func (s *session) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), CloseTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, db := range s.stores() {
		all.Go(db.Close)
	}
	all.Go(func() { s.pools.close(ctx) })
	all.Go(func() { s.pair.close(ctx) })
	all.Go(func() { s.pooler.close(ctx) })
	all.Go(func() { s.direct.close(ctx) })
	all.Go(s.redis.Close)
	done := make(chan struct{})
	go func() {
		defer close(done)
		all.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// safeMode is the mode that the probe itself uses: the app's, unless it could harm other clients of the
// pooler.
func safeMode(mode string) string {
	if store.PooledSafe(mode) {
		return mode
	}
	return "exec"
}

// stores are the app's pools that were opened.
func (s *session) stores() []*store.DB {
	if s.db == nil {
		return nil
	}
	return append([]*store.DB{s.db}, s.lanes...)
}

// planner waits for the connection for the catalogue and for plans, and gives it: the direct endpoint's, or the app's
// where there is none. nil if neither can be used.
func (s *session) planner(r *reaching) *pgClient {
	<-r.direct
	if s.direct.usable() {
		return s.direct
	}
	<-r.pooler
	if s.pooler.usable() {
		return s.pooler
	}
	return nil
}

// readCatalogue asks the planner's endpoint.
func readCatalogue(ctx context.Context, o *facts.Observation, s *session, planner *pgClient) {
	var err error
	if o.Expected, err = store.Indexes(); err != nil {
		o.SchemaFailed = dial.Explain(ctx, "", err)
		return
	}
	if planner == nil {
		return
	}
	if readAtOnce(ctx, o, s, planner) {
		return
	}
	if o.Schema, err = readSchema(ctx, planner.conn); err != nil {
		o.SchemaFailed = dial.Explain(ctx, "", err)
	}
	if o.Facts, err = readFacts(ctx, planner.conn); err != nil {
		o.Facts, o.FactsFailed = nil, dial.Explain(ctx, "", err)
	}
	if planner != s.direct {
		return
	}
	if o.Pending, err = pendingMigrations(ctx, s.direct.conn); err != nil {
		o.MigrationsFailed = dial.Explain(ctx, "", err)
	}
}

// readAtOnce reads all of the catalogue in one turn and reports whether it could: one part that fails takes the others
// with it, and then each is asked for by itself.
func readAtOnce(ctx context.Context, o *facts.Observation, s *session, planner *pgClient) bool {
	schema, database, applied := newSchemaFacts(), newDatabaseFacts(), appliedMigrations{}
	picks := make([]*facts.Plan, len(store.SubjectPicks()))
	b := readOnly()
	queueSchema(schema, b)
	queueFacts(database, b)
	if planner == s.direct {
		applied.queue(b)
	}
	for i, q := range store.SubjectPicks() {
		b.Queue("EXPLAIN (FORMAT JSON) " + q.SQL).Query(planInto(&picks[i]))
	}
	if err := inOneTurn(ctx, planner.conn, b); err != nil {
		return false
	}
	o.Schema, o.Facts, o.Picks = schema, database, picks
	if planner != s.direct {
		return true
	}
	var err error
	if o.Pending, err = applied.pending(); err != nil {
		o.MigrationsFailed = dial.Explain(ctx, "", err)
	}
	return true
}

// keepSession adds what a session of the app begins with, by the planner's where the app's endpoint is not there.
func keepSession(ctx context.Context, o *facts.Observation, s *session, planner *pgClient) {
	if o.Facts == nil {
		return
	}
	read, err := s.sessionRead, s.sessionFailed
	if read == nil && err == nil && planner != nil {
		read, err = readSession(ctx, planner.conn)
	}
	if err != nil {
		o.Facts, o.FactsFailed = nil, dial.Explain(ctx, "", err)
		return
	}
	if read != nil {
		o.Facts.SessionFacts = *read
	}
}

// hotStatementPlans are the hot statements, for whom each is run, and what came of explaining them.
type hotStatementPlans struct {
	hot      []store.Query
	subjects []store.Subject
	plans    [][]facts.Explained // by statement and subject
}

// explainStatements explains every hot statement of the catalogue for each subject; nil if there is nothing to explain
// them for.
func explainStatements(ctx context.Context, o *facts.Observation, s *session, r *reaching, planner *pgClient) *hotStatementPlans {
	if planner == nil {
		return nil
	}
	if !check.WantsStatements(o) {
		o.PlansFailed = "No statement was explained: no selected check needs it."
		return nil
	}
	subjects, err := pickSubjects(ctx, o, planner)
	if err != nil {
		o.PlansFailed = "No test users could be selected: " + dial.Explain(ctx, "", err).Error() + "."
		return nil
	}
	s.explain = &explainer{
		conn: planner.conn, analyze: !o.Config.NoAnalyze, generic: planner == s.direct && !s.direct.Pooled, serverVersion: planner.ServerVersion,
	}
	st := &hotStatementPlans{hot: facts.HotStatements(), subjects: subjects}
	defer r.large()()
	st.plans = s.explain.all(ctx, st.hot, subjects)
	return st
}

// runStatements times the statements by the app's own way, and takes what is missing of the floors meanwhile.
func runStatements(ctx context.Context, o *facts.Observation, s *session, r *reaching, st *hotStatementPlans) {
	var floors sync.WaitGroup
	defer floors.Wait()
	floors.Go(func() {
		if s.direct.sample(ctx); s.direct.usable() && wantsWork(o) {
			measure(ctx, &o.Work, s.direct)
		}
	})
	if st == nil || !decideWalls(o, s, r) {
		floors.Go(func() { s.pooler.sample(ctx) })
	}
	if st == nil {
		return
	}
	var work []timed
	for i, q := range st.hot {
		for j, subject := range st.subjects {
			work = append(work, timed{q, subject, st.plans[i][j]})
		}
	}
	measured := make([]measured, len(work))
	for i := range measured {
		measured[i].waiting = -1
	}
	if o.Walls {
		r.giveWay(ctx)
		s.attr = newAttributor(ctx, s, r, len(work))
		s.attr.warm = o.Mode == "cache_describe"
		s.attr.measureAll(ctx, work, measured)
	}
	floors.Wait()
	for i, w := range work {
		h := account(w.query.Name, w.subject, measured[i], w.plan)
		h.S14.JudgeScans(h.Plan, w.plan.Analyzed, o.Schema)
		o.Hot = append(o.Hot, h)
	}
	askHypoPG(ctx, o, s, st.subjects)
	if s.pools != nil && s.pools.seen {
		last := s.pools.last
		o.Pools = &last
	}
}

// decideWalls reports whether statements are timed, and otherwise notes why not.
func decideWalls(o *facts.Observation, s *session, r *reaching) bool {
	o.Walls = s.pooler.usable() && !o.Config.NoAnalyze
	switch {
	case o.Config.NoAnalyze:
		o.WallsFailed = "No statement was run: --no-analyze."
	case !check.WantsWalls(o):
		o.Walls, o.WallsFailed = false, "No statement was timed: no selected check needs it."
	case o.Walls && s.db == nil:
		o.Walls, o.WallsFailed = false, "The app's pool could not be opened: "+facts.FailureText(s.dbFailed)+"."
	case o.Walls && s.pooler.Floor <= 0 && !r.far():
		// Split by a floor that nobody measured, all of a wall time would be residual.
		o.Walls, o.WallsFailed = false, "No statement was timed: there was no time to measure an empty query."
	}
	return o.Walls
}

func floor(s *session) time.Duration {
	if s.pooler.answered() {
		return s.pooler.Floor // although a time-out may have closed it since
	}
	return 0
}

// addCost makes the bill: what the probe asked of the servers.
func addCost(o *facts.Observation, s *session) {
	for _, server := range []*pgClient{s.pooler, s.direct} {
		if server != nil {
			o.Cost.Connects += server.dials
			o.Cost.DBTurns += server.turns()
		}
	}
	for _, db := range s.stores() {
		o.Cost.Connects += int(db.Dials().Count())
		o.Cost.DBTurns += db.Dials().Total() + db.Dials().Count()
	}
	if s.pools != nil {
		o.Cost.Connects++
		o.Cost.DBTurns += s.pools.turns()
	}
	addWaysCost(&o.Ways, &o.Cost, s)
	if s.explain != nil {
		o.Cost.DBMS = facts.Round(s.explain.dbMS)
		o.Cost.Rows += s.explain.rows
	}
	o.Cost.WorkMS = facts.Round(o.Work.SpentMS)
	if s.attr != nil {
		o.Cost.Rows += s.attr.rows.Load()
	}
	if s.target.Usable() {
		o.Cost.TargetRequests += s.target.Client.Sent
	}
	if s.redis != nil {
		o.Cost.RedisTurns = s.redis.Turns()
	}
	if r := s.reader; r != nil {
		o.Cost.Connects += r.server.dials
		o.Cost.DBTurns += r.server.turns()
		o.Cost.CatalogMS = facts.Round(r.serverMS)
	}
	if o.Cluster != nil {
		o.Cost.ClusterRequests = o.Cluster.Requests
	}
}
