package probe_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// ask points the probe at a server, as its operator would.
func (b *bed) ask(s *server) {
	b.config.TargetURL, b.config.MetricsURL, b.config.Token = s.url, s.metrics, s.token
}

// appFaults are faults of the app's settings and of the running server. A test of probecmd lets each tuned setting drift.
func appFaults() []fault {
	return []fault{
		{
			name: "DB_MIN_IDLE_CONNS drifted", code: "HD-C01", evidence: "DB_MIN_IDLE_CONNS is 10; the tuned value is 20", short: true,
			inject: func(_ *testing.T, b *bed) {
				b.config.Settings = []facts.Setting{{Name: "DB_MIN_IDLE_CONNS", Value: "10", Tuned: "20", Drifted: true}}
			},
		},
		{
			name: "the direct URL leads to the pooler", code: "HD-D02", evidence: "is a pooler",
			inject: func(_ *testing.T, b *bed) { b.config.DirectURL = b.env.DatabaseURL },
		},
		{
			name: "a hot table is gone", code: "HD-Q06", evidence: "contractor_list for the heavy user", short: true,
			inject: func(t *testing.T, b *bed) { exec(t, b.env, "DROP TABLE contractors CASCADE") },
		},
		{
			name: "the planner is told to use no index", code: "HD-Q03", evidence: "does a sequential scan of",
			inject: func(t *testing.T, b *bed) {
				for _, setting := range []string{"enable_indexscan", "enable_bitmapscan", "enable_indexonlyscan"} {
					exec(t, b.env, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET "+setting+" = off', current_database()); END $$")
				}
				command(t, b.env, "RECONNECT")
			},
		},
		{
			name: "the server is down", code: "HD-T01", evidence: "connection refused", short: true,
			inject: func(_ *testing.T, b *bed) { b.config.TargetURL = "http://127.0.0.1:1" },
		},
		{
			name: "the target is the admin's address", code: "HD-T12", evidence: "is not the address of the API",
			inject: func(t *testing.T, b *bed) {
				s := serve(t, b.env, serverOptions{})
				b.ask(s)
				b.config.TargetURL = s.metrics
			},
		},
		{
			name: "the target has the URL has a path", code: "HD-T02", evidence: "the URL has a path",
			inject: func(t *testing.T, b *bed) { b.config.TargetURL = serve(t, b.env, serverOptions{}).url + "/api/" },
		},
		{
			name: "the server hangs", code: "HD-T01", evidence: "no answer came in time",
			inject: func(t *testing.T, b *bed) {
				hung := make(chan struct{})
				b.config.TargetURL = listen(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hung }))
				t.Cleanup(func() { close(hung) }) // before the server is closed
			},
		},
		{
			name: "the server does not get ready", code: "HD-T02", evidence: "warming up",
			inject: func(t *testing.T, b *bed) { b.ask(serve(t, b.env, serverOptions{notReady: true})) },
		},
		{
			name: "the server drains and does not end", code: "HD-T02", evidence: "draining",
			inject: func(t *testing.T, b *bed) {
				s := serve(t, b.env, serverOptions{})
				s.api.Drain()
				b.ask(s)
			},
		},
		{
			name: "the server goes past the pooler", code: "HD-T03", evidence: "go to Postgres directly",
			inject: func(t *testing.T, b *bed) {
				b.ask(serve(t, b.env, serverOptions{store: store.Config{URL: b.env.DirectURL}}))
			},
		},
		{
			name: "the server's pool is too small for its load", code: "HD-T04", evidence: "for a connection",
			inject: func(t *testing.T, b *bed) {
				far, _ := labtest.Pooler(t, b.env, link.Model{RTT: 30 * time.Millisecond})
				s := serve(t, b.env, serverOptions{store: store.Config{URL: far.DatabaseURL, MaxConns: 1, MinIdleConns: 1}})
				s.load(t, 6)
				b.ask(s)
			},
		},
		{
			name: "the server keeps no lists", code: "HD-T05", evidence: "when warm in 4 of 4 responses", short: true,
			inject: func(t *testing.T, b *bed) {
				b.ask(serve(t, b.env, serverOptions{cache: cache.Config{ListTTL: -1, NearBytes: -1}}))
			},
		},
		{
			name: "the server's caches are cold", code: "HD-T06", evidence: "cache hit for",
			inject: func(t *testing.T, b *bed) {
				s := serve(t, b.env, serverOptions{})
				for _, token := range s.tokens {
					s.get(t, "/api/residences/", token)
				}
				b.ask(s)
			},
		},
		{
			name: "somebody deletes the server's lists", code: "HD-T18", evidence: "no write caused it: evicted",
			inject: func(t *testing.T, b *bed) {
				s, rdb := serve(t, b.env, serverOptions{cache: cache.Config{NearBytes: -1}}), b.set(t)
				for range 3 {
					for _, token := range s.tokens {
						s.get(t, "/api/residences/", token)
					}
					must(t, rdb.Del(t.Context(), rdb.Keys(t.Context(), "list:*").Val()...).Err())
				}
				b.ask(s)
			},
		},
		{
			name: "the server lost its way to Redis", code: "HD-T07", evidence: "during the probe",
			inject: func(t *testing.T, b *bed) {
				env := b.env
				var way *link.Proxy
				env.RedisURL, way = labtest.Link(t, env.RedisURL, link.Model{})
				s := serve(t, env, serverOptions{})
				s.get(t, "/api/tasks/", s.token)
				if err := way.Close(); err != nil {
					t.Fatal(err)
				}
				b.ask(s)
			},
		},
		{
			name: "a list changes as fast as it is read", code: "HD-T16", evidence: "because the list was being written",
			inject: func(t *testing.T, b *bed) {
				far, _ := labtest.Pooler(t, b.env, link.Model{RTT: 5 * time.Millisecond})
				s := serve(t, b.env, serverOptions{store: store.Config{URL: far.DatabaseURL}})
				var home struct {
					Items []struct{ ID int64 }
				}
				must(t, json.Unmarshal(s.get(t, "/api/residences/", s.token), &home))
				task := fmt.Sprintf(`{"residence_id":%d,"title":"once more"}`, home.Items[0].ID)
				endWriting := inBackground(t, func(ctx context.Context) {
					for ctx.Err() == nil {
						if _, err := s.send(ctx, http.DefaultClient, http.MethodPost, "/api/tasks/", s.token, task); err != nil && ctx.Err() == nil {
							t.Error(err)
							return
						}
					}
				})
				for range 250 {
					s.get(t, "/api/tasks/", s.token)
				}
				endWriting()
				b.ask(s)
			},
		},
		{
			name: "a job writes past the server", code: "HD-T17", evidence: "found only in the change log",
			inject: func(t *testing.T, b *bed) {
				s := serve(t, b.env, serverOptions{})
				background(t, b.env.DirectURL, func(ctx context.Context, c *pgx.Conn) error {
					for ctx.Err() == nil {
						if _, err := c.Exec(ctx, "UPDATE contractors SET name = name WHERE id = (SELECT max(id) FROM contractors)"); err != nil {
							return err
						}
						time.Sleep(50 * time.Millisecond)
					}
					return nil
				})
				b.ask(s)
			},
		},
		{
			name: "something between client and server is slow", code: "HD-T09", evidence: "neither network path nor in the server's own timing", short: true,
			inject: func(t *testing.T, b *bed) {
				b.ask(serve(t, b.env, serverOptions{}))
				b.config.TargetURL = behind(t, b.config.TargetURL, link.Model{RTT: 60 * time.Millisecond})
			},
		},
		{
			name: "a roll-out is stuck between two versions", code: "HD-T10", evidence: "1.2.3 abc; 2.0.0 abc",
			inject: func(t *testing.T, b *bed) {
				first := serve(t, b.env, serverOptions{})
				second := serve(t, b.env, serverOptions{version: "2.0.0"})
				b.ask(first)
				var turn atomic.Int64
				b.config.Token, b.config.MetricsURL = "", "" // the second seed has replaced the first one's users
				b.config.TargetURL = listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if turn.Add(1)%2 == 1 {
						first.api.ServeHTTP(w, r)
						return
					}
					second.api.ServeHTTP(w, r)
				}))
			},
		},
		{
			name: "the server runs in another mode than the environment says", code: "HD-T11", evidence: "runs in mode cache_describe, but the environment has exec",
			inject: func(t *testing.T, b *bed) {
				b.ask(serve(t, b.env, serverOptions{store: store.Config{ExecMode: "cache_describe"}}))
			},
		},
		{
			name: "a list of the server fails", code: "HD-T12", evidence: "contractor_list returns 500", short: true,
			inject: func(t *testing.T, b *bed) {
				broken := labtest.Database(t, prepare)
				s := serve(t, broken, serverOptions{})
				exec(t, broken, "DROP TABLE contractors CASCADE")
				b.ask(s)
			},
		},
		{
			name: "the server has no Redis", code: "HD-T13", evidence: "reports an in-process cache",
			inject: func(t *testing.T, b *bed) {
				env := b.env
				env.RedisURL = ""
				b.ask(serve(t, env, serverOptions{}))
			},
		},
		{
			name: "Redis is far from the server", code: "HD-T15", evidence: "on Redis",
			inject: func(t *testing.T, b *bed) {
				env := b.env
				env.RedisURL, _ = labtest.Link(t, env.RedisURL, link.Model{RTT: 30 * time.Millisecond})
				b.ask(serve(t, env, serverOptions{}))
			},
		},
	}
}
