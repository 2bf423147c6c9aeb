package probe

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// observe connects to every server at once, explains the statements on one connection while others measure the way, and
// then runs the statements, so that no measurement disturbs another. Beside that the servers are watched, and the
// running server and the cluster are asked.
func observe(ctx context.Context, c Config) *observation {
	o := &observation{config: c, mode: safeMode(c.ExecMode), times: map[part]time.Duration{}}
	say := c.Progress
	if say == nil {
		say = func(string) {}
	}

	say("connecting to every server")
	s := &session{redisReached: make(chan struct{})}
	defer s.close(ctx)
	began := time.Now()
	cluster := o.askCluster(ctx)
	target := o.startTarget(ctx)
	r := o.reach(ctx, s)
	watch := o.startWatching(ctx, s, began)
	certain := o.startEarly(s, r, target)
	planner := s.planner(r)
	if <-r.proved; !r.far() {
		<-r.pooler
		<-r.app
	}
	o.clock(time.Since(began), upDirect, askedDirect)

	say("reading the database catalog")
	o.readCatalogue(ctx, s, planner)
	o.clock(time.Since(began), knowsSchema, knowsFacts)

	say("explaining the hot statements")
	st := o.explainStatements(ctx, s, r, planner)
	<-r.pooler
	<-r.app
	o.keepSession(ctx, s, planner)
	o.clock(time.Since(began), upPooler, askedPooler)
	certain.ofTheApp(o, s, r)
	<-r.quiet
	target.patience(ctx)

	say("running the hot statements")
	o.runStatements(ctx, s, r, st)
	o.clock(time.Since(began), knowsPlans, knowsWalls)

	say("measuring the network again and watching the servers")
	r.all.Wait()
	certain.all.Wait()
	o.endWays(ctx, s)
	o.splitWalls(cmp.Or(o.floor(s), r.turn)) // the latter where too few empty queries came back
	o.poolFailed = s.dbFailed
	if s.db != nil {
		p := s.db.Proof()
		o.proof = &p
	}
	target.wait(o, s)
	s.target.settle(o.floor(s))
	watch.wait(o, s)
	o.clock(s.redisTook, upRedis, askedRedis)
	o.cluster = cluster.wait()
	o.ways.lookForClosed(ctx, s)
	o.clock(time.Since(began), watchedServer, watchedRedis, askedCluster)
	o.lookups = o.lookedUp(s)
	o.addCost(s)
	return o
}

// session holds the connections of one probe.
type session struct {
	pooler, direct *pgClient
	// db runs the statements as the app does; its pool is one connection. lanes are more of its kind.
	db       *store.DB
	lanes    []*store.DB
	dbFailed *failure
	// sessionRead is what a session through the app's endpoint begins with; nil where that could not be read.
	sessionRead   *sessionFacts
	sessionFailed error
	pools         *poolsConsole
	redis         *redisClient
	pair          *pair
	// reader is the connection that has watched Postgres; nil where there was nothing to watch.
	reader *reader
	// target is the running server; nil where none was named.
	target *targetConversation
	// redisReached is closed once redis is set, and redisTook how long that took.
	redisReached chan struct{}
	redisTook    time.Duration
	// stopWatching ends the look at the pooler's server connections; nil if nobody looks.
	stopWatching func()
	explain      *explainer
	attr         *attributor
}

// closeTimeout is how long taking leave may take: a server that has gone silent hears nothing of it.
const closeTimeout = 500 * time.Millisecond

// close ends all of them at once. It does not wait for longer than closeTimeout; pgxpool gives up a silent server by
// itself after 15 s, and then the last of these goroutines ends.
func (s *session) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, db := range s.stores() {
		all.Go(db.Close)
	}
	all.Go(func() { s.pools.close(ctx) })
	all.Go(func() { s.pair.close(ctx) })
	all.Go(func() { s.pooler.close(ctx) })
	all.Go(func() { s.direct.close(ctx) })
	all.Go(s.redis.close)
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
func (o *observation) readCatalogue(ctx context.Context, s *session, planner *pgClient) {
	var err error
	if o.expected, err = store.Indexes(); err != nil {
		o.schemaFailed = explain(ctx, "", err)
		return
	}
	if planner == nil {
		return
	}
	if o.readAtOnce(ctx, s, planner) {
		return
	}
	if o.schema, err = readSchema(ctx, planner.conn); err != nil {
		o.schemaFailed = explain(ctx, "", err)
	}
	if o.facts, err = readFacts(ctx, planner.conn); err != nil {
		o.facts, o.factsFailed = nil, explain(ctx, "", err)
	}
	if planner != s.direct {
		return
	}
	if o.pending, err = pendingMigrations(ctx, s.direct.conn); err != nil {
		o.migrationsFailed = explain(ctx, "", err)
	}
}

// readAtOnce reads all of the catalogue in one turn and reports whether it could: one part that fails takes the others
// with it, and then each is asked for by itself.
func (o *observation) readAtOnce(ctx context.Context, s *session, planner *pgClient) bool {
	schema, database, applied := newSchemaFacts(), newDatabaseFacts(), appliedMigrations{}
	picks := make([]*Plan, len(store.SubjectPicks()))
	b := readOnly()
	schema.queue(b)
	database.queue(b)
	if planner == s.direct {
		applied.queue(b)
	}
	for i, q := range store.SubjectPicks() {
		b.Queue("EXPLAIN (FORMAT JSON) " + q.SQL).Query(planInto(&picks[i]))
	}
	if err := inOneTurn(ctx, planner.conn, b); err != nil {
		return false
	}
	o.schema, o.facts, o.picks = schema, database, picks
	if planner != s.direct {
		return true
	}
	var err error
	if o.pending, err = applied.pending(); err != nil {
		o.migrationsFailed = explain(ctx, "", err)
	}
	return true
}

