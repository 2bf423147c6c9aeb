package main

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/cli/exit"
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
			if code != exit.Failed || ctx.Err() != nil {
				t.Errorf("it ended with %d:\n%s", code, said)
			}
			retries, allowed := strings.Count(said, "again_in="), 0
			if name == "database" {
				allowed = 1 // PgBouncer may hold back the reply until the first attempt has ended (server_login_retry)
			}
			if retries > allowed {
				t.Errorf("%d attempts were made, want %d", retries+1, allowed+1)
			}
			if dials := proxy.Counts().Dials; dials > int64(3+2*(1+retries)) { // pgxpool replaces connections that fail
				t.Errorf("%d connections were tried in %d attempts of 3", dials, retries+1)
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
		if code := s.end(); code != exit.OK {
			t.Errorf("it ended with %d", code)
		}
	}
}
