package collect

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/app"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// reachWays starts, while the servers are being reached, what needs connections of its own: the pair, the
// start-up parameters, TLS without asking, and the console; each only if a chosen check asks for it.
func reachWays(ctx context.Context, o *facts.Observation, s *session, r *reaching) {
	w := &o.Ways
	w.Began = time.Now()
	w.Isolation.NotRun, w.Prepared.How, w.Transfers.Failed = "the app's endpoint was not reached", "the app's endpoint was not reached", "the app's endpoint was not reached"
	var config *pgx.ConnConfig
	if o.Config.URL != "" {
		config, _ = pgx.ParseConfig(o.Config.URL) // the endpoint's own failure says so
	}
	if config == nil {
		close(r.quiet)
		close(r.isolated)
		close(r.startup)
		close(r.console)
		return
	}
	w.Database = config.Database
	asked := make(chan struct{}) // closed when the console has answered, or is not asked
	if o.Config.AdminURL != "" && check.WantsConsole(o) {
		r.all.Go(func() { askConsole(ctx, o, s, r, config.User, asked) })
	} else {
		close(asked)
		close(r.console)
	}
	if check.Wants(o, "HD-N12") {
		r.all.Go(func() { w.DirectTLS, w.DirectTLSTurns = dial.TryDirectTLS(ctx, config) })
	}
	r.all.Go(func() {
		defer close(r.isolated)
		defer isolatePair(ctx, o, s, r)
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
			beginCounts(ctx, o, s)
		})
		if check.WantsPair(o) {
			testPair(ctx, o, s, r, config, asked, counted)
		} else {
			close(r.startup)
		}
	})
}

// askConsole reads the pooler's settings, and then why no statement comes back, if none does.
func askConsole(ctx context.Context, o *facts.Observation, s *session, r *reaching, user string, asked chan<- struct{}) {
	defer close(r.console)
	w := &o.Ways
	if s.pools, w.ConsoleFailed = openPools(ctx, o.Config.AdminURL, w.Database); s.pools != nil {
		w.PoolerVersion = facts.ParseRelease(s.pools.console.PoolerVersion())
		w.Console = s.pools.readSettings(ctx, w.PoolerVersion, user)
		now := *w.Console
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
		w.Console.Stuck, w.Console.Database, w.Console.PoolMode, w.Console.PoolSize = now.Stuck, now.Database, now.PoolMode, now.PoolSize
		if w.Console.Stuck.Hopeless() {
			r.giveUp()
		}
	}
}

// testPair connects the pair, makes the hot half of the transfers and then the tests that need two clients.
func testPair(ctx context.Context, o *facts.Observation, s *session, r *reaching, config *pgx.ConnConfig, asked, counted <-chan struct{}) {
	w := &o.Ways
	s.pair = openPair(ctx, config)
	refused := s.pair.failed
	if check.Wants(o, "HD-P08") && (refused == nil || mayBeForTheURL(config, refused)) {
		r.all.Go(func() {
			defer close(r.startup)
			w.Startup = testStartup(ctx, config, refused)
		})
	} else {
		close(r.startup)
	}
	// Where one client's first statement does not come back, those of two others would not either.
	if <-r.proved; refused != nil || !r.up {
		return
	}
	if check.WantsTransfers(o) {
		begin(ctx, &w.Transfers, s.pair, r)
	}
	// What hung once would hang again: a client whose question is cut off is closed.
	if check.WantsPrepared(o) {
		<-asked
		<-counted // what the pair holds from here on is a part of what the pooler counts
		if w.Prepared = roomToTry(ctx, o.Config.ExecMode, s.pair, s.pools); w.Prepared.How == "" {
			w.Prepared = testPrepared(ctx, s.pair)
		}
		s.pair.forget(ctx, nil)
	}
}

// isolatePair is the last of the pair's tests: its statements are as small as those that are timed meanwhile. The pair's
// connections rest from then on.
func isolatePair(ctx context.Context, o *facts.Observation, s *session, r *reaching) {
	if check.Wants(o, "HD-P06") && s.pair != nil && s.pair.failed == nil && r.up {
		o.Ways.Isolation = testIsolation(ctx, s.pair, o.Config.ExecMode, o.Ways.Prepared)
	}
	o.Ways.Transfers.RestsSince = time.Now()
}

// beginCounts reads what the pooler counts, and looks at its server connections from now on.
func beginCounts(ctx context.Context, o *facts.Observation, s *session) {
	w := &o.Ways
	if !s.pools.usable() || w.Console == nil || !check.WantsCounts(o) {
		return
	}
	w.OwnMS, w.OwnTurns = -facts.MS(s.pooler.held), -s.assignments()
	w.Console.Before = s.pools.moment(ctx, facts.MS(time.Since(w.Began)))
	if now, ok := s.pools.ask(ctx); ok {
		w.Console.First, w.Console.HasPool = now, true
	}
	s.stopWatching = s.pools.watchServers(ctx, w.Console)
}

