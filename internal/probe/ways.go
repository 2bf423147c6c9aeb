package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// waysFacts is what was measured of the ways to the servers and of the pooler, besides the waterfalls.
type waysFacts struct {
	isolation isolation
	prepared  preparedSupport
	startup   startupParameters
	transfers transfers
	directTLS string
	// console is nil where it was not asked; consoleFailed says why it could not be.
	console       *poolerFacts
	consoleFailed *failure
	// database is the pooler's name of the app's.
	database string
	// poolerVersion is PgBouncer's, nil where its console was not asked.
	poolerVersion release
	web           *webServer
	// handshakes are the ms of each turn of connecting that the pooler itself answered.
	handshakes []float64
	// closedAfter is how long a connection of the probe's own was idle before the app's endpoint closed it for that, and
	// closedFor what it said; empty if none was.
	closedAfter time.Duration
	closedFor   string
	// segments are the sums over the probe's connections to Postgres; nil where the kernel can't be asked.
	segments *link.Segments

	// ownMS is for how long transactions of the probe's own were open, without executing anything, while the pooler counted.
	ownMS float64
	// ownTurns is how many round trips of the probe's own needed a server connection meanwhile, at most: some of the pair's are
	// parts of transactions.
	ownTurns       int64
	began          time.Time
	directTLSTurns int64
}

// reachWays starts, while the servers are being reached, what needs connections of its own: the pair, the
// start-up parameters, TLS without asking, and the console; each only if a chosen check asks for it.
func (o *observation) reachWays(ctx context.Context, s *session, r *reaching) {
	w := &o.ways
	w.began = time.Now()
	w.isolation.notRun, w.prepared.how, w.transfers.failed = "the app's endpoint was not reached", "the app's endpoint was not reached", "the app's endpoint was not reached"
	var config *pgx.ConnConfig
	if o.config.URL != "" {
		config, _ = pgx.ParseConfig(o.config.URL) // the endpoint's own failure says so
	}
	if config == nil {
		close(r.quiet)
		close(r.isolated)
		close(r.startup)
		close(r.console)
		return
	}
	w.database = config.Database
	asked := make(chan struct{}) // closed when the console has answered, or is not asked
	if o.config.AdminURL != "" && o.wantsConsole() {
		r.all.Go(func() { o.askConsole(ctx, s, r, config.User, asked) })
	} else {
		close(asked)
		close(r.console)
	}
	if o.wants("HD-N12") {
		r.all.Go(func() { w.directTLS, w.directTLSTurns = tryDirectTLS(ctx, config) })
	}
	r.all.Go(func() {
		defer close(r.isolated)
		defer o.testIsolation(ctx, s, r)
		defer close(r.quiet)
		counted := make(chan struct{})
		defer func() { <-counted }()
		r.all.Go(func() {
			defer close(counted)
			// What the pooler counts is read when the probe's own connections have been given theirs.
			if <-r.proved; !r.up {
				return
			}
			<-asked
			<-r.app
			<-r.pooler
			o.beginCounts(ctx, s)
		})
		if o.wantsPair() {
			o.testPair(ctx, s, r, config, asked, counted)
		} else {
			close(r.startup)
		}
	})
}

// askConsole reads the pooler's settings, and then why no statement comes back, if none does.
func (o *observation) askConsole(ctx context.Context, s *session, r *reaching, user string, asked chan<- struct{}) {
	defer close(r.console)
	w := &o.ways
	if s.pools, w.consoleFailed = openPools(ctx, o.config.AdminURL, w.database); s.pools != nil {
		w.poolerVersion = parseRelease(s.pools.console.PoolerVersion())
		w.console = s.pools.readSettings(ctx, w.poolerVersion, user)
		now := *w.console
		r.consoleThen = &now
	}
	close(asked)
	if !s.pools.usable() {
		return
	}
	select {
	case <-r.proved:
	case <-ctx.Done():
	case <-time.After(stuckAfter):
		now := r.consoleThen
		s.pools.lookWhileStuck(ctx, now)
		w.console.stuck, w.console.database, w.console.poolMode, w.console.poolSize = now.stuck, now.database, now.poolMode, now.poolSize
		if w.console.stuck.hopeless() {
			r.giveUp()
		}
	}
}

