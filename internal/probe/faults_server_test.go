package probe_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// serverFaults are faults of Postgres itself, of Redis and of the cluster.
func serverFaults() []fault {
	faults := []fault{
		{
			name: "Postgres is down", code: "HD-D01", evidence: "no statement gets an answer", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) { must(t, b.lab.StopPostgres(t.Context())) },
		},
		{
			name: "a lock chain", code: "HD-D04", evidence: "in transaction, its transaction is", short: true,
			inject: func(t *testing.T, b *bed) { lockChain(t, b.env) },
		},
		{
			name: "a table is locked and nobody waits yet", code: "HD-D04", evidence: "holds a lock on table tasks that blocks readers too", short: true,
			inject: func(t *testing.T, b *bed) {
				session(t, b.env, "BEGIN", "LOCK TABLE tasks")
				until(t, b.env, "SELECT max(extract(epoch FROM now() - xact_start)) > 0.6 FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()")
			},
		},
		{
			name: "a session is idle in a transaction", code: "HD-D05", evidence: "1 session is idle in a transaction", short: true,
			inject: func(t *testing.T, b *bed) {
				session(t, b.env, "BEGIN", "SELECT 1")
				until(t, b.env, "SELECT max(extract(epoch FROM now() - state_change)) > 2.1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()")
			},
		},
		{
			name: "a transaction is long", code: "HD-D06", evidence: "1 transaction has been open too long",
			inject: func(t *testing.T, b *bed) {
				background(t, b.env.DirectURL, func(ctx context.Context, c *pgx.Conn) error {
					_, err := c.Exec(ctx, "SELECT pg_sleep(120)")
					return err
				})
				until(t, b.env, "SELECT max(extract(epoch FROM now() - xact_start)) > 15.1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()")
			},
		},
		{
			name: "the connections run out", code: "HD-D07", evidence: "of the 40 connections that the database allows are open",
			inject: func(t *testing.T, b *bed) {
				for range 31 {
					session(t, b.env)
				}
				exec(t, b.env, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 40', current_database()); END $$")
			},
		},
		{
			name: "commits wait for a replica that is gone", code: "HD-D08", evidence: "IPC:SyncRep", lab: &lab.Config{},
			inject: waitForNobody,
		},
		{
			name: "a table is bloated", code: "HD-D10", evidence: "tasks takes",
			inject: func(t *testing.T, b *bed) {
				exec(t, b.env, "ALTER TABLE tasks SET (autovacuum_enabled = off); ALTER TABLE tasks DISABLE TRIGGER USER")
				for range 5 {
					exec(t, b.env, "UPDATE tasks SET title = title")
				}
				exec(t, b.env, "VACUUM ANALYZE tasks")
			},
		},
		{
			name: "the server counts a hot statement as slow", code: "HD-D12", evidence: "auth_lookup was called",
			inject: func(t *testing.T, b *bed) {
				b.config.Window = 2 * time.Second
				exec(t, b.env, "CREATE SCHEMA slow; CREATE VIEW slow.auth_tokens AS SELECT * FROM auth_tokens WHERE (SELECT pg_sleep(0.03)::text IS NOT NULL)")
				auth := hotStatement(t, "auth_lookup")
				busy(t, b.env, "SET search_path = slow, public", auth.SQL, auth.Sample(store.Subject{TokenHash: []byte("nobody's")})...)
			},
		},
		{
			name: "the server gets a fifth of a CPU", code: "HD-D24", evidence: "it was paused", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) { starve(t, b.env, 20*time.Millisecond, 80*time.Millisecond) },
		},
		{
			name: "others keep the server busy", code: "HD-D13", evidence: "ran statements of other programs",
			inject: func(t *testing.T, b *bed) {
				b.config.Window = time.Second
				busy(t, b.env, "", "SELECT pg_sleep(0.02)")
			},
		},
		{
			name: "a report of others still runs", code: "HD-D13", evidence: "ran statements of other programs",
			inject: func(t *testing.T, b *bed) {
				b.config.Window = time.Second
				background(t, b.env.DirectURL, func(ctx context.Context, c *pgx.Conn) error {
					_, err := c.Exec(ctx, "/* nightly_report */ SELECT pg_sleep(120)")
					return err
				})
				until(t, b.env, "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '/* nightly_report */%' AND state = 'active'")
			},
		},
		{
			name: "the database is suspended", code: "HD-D14", evidence: "The database was suspended", lab: &lab.Config{},
			inject: suspend,
		},
		{
			name: "an extension is missing", code: "HD-D15", evidence: "pg_stat_statements is not installed",
			inject: withoutExtensions,
		},
		{
			name: "a sequence runs out", code: "HD-D16", evidence: "tasks_id_seq has used 97.0%", short: true,
			inject: func(t *testing.T, b *bed) {
				exec(t, b.env, "SELECT setval(pg_get_serial_sequence('tasks', 'id'), (9223372036854775807 * 0.97)::bigint)")
			},
		},
	}
	return slices.Concat(faults, redisFaults(), rightsFaults(), clusterFaults())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// session opens a connection that stays until the test's end, and runs statements on it.
