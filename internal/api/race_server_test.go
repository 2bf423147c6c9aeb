package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// raceServerEnv makes this test's binary a server of the race test: see TestMain.
const raceServerEnv = "HONEYDUE_RACE_SERVER"

// raceServerConfig is what that variable holds, as JSON.
type raceServerConfig struct {
	DatabaseURL, RedisURL string
	Sabotage              cache.Sabotage
}

// raceOrder is how one write is to go, in the header raceHeader.
type raceOrder struct {
	ID      string
	Held    time.Duration // to wait between the hold and the statement
	Written time.Duration // to wait between the commit and the release
	Kill    string        // the step after which the writer dies: held, written
}

const raceHeader = "X-Race"

// runRaceServer is a server process of the race test. It tells on stdout where
// it listens, and of each write how Redis took it; it ends with its parent,
// which holds the other end of stdin.
func runRaceServer(raw string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // ends with the process, if not by the parent's end
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := serveRace(ctx, raw); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serveRace(ctx context.Context, raw string) error {
	var cfg raceServerConfig
	if err := json.Unmarshal([]byte(raw), &cfg); err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Config{URL: cfg.DatabaseURL, MaxConns: 10, MinIdleConns: 6})
	if err != nil {
		return err
	}
	defer db.Close()
	registry := prometheus.NewRegistry()
	c, err := cache.Open(cache.Config{URL: cfg.RedisURL, Registerer: registry, Tracer: raceWitness{}, Sabotage: cfg.Sabotage})
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := New(Config{DB: db, Cache: c, Registry: registry, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}) //nolint:contextcheck // its handlers take each request's own
	if err != nil {
		return err
	}
	var tell raceTeller
	s.between = tell.between
	s.aging = 100 * time.Millisecond // so that boards are made of copies that have aged
	s.SetReady()
	var wg sync.WaitGroup
	wg.Go(func() { s.Keep(ctx) })
	defer wg.Wait()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := &http.Server{Handler: tell.handler(s, registry), ReadHeaderTimeout: time.Minute}
	wg.Go(func() {
		<-ctx.Done()
		_ = h.Close()
	})
	tell.line("listening", l.Addr().String(), "")
	_ = h.Serve(l)
	return nil
}

// raceTeller tells the parent about writes, line by line.
type raceTeller struct{ mu sync.Mutex }

func (o *raceTeller) line(what, id, how string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Printf("%s %s %s\n", what, id, how)
}

func (o *raceTeller) handler(s *Server, registry *prometheus.Registry) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/race/counters" {
			o.line("mark", r.Header.Get(raceHeader), "") // all reports before this one are out
			writeStatus(w, http.StatusOK, raceCounters(registry))
			return
		}
		raw := r.Header.Get(raceHeader)
		if raw == "" {
			s.ServeHTTP(w, r)
			return
		}
		call := &raceCall{}
		if err := json.Unmarshal([]byte(raw), &call.order); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), raceCallKey{}, call)))
		o.line("released", call.order.ID, call.take("release"))
	})
}

// between waits, or kills the writer, as its order says.
func (o *raceTeller) between(ctx context.Context, step string) {
	call, ok := ctx.Value(raceCallKey{}).(*raceCall)
	if !ok {
		return
	}
	wait := call.order.Held
	if step == "held" {
		o.line("held", call.order.ID, call.take("hold"))
	} else {
		wait = call.order.Written
		call.take("release") // a former attempt's
	}
	time.Sleep(wait)
	if call.order.Kill == step {
		panic(http.ErrAbortHandler)
	}
}

// raceCall is one write: what Redis said to its latest hold and release.
type raceCall struct {
	order raceOrder
	mu    sync.Mutex
	said  map[string]string
}

type raceCallKey struct{}

func (c *raceCall) hear(step, said string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said == nil {
		c.said = map[string]string{}
	}
	c.said[step] = said
}

func (c *raceCall) take(step string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	said := c.said[step]
	delete(c.said, step)
	return said
}

// raceWitness is a tracer that sees which scripts of a write Redis confirmed.
// Only the call stack tells which script a span is of.
type raceWitness struct{ embedded.TracerProvider }

func (raceWitness) Tracer(string, ...trace.TracerOption) trace.Tracer { return raceTracer{} }

type raceTracer struct{ embedded.Tracer }

func (raceTracer) Start(ctx context.Context, _ string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	call, ok := ctx.Value(raceCallKey{}).(*raceCall)
	if !ok {
		return ctx, noop.Span{}
	}
	var pcs [48]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		for step, name := range map[string]string{"hold": "cache.(*Cache).Hold", "release": "cache.(*Cache).Release"} {
			if strings.Contains(f.Function, name) {
				return ctx, &raceSpan{call: call, step: step}
			}
		}
		if !more {
			return ctx, noop.Span{}
		}
	}
}