// testPair connects the pair, makes the hot half of the transfers and then the tests that need two clients.
func (o *observation) testPair(ctx context.Context, s *session, r *reaching, config *pgx.ConnConfig, asked, counted <-chan struct{}) {
	w := &o.ways
	s.pair = openPair(ctx, config)
	refused := s.pair.failed
	if o.wants("HD-P08") && (refused == nil || mayBeForTheURL(config, refused)) {
		r.all.Go(func() {
			defer close(r.startup)
			w.startup = testStartup(ctx, config, refused)
		})
	} else {
		close(r.startup)
	}
	// Where one client's first statement does not come back, those of two others would not either.
	if <-r.proved; refused != nil || !r.up {
		return
	}
	if o.wantsTransfers() {
		w.transfers.begin(ctx, s.pair, r)
	}
	// What hung once would hang again: a client whose question is cut off is closed.
	if o.wantsPrepared() {
		<-asked
		<-counted // what the pair holds from here on is a part of what the pooler counts
		if w.prepared = roomToTry(ctx, o.config.ExecMode, s.pair, s.pools); w.prepared.how == "" {
			w.prepared = testPrepared(ctx, s.pair)
		}
		s.pair.forget(ctx, nil)
	}
}

// testIsolation is the last of the pair's tests: its statements are as small as those that are timed meanwhile. The pair's
// connections rest from then on.
func (o *observation) testIsolation(ctx context.Context, s *session, r *reaching) {
	if o.wants("HD-P06") && s.pair != nil && s.pair.failed == nil && r.up {
		o.ways.isolation = testIsolation(ctx, s.pair, o.config.ExecMode, o.ways.prepared)
	}
	o.ways.transfers.restsSince = time.Now()
}

// beginCounts reads what the pooler counts, and looks at its server connections from now on.
func (o *observation) beginCounts(ctx context.Context, s *session) {
	w := &o.ways
	if !s.pools.usable() || w.console == nil || !o.wantsCounts() {
		return
	}
	w.ownMS, w.ownTurns = -ms(s.pooler.held), -s.assignments()
	w.console.before = s.pools.moment(ctx, ms(time.Since(w.began)))
	if now, ok := s.pools.ask(ctx); ok {
		w.console.first, w.console.hasPool = now, true
	}
	s.stopWatching = s.pools.watchServers(ctx, w.console)
}

// assignments is how many round trips of the app's endpoint have needed a server connection so far, without the pair's.
func (s *session) assignments() int64 {
	turns := s.pooler.turns() - int64(len(s.pooler.samples))
	for _, db := range s.stores() {
		turns += db.Dials().Total()
	}
	return turns
}

// enough reports whether the probe has that much time left.
func enough(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > d
}

// endWays takes the second half of what reachWays has begun.
func (o *observation) endWays(ctx context.Context, s *session) {
	w := &o.ways
	if s.stopWatching != nil {
		s.stopWatching()
	}
	if s.pools.usable() && w.console != nil && o.wantsCounts() {
		w.console.after = s.pools.moment(ctx, ms(time.Since(w.began)))
		if now, ok := s.pools.ask(ctx); ok {
			o.pools = &now
		}
	}
	if s.pooler != nil {
		w.ownMS += ms(s.pooler.held + s.pair.heldFor())
		w.ownTurns += s.assignments() + s.pair.statements()
	}
	if o.wantsDistance() { // it keeps a server connection, which the pooler would count
		o.measureAgain(ctx, s)
	}
	if len(w.transfers.list) > 0 && o.wants("HD-N11") {
		w.transfers.idle(ctx, s.pair, s.pooler.floor)
	}
	o.handshakes(s)
	if s.pooler.usable() && s.pair != nil && s.pooler.floor > 0 && enough(ctx, 20*s.pooler.floor) {
		s.pair.forget(ctx, s.pools)
	}
	s.pooler.settle()
	s.direct.settle()
	w.countSegments(s)
	if o.pooler != nil {
		e := &o.pooler.endpoint
		e.Transfers, e.DirectTLS = w.transfers.list, w.directTLS
		e.Notes = append(e.Notes, w.notes()...)
	}
	for _, server := range []*pgClient{s.pooler, s.direct} {
		if server == nil || server.meter == nil {
			continue
		}
		if n, ok := server.meter.Segments(); ok {
			server.endpoint.SegmentsSent, server.endpoint.SegmentsAgain, server.endpoint.SegmentsDisordered = &n.Sent, &n.Again, &n.Disordered
		}
	}
}

