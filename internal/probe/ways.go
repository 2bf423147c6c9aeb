package probe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/link"
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
	// segments are the sums over the probe's connections to Postgres; nil where the kernel can't be asked.
	segments *link.Segments

	stopWatching   func() // nil if nothing is watched
	began          time.Time
	directTLSTurns int64
}

// reachWays starts, while the servers are being reached, what needs connections of its own: the pair, the
// start-up parameters, TLS without asking, and the console; each only if a chosen check asks for it.
// reached is closed when the app's endpoint has answered or failed.
func (o *observation) reachWays(ctx context.Context, s *session, reached <-chan struct{}, wg *sync.WaitGroup) {
	w := &o.ways
	w.began = time.Now()
	w.isolation.notRun, w.prepared.how, w.transfers.failed = "the app's endpoint was not reached", "the app's endpoint was not reached", "the app's endpoint was not reached"
	if o.config.URL == "" {
		return
	}
	config, err := pgx.ParseConfig(o.config.URL)
	if err != nil {
		return // the endpoint's own failure says so
	}
	w.database = config.Database
	asked := make(chan struct{}) // closed when the console has answered, or is not asked
	if o.config.AdminURL != "" && o.wantsConsole() {
		wg.Go(func() {
			if s.pools, w.consoleFailed = openPools(ctx, o.config.AdminURL, config.Database); s.pools != nil {
				w.poolerVersion = parseRelease(s.pools.console.PoolerVersion())
				w.console = s.pools.readSettings(ctx)
			}
			close(asked)
			if !s.pools.usable() {
				return
			}
			select {
			case <-reached:
			case <-ctx.Done():
			case <-time.After(stuckAfter):
				w.console.stuck = s.pools.lookWhileStuck(ctx)
			}
		})
	} else {
		close(asked)
	}
	if o.wants("HD-N12") {
		wg.Go(func() { w.directTLS, w.directTLSTurns = tryDirectTLS(ctx, config) })
	}
	if !o.wantsPair() {
		return
	}
	wg.Go(func() {
		s.pair = openPair(ctx, config)
		if s.pair.failed != nil {
			if (s.pair.failed.kind == kindServer || s.pair.failed.kind == kindLogIn) && o.wants("HD-P08") {
				w.startup = testStartup(ctx, config, s.pair.failed)
			}
			return
		}
		var beside sync.WaitGroup
		defer beside.Wait()
		if o.wants("HD-P08") {
			beside.Go(func() { w.startup = testStartup(ctx, config, nil) })
		}
		// What hung once would hang again: a client whose question is cut off is closed.
		if o.wantsPrepared() {
			<-asked
			if w.prepared = roomToTry(ctx, o.config.ExecMode, s.pools); w.prepared.how == "" {
				w.prepared = testPrepared(ctx, s.pair)
			}
		}
		if o.wants("HD-P06") {
			w.isolation = testIsolation(ctx, s.pair, o.config.ExecMode, w.prepared)
		}
	})
}

// beginWays starts, once the floors are known and while the catalogue is read, the hot half of the
// transfers and the pooler's counts. The function that it returns waits for them.
func (o *observation) beginWays(ctx context.Context, s *session) func() {
	var wg sync.WaitGroup
	w := &o.ways
	switch {
	case !s.pooler.usable() || s.pair == nil:
	case s.pooler.floor == 0 || !enough(ctx, 20*s.pooler.floor):
		w.transfers.failed = "round trips are too slow for the time that was left"
	default:
		wg.Go(func() {
			s.pair.forget(ctx, nil)
			if o.wantsTransfers() {
				w.transfers.failed = ""
				w.transfers.hot(ctx, s.pair)
			}
		})
	}
	if s.pools.usable() && w.console != nil && o.wantsCounts() {
		wg.Go(func() {
			w.console.before = s.pools.moment(ctx, ms(time.Since(w.began)))
			if s.pools.ask(ctx) {
				w.console.first, w.console.hasPool = s.pools.last, true
			}
			w.stopWatching = s.pools.watchServers(ctx, w.console)
		})
	}
	return wg.Wait
}

// enough reports whether the probe has that much time left.
func enough(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > d
}

// endWays takes the second half of what beginWays has begun.
func (o *observation) endWays(ctx context.Context, s *session) {
	w := &o.ways
	if w.stopWatching != nil {
		w.stopWatching()
	}
	var wg sync.WaitGroup
	if len(w.transfers.list) > 0 && o.wants("HD-N11") {
		wg.Go(func() { w.transfers.idle(ctx, s.pair, s.pooler.floor) })
	}
	if s.pools.usable() && w.console != nil && o.wantsCounts() {
		wg.Go(func() {
			w.console.after = s.pools.moment(ctx, ms(time.Since(w.began)))
			if s.pools.ask(ctx) {
				last := s.pools.last
				o.pools = &last
			}
		})
	}
	wg.Wait()
	if s.pooler.usable() && s.pair != nil && s.pooler.floor > 0 && enough(ctx, 20*s.pooler.floor) {
		s.pair.forget(ctx, s.pools)
	}
	w.countSegments(s)
	if o.pooler != nil {
		e := &o.pooler.endpoint
		e.Transfers, e.DirectTLS = w.transfers.list, w.directTLS
		e.Notes = append(e.Notes, w.notes()...)
	}
	for _, server := range []*pgServer{o.pooler, o.direct} {
		if server == nil || server.meter == nil {
			continue
		}
		if n, ok := server.meter.Segments(); ok {
			server.endpoint.SegmentsSent, server.endpoint.SegmentsAgain, server.endpoint.SegmentsDisordered = &n.Sent, &n.Again, &n.Disordered
		}
	}
}

// notes are what the waterfall of the app's endpoint is worth to be told with.
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
	for _, server := range []*pgServer{s.pooler, s.direct} {
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