func session(t *testing.T, env lab.Env, statements ...string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), env.DirectURL)
	must(t, err)
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	for _, s := range statements {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return c
}

// background runs f on a connection of its own until the test's end, which cuts it.
func background(t *testing.T, url string, f func(context.Context, *pgx.Conn) error) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	must(t, err)
	inBackground(t, func(ctx context.Context) {
		defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
		if err := f(ctx, c); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
}

// hotStatement is one of the catalogue.
func hotStatement(t *testing.T, name string) store.Query {
	t.Helper()
	for _, q := range store.Catalogue() {
		if q.Name == name {
			return q
		}
	}
	t.Fatalf("the catalogue has no %s", name)
	return store.Query{}
}

// busy keeps four sessions, each of which begins with setup, at a statement until the test's end.
func busy(t *testing.T, env lab.Env, setup, statement string, args ...any) {
	for range 4 {
		background(t, env.DirectURL, func(ctx context.Context, c *pgx.Conn) error {
			if _, err := c.Exec(ctx, setup); err != nil {
				return err
			}
			for ctx.Err() == nil {
				if _, err := c.Exec(ctx, statement, args...); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// until waits for a condition of the database.
func until(t *testing.T, env lab.Env, condition string) {
	t.Helper()
	c := session(t, env)
	labtest.Eventually(t, condition, func() bool {
		var is *bool
		must(t, c.QueryRow(t.Context(), condition).Scan(&is))
		return is != nil && *is
	})
}

// lockChain leaves a row locked by a client that went to lunch, and two that wait for it. It returns the
// process of the first.
func lockChain(t *testing.T, env lab.Env) uint32 {
	t.Helper()
	const update = "UPDATE tasks SET title = title WHERE id = (SELECT min(id) FROM tasks)"
	root := session(t, env, "BEGIN", update)
	for range 2 {
		background(t, env.DirectURL, func(ctx context.Context, c *pgx.Conn) error {
			_, err := c.Exec(ctx, update)
			return err
		})
	}
	until(t, env, "SELECT count(*) = 2 FROM pg_locks WHERE NOT granted AND now() - waitstart > interval '600 ms'")
	return root.PgConn().PID()
}

// waitForNobody makes commits wait for a synchronous replica that does not exist.
func waitForNobody(t *testing.T, b *bed) {
	data := serverDir(t, b.env)
	must(t, os.WriteFile(filepath.Join(data, "postgresql.auto.conf"), []byte("synchronous_standby_names = 'gone'\n"), 0o644))
	reload(t, data)
	until(t, b.env, "SELECT current_setting('synchronous_standby_names') = 'gone'")
	for range 4 {
		background(t, b.env.DirectURL, func(ctx context.Context, c *pgx.Conn) error {
			_, err := c.Exec(ctx, "UPDATE users SET name = name WHERE id = (SELECT id FROM users ORDER BY random() LIMIT 1)")
			return err
		})
	}
	until(t, b.env, "SELECT count(*) = 4 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
}

// reload makes the server of a data directory read its files again.
func reload(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(string(text), "\n", 2)[0]))
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGHUP))
}

func serverDir(t *testing.T, env lab.Env) string {
	t.Helper()
	var dir string
	must(t, session(t, env).QueryRow(t.Context(), "SELECT current_setting('data_directory')").Scan(&dir))
	return dir
}

// suspend stops Postgres, and starts it as soon as somebody comes, as a database does that suspends itself.
func suspend(t *testing.T, b *bed) {
	must(t, b.lab.StopPostgres(t.Context()))
	var once sync.Once
	wake := func() {
		once.Do(func() {
			if err := b.lab.StartPostgres(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	b.config.URL, b.config.DirectURL = gate(t, b.config.URL, wake), gate(t, b.config.DirectURL, wake)
	b.config.AdminURL = ""
}

// gate is a way to a server that lets the first client wait for wake.
func gate(t *testing.T, raw string, wake func()) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("a URL of the lab can't be read")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var g sync.WaitGroup
	to := u.Host
	g.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			g.Go(func() {
				defer client.Close()
				wake()
				server, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer server.Close()
				g.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
				_, _ = io.Copy(server, client)
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); g.Wait() })
	u.Host = l.Addr().String()
	return u.String()
}

// withoutExtensions moves the app into a database that was made without them.
func withoutExtensions(t *testing.T, b *bed) {
	exec(t, b.env, "CREATE DATABASE bare TEMPLATE template0")
	owner := session(t, b.env)
	t.Cleanup(func() {
		_, err := owner.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE bare WITH (FORCE)")
		must(t, err)
	})
	moved := func(raw string) string {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal("a URL of the lab can't be read")
		}
		u.Path = "/bare"
		return u.String()
	}
	b.config.URL, b.config.DirectURL = moved(b.config.URL), moved(b.config.DirectURL)
	must(t, store.Migrate(t.Context(), b.config.DirectURL))
	b.config.NoAnalyze = true // a remark comes after all that a busy machine does to a statement
}

// TestLockChainNamesTheRoot: of a chain the one to end is the first, and none of those that wait.
func TestLockChainNamesTheRoot(t *testing.T) {
	env := labtest.Database(t, prepare)
	root := lockChain(t, env)
	f := first(t, run(t, config(env)), "HD-D04")
	contains(t, f.Evidence, fmt.Sprintf("The root blocker is pid %d", root))
	contains(t, f.Evidence, "It blocks 2 sessions")
	contains(t, f.Remedy, fmt.Sprintf("WHERE pid = %d AND xact_start = '", root))

	// For another transaction it ends nothing; for that one it ends the root.
	sql := regexp.MustCompile(`"(SELECT pg_terminate_backend[^"]*)"`).FindStringSubmatch(f.Remedy)
	if sql == nil {
		t.Fatalf("no statement in %q", f.Remedy)
	}
	c := session(t, env, "BEGIN") // a process at another transaction
	other := strings.Replace(sql[1], fmt.Sprintf("pid = %d ", root), fmt.Sprintf("pid = %d ", c.PgConn().PID()), 1)
	// Pasted much later: by then that transaction is older than the root's was when it was seen.
	until(t, env, fmt.Sprintf("SELECT now() - xact_start > interval '%f s' FROM pg_stat_activity WHERE pid = %d", f.CostMS/1000+2, c.PgConn().PID()))
	if ended := count(t, session(t, env), other); ended != 0 {
		t.Errorf("%q ended another transaction", other)
	}
	if ended := count(t, session(t, env), sql[1]); ended != 1 {
		t.Errorf("%q ended %d sessions, want the root", sql[1], ended)
	}
}

// count is how many rows a statement gives.
func count(t *testing.T, c *pgx.Conn, sql string) int64 {
	t.Helper()
	tag, err := c.Exec(t.Context(), sql)
	must(t, err)
	return tag.RowsAffected()
}

// TestWatchingThroughThePooler: without a direct endpoint the app's does, one transaction at a time.
func TestWatchingThroughThePooler(t *testing.T) {
	c := config(labtest.Database(t, prepare))
	c.DirectURL = ""
	r := run(t, c)
	for _, code := range []string{"HD-D04", "HD-D07", "HD-D10", "HD-D16", "HD-D18"} {
		if got := checkOf(t, r, code); got.Status != facts.Pass {
			t.Errorf("%s is %s: %s", code, got.Status, got.Why)
		}
	}
}
