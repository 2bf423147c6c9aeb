package store

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// bootBudget is the most turns that the critical path of Open may take.
const bootBudget = 8

func TestOpenProvesThePoolerWithinItsTurns(t *testing.T) {
	env := labtest.Database(t, Migrate)
	for _, tt := range []struct {
		name, url string
		pooled    bool
		turns     int64 // of each connection, TCP and proof included
	}{
		// PgBouncer over TLS: TCP, SSLRequest, TLS, start-up, SASL, SASL final; and the proof.
		{"pooler", env.DatabaseURL, true, 7},
		{"direct", env.DirectURL, false, directTurns(t, env.DirectURL)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			through, proxy := labtest.Link(t, tt.url, link.Model{})
			dials := &link.Dials{}
			c := patiently(through)
			c.Dials = dials
			db, err := Open(t.Context(), c)
			check(t, err)
			defer db.Close()
			p := db.Proof()
			if p.ThroughPooler != tt.pooled || p.How == "" || p.ExecMode != "exec" || p.Took <= 0 {
				t.Errorf("proof: %+v", p)
			}
			if p.Conns != DefaultMinIdleConns || dials.Count() != DefaultMinIdleConns || proxy.Counts().Dials != DefaultMinIdleConns {
				t.Errorf("%d connections proved, %d dialled, %d seen outside; want %d", p.Conns, dials.Count(), proxy.Counts().Dials, DefaultMinIdleConns)
			}
			if p.Turns != tt.turns || p.Turns > bootBudget {
				t.Errorf("critical path of %d turns, want %d and at most %d", p.Turns, tt.turns, bootBudget)
			}
			// Everything was connecting, so everything is charged to the dials;
			// the proxy does not count the TCP handshakes.
			outside := proxy.Counts().Turns + proxy.Counts().Dials
			if dials.Turns() != outside || outside != DefaultMinIdleConns*tt.turns {
				t.Errorf("%d turns charged to dials, %d seen outside, want %d", dials.Turns(), outside, DefaultMinIdleConns*tt.turns)
			}
			ctx, tally := link.WithTally(t.Context())
			check(t, db.Ping(ctx))
			if tally.Turns() != 1 || dials.Turns() != outside {
				t.Errorf("a ping cost %d turns, and dials %d more", tally.Turns(), dials.Turns()-outside)
			}
		})
	}
}

// directTurns is what connecting to Postgres itself takes: one more where it answers TLS with HelloRetryRequest, as
// it does before version 18, which takes the client's first choice of a key exchange.
func directTurns(t *testing.T, url string) int64 {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	check(t, err)
	defer conn.Close(t.Context())
	version := 0
	check(t, conn.QueryRow(t.Context(), "SELECT current_setting('server_version_num')::int").Scan(&version))
	if version >= 180000 {
		return 7
	}
	return 8
}

// TestOpenHasTimeForOtherQuestions: what a start asks meanwhile goes over a
// connection of the pool and costs no dial; Open waits for it.
func TestOpenHasTimeForOtherQuestions(t *testing.T) {
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{RTT: 50 * time.Millisecond})
	runs := 0
	c := patiently(env.DatabaseURL)
	c.Meanwhile = func(ctx context.Context, db *DB) {
		runs++
		if _, err := db.ChangesSince(ctx, ""); err != nil {
			t.Error(err)
		}
	}
	db, err := Open(t.Context(), c)
	check(t, err)
	defer db.Close()
	if dials := proxy.Counts().Dials; runs != 1 || dials != DefaultMinIdleConns {
		t.Errorf("asked %d times, %d connections dialled; want once, and %d", runs, dials, DefaultMinIdleConns)
	}
}

// TestOpenThatFailsEndsTheOtherQuestions: nobody waits for the answer to what is
// of no use any more.
func TestOpenThatFailsEndsTheOtherQuestions(t *testing.T) {
	env := labtest.Database(t, Migrate)
	var dials atomic.Int64
	refused := errors.New("no more than one")
	asking := make(chan struct{})
	asked, ended := false, false
	c := patiently(env.DatabaseURL)
	c.Meanwhile = func(ctx context.Context, _ *DB) {
		asked = true
		close(asking)
		select {
		case <-ctx.Done():
			ended = true
		case <-time.After(patient):
		}
	}
	db, err := openWith(t.Context(), c, func(pc *pgxpool.Config) {
		dial := pc.ConnConfig.DialFunc
		pc.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				return dial(ctx, network, addr)
			}
			<-asking // the others fail while the first one is of use
			return nil, refused
		}
	})
	if err == nil {
		db.Close()
	}
	if !errors.Is(err, refused) || !asked || !ended {
		t.Errorf("%v; asked: %t, told that nobody needs it: %t", err, asked, ended)
	}
}

// TestOpenAsksNothingInAnUnsafeMode: the mode is unsafe behind a pooler,
// so nothing is asked in it.
func TestOpenAsksNothingInAnUnsafeMode(t *testing.T) {
	env := labtest.Database(t, Migrate)
	_, err := Open(t.Context(), Config{URL: env.DatabaseURL, ExecMode: "describe_exec", Meanwhile: func(context.Context, *DB) {
		t.Error("it asked in a mode that mixes up answers")
	}})
	if err == nil {
		t.Error("the mode was accepted")
	}
}

