package probe_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// server is the API as `serve` runs it, on the real lab, with its admin address.
type server struct {
	api     *api.Server
	db      *store.DB
	url     string
	metrics string
	tokens  []string // of the seeded users
	token   string   // the first of them
}

// serverOptions are what a fault changes of a healthy server.
type serverOptions struct {
	store store.Config
	cache cache.Config
	// version is what /readyz tells.
	version string
	// notReady leaves it in its boot.
	notReady bool
}

// serve starts a server on env's database and Redis. It ends with the test.
func serve(t *testing.T, env lab.Env, o serverOptions) *server {
	t.Helper()
	if o.store.URL == "" {
		o.store.URL = env.DatabaseURL
	}
	if o.store.MaxConns == 0 {
		o.store.MaxConns, o.store.MinIdleConns = 4, 4
	}
	registry := prometheus.NewRegistry()
	// A busy machine must not let the server give Redis up.
	o.cache.URL, o.cache.Registerer, o.cache.Timeout = env.RedisURL, registry, 20*time.Second
	c, err := cache.Open(o.cache)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s := &server{tokens: seededTokens(t, env)}
	s.token = s.tokens[0]
	if s.db, err = store.Open(t.Context(), o.store); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.db.Close)
	if _, err := c.Sweep(t.Context(), api.ChangeLog(s.db)); err != nil {
		t.Fatal(err)
	}
	if o.version == "" {
		o.version = "1.2.3"
	}
	s.api, err = api.New(api.Config{DB: s.db, Cache: c, Registry: registry, Version: o.version, Commit: "abc", RequestTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	keeping, end := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { s.api.Keep(keeping) })
	t.Cleanup(func() { end(); wg.Wait() })
	if !o.notReady {
		s.api.SetReady()
	}
	s.url = listen(t, s.api)
	s.metrics = listen(t, api.NewAdmin(registry, s.api))
	return s
}

func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	l := httptest.NewServer(h)
	t.Cleanup(l.Close)
	return l.URL
}

// seededTokens seeds the database anew, for a seed tells its tokens only while it makes them.
func seededTokens(t *testing.T, env lab.Env) []string {
	t.Helper()
	var text bytes.Buffer
	if err := seed(t.Context(), env.DirectURL, &text); err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for line := range strings.Lines(text.String()) {
		if fields := strings.Fields(line); len(fields) == 2 {
			tokens = append(tokens, fields[1])
		}
	}
	if len(tokens) == 0 {
		t.Fatal("the seed made no token")
	}
	return tokens
}

// send asks once, with a body where there is one, and returns what is answered, whatever it is.
func (s *server) send(ctx context.Context, client *http.Client, method, path, token, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Token "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// get reads one path with a token.
func (s *server) get(t *testing.T, path, token string) []byte {
	t.Helper()
	body, err := s.send(t.Context(), http.DefaultClient, http.MethodGet, path, token, "")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// behind puts a link of the test's own in front of an HTTP server.
func behind(t *testing.T, raw string, m link.Model) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	linked, _ := labtest.Link(t, u.String(), m)
	return linked
}

// load sends reads that each take a database turn from several clients until the test ends.
func (s *server) load(t *testing.T, clients int) {
	t.Helper()
	for range clients {
		inBackground(t, func(ctx context.Context) {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				_, _ = s.send(ctx, client, http.MethodGet, "/api/tasks/?archived=true", s.token, "") // a load may be refused
			}
		})
	}
}
