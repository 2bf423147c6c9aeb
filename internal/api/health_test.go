package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

func TestReadyz(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p := newPod(t, env)
	r := want[Readiness](t, p.get("/readyz", ""), http.StatusOK)
	if !r.Ready || !r.ThroughPooler || !strings.Contains(r.Proof, "PID") || r.ExecMode != "exec" || r.OpenConnections != 8 ||
		r.Version != "1.2.3" || r.Commit != "abc" || r.Cache != "redis" || r.Reason != "" || r.StartedAt.IsZero() {
		t.Errorf("got %+v", r)
	}
	want[any](t, p.get("/startupz", ""), http.StatusOK)
	if again := want[Readiness](t, p.get("/readyz", ""), http.StatusOK); !again.StartedAt.Equal(r.StartedAt) {
		t.Errorf("one process started at %v and at %v", r.StartedAt, again.StartedAt)
	}

	p.server.Drain()
	if r := want[Readiness](t, p.get("/readyz", ""), http.StatusServiceUnavailable); r.Ready || r.Reason != "draining" {
		t.Errorf("while draining: %+v", r)
	}
	want[any](t, p.get("/livez", ""), http.StatusOK)
	want[any](t, p.get("/startupz", ""), http.StatusOK)
	want[any](t, p.get("/api/static-data/", ""), http.StatusOK) // what still comes is served
}

func TestReadyzSaysNoWhileWarming(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p := newPod(t, env)
	p.server.health.warm.Store(false)
	if r := want[Readiness](t, p.get("/readyz", ""), http.StatusServiceUnavailable); r.Ready || r.Reason != "warming up" {
		t.Errorf("got %+v", r)
	}
	want[any](t, p.get("/startupz", ""), http.StatusServiceUnavailable)
	want[any](t, p.get("/livez", ""), http.StatusOK)
}

// TestReadyzDoesNotTakeADirectConnectionForAPooler: S1 can fail.
func TestReadyzDoesNotTakeADirectConnectionForAPooler(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	env.DatabaseURL = env.DirectURL
	if r := want[Readiness](t, newPod(t, env).get("/readyz", ""), http.StatusOK); r.ThroughPooler {
		t.Errorf("a direct connection was taken for a pooler: %+v", r)
	}
}

// TestReadyzAsksSparingly: one ping for all probes of five seconds, and none
// once nobody uses the API, so that a database may suspend itself.
func TestReadyzAsksSparingly(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	p := newPod(t, env, func(c *Config) { c.Now = func() time.Time { return time.Unix(0, now.Load()) } })
	pings := func(probes int) int64 {
		before := p.pooler.Counts().Turns
		for range probes {
			want[Readiness](t, p.get("/readyz", ""), http.StatusOK)
		}
		return p.pooler.Counts().Turns - before
	}
	later := func(d time.Duration) { now.Add(int64(d)) }

	if n := pings(10); n != 1 {
		t.Errorf("10 probes at once pinged %d times, want once", n)
	}
	want[any](t, p.get("/api/static-data/", ""), http.StatusOK)
	later(pingEvery)
	if n := pings(10); n != 1 {
		t.Errorf("10 probes %s later pinged %d times, want once", pingEvery, n)
	}
	later(pingIdle)
	if n := pings(10); n != 0 {
		t.Errorf("after %s without a request the database was pinged %d times", pingIdle, n)
	}
	want[any](t, p.get("/api/static-data/", ""), http.StatusOK)
	if n := pings(10); n != 1 {
		t.Errorf("after a new request the database was pinged %d times, want once", n)
	}
}

// TestTheGate: live, not started and not ready until there is a server.
func TestTheGate(t *testing.T) {
	g := NewGate("1.2.3", "abc")
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	closed := &pod{t: t, url: s.URL}
	want[any](t, closed.get("/livez", ""), http.StatusOK)
	want[any](t, closed.get("/startupz", ""), http.StatusServiceUnavailable)
	if r := want[Readiness](t, closed.get("/readyz", ""), http.StatusServiceUnavailable); r.Reason != "starting" || r.Version != "1.2.3" || !r.StartedAt.Equal(g.StartedAt()) || r.StartedAt.IsZero() {
		t.Errorf("got %+v", r)
	}
	got := closed.get("/api/tasks/", "x")
	isProblem(t, got, http.StatusServiceUnavailable, codeStarting)
	if got.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}

	p := newPod(t, labtest.Database(t, store.Migrate))
	g.Open(p.server)
	want[any](t, closed.get("/readyz", ""), http.StatusOK)
}

// TestAdmin: metrics and pprof are there, and only there.
func TestAdmin(t *testing.T) {
	p := newPod(t, labtest.Database(t, store.Migrate))
	want[any](t, p.get("/api/static-data/", ""), http.StatusOK)
	s := httptest.NewServer(NewAdmin(p.registry, p.server))
	t.Cleanup(s.Close)
	admin := &pod{t: t, url: s.URL}
	metrics := admin.get("/metrics", "")
	for _, name := range []string{
		`honeydue_http_request_duration_seconds_bucket{method="GET",route="/api/static-data/",status="200"`,
		`honeydue_http_request_db_turns_sum{route="/api/static-data/"} 0`,
		`honeydue_db_pool_connections{state="idle"} 8`,
		"honeydue_cache_users 0", "honeydue_cache_repairs_total 0",
	} {
		if !strings.Contains(string(metrics.body), name) {
			t.Errorf("no %s in /metrics", name)
		}
	}
	for _, path := range []string{"/debug/pprof/", "/livez", "/readyz", "/startupz"} {
		if got := admin.get(path, ""); got.status != http.StatusOK {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		isProblem(t, p.get(path, ""), http.StatusNotFound, codeNoSuchRoute)
	}
}

// TestReadyzTellsAnExperiment: with S3 turned back it says yes before the database was asked, and never without saying
// which decisions are turned back.
func TestReadyzTellsAnExperiment(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	p := newPod(t, env, func(c *Config) { c.Unwarmed, c.Ablated = true, []string{"s3"} })
	before := p.pooler.Counts().Turns
	if r := want[Readiness](t, p.get("/readyz", ""), http.StatusOK); len(r.Ablated) != 1 || r.Ablated[0] != "s3" {
		t.Errorf("got %+v", r)
	}
	if n := p.pooler.Counts().Turns - before; n != 0 {
		t.Errorf("the database was asked for %d turns", n)
	}
}
