package collect

import (
	"context"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// windowSamples is how many times the sessions are looked at in a window. A wait that holds a third of the
// busy time is missed by all of eight with a probability of 4%.
const windowSamples = 8

// leastEvery keeps a short window from becoming a load of its own.
const leastEvery = 100 * time.Millisecond

// serverWatch is a serverFacts that is being filled.
type serverWatch struct {
	*facts.ServerFacts
	reader *reader
}

// watcher watches the servers beside the rest of the probe. Whoever starts it waits for it.
type watcher struct {
	server chan *serverWatch
	redis  chan struct{}
}

// startWatching watches Postgres and Redis until the window is over, each on a connection of its own, so
// that no other measurement waits for it.
func startWatching(ctx context.Context, o *facts.Observation, s *session, began time.Time) *watcher {
	w := &watcher{server: make(chan *serverWatch, 1), redis: make(chan struct{})}
	window := window(o.Config, o)
	var ways []*pgClient
	for _, p := range []*pgClient{s.direct, s.pooler} {
		if p != nil && p.config != nil {
			ways = append(ways, &pgClient{config: p.config, PGServer: &facts.PGServer{Endpoint: facts.Endpoint{Name: p.Endpoint.Name}}})
		}
	}
	go func() {
		var watched *serverWatch
		for _, way := range ways {
			if watched = watchServer(ctx, way, began, window); watched.Failed == nil {
				break
			}
		}
		w.server <- watched
	}()
	go func() {
		defer close(w.redis)
		<-s.redisReached
		if o.Redis != nil && o.Redis.Failed == nil {
			s.redis.Watch(ctx, dial.LastLook(ctx, time.Now().Add(window)), check.Wants(o, "HD-R10", "HD-R16", "HD-R18"))
		}
	}()
	return w
}

// wait ends with the window. Where neither endpoint can be used there was nothing to watch.
func (w *watcher) wait(o *facts.Observation, s *session) {
	watched := <-w.server
	<-w.redis
	if watched != nil && (o.Pooler.Answered() || o.Direct.Answered()) {
		o.Server, s.reader = watched.ServerFacts, watched.reader
	}
}

// window is how long to watch; not at all if no chosen check asks for it.
func window(c facts.Config, o *facts.Observation) time.Duration {
	watches := check.WantsSome(o, func(k check.Check) bool {
		return slices.ContainsFunc(k.Needs, func(p facts.Part) bool {
			return p == facts.WatchedServer || p == facts.WatchedRedis || p == facts.AskedCluster
		})
	})
	if !watches {
		return 0
	}
	return c.WatchFor()
}

// countingWindow is how long the running server's counters go on between two looks at them; not at all if no chosen
// check asks what they counted meanwhile.
func countingWindow(o *facts.Observation) time.Duration {
	if !check.Wants(o, "HD-T04", "HD-T07", "HD-T17") {
		return 0
	}
	return o.Config.WatchFor()
}

// watchServer reads everything once, looks at the sessions until the window is over, and reads the
// counters again.
func watchServer(ctx context.Context, server *pgClient, began time.Time, window time.Duration) *serverWatch {
	r := openReader(ctx, server)
	s := &serverWatch{ServerFacts: &facts.ServerFacts{Failed: server.Failed, Unread: r.unread, Way: server.Endpoint}, reader: r}
	if s.Failed != nil {
		return s
	}
	defer s.reader.server.close(ctx)
	started := time.Now()
	ends := dial.LastLook(ctx, started.Add(window))
	var look facts.Activity
	s.reader.read(ctx, reading{facts.ReadDatabase, databaseSQL, &s.First}, reading{facts.ReadExtensions, extensionsSQL, &s.Extensions},
		reading{facts.ReadActivity, activitySQL, &look}, reading{facts.ReadTables, spaceSQL, &s.Tables},
		reading{facts.ReadLimits, limitsSQL, &s.Limits}, reading{facts.ReadReplication, replicationSQL, &s.Replication})
	// As of the question: the answer is late on a server that has just been started, which is no suspended one.
	s.UpBeforeProbeS = s.First.UptimeS - started.Sub(began).Seconds()
	s.Last = s.First
	s.keep(look)
	var before, after facts.StatementCounts
	counts := s.Why(facts.ReadExtensions) == "" && s.Extensions.Has("pg_stat_statements")
	if counts {
		s.reader.read(ctx, reading{facts.ReadStatements, statementsSQL(s.Extensions.StatementsSchema), &before})
		counts = s.Why(facts.ReadStatements) == ""
	}
	fileCache := s.Extensions.NeonSchema != ""
	if fileCache {
		s.reader.read(ctx, reading{facts.ReadFileCache, fileCacheSQL(s.Extensions.NeonSchema), &s.FirstCache})
		fileCache = s.Why(facts.ReadFileCache) == ""
	}
	s.sample(ctx, ends)
	final := []reading{{facts.ReadDatabase, databaseSQL, &s.Last}, {facts.ReadActivity, activitySQL, &look}}
	if counts {
		final = append(final, reading{facts.ReadStatements, statementsSQL(s.Extensions.StatementsSchema), &after})
	}
	if fileCache {
		final = append(final, reading{facts.ReadFileCache, fileCacheSQL(s.Extensions.NeonSchema), &s.LastCache})
	}
	look = facts.Activity{}
	unread := s.lookAgain(ctx, final...)
	if unread[facts.ReadActivity] == nil {
		s.keep(look)
	}
	if f := unread[facts.ReadDatabase]; f != nil {
		s.Unread[facts.ReadRates] = f
	}
	if f := unread[facts.ReadFileCache]; f != nil {
		s.Unread[facts.ReadFileCache] = f
	}
	counts = counts && unread[facts.ReadStatements] == nil
	s.Window = time.Since(started)
	if counts {
		counted := after.Since(before)
		s.Counted = &counted
	}
	return s
}

// lookAgain reads what has been read before, and says what could not be. What the looks before it gave stands.
func (s *serverWatch) lookAgain(ctx context.Context, readings ...reading) (unread map[string]*facts.Failure) {
	r := &reader{server: s.reader.server, unread: map[string]*facts.Failure{}}
	r.read(ctx, readings...)
	s.reader.serverMS += r.serverMS
	return r.unread
}

func (s *serverWatch) keep(a facts.Activity) {
	if s.Why(facts.ReadActivity) == "" {
		s.Samples = append(s.Samples, a)
	}
}

// sample looks at the sessions at even distances until ends, and as often as waits need to be judged.
func (s *serverWatch) sample(ctx context.Context, ends time.Time) {
	every := max(leastEvery, time.Until(ends)/windowSamples)
	tick := time.NewTicker(every)
	defer tick.Stop()
	// One more look follows at the end.
	for (time.Until(ends) >= every || len(s.Samples) < check.FewestSamples-1) && s.Why(facts.ReadActivity) == "" {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			var look facts.Activity
			if unread := s.lookAgain(ctx, reading{facts.ReadActivity, activitySQL, &look}); unread[facts.ReadActivity] != nil {
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
