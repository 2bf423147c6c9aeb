package probe

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// DefaultWindow is for how long the servers are watched while the statements are measured: long enough for
// rates, and a third of the time that an incident gives the probe.
const DefaultWindow = 3500 * time.Millisecond

// windowSamples is how many times the sessions are looked at in a window. A wait that holds a third of the
// busy time is missed by all of eight with a probability of 4%.
const windowSamples = 8

// leastEvery keeps a short window from becoming a load of its own.
const leastEvery = 100 * time.Millisecond

// Names of the readings, as people are told of them.
const (
	readActivity    = "sessions"
	readTables      = "tables"
	readLimits      = "sequences and transaction ids"
	readReplication = "replication"
	readDatabase    = "counters"
	readRates       = "counters at the window's end"
	readExtensions  = "extensions"
	readStatements  = "pg_stat_statements"
	readFileCache   = "local file cache"
)

// serverFacts is what watching Postgres has given.
type serverFacts struct {
	// failed is why the watching connection could not be opened, unread why a reading has no value.
	failed  *failure
	unread  map[string]*failure
	way     Endpoint // of the watching connection
	samples []activity
	tables  []tableSpace
	limits  limitFacts
	// first and last are the counters at both ends of the window.
	first, last databaseCounters
	// firstCache and lastCache are those of Neon's local file cache, where its extension is.
	firstCache, lastCache fileCacheCounters
	replication           replicationFacts
	extensions            extensionFacts
	// counted is what pg_stat_statements counted within the window, if it could be asked at both ends.
	counted *statementCounts
	window  time.Duration
	// upBeforeProbeS is how long the server had been up when the probe began: below 0 the probe's own
	// connection has started it.
	upBeforeProbeS float64
}

// why says why a reading has no value, or nothing if it has.
func (s *serverFacts) why(names ...string) string {
	if s == nil {
		return "No database answers."
	}
	if f := s.failed; f != nil {
		return "The watching connection could not be opened: " + f.Error() + "."
	}
	for _, name := range names {
		if f := s.unread[name]; f != nil {
			return fmt.Sprintf("The server's %s could not be read: %s.", name, f)
		}
	}
	return ""
}

// serverWatch is a serverFacts that is being filled.
type serverWatch struct {
	*serverFacts
	reader *reader
}

// watcher watches the servers beside the rest of the probe. Whoever starts it waits for it.
type watcher struct {
	server chan *serverWatch
	redis  chan struct{}
}

// startWatching watches Postgres and Redis until the window is over, each on a connection of its own, so
// that no other measurement waits for it.
func (o *observation) startWatching(ctx context.Context, s *session, began time.Time) *watcher {
	w := &watcher{server: make(chan *serverWatch, 1), redis: make(chan struct{})}
	window := o.config.window(o)
	var ways []*pgClient
	for _, p := range []*pgClient{s.direct, s.pooler} {
		if p != nil && p.config != nil {
			ways = append(ways, &pgClient{config: p.config, pgServer: &pgServer{endpoint: Endpoint{Name: p.endpoint.Name}}})
		}
	}
	go func() {
		var watched *serverWatch
		for _, way := range ways {
			if watched = watchServer(ctx, way, began, window); watched.failed == nil {
				break
			}
		}
		w.server <- watched
	}()
	go func() {
		defer close(w.redis)
		<-s.redisReached
		if o.redis != nil && o.redis.failed == nil {
			s.redis.watch(ctx, lastLook(ctx, time.Now().Add(window)), o.wants("HD-R10", "HD-R16", "HD-R18"))
		}
	}()
	return w
}

// lastLook is the moment for a last look that is to be made at that time: it needs time, too, a quarter of what is left
// and a second at most.
func lastLook(ctx context.Context, at time.Time) time.Time {
	if ends, ok := ctx.Deadline(); ok {
		if last := ends.Add(-min(time.Second, time.Until(ends)/4)); last.Before(at) {
			return last
		}
	}
	return at
}

// wait ends with the window. Where neither endpoint can be used there was nothing to watch.
func (w *watcher) wait(o *observation, s *session) {
	watched := <-w.server
	<-w.redis
	if watched != nil && (o.pooler.answered() || o.direct.answered()) {
		o.server, s.reader = watched.serverFacts, watched.reader
	}
}

// window is how long to watch; not at all if no chosen check asks for it.
func (c Config) window(o *observation) time.Duration {
	watches := o.wantsSome(func(k check) bool {
		return slices.ContainsFunc(k.needs, func(p part) bool { return p == watchedServer || p == watchedRedis || p == askedCluster })
	})
	if !watches {
		return 0
	}
	return c.watchFor()
}

