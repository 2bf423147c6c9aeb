package probe

import (
	"context"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// observe connects to every server at once, reads the catalogue, and then runs the statements one by one, so
// that no measurement disturbs another. Beside that the servers are watched, the running server and the
// cluster are asked, and the network is looked at before the statements and after them.
func observe(ctx context.Context, c Config) *observation {
	o := &observation{config: c, mode: safeMode(c.ExecMode), times: map[part]time.Duration{}}
	say := c.Progress
	if say == nil {
		say = func(string) {}
	}

	say("connecting to every server")
	s := &session{}
	defer s.close(ctx)
	began := time.Now()
	cluster := o.askCluster(ctx)
	target := o.startTarget(ctx)
	o.reachServers(ctx, s)
	o.clock(time.Since(began), upPooler, upDirect, askedPooler, askedDirect)

	watch := o.startWatching(ctx, s, began)
	watching := time.Now()
	began = time.Now()
	say("reading the database's catalogue")
	ways := o.beginWays(ctx, s)
	tested := o.testApp(ctx, s)
	o.readCatalogue(ctx, s)
	ways()
	tested()
	o.clock(time.Since(began), knowsSchema, knowsFacts)

	target.patience(ctx)
	began = time.Now()
	say("explaining and running the hot statements")
	o.measureStatements(ctx, s)
	o.clock(time.Since(began), knowsPlans, knowsWalls)
	say("looking at the network again")
	o.endWays(ctx, s)

	say("watching the servers")
	target.wait(o)
	o.targetServer.settle(o.floor(s))
	watch.wait(o)
	o.clock(s.redisTook, upRedis, askedRedis)
	o.cluster = cluster.wait()
	o.clock(time.Since(watching), watchedServer, watchedRedis, askedCluster)
	o.lookups = o.lookedUp(s)
	o.addCost(s)
	return o
}

// session holds the connections of one probe; pooler, direct and redis are the observation's own.
type session struct {
	pooler, direct *pgServer
	// db runs the statements as the app does; its pool is one connection.
	db       *store.DB
	dbFailed *failure
	pools    *poolsConsole
	redis    *redisServer
	pair     *pair
	// redisReached is closed once redis is set, and redisTook how long that took.
	redisReached chan struct{}
	redisTook    time.Duration
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
	if s.db != nil {
		all.Go(s.db.Close)
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

// reachServers connects to everything at once and takes the floors. For Redis it does not wait: nothing of the
// database's has to, and whoever needs it waits for redisReached.
func (o *observation) reachServers(ctx context.Context, s *session) {
	var wg sync.WaitGroup
	c := o.config
	s.redisReached = make(chan struct{})
	began := time.Now()
	go func() {
		defer close(s.redisReached)
		if c.RedisURL != "" {
			o.redis = probeRedis(ctx, c.RedisURL)
			if o.redis.failed == nil && o.wants("HD-R19") {
				o.redis.try(ctx)
			}
			s.redis, s.redisTook = o.redis, time.Since(began)
		}
	}()
	reached := make(chan struct{})
	if c.URL != "" {
		wg.Go(func() {
			defer close(reached)
			o.pooler = openPG(ctx, "pooler", c.URL)
			s.pooler = o.pooler
		})
		if o.opensPool() {
			wg.Go(func() { s.db, s.dbFailed = openStore(ctx, c.URL, o.mode) })
		}
	}
	if c.DirectURL != "" {
		wg.Go(func() {
			o.direct = openPG(ctx, "direct", c.DirectURL)
			s.direct = o.direct
		})
	}
	o.reachWays(ctx, s, reached, &wg)
	wg.Wait()
	o.poolFailed = s.dbFailed
	if s.db != nil {
		p := s.db.Proof()
		o.proof = &p
	}
}

// openStore opens the app's own pool, of one connection.
func openStore(ctx context.Context, url, mode string) (*store.DB, *failure) {
	var db *store.DB
	err := bound(ctx, connectTimeout, func(ctx context.Context) (err error) {
		db, err = store.Open(ctx, store.Config{
			URL: url, ExecMode: mode, MaxConns: 1, MinIdleConns: 1,
			ConnectTimeout: connectTimeout, AcquireTimeout: queryTimeout, StatementTimeout: queryTimeout,
		})
		return err
	})
	return db, explain(ctx, "", err)
}

// safeMode is the mode that the probe itself uses: the app's, unless it could harm other clients of the
// pooler.
func safeMode(mode string) string {
	if store.PooledSafe(mode) {
		return mode
	}
	return "exec"
}

// readCatalogue asks the direct endpoint, or the app's where there is none.
func (o *observation) readCatalogue(ctx context.Context, s *session) {
	var err error
	if o.expected, err = store.Indexes(); err != nil {
		o.schemaFailed = explain(ctx, "", err)
		return
	}
	server := s.planner()
	if server == nil {
		return
	}
	if o.schema, err = readSchema(ctx, server.conn); err != nil {
		o.schemaFailed = explain(ctx, "", err)
	}
	o.readFacts(ctx, s, server)
	if !o.direct.usable() {
		return
	}
	if o.pending, err = pendingMigrations(ctx, o.direct.conn); err != nil {
		o.migrationsFailed = explain(ctx, "", err)
	}
}

// planner is the connection for the catalogue and for plans.
func (s *session) planner() *pgServer {
	switch {
	case s.direct.usable():
		return s.direct
	case s.pooler.usable():
		return s.pooler
	}
	return nil
}

// measureStatements explains and runs every hot statement of the catalogue for each subject.
func (o *observation) measureStatements(ctx context.Context, s *session) {
	planner := s.planner()
	if planner == nil {
		return
	}
	if !o.wantsStatements() {
		o.plansFailed = "No statement was explained: no chosen check asks for it."
		return
	}
	subjects, err := o.pickSubjects(ctx, planner)
	if err != nil {
		o.plansFailed = "No users could be picked: " + explain(ctx, "", err).Error() + "."
		return
	}
	hot := hotStatements()
	s.explain = &explainer{
		conn: planner.conn, analyze: !o.config.NoAnalyze, generic: s.direct.usable() && !s.direct.pooled, serverVersion: planner.serverVersion,
	}
	o.walls = s.pooler.usable() && !o.config.NoAnalyze
	if !o.wantsWalls() {
		o.walls, o.wallsFailed = false, "No statement was timed: no chosen check asks for it."
	}
	if o.config.NoAnalyze {
		o.wallsFailed = "No statement was run: --no-analyze."
	}
	if o.walls && s.db == nil {
		o.walls, o.wallsFailed = false, "The app's pool could not be opened: "+failureText(s.dbFailed)+"."
	}
	if o.walls && s.pooler.floor <= 0 {
		// Split by a floor that nobody measured, all of a wall time would be residual.
		o.walls, o.wallsFailed = false, "No statement was timed: there was no time to measure what an empty query takes."
	}
	if o.walls {
		within := attributionTime(ctx, s.pooler.floor)
		pairs := len(hot) * len(subjects)
		s.attr = &attributor{
			db: s.db, beside: s.pooler, pools: s.pools, warm: o.mode == "cache_describe",
			runs: runsFor(s.pooler.floor, pairs, within), until: time.Now().Add(within), ends: lastRun(ctx, s.pooler.floor, pairs),
		}
	}
	for _, q := range hot {
		plans := s.explain.statement(ctx, q, subjects)
		for i, subject := range subjects {
			m := measured{waiting: -1}
			// What stood still under EXPLAIN, by a lock or by its length, would stand still here, in the app's own way.
			if o.walls && !q.Write && !plans[i].failed.cutOff() {
				m = s.attr.measure(ctx, q, subject)
			}
			h := account(q.Name, subject, o.floor(s), m, plans[i])
			h.S14.judgeScans(h.Plan, plans[i].analyzed, o.schema)
			o.hot = append(o.hot, h)
		}
	}
	o.withdrawWaits()
	o.askHypoPG(ctx, s, subjects)
	if s.pools != nil && s.pools.seen {
		last := s.pools.last
		o.pools = &last
	}
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
	for _, server := range []*pgServer{o.pooler, o.direct} {
		if server != nil {
			o.cost.Connects += server.dials
			o.cost.DBTurns += server.turns()
		}
	}
	if s.db != nil {
		o.cost.Connects += int(s.db.Dials().Count())
		o.cost.DBTurns += s.db.Dials().Total() + s.db.Dials().Count()
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
	if s.attr != nil {
		o.cost.Rows += s.attr.rows
	}
	if o.targetServer.usable() {
		o.cost.TargetRequests += o.targetServer.client.sent
	}
	if o.redis != nil {
		o.cost.RedisTurns = o.redis.turns()
	}
	if o.server != nil {
		o.cost.Connects += o.server.reader.server.dials
		o.cost.DBTurns += o.server.reader.server.turns()
		o.cost.CatalogMS = round(o.server.reader.serverMS)
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
