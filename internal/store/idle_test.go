package store

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// TestEndedConnectionsAreReplaced: connections end while they are idle, and others are there before anybody asks.
func TestEndedConnectionsAreReplaced(t *testing.T) {
	const conns = 5
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 2*conns, conns })
	proxy.CutAll()
	labtest.Eventually(t, "other connections", func() bool {
		s := db.Stat()
		return s.EndedIdle == conns && s.Opened == 2*conns && s.Idle == conns
	})
	before := db.Stat()
	burst(t, db, conns)
	if after := db.Stat(); after.Waited != before.Waited || after.Opened != before.Opened {
		t.Errorf("%d statements waited, %d connections were opened by them", after.Waited-before.Waited, after.Opened-before.Opened)
	}
	if limit := db.Stat().IdleLimit; limit != 0 {
		t.Errorf("a cut is taken for a limit of %v", limit)
	}
}

// TestAnIdleLimitIsKept: the other side closes what idles for three seconds. Once it has done so the connections are
// used in time, and none ends any more, so that no request pays for a new one.
func TestAnIdleLimitIsKept(t *testing.T) {
	const conns, limit = 8, 3 * time.Second
	for name, set := range map[string]func(*testing.T, labtest.Env) (url string){
		"PgBouncer": func(t *testing.T, env labtest.Env) string {
			consoleSays(t, env, "SET client_idle_timeout = '3'")
			t.Cleanup(func() { consoleSays(t, env, "SET client_idle_timeout = '0'") })
			return env.DatabaseURL
		},
		"Postgres": func(t *testing.T, env labtest.Env) string {
			conn, err := pgx.Connect(t.Context(), env.DirectURL)
			check(t, err)
			defer conn.Close(context.WithoutCancel(t.Context()))
			_, err = conn.Exec(t.Context(), "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET idle_session_timeout = ''3s''', current_database()); END $$")
			check(t, err)
			return env.DirectURL
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it takes ten seconds, and the one does not meet the other's limit
			env := labtest.Database(t, Migrate)
			env.DatabaseURL = set(t, env)
			learned := make(chan time.Duration, 2)
			db := open(t, env, func(c *Config) {
				c.MaxConns, c.MinIdleConns = 2*conns, conns
				c.IdleClosed = func(after time.Duration, _ string) { learned <- after }
			})
			labtest.Eventually(t, "the limit being learned", func() bool { return db.Stat().IdleLimit > 0 })
			if after := <-learned; after < limit {
				t.Errorf("it is said that connections are closed after %v", after)
			}
			// A machine that stands still for a second may miss the moment; it does not each time.
			labtest.Eventually(t, "twice the limit in which no connection ends, and a burst that opens none", func() bool {
				before := db.Stat()
				if before.Idle != conns {
					return false
				}
				time.Sleep(2 * limit) // the state to see is that nothing happens
				if db.Stat().EndedIdle != before.EndedIdle {
					return false
				}
				burst(t, db, conns)
				after := db.Stat()
				return after.Opened == before.Opened && after.Waited == before.Waited && after.KeptAlive >= before.KeptAlive+conns
			})
			select {
			case <-learned:
				t.Error("it is said twice")
			default:
			}
		})
	}
}

// TestAPoolIsFilledAfterAnOutage, although nobody asks for anything: each request would pay for a connection of its own.
func TestAPoolIsFilledAfterAnOutage(t *testing.T) {
	const conns = 4
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	var down atomic.Bool
	var refused atomic.Int64
	c := patiently(env.DatabaseURL)
	c.MaxConns, c.MinIdleConns, c.HealthCheckPeriod = 2*conns, conns, time.Hour
	db, err := openWith(t.Context(), c, func(pc *pgxpool.Config) {
		dial := pc.ConnConfig.DialFunc
		pc.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if down.Load() {
				refused.Add(1)
				return nil, syscall.ECONNREFUSED
			}
			return dial(ctx, network, addr)
		}
	})
	check(t, err)
	defer db.Close()
	down.Store(true)
	proxy.CutAll()
	labtest.Eventually(t, "the end of all connections", func() bool { return db.Stat().EndedIdle == conns && db.Stat().Total == 0 })
	labtest.Eventually(t, "pgxpool's own attempt, in vain", func() bool { return refused.Load() > 0 })
	down.Store(false)
	labtest.Eventually(t, "a full pool", func() bool { return db.Stat().Idle == conns })
	before := db.Stat()
	burst(t, db, conns)
	if after := db.Stat(); after.Opened != before.Opened {
		t.Errorf("%d connections were opened by statements", after.Opened-before.Opened)
	}
}

// TestARestingPoolIsLeftAlone: five minutes after the last statement nothing is asked, and a limit that does not hold any
// more is forgotten.
func TestARestingPoolIsLeftAlone(t *testing.T) {
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 4, 4 })
	w := db.idle
	w.learn(3*idleLook, "")
	labtest.Eventually(t, "connections being kept", func() bool { return db.Stat().KeptAlive >= 4 })
	w.used.Store(int64(-2 * idleRest)) // as if the last statement was that long ago
	labtest.Eventually(t, "the limit being forgotten", func() bool { return db.Stat().IdleLimit == 0 })
	w.mu.Lock()
	w.limit = 10 * idleLook // a third of it is over, and twice of it is not
	w.mu.Unlock()
	before, opened := proxy.Counts().Turns, db.Stat().Opened
	time.Sleep(4 * idleLook) // the state to see is that nothing happens
	if turns := proxy.Counts().Turns - before; turns != 0 {
		t.Errorf("%d turns of a pool at rest", turns)
	}
	proxy.CutAll()
	time.Sleep(4 * idleLook)
	if now := db.Stat(); now.Opened != opened || now.EndedIdle != 0 {
		t.Errorf("%d connections were opened by a pool at rest, and %d given up", now.Opened-opened, now.EndedIdle)
	}
}

func TestWhoSaysIdle(t *testing.T) {
	for _, c := range []struct {
		reason *pgconn.PgError
		idle   bool
	}{
		{nil, false},
		{&pgconn.PgError{Code: "08P01", Message: "client_idle_timeout"}, true},
		{&pgconn.PgError{Code: "08P01", Message: "pgbouncer is shutting down"}, false},
		{&pgconn.PgError{Code: "57P05", Message: "terminating connection due to idle-session timeout"}, true},
		{&pgconn.PgError{Code: "57P01", Message: "terminating connection due to administrator command"}, false},
	} {
		if got := saysIdle(c.reason); got != c.idle {
			t.Errorf("%+v: %v", c.reason, got)
		}
	}
}

// consoleSays runs a command on the pooler's console.
func consoleSays(t *testing.T, env labtest.Env, command string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, env.AdminURL)
	check(t, err)
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, command).ReadAll()
	check(t, err)
}
