package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// TestIdleConnectionsAreKept is S2: through three health checks of an idle pool
// a proxy outside sees no dial and no connection closed. The second case shows
// what a literal 0 for the idle time does in pgxpool.
func TestIdleConnectionsAreKept(t *testing.T) {
	const period = 100 * time.Millisecond
	for _, tt := range []struct {
		name   string
		change func(*pgxpool.Config)
		kept   bool
	}{
		{"tuned", func(*pgxpool.Config) {}, true},
		{"a literal 0", func(c *pgxpool.Config) { c.MaxConnIdleTime = 0 }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
			c := patiently(env.DatabaseURL)
			c.HealthCheckPeriod = period
			db, err := openWith(t.Context(), c, tt.change)
			check(t, err)
			defer db.Close()
			burst(t, db, DefaultMaxConns) // a busy minute has opened all of them
			if open := proxy.Counts().Open; open != DefaultMaxConns {
				t.Fatalf("%d connections open, want %d", open, DefaultMaxConns)
			}
			if tt.kept {
				time.Sleep(4 * period) // three health checks: the state to see is that nothing happens
			} else {
				labtest.Eventually(t, "a health check", func() bool { return db.Stat().ClosedIdle > 0 })
			}
			burst(t, db, DefaultMaxConns)
			after := proxy.Counts()
			if kept := after.Dials == DefaultMaxConns && after.Open == DefaultMaxConns; kept != tt.kept {
				t.Errorf("after three health checks: %d dials, %d open", after.Dials, after.Open)
			}
			if closed := db.Stat().ClosedIdle; (closed == 0) != tt.kept {
				t.Errorf("%d closed for idleness", closed)
			}
		})
	}
}

// burst holds n connections at once.
func burst(t *testing.T, db *DB, n int) {
	t.Helper()
	var all, done sync.WaitGroup
	all.Add(n)
	errs := make(chan error, n)
	for range n {
		done.Go(func() {
			errs <- db.borrow(t.Context(), poolPing, func(ctx context.Context, c *pgx.Conn) error {
				all.Done()
				all.Wait()
				return c.Ping(ctx)
			})
		})
	}
	done.Wait()
	for range n {
		check(t, <-errs)
	}
}

// TestTwentyConnectionsKeptAtRest: the idle pool of a quiet night neither
// shrinks nor dials.
func TestTwentyConnectionsKeptAtRest(t *testing.T) {
	const period = 100 * time.Millisecond
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns, c.HealthCheckPeriod = 0, 0, period })
	before := proxy.Counts()
	time.Sleep(4 * period) // as above
	// Bytes are left out: the proxy counts what it has delivered a moment after the client has it.
	if after := proxy.Counts(); after.Dials != before.Dials || after.Turns != before.Turns || after.Open != DefaultMinIdleConns {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if s := db.Stat(); s.Total != DefaultMinIdleConns || s.Opened != DefaultMinIdleConns {
		t.Errorf("pool: %+v", s)
	}
	// Not at once: a health check takes all idle connections for a moment.
	labtest.Eventually(t, "all connections being idle", func() bool { return db.Stat().Idle == DefaultMinIdleConns })
}

// TestNoHiddenPing: pgxpool would ping a connection that was idle for a second.
func TestNoHiddenPing(t *testing.T) {
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	db := open(t, env)
	before := proxy.Counts().Turns
	time.Sleep(1100 * time.Millisecond) // pgxpool's own threshold
	check(t, db.Ping(t.Context()))
	if turns := proxy.Counts().Turns - before; turns != 1 {
		t.Errorf("%d turns after a second of idleness, want 1", turns)
	}
}

// TestLifetimeReplacesConnections: and no request pays for it, as the health
// check does.
func TestLifetimeReplacesConnections(t *testing.T) {
	env, _ := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	db := open(t, env, func(c *Config) {
		c.MaxLifetime, c.HealthCheckPeriod = 300*time.Millisecond, 50*time.Millisecond
	})
	labtest.Eventually(t, "replacing expired connections", func() bool { s := db.Stat(); return s.ClosedOld >= 2 && s.Opened >= 4 })
	check(t, db.Ping(t.Context()))
}

// cuts are the ways in which all connections die while the pool is idle. A cut may have to be repeated: a server
// connection that is still logging in belongs to no database yet, so that terminate does not find it.
func cuts() map[string]func(*testing.T, *link.Proxy, string) {
	return map[string]func(*testing.T, *link.Proxy, string){
		"reset":               func(_ *testing.T, p *link.Proxy, _ string) { p.CutAll() },
		"backends terminated": func(t *testing.T, _ *link.Proxy, direct string) { terminate(t, direct) },
	}
}

// terminate ends every backend of a database.
func terminate(t *testing.T, direct string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), direct)
	check(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	check(t, err)
}