type raceSpan struct {
	noop.Span
	call   *raceCall
	step   string
	failed bool
}

func (s *raceSpan) RecordError(error, ...trace.EventOption) { s.failed = true }

func (s *raceSpan) End(...trace.SpanEndOption) {
	said := "confirmed"
	if s.failed {
		said = ""
	}
	s.call.hear(s.step, said)
}

// raceCounters are the cache's counters, by name and label values.
func raceCounters(registry *prometheus.Registry) map[string]float64 {
	out := map[string]float64{}
	families, _ := registry.Gather()
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			if m.GetCounter() != nil {
				out[name] = m.GetCounter().GetValue()
			}
		}
	}
	return out
}

// raceServer is a server process as its parent sees it, with the links that
// lead from it to the pooler and to Redis.
type raceServer struct {
	t             *testing.T
	name          string
	config        raceServerConfig
	pooler, redis *link.Proxy
	reports       *raceReports

	life atomic.Pointer[raceLife]
	born int
}

// raceLife is one run of a server.
type raceLife struct {
	name   string // A1, then A2
	url    string
	cmd    *exec.Cmd
	stdin  io.Closer
	ended  chan struct{}
	stderr *syncBuffer
}

// newRaceServer starts a server. Requests to Redis and to the pooler take a
// few milliseconds, never the same twice, and to the pooler sometimes ten times
// as long: lossy is the share. The cache's time-outs are production's.
func newRaceServer(t *testing.T, name string, env lab.Env, lossy float64, sabotage cache.Sabotage, seed uint64, reports *raceReports) *raceServer {
	t.Helper()
	s := &raceServer{t: t, name: name, reports: reports}
	env, s.pooler = labtest.Pooler(t, env, link.Model{
		RTT: 2 * time.Millisecond, Jitter: 3 * time.Millisecond, LossStall: 60 * time.Millisecond, LossRate: lossy, Seed: seed,
	})
	env.RedisURL, s.redis = labtest.Link(t, env.RedisURL, link.Model{RTT: time.Millisecond, Jitter: time.Millisecond, Seed: seed + 1})
	s.config = raceServerConfig{DatabaseURL: env.DatabaseURL, RedisURL: env.RedisURL, Sabotage: sabotage}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.life.Load().kill() })
	return s
}

func (s *raceServer) start() error {
	raw, err := json.Marshal(s.config)
	if err != nil {
		return err
	}
	s.born++
	l := &raceLife{name: fmt.Sprintf("%s%d", s.name, s.born), ended: make(chan struct{}), stderr: &syncBuffer{}}
	l.cmd = exec.Command(os.Args[0])
	l.cmd.Env = append(os.Environ(), raceServerEnv+"="+string(raw))
	l.cmd.Stderr = l.stderr
	if l.stdin, err = l.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := l.cmd.Start(); err != nil {
		return err
	}
	listening := make(chan string, 1)
	go func() { // ends with the process, which kill ends
		for lines := bufio.NewScanner(out); lines.Scan(); {
			what, rest, _ := strings.Cut(lines.Text(), " ")
			id, how, _ := strings.Cut(rest, " ")
			if what == "listening" {
				listening <- id
				continue
			}
			s.reports.note(what, id, how)
		}
		_ = l.cmd.Wait()
		close(l.ended)
	}()
	select {
	case addr := <-listening:
		l.url = "http://" + addr
		s.life.Store(l)
		return nil
	case <-l.ended:
		return fmt.Errorf("server %s ended before it listened: %s", l.name, l.stderr)
	case <-time.After(time.Minute):
		l.kill()
		return fmt.Errorf("server %s does not listen: %s", l.name, l.stderr)
	}
}

// kill ends the process at once, in the middle of whatever it does.
func (l *raceLife) kill() {
	_ = l.cmd.Process.Kill()
	<-l.ended
	_ = l.stdin.Close()
}

// raceReports is what the servers told of writes.
type raceReports struct {
	mu sync.Mutex
	of map[string]raceReport
}

type raceReport struct{ held, released bool }

func (r *raceReports) note(what, id, how string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[string]raceReport{}
	}
	v := r.of[id]
	switch what {
	case "held":
		v.held = how == "confirmed"
	case "released":
		v.released = how == "confirmed"
	}
	r.of[id] = v
}

func (r *raceReports) get(id string) raceReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[id]
}

func (r *raceReports) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.of[id]
	return ok
}
