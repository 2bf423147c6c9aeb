package servecmd

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }

// patience is for what takes a moment on a machine that is not busy.
const patience = time.Minute

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