// handshakes collects the turns of connecting that the pooler itself answered: there is nobody in them but the network and it.
func (o *observation) handshakes(s *session) {
	if !s.pooler.answered() || !s.pooler.pooled {
		return
	}
	connects := [][]Phase{s.pooler.endpoint.Phases}
	if s.pair != nil {
		for _, c := range s.pair.clients() {
			connects = append(connects, c.phases)
		}
	}
	for _, phases := range connects {
		for _, p := range phases {
			if p.Turns > 0 && p.Name != "tcp" && p.Name != "earlier_attempts" {
				o.ways.handshakes = append(o.ways.handshakes, p.MS/float64(p.Turns))
			}
		}
	}
}

// lookForClosed notes whether the app's endpoint has closed one of the probe's idle connections. It costs no turn.
func (w *waysFacts) lookForClosed(ctx context.Context, s *session) {
	var conns []*pgx.Conn
	if s.pooler != nil {
		conns = append(conns, s.pooler.conn)
	}
	if s.pair != nil {
		conns = append(conns, s.pair.a.conn, s.pair.b.conn)
	}
	for _, c := range conns {
		if c == nil {
			continue
		}
		if after, reason := store.ClosedForIdleness(ctx, c); reason != "" && (w.closedFor == "" || after < w.closedAfter) {
			w.closedAfter, w.closedFor = after, reason
		}
	}
}

// notes are shown with the waterfall of the app's endpoint.
func (w *waysFacts) notes() []string {
	var out []string
	if w.directTLS != "" {
		out = append(out, "sslnegotiation=direct: "+w.directTLS)
	}
	for _, t := range w.transfers.list {
		if t.IdleMS != nil {
			out = append(out, fmt.Sprintf("a result of %d kB arrives within %.1f ms on a hot connection, %.1f ms after idleness", t.KB, t.HotMS, *t.IdleMS))
		}
	}
	return out
}

func (w *waysFacts) countSegments(s *session) {
	var meters []*link.Conn
	for _, server := range []*pgClient{s.pooler, s.direct} {
		if server != nil {
			meters = append(meters, server.meter)
		}
	}
	if s.pair.usable() {
		meters = append(meters, s.pair.a.w.meter, s.pair.b.w.meter)
	}
	for _, m := range meters {
		if m == nil {
			continue
		}
		if n, ok := m.Segments(); ok {
			if w.segments == nil {
				w.segments = &link.Segments{}
			}
			w.segments.Sent += n.Sent
			w.segments.Again += n.Again
			w.segments.Received += n.Received
			w.segments.Disordered += n.Disordered
		}
	}
}

// addCost adds what these measurements asked of the servers.
func (w *waysFacts) addCost(c *Cost, s *session) {
	dials, turns := s.pair.bill()
	c.Connects += dials + w.startup.dials
	c.DBTurns += turns + w.startup.turns + w.directTLSTurns
	if w.directTLSTurns > 0 {
		c.Connects++
	}
	if w.web != nil {
		c.TargetRequests += 1 + webSamples
	}
}