// countingWindow is how long the running server's counters go on between two looks at them; not at all if no chosen
// check asks what they counted meanwhile.
func (o *observation) countingWindow() time.Duration {
	if !o.wants("HD-T04", "HD-T07", "HD-T17") {
		return 0
	}
	return o.config.watchFor()
}

func (c Config) watchFor() time.Duration {
	if c.Window == 0 {
		return DefaultWindow
	}
	return max(0, c.Window)
}

// watchServer reads everything once, looks at the sessions until the window is over, and reads the
// counters again.
func watchServer(ctx context.Context, server *pgClient, began time.Time, window time.Duration) *serverWatch {
	r := openReader(ctx, server)
	s := &serverWatch{serverFacts: &serverFacts{failed: server.failed, unread: r.unread, way: server.endpoint}, reader: r}
	if s.failed != nil {
		return s
	}
	defer s.reader.server.close(ctx)
	started := time.Now()
	ends := lastLook(ctx, started.Add(window))
	var look activity
	s.reader.read(ctx, reading{readDatabase, databaseSQL, &s.first}, reading{readExtensions, extensionsSQL, &s.extensions},
		reading{readActivity, activitySQL, &look}, reading{readTables, spaceSQL, &s.tables},
		reading{readLimits, limitsSQL, &s.limits}, reading{readReplication, replicationSQL, &s.replication})
	// As of the question: the answer is late on a server that has just been started, which is no suspended one.
	s.upBeforeProbeS = s.first.UptimeS - started.Sub(began).Seconds()
	s.last = s.first
	s.keep(look)
	var before, after statementCounts
	counts := s.why(readExtensions) == "" && s.extensions.has("pg_stat_statements")
	if counts {
		s.reader.read(ctx, reading{readStatements, statementsSQL(s.extensions.StatementsSchema), &before})
		counts = s.why(readStatements) == ""
	}
	fileCache := s.extensions.NeonSchema != ""
	if fileCache {
		s.reader.read(ctx, reading{readFileCache, fileCacheSQL(s.extensions.NeonSchema), &s.firstCache})
		fileCache = s.why(readFileCache) == ""
	}
	s.sample(ctx, ends)
	final := []reading{{readDatabase, databaseSQL, &s.last}, {readActivity, activitySQL, &look}}
	if counts {
		final = append(final, reading{readStatements, statementsSQL(s.extensions.StatementsSchema), &after})
	}
	if fileCache {
		final = append(final, reading{readFileCache, fileCacheSQL(s.extensions.NeonSchema), &s.lastCache})
	}
	look = activity{}
	unread := s.lookAgain(ctx, final...)
	if unread[readActivity] == nil {
		s.keep(look)
	}
	if f := unread[readDatabase]; f != nil {
		s.unread[readRates] = f
	}
	if f := unread[readFileCache]; f != nil {
		s.unread[readFileCache] = f
	}
	counts = counts && unread[readStatements] == nil
	s.window = time.Since(started)
	if counts {
		counted := after.since(before)
		s.counted = &counted
	}
	return s
}

// lookAgain reads what has been read before, and says what could not be. What the looks before it gave stands.
func (s *serverWatch) lookAgain(ctx context.Context, readings ...reading) (unread map[string]*failure) {
	r := &reader{server: s.reader.server, unread: map[string]*failure{}}
	r.read(ctx, readings...)
	s.reader.serverMS += r.serverMS
	return r.unread
}

func (s *serverWatch) keep(a activity) {
	if s.why(readActivity) == "" {
		s.samples = append(s.samples, a)
	}
}

// sample looks at the sessions at even distances until ends, and as often as waits need to be judged.
func (s *serverWatch) sample(ctx context.Context, ends time.Time) {
	every := max(leastEvery, time.Until(ends)/windowSamples)
	tick := time.NewTicker(every)
	defer tick.Stop()
	// One more look follows at the end.
	for (time.Until(ends) >= every || len(s.samples) < fewestSamples-1) && s.why(readActivity) == "" {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			var look activity
			if unread := s.lookAgain(ctx, reading{readActivity, activitySQL, &look}); unread[readActivity] != nil {
				return // the next one would fail as well, and the server has enough to do
			}
			s.keep(look)
		}
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(ends)):
	}
}

func knownStatement(name string) bool {
	return slices.ContainsFunc(store.Catalogue(), func(q store.Query) bool { return q.Name == name })
}