// keepSession adds what a session of the app begins with, by the planner's where the app's endpoint is not there.
func (o *observation) keepSession(ctx context.Context, s *session, planner *pgClient) {
	if o.facts == nil {
		return
	}
	read, err := s.sessionRead, s.sessionFailed
	if read == nil && err == nil && planner != nil {
		read, err = readSession(ctx, planner.conn)
	}
	if err != nil {
		o.facts, o.factsFailed = nil, explain(ctx, "", err)
		return
	}
	if read != nil {
		o.facts.sessionFacts = *read
	}
}

// hotStatementPlans are the hot statements, for whom each is run, and what came of explaining them.
type hotStatementPlans struct {
	hot      []store.Query
	subjects []store.Subject
	plans    [][]explained // by statement and subject
}

// explainStatements explains every hot statement of the catalogue for each subject; nil if there is nothing to explain
// them for.
func (o *observation) explainStatements(ctx context.Context, s *session, r *reaching, planner *pgClient) *hotStatementPlans {
	if planner == nil {
		return nil
	}
	if !o.wantsStatements() {
		o.plansFailed = "No statement was explained: no selected check needs it."
		return nil
	}
	subjects, err := o.pickSubjects(ctx, planner)
	if err != nil {
		o.plansFailed = "No test users could be selected: " + explain(ctx, "", err).Error() + "."
		return nil
	}
	s.explain = &explainer{
		conn: planner.conn, analyze: !o.config.NoAnalyze, generic: planner == s.direct && !s.direct.pooled, serverVersion: planner.serverVersion,
	}
	st := &hotStatementPlans{hot: hotStatements(), subjects: subjects}
	defer r.large()()
	st.plans = s.explain.all(ctx, st.hot, subjects)
	return st
}

// runStatements times the statements by the app's own way, and takes what is missing of the floors meanwhile.
func (o *observation) runStatements(ctx context.Context, s *session, r *reaching, st *hotStatementPlans) {
	var floors sync.WaitGroup
	defer floors.Wait()
	floors.Go(func() {
		if s.direct.sample(ctx); s.direct.usable() && o.wantsWork() {
			o.work.measure(ctx, s.direct)
		}
	})
	if st == nil || !o.decideWalls(s, r) {
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
	if o.walls {
		r.giveWay(ctx)
		s.attr = newAttributor(ctx, s, r, len(work))
		s.attr.warm = o.mode == "cache_describe"
		s.attr.measureAll(ctx, work, measured)
	}
	floors.Wait()
	for i, w := range work {
		h := account(w.query.Name, w.subject, measured[i], w.plan)
		h.S14.judgeScans(h.Plan, w.plan.analyzed, o.schema)
		o.hot = append(o.hot, h)
	}
	o.askHypoPG(ctx, s, st.subjects)
	if s.pools != nil && s.pools.seen {
		last := s.pools.last
		o.pools = &last
	}
}

// decideWalls reports whether statements are timed, and otherwise notes why not.
func (o *observation) decideWalls(s *session, r *reaching) bool {
	o.walls = s.pooler.usable() && !o.config.NoAnalyze
	switch {
	case o.config.NoAnalyze:
		o.wallsFailed = "No statement was run: --no-analyze."
	case !o.wantsWalls():
		o.walls, o.wallsFailed = false, "No statement was timed: no selected check needs it."
	case o.walls && s.db == nil:
		o.walls, o.wallsFailed = false, "The app's pool could not be opened: "+failureText(s.dbFailed)+"."
	case o.walls && s.pooler.floor <= 0 && !r.far():
		// Split by a floor that nobody measured, all of a wall time would be residual.
		o.walls, o.wallsFailed = false, "No statement was timed: there was no time to measure an empty query."
	}
	return o.walls
}

func hotStatements() []store.Query {
	var out []store.Query
	for _, q := range store.Catalogue() {
		if q.Hot {
			out = append(out, q)
		}
	}
	return out
}

func (o *observation) floor(s *session) time.Duration {
	if s.pooler.answered() {
		return s.pooler.floor // although a time-out may have closed it since
	}
	return 0
}

func (o *observation) clock(d time.Duration, parts ...part) {
	for _, p := range parts {
		o.times[p] = d
	}
}

// addCost makes the bill: what the probe asked of the servers.
func (o *observation) addCost(s *session) {
	for _, server := range []*pgClient{s.pooler, s.direct} {
		if server != nil {
			o.cost.Connects += server.dials
			o.cost.DBTurns += server.turns()
		}
	}
	for _, db := range s.stores() {
		o.cost.Connects += int(db.Dials().Count())
		o.cost.DBTurns += db.Dials().Total() + db.Dials().Count()
	}
	if s.pools != nil {
		o.cost.Connects++
		o.cost.DBTurns += s.pools.turns()
	}
	o.ways.addCost(&o.cost, s)
	if s.explain != nil {
		o.cost.DBMS = round(s.explain.dbMS)
		o.cost.Rows += s.explain.rows
	}
	o.cost.WorkMS = round(o.work.spentMS)
	if s.attr != nil {
		o.cost.Rows += s.attr.rows.Load()
	}
	if s.target.usable() {
		o.cost.TargetRequests += s.target.client.sent
	}
	if s.redis != nil {
		o.cost.RedisTurns = s.redis.turns()
	}
	if r := s.reader; r != nil {
		o.cost.Connects += r.server.dials
		o.cost.DBTurns += r.server.turns()
		o.cost.CatalogMS = round(r.serverMS)
	}
	if o.cluster != nil {
		o.cost.ClusterRequests = o.cluster.requests
	}
}

func failureText(f *failure) string {
	if f == nil {
		return "no database answers"
	}
	return f.Error()
}
