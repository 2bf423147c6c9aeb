package warmup_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/report"
	"github.com/honeydue/honeydue/internal/store"
	"github.com/honeydue/honeydue/internal/warmup"
)

func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }

const conns = 4

// prepare migrates and seeds 60 users, each with a token.
func prepare(ctx context.Context, directURL string) error {
	if err := store.Migrate(ctx, directURL); err != nil {
		return err
	}
	var tokens bytes.Buffer
	_, err := store.Seed(ctx, directURL, store.SeedOptions{Users: 60, CompletionsPerTask: 1, Seed: 1, Password: "canary-Password-41", TokensOut: &tokens})
	return err
}

func config(env lab.Env) warmup.Config {
	return warmup.Config{
		Database:  store.Config{URL: env.DatabaseURL, MaxConns: conns, MinIdleConns: conns},
		DirectURL: env.DirectURL, RedisURL: env.RedisURL, Users: 25,
	}
}

// step returns the step of that name, and requires its outcome.
func step(t *testing.T, r warmup.Result, name string, want warmup.Status) warmup.Step {
	t.Helper()
	for _, s := range r.Steps {
		if s.Name == name {
			if s.Status != want {
				t.Errorf("%q is %s, want %s: %s", name, s.Status, want, s.Detail)
			}
			return s
		}
	}
	t.Fatalf("there is no step %q", name)
	return warmup.Step{}
}

