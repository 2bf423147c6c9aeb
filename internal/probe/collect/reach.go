package collect

import (
	"context"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/collect/redis"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// reaching is every server being connected to, all at once. Each channel is closed by the goroutine that has used a
// server's connection until then: after waiting for it, a goroutine may use that connection, and read what was measured by it.
type reaching struct {
	all sync.WaitGroup
	// proved: the app's endpoint has answered its first statement, or failed; up says which, and turn is the quickest
	// turn of connecting to it. pooler: nobody uses its connection any more.
	proved, pooler chan struct{}
	up             bool
	turn           time.Duration
	// beyond is by how much statements take longer than turn, at least: the way from the pooler to Postgres, or a wait.
	beyond time.Duration
	// direct: the direct endpoint has answered, or failed.
	direct chan struct{}
	// hopeless: Postgres itself refuses connections, or the pooler is paused.
	hopeless  chan struct{}
	despaired sync.Once
	// startup: no start-up parameter is tried any more. console: the pooler's console has answered and, where a client
	// waited, been asked why.
	startup, console chan struct{}
	// poolerThen, directThen and consoleThen are copies of what was known when those channels were closed; nil where there
	// is nothing to know.
	poolerThen, directThen *facts.PGServer
	consoleThen            *facts.PoolerFacts
	// app: the app's own pool is open and its self-test over, or it was not to be opened.
	app chan struct{}
	// quiet: no large result is on the way to the pair, and it holds no server connection.
	quiet chan struct{}
	// isolated: the pair makes no statements any more.
	isolated chan struct{}
	// bulk is held while large results are in flight.
	bulk sync.Mutex
}

// large waits until large results disturb nobody: nobody else has any on the way, and the floor has been taken, if it is
// not the statements that take it. The function that it returns ends that.
func (r *reaching) large() (end func()) {
	<-r.proved
	if !r.far() {
		<-r.pooler
	}
	r.bulk.Lock()
	return r.bulk.Unlock
}

// far reports whether round trips take so long that statements are worth being on the way at once.
func (r *reaching) far() bool { return r.turn >= leastLaneFloor }

// crowds reports whether a statement keeps its server connection for so long that several of the probe's at once would wait for
// each other in a small pool: they are run one at a time then. It is known once the pooler's connection is free.
func (r *reaching) crowds() bool {
	return r.beyond >= max(check.FarLeastMS*time.Millisecond, r.turn/(2*mostLanes))
}

// giveWay waits for the end of the pair's tests where its statements would crowd those that are to be timed, but not for a pair
// that has no answers any more.
func (r *reaching) giveWay(ctx context.Context) {
	if !r.crowds() {
		return
	}
	select {
	case <-r.isolated:
	case <-ctx.Done():
	case <-time.After(3 * isolationRounds * (r.turn + r.beyond)):
	}
}

// reach connects to everything at once. For nothing that it starts does it wait.
func reach(ctx context.Context, o *facts.Observation, s *session) *reaching {
	c := o.Config
	r := &reaching{
		proved: make(chan struct{}), pooler: make(chan struct{}),
		direct: make(chan struct{}), app: make(chan struct{}), quiet: make(chan struct{}), isolated: make(chan struct{}),
		startup: make(chan struct{}), console: make(chan struct{}), hopeless: make(chan struct{}),
	}
	r.all.Go(func() { reachRedis(ctx, o, s) })
	if c.URL != "" {
		s.pooler = newPG(ctx, "pooler", c.URL)
		o.Pooler = s.pooler.PGServer
		r.all.Go(func() { reachPooler(ctx, s, r) })
	} else {
		close(r.proved)
		close(r.pooler)
	}
	if c.DirectURL != "" {
		s.direct = newPG(ctx, "direct", c.DirectURL)
		o.Direct = s.direct.PGServer
		r.all.Go(func() {
			defer close(r.direct)
			s.direct.open(ctx, nil)
			r.directThen = s.direct.Copied()
			// Only a refused TCP connection shows that Postgres does not run. A wrong URL, DNS, a firewall or a certificate
			// shows nothing about the path from the pooler.
			if f := s.direct.Failed; f != nil && f.Kind == facts.KindRefused {
				r.giveUp()
			}
		})
	} else {
		close(r.direct)
	}
	r.all.Go(func() { reachApp(ctx, o, s, r) })
	reachWays(ctx, o, s, r)
	return r
}

// giveUp ends the wait for the first statement through the pooler, which has had its time by then.
func (r *reaching) giveUp() { r.despaired.Do(func() { close(r.hopeless) }) }

func reachRedis(ctx context.Context, o *facts.Observation, s *session) {
	defer close(s.redisReached)
	if o.Config.RedisURL == "" {
		return
	}
	began := time.Now()
	s.redis = redis.ProbeRedis(ctx, o.Config.RedisURL)
	o.Redis = s.redis.RedisServer
	if o.Redis.Failed == nil && check.Wants(o, "HD-R19") {
		s.redis.Try(ctx)
	}
	s.redisTook = time.Since(began)
}

// reachPooler also reads what a session of the app begins with, and takes the floor where that is quick; an ocean away
// the control queries make it.
func reachPooler(ctx context.Context, s *session, r *reaching) {
	defer close(r.pooler)
	s.pooler.open(ctx, r.hopeless)
	r.up = s.pooler.Failed == nil
	r.turn = dial.Quickest(s.pooler.Endpoint)
	close(r.proved)
	if s.pooler.usable() {
		began := time.Now()
		s.sessionRead, s.sessionFailed = readSession(ctx, s.pooler.conn)
		r.beyond = min(s.pooler.FirstTook, time.Since(began)) - r.turn
		if s.sessionFailed != nil && !s.pooler.usable() && ctx.Err() == nil {
			// It answered until now, and has closed the connection or was silent for too long.
			s.pooler.fail(ctx, "", s.sessionFailed)
		}
	}
	if !r.far() {
		s.pooler.sample(ctx)
	}
	r.poolerThen = s.pooler.Copied()
}

// reachApp opens the app's own pool and makes its self-test. It gives up as soon as the endpoint is known to be down.
func reachApp(ctx context.Context, o *facts.Observation, s *session, r *reaching) {
	defer close(r.app)
	if !check.OpensPool(o) {
		testApp(ctx, o, s)
		return
	}
	opening, cancel := context.WithCancel(ctx)
	defer cancel()
	open := make(chan struct{})
	go func() {
		select {
		case <-open:
		case <-r.proved:
			if !r.up {
				cancel()
			}
		}
	}()
	s.db, s.dbFailed = openStore(opening, o.Config.URL, o.Mode)
	close(open)
	var wg sync.WaitGroup
	wg.Go(func() { testApp(ctx, o, s) })
	wg.Go(func() { openLanes(ctx, o, s, r) })
	wg.Wait()
}

// openLanes opens more of the app's connections, so that statements can be on their way at once, where the way is long.
// One that can't be had is done without.
func openLanes(ctx context.Context, o *facts.Observation, s *session, r *reaching) {
	<-r.proved
	if s.db == nil || !check.WantsWalls(o) || !r.far() {
		return
	}
	more := make([]*store.DB, mostLanes-1)
	var wg sync.WaitGroup
	for i := range more {
		wg.Go(func() { more[i], _ = openStore(ctx, o.Config.URL, o.Mode) })
	}
	wg.Wait()
	for _, db := range more {
		if db != nil {
			s.lanes = append(s.lanes, db)
		}
	}
}

// openStore opens the app's own pool, of one connection.
func openStore(ctx context.Context, url, mode string) (*store.DB, *facts.Failure) {
	var db *store.DB
	err := dial.Bound(ctx, facts.ConnectTimeout, func(ctx context.Context) (err error) {
		db, err = store.Open(ctx, store.Config{
			URL: url, ExecMode: mode, MaxConns: 1, MinIdleConns: 1,
			ConnectTimeout: facts.ConnectTimeout, AcquireTimeout: facts.QueryTimeout, StatementTimeout: facts.QueryTimeout,
		})
		return err
	})
	return db, dial.Explain(ctx, "", err)
}
