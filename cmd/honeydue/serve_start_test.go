package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// TestServeEndsAtOnceWhereWaitingIsOfNoUse: one attempt, one error of two sentences, exit code 1.
func TestServeEndsAtOnceWhereWaitingIsOfNoUse(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	const canary = "canary-Password-77"
	for name, change := range map[string]func(*url.URL){
		"password":        func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), canary) },
		"database":        func(u *url.URL) { u.Path = "/nowhere" },
		"channel binding": func(u *url.URL) { u.RawQuery += "&channel_binding=require" },
		"authority":       func(u *url.URL) { u.RawQuery = "sslmode=verify-full" },
	} {
		t.Run(name, func(t *testing.T) {
			through, proxy := labtest.Link(t, env.DatabaseURL, link.Model{})
			u, err := url.Parse(through)
			if err != nil {
				t.Fatal(err)
			}
			change(u)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var stdout, stderr safeBuffer
			code := run(ctx, []string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--startup-timeout", "10h"},
				&stdout, &stderr, []string{"DATABASE_URL=" + u.String(), "DB_MIN_IDLE_CONNS=3"})
			said := stderr.String()
			if code != exitFailed || ctx.Err() != nil {
				t.Errorf("it ended with %d:\n%s", code, said)
			}
			if dials := proxy.Counts().Dials; dials > 3 {
				t.Errorf("%d connections were tried, want those of one attempt", dials)
			}
			_, rest, found := strings.Cut(said, "honeydue: the database at "+u.Host)
			if !found || strings.Contains(rest, "honeydue: ") || strings.Count(strings.TrimSpace(rest), "\n") != 1 {
				t.Errorf("it says:\n%s", said)
			}
			if strings.Contains(said, canary) {
				t.Error("the password is printed")
			}
		})
	}
}

// lateServer takes connections from the start, ends the first ones at once and then passes them on.
type lateServer struct {
	net.Listener
	ended, passed atomic.Int64
	ready         atomic.Bool
}

func startLate(t *testing.T, target string) *lateServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &lateServer{Listener: l}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if !s.ready.Load() {
				s.ended.Add(1)
				_ = c.Close()
				continue
			}
			s.passed.Add(1)
			to, err := net.Dial("tcp", target)
			if err != nil {
				_ = c.Close()
				continue
			}
			go func() { _, _ = io.Copy(to, c); _ = to.Close() }()
			go func() { _, _ = io.Copy(c, to); _ = c.Close() }()
		}
	}()
	return s
}

// retries counts the announcements of another attempt, and has the server ready after the third.
type retries struct {
	slog.Handler
	n      int
	server *lateServer
}

func (r *retries) Enabled(context.Context, slog.Level) bool { return true }

func (r *retries) Handle(context.Context, slog.Record) error {
	if r.n++; r.n == 3 {
		r.server.ready.Store(true)
	}
	return nil
}

// TestServeWaitsWithOneConnection: what may pass is tried again, each time by one connection, and then by all.
func TestServeWaitsWithOneConnection(t *testing.T) {
	const conns = 4
	env := labtest.Database(t, store.Migrate)
	u, err := url.Parse(env.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	server := startLate(t, u.Host)
	u.Host = server.Addr().String()
	waits := &retries{server: server}
	db, err := openPool(t.Context(), patience, store.Config{URL: u.String(), MaxConns: conns, MinIdleConns: conns}, slog.New(waits))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// The first attempt by all, two more by one.
	if ended := server.ended.Load(); waits.n != 3 || ended > conns+2 || ended < 3 {
		t.Errorf("%d connections in the %d attempts that failed", ended, waits.n)
	}
	if passed := server.passed.Load(); passed != 1+conns || db.Proof().Conns != conns {
		t.Errorf("%d connections were opened in the end", passed)
	}

	server.ready.Store(false)
	began := time.Now()
	if _, err := openPool(t.Context(), time.Second, store.Config{URL: u.String(), MaxConns: 1}, slog.New(waits)); err == nil || time.Since(began) > patience {
		t.Errorf("after the start's time-out: %v", err)
	}
}

// TestServeKeepsThePoolOfTheURL: pgxpool's parameters count, in a URL and in keywords and values.
func TestServeKeepsThePoolOfTheURL(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	env, pooler := labtest.Pooler(t, env, link.Model{})
	u, err := url.Parse(env.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	words := "host=" + u.Hostname() + " port=" + u.Port() + " dbname=" + strings.TrimPrefix(u.Path, "/") + " user=" + u.User.Username() +
		" password='" + password + "' sslmode=verify-full sslrootcert='" + u.Query().Get("sslrootcert") + "' pool_max_conns=4 keepalives=0"
	for _, raw := range []string{env.DatabaseURL + "&pool_max_conns=6&pool_min_conns=4&keepalives=0", words} {
		before := pooler.Counts().Dials
		s := startServe(t, []string{"DATABASE_URL=" + raw, "REDIS_URL=" + env.RedisURL})
		if dials := pooler.Counts().Dials - before; dials != 4 {
			t.Errorf("%d connections were opened, want 4", dials)
		}
		if strings.Count(s.stderr.String(), "DATABASE_URL sets keepalives, which has no effect") != 1 {
			t.Errorf("it says:\n%s", s.stderr.String())
		}
		if code := s.end(); code != exitOK {
			t.Errorf("it ended with %d", code)
		}
	}
}