func TestEveryStepDoesItsWork(t *testing.T) {
	env := labtest.Database(t, prepare)
	db := open(t, env)
	c, err := cache.Open(cache.Config{URL: env.RedisURL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	server := serve(t, db, c)

	config := config(env)
	config.TargetURL = server
	r := warmup.Run(t.Context(), config)
	if r.Failed() {
		t.Errorf("a step failed: %+v", r.Steps)
	}
	if s := step(t, r, "wake the database", warmup.Done); s.Count != 2 || !strings.Contains(s.Detail, "through a pooler") {
		t.Errorf("waking: %+v", s)
	}
	if s := step(t, r, "open the pool", warmup.Done); s.Count != conns {
		t.Errorf("opening the pool: %+v", s)
	}
	if s := step(t, r, "run the hot statements", warmup.Done); s.Count != conns {
		t.Errorf("the statements: %+v", s)
	}
	if s := step(t, r, "load pages", warmup.Done); s.Count == 0 {
		t.Errorf("loading pages: %+v", s)
	}
	if s := step(t, r, "fill Redis", warmup.Done); s.Count != 25 {
		t.Errorf("filling Redis: %+v", s)
	}
	if s := step(t, r, "first read of the server", warmup.Done); s.Measure != "GET /readyz" {
		t.Errorf("asking the server: %+v", s)
	}

	users, err := db.RecentUsers(t.Context(), 26)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sweep(t.Context(), api.ChangeLog(db)); err != nil { // nobody else renews the lease here
		t.Fatal(err)
	}
	for i, u := range users {
		reading := c.Read(t.Context(), cache.Question{Token: u.TokenHash})
		if known := reading.Token == cache.Hit; known != (i < 25) {
			t.Fatalf("user %d of the most recently active is known to Redis: %v", i, known)
		}
		if i < 25 && !slices.Equal(reading.ResidenceIDs, u.ResidenceIDs) {
			t.Errorf("the residence ids of user %d in Redis are %v, want %v", i, reading.ResidenceIDs, u.ResidenceIDs)
		}
	}

	again := warmup.Run(t.Context(), config)
	if s := step(t, again, "fill Redis", warmup.Done); s.Count != 0 {
		t.Errorf("the second time it puts in %d users", s.Count)
	}
}

// TestPoolerKeepsWhatItOpened: after the warm-up has gone, the pooler still has a server for each of its
// connections, which is what the next pod gets.
func TestPoolerKeepsWhatItOpened(t *testing.T) {
	env := labtest.Database(t, prepare)
	warmup.Run(t.Context(), config(env))
	config, err := pgx.ParseConfig(env.AdminURL)
	if err != nil {
		t.Fatal("the console's URL can't be read")
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	results, err := conn.PgConn().Exec(t.Context(), "SHOW SERVERS").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(must(pgx.ParseConfig(env.DatabaseURL)).Database, "/")
	servers := 0
	for _, row := range results[0].Rows {
		for i, f := range results[0].FieldDescriptions {
			if f.Name == "database" && string(row[i]) == name {
				servers++
			}
		}
	}
	if servers < conns {
		t.Errorf("the pooler has %d servers for the database, want %d", servers, conns)
	}
}

func must(c *pgx.ConnConfig, err error) *pgx.ConnConfig {
	if err != nil {
		panic("a URL of the lab can't be read")
	}
	return c
}

// TestLoggedOutTokensStayOut: a tombstone wins over a fill.
func TestLoggedOutTokensStayOut(t *testing.T) {
	env := labtest.Database(t, prepare)
	db := open(t, env)
	c, err := cache.Open(cache.Config{URL: env.RedisURL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	users, err := db.RecentUsers(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	c.Release(t.Context(), c.Hold(t.Context(), cache.UserScope(users[1].ID)), cache.Effects{Committed: true, Revoked: users[1].TokenHash})
	step(t, warmup.Run(t.Context(), config(env)), "fill Redis", warmup.Done)
	if !c.Read(t.Context(), cache.Question{Token: users[1].TokenHash}).Revoked {
		t.Error("a token that was logged out works again")
	}
}

// TestTurnsAgreeWithAnOutsideProxy compares the bill with what counting proxies see.
func TestTurnsAgreeWithAnOutsideProxy(t *testing.T) {
	env := labtest.Database(t, prepare)
	var proxy *link.Proxy
	env.DatabaseURL, proxy = labtest.Link(t, env.DatabaseURL, link.Model{})
	c := config(env)
	c.DirectURL = ""
	r := warmup.Run(t.Context(), c)
	var turns int64
	for _, s := range r.Steps {
		turns += s.DBTurns
	}
	// A TCP handshake is a turn, and a proxy does not see it as one. It does see the pooler's TLS alert
	// that answers the end of a connection, for which nobody waits.
	seen := proxy.Counts()
	if extra := seen.Turns + seen.Dials - turns; extra < 0 || extra > seen.Dials {
		t.Errorf("the steps say %d turns, the proxy saw %d and %d dials", turns, seen.Turns, seen.Dials)
	}
}

func TestWhatIsMissingIsSkipped(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	c := config(env)
	c.DirectURL = ""
	r := warmup.Run(t.Context(), c)
	if r.Failed() {
		t.Errorf("a step failed: %+v", r.Steps)
	}
	step(t, r, "load pages", warmup.Skipped)
	step(t, r, "fill Redis", warmup.Skipped) // no user has a token
	step(t, r, "first read of the server", warmup.Skipped)

	c.RedisURL = ""
	step(t, warmup.Run(t.Context(), c), "fill Redis", warmup.Skipped)
}

// TestFailuresAreToldWithoutSecrets: what fails is failed, the other steps go on, and no form of the
// report holds a password.
func TestFailuresAreToldWithoutSecrets(t *testing.T) {
	env := labtest.Database(t, prepare)
	const password = "canary-wrong-password"
	broken := func(raw string) string {
		return strings.Replace(raw, "@", "x"+password+"@", 1)
	}
	c := config(env)
	c.RedisURL, c.DirectURL = broken(env.RedisURL), broken(env.DirectURL)
	c.TargetURL, c.Token = "http://user:"+password+"@127.0.0.1:1/?t="+password, password
	r := warmup.Run(t.Context(), c)
	step(t, r, "run the hot statements", warmup.Done)
	step(t, r, "load pages", warmup.Failed)
	step(t, r, "fill Redis", warmup.Failed)
	step(t, r, "first read of the server", warmup.Failed)
	hold(t, r, password)

	c.Database.URL = broken(env.DatabaseURL)
	r = warmup.Run(t.Context(), c)
	step(t, r, "wake the database", warmup.Failed)
	step(t, r, "open the pool", warmup.Skipped) // one refusal of a password is enough
	step(t, r, "run the hot statements", warmup.Skipped)
	hold(t, r, password)
}

func hold(t *testing.T, r warmup.Result, secret string) {
	t.Helper()
	if !r.Failed() {
		t.Error("it does not count as failed")
	}
	for _, format := range []report.Format{report.FormatTable, report.FormatJSON, report.FormatMarkdown, report.FormatHTML} {
		var out bytes.Buffer
		if err := report.Write(&out, format, r.Document(), report.Options{}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), secret) {
			t.Errorf("as %s it shows a password:\n%s", format, out.String())
		}
	}
}

func open(t *testing.T, env lab.Env) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: env.DatabaseURL, MaxConns: 2, MinIdleConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// serve starts a real server that is ready.
func serve(t *testing.T, db *store.DB, c *cache.Cache) string {
	t.Helper()
	s, err := api.New(api.Config{DB: db, Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	s.SetReady()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// TestSchemasThatNeedQuotes: tables in a schema whose name needs quotes, extensions in one outside the search_path.
func TestSchemasThatNeedQuotes(t *testing.T) {
	for _, schema := range []string{"HoneyDue", "honey.due"} {
		t.Run(schema, func(t *testing.T) {
			env := labtest.Database(t, nil)
			name := must(pgx.ParseConfig(env.DirectURL)).Database
			err := labtest.Lab(t).Administer(t.Context(), name,
				`CREATE SCHEMA "`+schema+`" AUTHORIZATION honeydue`,
				`CREATE SCHEMA extensions`, `GRANT USAGE ON SCHEMA extensions TO PUBLIC`, `ALTER EXTENSION pg_prewarm SET SCHEMA extensions`,
				`ALTER DATABASE `+name+` SET search_path = "`+schema+`"`)
			if err == nil {
				err = prepare(t.Context(), env.DirectURL)
			}
			if err != nil {
				t.Fatal(err)
			}
			r := warmup.Run(t.Context(), config(env))
			if r.Failed() {
				t.Errorf("a step failed: %+v", r.Steps)
			}
			if s := step(t, r, "load pages", warmup.Done); s.Count == 0 {
				t.Errorf("no page was loaded: %+v", s)
			}
		})
	}
}
