package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

func TestMain(m *testing.M) {
	if server := os.Getenv(raceServerEnv); server != "" {
		os.Exit(runRaceServer(server)) // a server process of the race test
	}
	os.Exit(labtest.Run(m))
}

// pod is one server with its own pool, memory and links, as in production.
type pod struct {
	t        *testing.T
	env      lab.Env
	server   *Server
	db       *store.DB
	cache    *cache.Cache
	registry *prometheus.Registry
	keeper   *prometheus.Registry // of whoever sweeps for this pod
	pooler   *link.Proxy          // the outside witness of this pod's turns
	redis    *link.Proxy
	url      string
	sql      *recorder
	log      *syncBuffer
}

// patient is a time-out for tests that are not about time-outs: a machine that
// is busy with other tests must not change what they see.
const patient = time.Minute

// patiently is a pool of so many connections that waits for as long as it takes.
func patiently(env lab.Env, conns int32) store.Config {
	return store.Config{
		URL: env.DatabaseURL, MaxConns: conns, MinIdleConns: conns,
		ConnectTimeout: patient, AcquireTimeout: patient, StatementTimeout: patient,
	}
}

// newPod starts a pod; change may alter its configuration.
func newPod(t *testing.T, env lab.Env, change ...func(*Config)) *pod {
	t.Helper()
	return newPodKeptBy(t, env, env, change...)
}

// newPodKeptBy is newPod with a keeper that takes another way to the database.
func newPodKeptBy(t *testing.T, env, keeper lab.Env, change ...func(*Config)) *pod {
	t.Helper()
	p := &pod{t: t, sql: &recorder{}, registry: prometheus.NewRegistry(), log: &syncBuffer{}}
	p.env, p.pooler = labtest.Pooler(t, env, link.Model{})
	p.env.RedisURL, p.redis = labtest.Link(t, env.RedisURL, link.Model{})
	cfg := Config{Registry: p.registry, Version: "1.2.3", Commit: "abc", RequestTimeout: patient, Log: newTestLog(p.log)}
	for _, c := range change {
		c(&cfg)
	}
	conf := patiently(p.env, 8)
	conf.Tracer = p.sql
	if cfg.Tracer != nil {
		conf.Tracer = NewQueryTracer(cfg.Tracer)
	}
	var err error
	if p.db, err = store.Open(t.Context(), conf); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.db.Close)
	p.cache, err = cache.Open(cache.Config{URL: p.env.RedisURL, Timeout: patient, Registerer: p.registry, Tracer: cfg.Tracer, Now: cfg.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cache.Close() })
	cfg.DB, cfg.Cache = p.db, p.cache
	p.keeper = keepFor(t, keeper)
	if p.server, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	p.server.SetReady()
	s := httptest.NewServer(p.server)
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

// keepFor does in the background what a pod's keeper does, on connections of
// its own: its turns are not those that a pod's witness counts.
func keepFor(t *testing.T, env lab.Env) *prometheus.Registry {
	t.Helper()
	db, err := store.Open(t.Context(), patiently(env, 1))
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	c, err := cache.Open(cache.Config{URL: env.RedisURL, Timeout: patient, Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sweep(t.Context(), ChangeLog(db)); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		c.Keep(ctx, ChangeLog(db), func(err error) { t.Logf("keeper: %v", err) })
	})
	wg.Go(func() { lasting(ctx, redisClient(t, env)) })
	t.Cleanup(func() {
		end()
		wg.Wait()
		db.Close()
		c.Close()
	})
	return registry
}