// TestOpenIsParallel: all twenty connections are on their way before the first is there, and the turns are those that
// one of them waits for.
func TestOpenIsParallel(t *testing.T) {
	const rtt = 50 * time.Millisecond
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{RTT: rtt})
	var under sync.WaitGroup
	under.Add(DefaultMinIdleConns)
	db, err := openWith(t.Context(), patiently(env.DatabaseURL), func(pc *pgxpool.Config) {
		dial := pc.ConnConfig.DialFunc
		pc.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			under.Done()
			all := make(chan struct{})
			go func() { under.Wait(); close(all) }()
			select {
			case <-all:
				return dial(ctx, network, addr)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	})
	check(t, err)
	defer db.Close()
	p := db.Proof()
	if p.Took < time.Duration(p.Turns)*rtt {
		t.Errorf("%d turns of %s cannot have taken %s", p.Turns, rtt, p.Took)
	}
	if dials := proxy.Counts().Dials; p.Conns != DefaultMinIdleConns || dials != DefaultMinIdleConns {
		t.Errorf("%d connections in %d dials, want %d", p.Conns, dials, DefaultMinIdleConns)
	}
}

func TestOpenRefusesUnsafeModesBehindAPooler(t *testing.T) {
	env := labtest.Database(t, Migrate)
	for _, mode := range ExecModes() {
		for _, way := range []struct {
			name, url string
			allowed   bool
		}{{"pooler", env.DatabaseURL, PooledSafe(mode)}, {"direct", env.DirectURL, true}} {
			t.Run(mode+" "+way.name, func(t *testing.T) {
				c := patiently(way.url)
				c.ExecMode, c.MaxConns = mode, 2
				db, err := Open(t.Context(), c)
				if err == nil {
					defer db.Close()
				}
				if (err == nil) != way.allowed {
					t.Fatalf("Open: %v", err)
				}
				if err != nil && (!strings.Contains(err.Error(), mode) || !strings.Contains(hint(err), "DB_EXEC_MODE")) {
					t.Errorf("says %q and %q", err, hint(err))
				}
			})
		}
	}
}

func hint(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return h.Hint()
	}
	return ""
}

func TestOpenFailsClearly(t *testing.T) {
	env := labtest.Database(t, Migrate)
	good, err := url.Parse(env.DatabaseURL)
	check(t, err)
	secret, _ := good.User.Password()
	with := func(change func(*url.URL)) string {
		u := *good
		change(&u)
		return u.String()
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	check(t, err)
	defer silent.Close()
	for _, tt := range []struct {
		name   string
		config Config
		says   string
		down   bool
	}{
		{"nobody listens", Config{URL: with(func(u *url.URL) { u.Host = "127.0.0.1:1" })}, "127.0.0.1:1", true},
		{"nobody answers", Config{URL: with(func(u *url.URL) { u.Host = silent.Addr().String() }), ConnectTimeout: 300 * time.Millisecond}, silent.Addr().String(), true},
		{"wrong password", Config{URL: with(func(u *url.URL) { u.User = url.UserPassword(good.User.Username(), "wrong-"+secret) })}, "authentication", true},
		{"unknown mode", Config{URL: env.DatabaseURL, ExecMode: "fast"}, `"fast"`, false},
		{"options", Config{URL: with(func(u *url.URL) { u.RawQuery += "&options=-c%20statement_timeout%3D5s" })}, `"options"`, false},
		{"statement_timeout", Config{URL: with(func(u *url.URL) { u.RawQuery += "&statement_timeout=5s" })}, `"statement_timeout"`, false},
		{"pool of the URL", Config{URL: with(func(u *url.URL) { u.RawQuery += "&pool_max_conns=5" })}, `"pool_max_conns"`, false},
		{"connect_timeout", Config{URL: with(func(u *url.URL) { u.Host, u.RawQuery = silent.Addr().String(), u.RawQuery+"&connect_timeout=1" })}, silent.Addr().String(), true},
		{"more idle than all", Config{URL: env.DatabaseURL, MaxConns: 3, MinIdleConns: 4}, "4 idle", false},
		{"no URL", Config{URL: "postgres://" + secret + "@[::1"}, "cannot be read", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, err := Open(t.Context(), tt.config)
			if err == nil {
				db.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.says) || hint(err) == "" {
				t.Errorf("says %q and %q, want it to say %q and what to do", err, hint(err), tt.says)
			}
			if strings.Contains(err.Error()+hint(err), secret) {
				t.Error("the password is printed")
			}
			if errors.Is(err, ErrUnavailable) != tt.down {
				t.Errorf("unavailable: %v", !tt.down)
			}
		})
	}
}

// TestOpenEndsWithItsContext: nobody waits for the time-out of a dial that is
// no longer wanted.
func TestOpenEndsWithItsContext(t *testing.T) {
	env, proxy := labtest.Pooler(t, labtest.Database(t, Migrate), link.Model{})
	proxy.Pause()
	defer proxy.Resume()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := Open(ctx, Config{URL: env.DatabaseURL, ConnectTimeout: time.Hour})
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Open waits for a dial that nobody wants")
	}
}