// TestAnIdleDeathCostsNoError: twenty connections die while idle; then twenty
// reads and twenty writes at once succeed, because the FIN (or RST) is looked
// for before a connection is lent.
func TestAnIdleDeathCostsNoError(t *testing.T) {
	for way := range map[string]bool{"pooler": true, "direct": true} {
		for name, cut := range cuts() {
			t.Run(way+" "+name, func(t *testing.T) {
				env := labtest.Database(t, Migrate)
				target := env.DatabaseURL
				if way == "direct" {
					target = env.DirectURL
				}
				through, proxy := labtest.Link(t, target, link.Model{})
				dialled := &sockets{}
				db, err := openWith(t.Context(), patiently(through), dialled.watch)
				check(t, err)
				defer db.Close()
				w := newWorld(t, db)
				// A pooler keeps its clients when backends die, and opens new ones.
				dead := func() bool { return poolerServers(t, env) == 0 }
				if name == "reset" || way == "direct" {
					dead = dialled.allClosedByPeer
				}
				labtest.Eventually(t, "the end of all connections", func() bool {
					cut(t, proxy, env.DirectURL)
					return dead()
				})
				errs := make(chan error, 2*DefaultMinIdleConns)
				for i := range DefaultMinIdleConns {
					go func() { errs <- drop(db.Residence(t.Context(), w.member.ID, w.home.ID)) }()
					go func() {
						errs <- drop(db.CreateTask(t.Context(), wr(), w.member.ID, household.NewTask{ResidenceID: w.home.ID, Title: fmt.Sprint("After the cut ", i)}))
					}()
				}
				for range cap(errs) {
					if err := <-errs; err != nil {
						t.Error(err)
					}
				}
				_, b, err := db.Board(t.Context(), w.token, at(), household.DueSoonDays)
				check(t, err)
				if want := 2 + DefaultMinIdleConns; len(b.Cards) != want {
					t.Errorf("%d cards, want %d: each write exactly once", len(b.Cards), want)
				}
			})
		}
	}
}

// sockets remembers the connections that a pool has dialled.
type sockets struct {
	mu    sync.Mutex
	conns []*link.Conn
}

func (s *sockets) watch(pc *pgxpool.Config) {
	dial := pc.ConnConfig.DialFunc
	pc.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if m, ok := link.Of(c); ok && err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.conns = append(s.conns, m)
		}
		return c, err
	}
}

func (s *sockets) allClosedByPeer() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(s.conns, func(c *link.Conn) bool { return !c.PeerClosed() })
}

// poolerServers is how many server connections PgBouncer holds for a database.
func poolerServers(t *testing.T, env labtest.Env) int {
	t.Helper()
	target, err := pgx.ParseConfig(env.DatabaseURL)
	check(t, err)
	console, err := pgx.Connect(t.Context(), env.AdminURL)
	check(t, err)
	defer console.Close(context.WithoutCancel(t.Context()))
	results, err := console.PgConn().Exec(t.Context(), "SHOW SERVERS").ReadAll()
	check(t, err)
	n := 0
	for _, row := range results[0].Rows {
		if string(row[2]) == target.Database {
			n++
		}
	}
	return n
}

// TestADeathUnderWay: a read that loses its connection is sent again; a write
// is not, and its error says that the outcome is unknown.
func TestADeathUnderWay(t *testing.T) {
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	db := open(t, env)
	w := newWorld(t, db)
	lose := func(ctx context.Context, q Query) (attempts int, _ error) {
		err := db.borrow(ctx, q, func(ctx context.Context, c *pgx.Conn) error {
			attempts++
			if attempts > 1 {
				return c.Ping(ctx)
			}
			proxy.Pause() // the statement leaves and does not arrive
			before := link0(c).BytesWritten()
			go func() {
				for link0(c).BytesWritten() == before {
					runtime.Gosched()
				}
				proxy.CutAll()
				proxy.Resume()
			}()
			return c.Ping(ctx)
		})
		return attempts, err
	}
	ctx, tally := link.WithTally(t.Context())
	if attempts, err := lose(ctx, taskGet); err != nil || attempts != 2 {
		t.Errorf("a read: %d attempts, %v", attempts, err)
	}
	if tally.Turns() != 1 {
		t.Errorf("a read that was sent twice and answered once took %d turns", tally.Turns())
	}
	attempts, err := lose(t.Context(), taskStart)
	if attempts != 1 || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotSent) {
		t.Errorf("a write: %d attempts, %v", attempts, err)
	}
	check(t, drop(db.Task(t.Context(), w.owner.ID, w.task.ID)))
}

func link0(c *pgx.Conn) *link.Conn {
	m, _ := link.Of(c.PgConn().Conn())
	return m
}

