package benchmark

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
	"github.com/honeydue/honeydue/internal/telemetry"
)

func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }

const (
	boardPath = "/api/tasks/"
	tasks     = 200
)

// seededBoard is a database with one user, whose board has exactly 200 cards
// with the seed's own titles.
func seededBoard(t testing.TB, today time.Time) (env lab.Env, token string) {
	t.Helper()
	env = labtest.Database(t, store.Migrate)
	var tokens bytes.Buffer
	_, err := store.Seed(t.Context(), env.DirectURL, store.SeedOptions{
		Users: 1, ResidencesPerUser: 2, TasksPerResidence: tasks, CompletionsPerTask: 2, Seed: 7, Today: today, TokensOut: &tokens,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ = strings.Cut(strings.TrimSpace(tokens.String()), " ")
	conn, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `UPDATE tasks SET archived = true, archived_at = $1 WHERE id NOT IN (
		SELECT id FROM tasks WHERE NOT archived AND (completed_at IS NULL OR completed_at > $1::timestamptz - interval '20 days') ORDER BY id LIMIT $2)`, today, tasks)
	if err != nil {
		t.Fatal(err)
	}
	return env, token
}

// pod is a server as `serve` makes it.
type pod struct {
	*api.Server
	telemetry *telemetry.Telemetry
	database  *link.Proxy
}

type podOptions struct {
	rtt       time.Duration
	tracesURL string // empty: tracing is off
	ratio     float64
	now       func() time.Time
	nearBytes int // of lists in the pod's memory; negative: none
}

func newPod(t testing.TB, env lab.Env, o podOptions) pod {
	t.Helper()
	tel, err := telemetry.Setup(t.Context(), telemetry.Config{TracesURL: o.tracesURL, Sampler: "parentbased_traceidratio", Ratio: o.ratio})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(context.WithoutCancel(t.Context())) })
	env, database := labtest.Pooler(t, env, link.Model{RTT: o.rtt})
	db, err := store.Open(t.Context(), store.Config{URL: env.DatabaseURL, MaxConns: 4, MinIdleConns: 4, Tracer: api.NewQueryTracer(tel.Recorded())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	c, err := cache.Open(cache.Config{URL: env.RedisURL, Tracer: tel.Recorded(), Registerer: tel.Registry, Now: o.now, NearBytes: o.nearBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s, err := api.New(api.Config{
		DB: db, Cache: c, Log: tel.Log, Tracer: tel.Recorded(), Propagator: tel.Propagator, Registry: tel.Registry, Now: o.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.SetReady()
	return pod{s, tel, database}
}

// keep does what serve has in the background: without it no list is served
// from the cache.
func keep(t testing.TB, p pod) {
	t.Helper()
	if err := p.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { p.Keep(ctx) })
	t.Cleanup(func() { end(); wg.Wait() })
}

// listenAt serves h over TCP, with the limits of `serve`, and returns its address.
func listenAt(t testing.TB, h http.Handler) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}

// trivial is the measure of everything: a gin handler that does nothing.
func trivial() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.GET(boardPath, func(c *gin.Context) { c.String(http.StatusOK, "ok") })
	return e
}

// trivialOf does nothing either, but sends as many bytes as the board has.
func trivialOf(body []byte) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.GET(boardPath, func(c *gin.Context) { c.Data(http.StatusOK, "application/json", body) })
	return e
}

// collector takes spans by OTLP over HTTP and forgets them: decoding them here
// would charge the server with the collector's work.
func collector(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	t.Cleanup(s.Close)
	return s.URL + "/v1/traces"
}

func redisClient(t testing.TB, env lab.Env) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(env.RedisURL)
	if err != nil {
		t.Fatal("the lab's Redis URL cannot be read")
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

// copiesOf are the keys of the lists' copies.
func copiesOf(t testing.TB, rdb *redis.Client) []string {
	t.Helper()
	keys, err := rdb.Keys(t.Context(), "list:*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatal("there are no copies in Redis", err)
	}
	return keys
}
