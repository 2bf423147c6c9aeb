package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }

// stage is a system in use: a server, people with homes, and copies of all of their lists.
type stage struct {
	t      *testing.T
	env    lab.Env
	db     *store.DB
	server *api.Server
	url    string
	rdb    *redis.Client
	sql    *pgx.Conn // from outside
	people []person
	keep   func() // starts the sweeps again
	rest   func() // stops them
}

type person struct {
	household.User
	token      string
	home, task int64
}

func newStage(t *testing.T, people int) *stage {
	t.Helper()
	s := &stage{t: t, env: labtest.Database(t, store.Migrate)}
	ctx := t.Context()
	var err error
	s.db, err = store.Open(ctx, store.Config{URL: s.env.DatabaseURL, MaxConns: 4, MinIdleConns: 1})
	s.check(err)
	t.Cleanup(s.db.Close)
	c, err := cache.Open(cache.Config{URL: s.env.RedisURL, Timeout: 20 * time.Second})
	s.check(err)
	t.Cleanup(func() { c.Close() })
	s.server, err = api.New(api.Config{DB: s.db, Cache: c, RequestTimeout: time.Minute})
	s.check(err)
	s.server.SetReady()
	h := httptest.NewServer(s.server)
	t.Cleanup(h.Close)
	s.url = h.URL
	options, err := redis.ParseURL(s.env.RedisURL)
	s.check(err)
	s.rdb = redis.NewClient(options)
	t.Cleanup(func() { s.rdb.Close() })
	s.sql, err = pgx.Connect(ctx, s.env.DirectURL)
	s.check(err)
	t.Cleanup(func() { s.sql.Close(context.WithoutCancel(ctx)) })
	for i := range people {
		s.people = append(s.people, s.person(i))
	}
	s.check(s.server.Sweep(ctx))
	s.keeper()
	s.keep()
	s.warm()
	return s
}

// keeper makes keep and rest.
func (s *stage) keeper() {
	var wg sync.WaitGroup
	end := func() {}
	s.keep = func() {
		ctx, cancel := context.WithCancel(s.t.Context())
		end = cancel
		wg.Go(func() { s.server.Keep(ctx) })
	}
	s.rest = func() { end(); wg.Wait() }
	s.t.Cleanup(func() { s.rest() })
}

// freeze stops the sweeps, and yet leaves the lease: what is stale then stays so.
func (s *stage) freeze() {
	s.t.Helper()
	s.rest()
	s.check(s.rdb.HSet(s.t.Context(), cache.SharedKey, "lease", time.Now().Add(time.Hour).UnixMilli()).Err())
}

func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// write names a write that nobody holds: the cache is not told of it.
func write() store.Write {
	h := sha256.Sum256([]byte(strconv.FormatInt(time.Now().UnixNano(), 10)))
	x := hex.EncodeToString(h[:16])
	return store.Write{ID: x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]}
}

func (s *stage) person(i int) person {
	s.t.Helper()
	ctx, token := s.t.Context(), fmt.Sprintf("canary-token-%d", i)
	u, err := s.db.Register(ctx, store.NewUser{Email: fmt.Sprintf("canary-%d@example.org", i), Name: "canary-name", PasswordHash: "!"}, cache.TokenHash(token))
	s.check(err)
	r, err := s.db.CreateResidence(ctx, write(), u.ID, household.NewResidence{Name: "canary-home", TimeZone: "Europe/Berlin"})
	s.check(err)
	task, err := s.db.CreateTask(ctx, write(), u.ID, household.NewTask{ResidenceID: r.ID, Title: "canary-task"})
	s.check(err)
	_, err = s.db.CreateContractor(ctx, write(), u.ID, household.NewContractor{ResidenceID: r.ID, Name: "canary-flo"})
	s.check(err)
	return person{u, token, r.ID, task.ID}
}

// warm reads every list of everybody until it comes from a copy.
func (s *stage) warm() {
	s.t.Helper()
	for _, p := range s.people {
		for _, path := range paths() {
			labtest.Eventually(s.t, path+" from a copy", func() bool {
				return strings.Contains(s.send(http.MethodGet, path, p, "").Get("Cache-Status"), "list; hit")
			})
		}
	}
}

func paths() []string {
	return []string{"/api/tasks/", "/api/residences/", "/api/contractors/", "/api/documents/"}
}

func (s *stage) send(method, path string, who person, body string) http.Header {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	s.check(err)
	r.Header.Set("Authorization", "Token "+who.token)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultTransport.RoundTrip(r)
	s.check(err)
	s.check(res.Body.Close())
	if res.StatusCode >= 300 {
		s.t.Fatalf("%s %s answers %s", method, path, res.Status)
	}
	return res.Header
}

// rename changes a task as an app does.
func (s *stage) rename(p person, title string) {
	s.t.Helper()
	s.send(http.MethodPatch, fmt.Sprintf("/api/tasks/%d/", p.task), p, fmt.Sprintf(`{"title":%q}`, title))
}

func (s *stage) exec(sql string) {
	s.t.Helper()
	_, err := s.sql.Exec(s.t.Context(), sql)
	s.check(err)
}

func (s *stage) config() Config {
	return Config{Database: store.Config{URL: s.env.DatabaseURL}, RedisURL: s.env.RedisURL, Rate: MaxRate}
}

// run is Run with a hook between a look and the question to the database.
func (s *stage) run(c Config, between func(cache.Copied)) Result {
	s.t.Helper()
	r, err := run(s.t.Context(), c, between)
	s.check(err)
	if r.Servable != r.Checked+r.ChangedMeanwhile || r.Checked != r.Fresh+r.Stale || len(r.Findings) != min(r.Stale, maxFindings) {
		s.t.Errorf("the figures do not add up: %+v", r)
	}
	return r
}

// unseen runs SQL of which the change log is not told, as if its triggers were disabled.
func (s *stage) unseen(sql string) {
	s.t.Helper()
	s.exec("SET honeydue.write_id = 'unseen'; " + sql + "; RESET honeydue.write_id")
}