// TestAWriteThatWasNotSentIsRetried: the connection breaks before the first byte.
func TestAWriteThatWasNotSentIsRetried(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	attempts := 0
	err := db.borrow(t.Context(), taskStart, func(ctx context.Context, c *pgx.Conn) error {
		attempts++
		if attempts == 1 {
			check(t, link0(c).Close()) // as a kernel that has given the peer up
		}
		return c.Ping(ctx)
	})
	if err != nil || attempts != 2 {
		t.Errorf("%d attempts, %v", attempts, err)
	}
}

// TestErrorsOfStatementsAreNotRetried: the connection is sound, so the answer stands.
func TestErrorsOfStatementsAreNotRetried(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	attempts := 0
	err := db.borrow(t.Context(), taskGet, func(ctx context.Context, c *pgx.Conn) error {
		attempts++
		_, err := c.Exec(ctx, "SELECT 1/0")
		return err
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); attempts != 1 || !ok || pg.Code != "22012" || errors.Is(err, ErrUnavailable) {
		t.Errorf("%d attempts, %v", attempts, err)
	}
}

func TestTheDatabaseGoesAway(t *testing.T) {
	database := labtest.Database(t, Migrate)
	w := newWorld(t, open(t, database))
	env, proxy := labtest.Pooler(t, database, link.Model{})
	db := open(t, env) // before the time-outs are short, or a busy machine ends it
	db.cfg.AcquireTimeout, db.cfg.StatementTimeout = 300*time.Millisecond, 300*time.Millisecond
	proxy.Pause()
	err := drop(db.Task(t.Context(), w.owner.ID, w.task.ID))
	if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotSent) {
		t.Errorf("a statement without an answer: %v", err)
	}
	proxy.CutAll() // and new connections hang
	labtest.Eventually(t, "noticing", func() bool {
		err = drop(db.StartTask(t.Context(), wr(w.home.ID), w.owner.ID, w.task.ID, at()))
		return errors.Is(err, ErrUnavailable) && errors.Is(err, ErrNotSent)
	})
	proxy.Resume()
	labtest.Eventually(t, "recovering", func() bool { return db.Ping(t.Context()) == nil })
}

// TestACancelledClientKeepsTheConnection: his statement runs to its end, the
// connection goes back, and nobody dials anew.
func TestACancelledClientKeepsTheConnection(t *testing.T) {
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	db := open(t, env)
	w := newWorld(t, db)
	before := proxy.Counts().Dials
	for i := range 40 {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.borrow(ctx, taskGet, func(inner context.Context, c *pgx.Conn) error {
			cancel()
			return c.Ping(inner)
		})
		cancel()
		if err != nil {
			t.Fatalf("%d: the answer came, and yet: %v", i, err)
		}
		if err := drop(db.Task(ctx, w.owner.ID, w.task.ID)); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
			t.Fatalf("%d: a request that was over before it began: %v", i, err)
		}
	}
	if s := db.Stat(); s.InUse != 0 || s.Total != s.Idle || proxy.Counts().Dials != before {
		t.Errorf("pool: %+v; %d dials", s, proxy.Counts().Dials-before)
	}
}

// TestAFullPoolSaysSo: who waits too long is told to come again, and a waiting
// client who leaves takes nothing with him.
func TestAFullPoolSaysSo(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns, c.AcquireTimeout = 1, 1, 200*time.Millisecond })
	held, release := make(chan struct{}), make(chan struct{})
	holding := make(chan error, 1)
	go func() {
		holding <- db.borrow(t.Context(), poolPing, func(ctx context.Context, c *pgx.Conn) error {
			close(held)
			<-release
			return c.Ping(ctx)
		})
	}()
	<-held
	ctx, tally := link.WithTally(t.Context())
	if err := db.Ping(ctx); !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrNotSent) {
		t.Errorf("a full pool: %v", err)
	}
	if tally.Turns() != 0 || tally.Acquire() < 200*time.Millisecond || tally.DB() != 0 {
		t.Errorf("charged %d turns, %s of waiting, %s of database", tally.Turns(), tally.Acquire(), tally.DB())
	}
	left, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Ping(left); !errors.Is(err, context.Canceled) {
		t.Errorf("a client who left: %v", err)
	}
	close(release)
	check(t, <-holding)
	check(t, db.Ping(t.Context()))
	if s := db.Stat(); s.Total != 1 || s.InUse != 0 {
		t.Errorf("pool: %+v", s)
	}
}

// TestTheCallersDeadlineHolds: even for a statement under way.
func TestTheCallersDeadlineHolds(t *testing.T) {
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	db := open(t, env)
	proxy.Pause()
	defer proxy.Resume()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := db.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Ping: %v", err)
	}
}