// lasting prolongs each lease that a sweep gives: on a busy machine the next
// sweep may come after its end, and what a test has warmed would be cold.
func lasting(ctx context.Context, rdb *redis.Client) {
	defer rdb.Close()
	prolong := redis.NewScript(`if redis.call("HEXISTS", KEYS[1], "lease") == 1 then redis.call("HSET", KEYS[1], "lease", ARGV[1]) end`)
	tick := time.NewTicker(cache.SweepPeriod / 5)
	defer tick.Stop()
	for {
		_ = prolong.Run(ctx, rdb, []string{cache.SharedKey}, time.Now().Add(time.Hour).UnixMilli()).Err() // the next may work
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// reply is a response that has been read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.status, r.body) }

// request is what a test sends. body is JSON text, token may be empty.
type request struct{ method, path, token, body string }

func (p *pod) send(q request) reply {
	p.t.Helper()
	r, err := p.try(q)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// try is send for other goroutines than the test's own.
func (p *pod) try(q request) (reply, error) { return p.tryWith(q, nil) }

// sendWith is send with more headers.
func (p *pod) sendWith(q request, header http.Header) reply {
	p.t.Helper()
	r, err := p.tryWith(q, header)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *pod) tryWith(q request, header http.Header) (reply, error) {
	hr, err := http.NewRequestWithContext(p.t.Context(), q.method, p.url+q.path, strings.NewReader(q.body))
	if err != nil {
		return reply{}, err
	}
	if q.token != "" {
		hr.Header.Set("Authorization", "Token "+q.token)
	}
	if q.body != "" {
		hr.Header.Set("Content-Type", "application/json")
	}
	for name, values := range header {
		hr.Header[name] = values
	}
	res, err := http.DefaultTransport.RoundTrip(hr) // no redirect is followed
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, body}, err
}

func (p *pod) get(path, token string) reply {
	p.t.Helper()
	return p.send(request{http.MethodGet, path, token, ""})
}

func (p *pod) post(path, token, body string) reply {
	p.t.Helper()
	return p.send(request{http.MethodPost, path, token, body})
}

// want fails unless the reply has the status; it returns the body as T.
func want[T any](t *testing.T, r reply, status int) T {
	t.Helper()
	var v T
	if r.status != status {
		t.Fatalf("got %s, want status %d", r, status)
	}
	if len(r.body) > 0 {
		if err := json.Unmarshal(r.body, &v); err != nil {
			t.Fatalf("%v in %s", err, r.body)
		}
	}
	return v
}

// person is an account with a token.
type person struct {
	household.User
	token string
}

// stage makes people and things in the database, past the API and its caches.
type stage struct {
	t     *testing.T
	db    *store.DB
	cache *cache.Cache
	hash  string // of password
	n     atomic.Int64
}

const password = "correct horse"

func newStage(t *testing.T, env lab.Env) *stage {
	t.Helper()
	db, err := store.Open(t.Context(), patiently(env, 2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	hash, err := newPasswords().hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cache.Open(cache.Config{URL: env.RedisURL, Timeout: patient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &stage{t: t, db: db, cache: c, hash: hash}
}

// write names a write of the stage's. It is announced beforehand, for whatever
// it may touch: what it makes is new, nobody has read it yet, and a sweep that
// told it later would make cold what a test has warmed. A test's database is
// its own, so its ids are small.
func (s *stage) write() store.Write {
	var scopes []cache.Scope
	for id := range int64(100) {
		scopes = append(append(scopes, cache.UserScope(id)), cache.WholeResidence(id)...)
	}
	h := s.cache.Hold(s.t.Context())
	s.cache.Release(s.t.Context(), h, cache.Effects{Committed: true, Scopes: scopes})
	return store.Write{ID: h.ID}
}

// writeIn is write for what lies in the given residence.
func (s *stage) writeIn(residence int64) store.Write {
	w := s.write()
	w.Residences = []int64{residence}
	return w
}

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (s *stage) person(name string) person {
	s.t.Helper()
	token := newToken()
	email := fmt.Sprintf("%s-%s@example.org", strings.ToLower(name), token[:12])
	u, err := s.db.Register(s.t.Context(), store.NewUser{Email: email, Name: name, PasswordHash: s.hash}, cache.TokenHash(token))
	return person{must(s.t, u, err), token}
}

// home is a residence with people of every role, and one who is no part of it.
type home struct {
	id                                     int64
	owner, admin, member, victim, stranger person
	task, contractor, document             int64
}

func (s *stage) home() home {
	s.t.Helper()
	ctx := s.t.Context()
	h := home{owner: s.person("Owner"), admin: s.person("Admin"), member: s.person("Member"), victim: s.person("Victim"), stranger: s.person("Stranger")}
	r, err := s.db.CreateResidence(ctx, s.write(), h.owner.ID, household.NewResidence{Name: "Home", TimeZone: "Europe/Berlin"})
	h.id = must(s.t, r, err).ID
	code := s.code(h)
	for _, p := range []person{h.admin, h.member, h.victim} {
		_, _, err := s.db.JoinWithCode(ctx, s.write(), p.ID, code, time.Now())
		must(s.t, 0, err)
	}
	_, err = s.db.SetRole(ctx, s.write(), h.owner.ID, h.id, h.admin.ID, household.RoleAdmin)
	must(s.t, 0, err)
	task, err := s.db.CreateTask(ctx, s.write(), h.owner.ID, household.NewTask{ResidenceID: h.id, Title: "Sweep the chimney"})
	h.task = must(s.t, task, err).ID
	c, err := s.db.CreateContractor(ctx, s.write(), h.owner.ID, household.NewContractor{ResidenceID: h.id, Name: "Flo"})
	h.contractor = must(s.t, c, err).ID
	d, err := s.db.CreateDocument(ctx, s.write(), h.owner.ID, household.NewDocument{ResidenceID: h.id, Title: "Deed"})
	h.document = must(s.t, d, err).ID
	return h
}

func (s *stage) code(h home) string {
	s.t.Helper()
	return s.issue(h).Code
}

func (s *stage) issue(h home) household.IssuedShareCode {
	s.t.Helper()
	c, err := s.db.CreateShareCode(s.t.Context(), h.owner.ID, h.id, newShareCode(), time.Now().Add(time.Hour), nil)
	return must(s.t, c, err)
}

// forget makes every pod cold.
func forget(t *testing.T, env lab.Env) {
	t.Helper()
	rdb := redisClient(t, env)
	defer rdb.Close()
	if err := rdb.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	// The keeper gives the lease again, or nothing could become warm.
	labtest.Eventually(t, "a sweep after the flush", func() bool { return rdb.HGet(t.Context(), cache.SharedKey, "lease").Val() != "" })
}

func redisClient(t *testing.T, env lab.Env) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(env.RedisURL)
	if err != nil {
		t.Fatal("the lab's Redis URL cannot be read")
	}
	return redis.NewClient(opts)
}

// recorder is a tracer that keeps which statements ran.
type recorder struct {
	mu  sync.Mutex
	sql []string
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sql = append(r.sql, d.SQL)
	return ctx
}

func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// take returns what ran since the last take.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	sql := r.sql
	r.sql = nil
	return sql
}

// setLink changes the link between this pod and the pooler.
func (p *pod) setLink(m link.Model) {
	p.t.Helper()
	if err := p.pooler.SetModel(m); err != nil {
		p.t.Fatal(err)
	}
}

// metric sums a metric's counters, gauges and histograms over its labels.
func (p *pod) metric(name string, labels ...string) float64 {
	p.t.Helper()
	return metricOf(p.t, p.registry, name, labels...)
}

func metricOf(t *testing.T, registry *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			matches := 0
			for _, l := range m.GetLabel() {
				for i := 0; i < len(labels); i += 2 {
					if l.GetName() == labels[i] && l.GetValue() == labels[i+1] {
						matches++
					}
				}
			}
			if matches == len(labels)/2 {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
			}
		}
	}
	return sum
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