// assignments is how many round trips of the app's endpoint have needed a server connection so far, without the pair's.
func (s *session) assignments() int64 {
	turns := s.pooler.turns() - int64(len(s.pooler.Samples))
	for _, db := range s.stores() {
		turns += db.Dials().Total()
	}
	return turns
}

// endWays takes the second half of what reachWays has begun.
func endWays(ctx context.Context, o *facts.Observation, s *session) {
	w := &o.Ways
	if s.stopWatching != nil {
		s.stopWatching()
	}
	if s.pools.usable() && w.Console != nil && check.WantsCounts(o) {
		w.Console.After = s.pools.moment(ctx, facts.MS(time.Since(w.Began)))
		if now, ok := s.pools.ask(ctx); ok {
			o.Pools = &now
		}
	}
	if s.pooler != nil {
		w.OwnMS += facts.MS(s.pooler.held + s.pair.heldFor())
		w.OwnTurns += s.assignments() + s.pair.statements()
	}
	if check.WantsDistance(o) { // it keeps a server connection, which the pooler would count
		measureAgain(ctx, o, s)
	}
	if len(w.Transfers.List) > 0 && check.Wants(o, "HD-N11") {
		idle(ctx, &w.Transfers, s.pair, s.pooler.Floor)
	}
	handshakes(o, s)
	if s.pooler.usable() && s.pair != nil && s.pooler.Floor > 0 && dial.Enough(ctx, 20*s.pooler.Floor) {
		s.pair.forget(ctx, s.pools)
	}
	s.pooler.settle()
	s.direct.settle()
	countSegments(w, s)
	if o.Pooler != nil {
		e := &o.Pooler.Endpoint
		e.Transfers, e.DirectTLS = w.Transfers.List, w.DirectTLS
		e.Notes = append(e.Notes, w.Notes()...)
	}
	for _, server := range []*pgClient{s.pooler, s.direct} {
		if server == nil || server.meter == nil {
			continue
		}
		if n, ok := server.meter.Segments(); ok {
			server.Endpoint.SegmentsSent, server.Endpoint.SegmentsAgain, server.Endpoint.SegmentsDisordered = &n.Sent, &n.Again, &n.Disordered
		}
	}
}

// handshakes collects the turns of connecting that the pooler itself answered: there is nobody in them but the network and it.
func handshakes(o *facts.Observation, s *session) {
	if !s.pooler.answered() || !s.pooler.Pooled {
		return
	}
	connects := [][]facts.Phase{s.pooler.Endpoint.Phases}
	if s.pair != nil {
		for _, c := range s.pair.clients() {
			connects = append(connects, c.phases)
		}
	}
	for _, phases := range connects {
		for _, p := range phases {
			if p.Turns > 0 && p.Name != "tcp" && p.Name != "earlier_attempts" {
				o.Ways.Handshakes = append(o.Ways.Handshakes, p.MS/float64(p.Turns))
			}
		}
	}
}

// lookForClosed notes whether the app's endpoint has closed one of the probe's idle connections. It costs no turn.
func lookForClosed(ctx context.Context, w *facts.WaysFacts, s *session) {
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
		if after, reason := store.ClosedForIdleness(ctx, c); reason != "" && (w.ClosedFor == "" || after < w.ClosedAfter) {
			w.ClosedAfter, w.ClosedFor = after, reason
		}
	}
}

func countSegments(w *facts.WaysFacts, s *session) {
	var meters []*link.Conn
	for _, server := range []*pgClient{s.pooler, s.direct} {
		if server != nil {
			meters = append(meters, server.meter)
		}
	}
	if s.pair.usable() {
		meters = append(meters, s.pair.a.w.Meter, s.pair.b.w.Meter)
	}
	for _, m := range meters {
		if m == nil {
			continue
		}
		if n, ok := m.Segments(); ok {
			if w.Segments == nil {
				w.Segments = &link.Segments{}
			}
			w.Segments.Sent += n.Sent
			w.Segments.Again += n.Again
			w.Segments.Received += n.Received
			w.Segments.Disordered += n.Disordered
		}
	}
}

// addWaysCost adds what these measurements asked of the servers.
func addWaysCost(w *facts.WaysFacts, c *facts.Cost, s *session) {
	dials, turns := s.pair.bill()
	c.Connects += dials + w.Startup.Dials
	c.DBTurns += turns + w.Startup.Turns + w.DirectTLSTurns
	if w.DirectTLSTurns > 0 {
		c.Connects++
	}
	if w.Web != nil {
		c.TargetRequests += 1 + app.WebSamples
	}
}
