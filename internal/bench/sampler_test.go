package bench

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// realServer is honeydue's API on a database and a Redis, with its metrics page. Nobody sweeps for it, so that it
// serves no list from the cache.
func realServer(t *testing.T, env lab.Env) (public, metrics string) {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	db, err := store.Open(t.Context(), store.Config{URL: env.DatabaseURL, MaxConns: 5, MinIdleConns: 5, AcquireTimeout: time.Minute, StatementTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	c, err := cache.Open(cache.Config{URL: env.RedisURL, Timeout: 20 * time.Second, Registerer: registry, ListTTL: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	server, err := api.New(api.Config{DB: db, Cache: c, Registry: registry, RequestTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	server.SetReady()
	front, admin := httptest.NewServer(server), httptest.NewServer(api.NewAdmin(registry, server))
	t.Cleanup(front.Close)
	t.Cleanup(admin.Close)
	return front.URL, admin.URL + "/metrics"
}

func seeded(t *testing.T, env lab.Env, n int) []User {
	t.Helper()
	var tokens bytes.Buffer
	if _, err := store.Seed(t.Context(), env.DirectURL, store.SeedOptions{Users: n, Seed: 1, TokensOut: &tokens}); err != nil {
		t.Fatal(err)
	}
	users, err := ReadUsers(&tokens)
	if err != nil {
		t.Fatal(err)
	}
	return users
}

func openSampler(t *testing.T, c SamplerConfig) *Sampler {
	t.Helper()
	c.patience = time.Minute // a busy machine must not change what is seen
	s := OpenSampler(t.Context(), c)
	t.Cleanup(func() { s.Close(context.WithoutCancel(t.Context())) })
	return s
}

// What the parts say adds up: without a cached list each read of the board is two statements (who asks, and the board)
// in one acquire, whatever else was read meanwhile.
func TestSamplerInTheLab(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	users := seeded(t, env, 3)
	target, metrics := realServer(t, env)
	sampler := openSampler(t, SamplerConfig{
		Metrics: SourceAt{URL: metrics}, Console: SourceAt{URL: env.AdminURL}, Statements: SourceAt{URL: env.DirectURL},
		Redis: SourceAt{URL: env.RedisURL}, Database: databaseName(t, env.DatabaseURL),
	})
	if len(sampler.unseen) != 0 || len(sampler.sources) != 4 {
		t.Fatalf("not seen: %v", sampler.unseen)
	}
	statements := 0
	for _, r := range api.Routes() {
		if r.ID == "task_board" {
			statements = len(r.Statements)
			if !slices.Contains(r.Statements, "auth_lookup") {
				statements++ // of the token, in every route that needs one
			}
		}
	}
	const requests = 125
	base, _ := ParseTarget(target)
	schedule, err := Constant(50, 2500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	hitter := newHitter(t, HitterConfig{Base: base, Timeout: time.Minute})
	r := newRun(Config{Hitter: hitter, Sampler: sampler})
	shots := func(seq uint64) Shot {
		return Shot{Route: "task_board", Path: "/api/tasks/", User: users[seq%uint64(len(users))]}
	}
	for _, u := range users {
		hitter.Once(t.Context(), Shot{Path: "/api/tasks/", User: u})
	}
	p, _ := r.steady(t.Context(), PhasePlan{Name: "board", Schedule: schedule, Target: 10 * time.Second}, shots)
	if p.Requests != requests || p.Errors != 0 || p.Server == nil || len(r.result.NotSeen) != 0 {
		t.Fatalf("%d requests, %d errors (%v), server's side %v, not seen %v", p.Requests, p.Errors, p.ErrorKinds, p.Server, r.result.NotSeen)
	}
	tl := p.Server
	if calls := tl.named("db_calls_per_request"); calls == nil || *calls.Mean != float64(statements) {
		t.Errorf("calls per request: %+v, want %d", calls, statements)
	}
	for _, kind := range seriesKinds() {
		s := tl.named(kind.name)
		if s == nil || s.Mean == nil || s.Max == nil {
			// With lists uncached no look-up of one is counted, and no key of Redis need be asked for.
			if kind.name != "cache_hit_pct" {
				t.Errorf("there is no series %s", kind.name)
			}
			continue
		}
		if len(s.Values) != len(tl.AtMS) || *s.Max < *s.Mean-0.001 {
			t.Errorf("%s: %d values of %d, mean %v, most %v", kind.name, len(s.Values), len(tl.AtMS), *s.Mean, *s.Max)
		}
	}
	if most := tl.named(seriesPoolMax); most == nil || *most.Max != 5 {
		t.Errorf("the pool's limit: %+v", most)
	}
	if n := len(tl.AtMS); n < 3 || tl.Cost.Readings != n+1 {
		t.Errorf("%d readings after the first, %d counted", n, tl.Cost.Readings)
	}
	if each := tl.Cost.Turns / int64(tl.Cost.Readings); each != 4 {
		t.Errorf("%d turns for %d readings of 4 sources", tl.Cost.Turns, tl.Cost.Readings)
	}
	// What was sampled is what is stored, and what the forms have.
	r.result.Phases = []Phase{p}
	stored, err := StoredRun{Result: r.result}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadStoredRun(bytes.NewReader(stored))
	if err != nil {
		t.Fatal(err)
	}
	before, after := render(t, r.result), render(t, again.Result)
	for format := range before {
		if before[format] != after[format] {
			t.Errorf("%s of the stored run differs", format)
		}
	}
}

func databaseName(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// A source that dies in the middle is told, with how many readings it missed, and costs the others none.
func TestASourceThatDiesIsTold(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	_, metrics := realServer(t, env)
	redis, proxy := labtest.Link(t, env.RedisURL, link.Model{})
	database, direct := labtest.Link(t, env.DirectURL, link.Model{})
	sampler := openSampler(t, SamplerConfig{
		Metrics: SourceAt{URL: metrics}, Statements: SourceAt{URL: database}, Redis: SourceAt{URL: redis},
		Console: SourceAt{Why: "nobody said where it is"},
	})
	s := sampler.begin(t.Context())
	s.run(t.Context(), time.Now(), time.Minute)
	direct.CutAll() // a broken connection is opened anew
	if err := proxy.Close(); err != nil {
		t.Fatal(err)
	}
	for sampler.turns() < s.turns+3*4 { // the metrics page and the database go on
		time.Sleep(20 * time.Millisecond)
	}
	tl, unseen := s.end(t.Context())
	redisGone, databaseGone := Unseen{}, Unseen{}
	for _, u := range unseen {
		switch u.What {
		case sourceRedis:
			redisGone = u
		case sourceDatabase:
			databaseGone = u
		default:
			t.Errorf("%v", u)
		}
	}
	if n := redisGone.Readings; redisGone.Missed != n-1 || n != len(tl.AtMS)+1 || redisGone.Because == "" {
		t.Errorf("Redis, gone after the first reading: %+v", redisGone)
	}
	if databaseGone.Missed > 1 {
		t.Errorf("the database, cut once: %+v", databaseGone)
	}
	if cpu := tl.named(seriesCPU); cpu == nil || cpu.Values[len(cpu.Values)-1] == nil {
		t.Errorf("the server, which did not die: %+v", cpu)
	}
	if tl.named("redis_clients") != nil {
		t.Error("Redis was gone, and has a series")
	}
	buffer := make([]byte, 1<<20)
	if stacks := string(buffer[:runtime.Stack(buffer, true)]); strings.Contains(stacks, "(*sampling)") || strings.Contains(stacks, "(*Sampler)") {
		t.Errorf("a goroutine of the sampler is left:\n%s", stacks)
	}
}

// What is missing, refuses or is something else is told in every form that a person or a program reads, and no secret
// of its address is.
func TestWhatIsNotSeenIsSaid(t *testing.T) {
	const canary = "canary-PASSWORD-9f3"
	env := labtest.Database(t, store.Migrate)
	wrong, err := url.Parse(env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword(wrong.User.Username(), canary)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	t.Cleanup(page.Close)
	for name, tc := range map[string]struct {
		config SamplerConfig
		want   []string
	}{
		"nothing is set": {
			SamplerConfig{Console: SourceAt{Why: "PGBOUNCER_ADMIN_URL is not set"}},
			[]string{"(SHOW POOLS), because PGBOUNCER_ADMIN_URL is not set.", "(/metrics), because nothing says where it is."},
		},
		"nobody is there": {
			SamplerConfig{
				Metrics: SourceAt{URL: "http://me:" + canary + "@127.0.0.1:1/metrics"}, Console: SourceAt{URL: "postgres://me:" + canary + "@127.0.0.1:1/pgbouncer"},
				Statements: SourceAt{URL: "postgres://me:" + canary + "@127.0.0.1:1/app"}, Redis: SourceAt{URL: "redis://:" + canary + "@127.0.0.1:1/0"},
			},
			[]string{"(/metrics), because it refuses connections.", "(SHOW POOLS), because it refuses connections.", "(pg_stat_statements), because it refuses connections.", "(INFO), because it refuses connections."},
		},
		"others are there": {
			SamplerConfig{
				Metrics: SourceAt{URL: page.URL + "/?" + canary}, Console: SourceAt{URL: env.DirectURL}, Statements: SourceAt{URL: wrong.String()},
				Redis: SourceAt{URL: "canary://" + canary},
			},
			[]string{"(/metrics), because it answered with status 404.", "(SHOW POOLS), because it said: ", "(pg_stat_statements), because it said: password authentication failed", "(INFO), because REDIS_URL is not a Redis URL"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			sampler := openSampler(t, tc.config)
			if len(sampler.sources) != 0 || len(sampler.unseen) != 4 {
				t.Fatalf("%d sources, not seen %v", len(sampler.sources), sampler.unseen)
			}
			s := newStandIn(t)
			r, err := testRun(t, s, Plan{Profile: "test", Phases: []PhasePlan{warmPhase(t, 320)}}, testUsers(10), func(c *Config) { c.Sampler = sampler })
			if err != nil || r.Verdict != Pass {
				t.Fatalf("verdict %s, %v", r.Verdict, err)
			}
			for format, text := range render(t, r) {
				if strings.Contains(text, canary) {
					t.Errorf("%s holds a secret", format)
				}
				if !slices.Contains([]string{"table", "html", "markdown", "json"}, string(format)) {
					continue
				}
				for _, want := range tc.want {
					if what, because, _ := strings.Cut(want, ", because "); format == "json" {
						want = because[:len(because)-1]
						_ = what
					} else if format == "markdown" {
						want = strings.ReplaceAll(want, "_", `\_`)
					}
					if !strings.Contains(text, want) {
						t.Errorf("%s does not say %q", format, want)
					}
				}
			}
		})
	}
}

// A database without the extension says so.
func TestADatabaseWithoutStatements(t *testing.T) {
	l, name := labtest.Lab(t), "without_extensions"
	env, err := l.CreateDatabase(t.Context(), name, "template0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.DropDatabase(context.WithoutCancel(t.Context()), name); err != nil {
			t.Error(err)
		}
	})
	sampler := openSampler(t, SamplerConfig{Statements: SourceAt{URL: env.DirectURL}})
	if !slices.ContainsFunc(sampler.unseen, func(u Unseen) bool {
		return u.What == sourceDatabase && strings.Contains(u.Because, "pg_stat_statements is not in this database")
	}) {
		t.Errorf("not seen: %v", sampler.unseen)
	}
}
