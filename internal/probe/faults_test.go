package probe_test

import (
	"context"
	"net/url"
	"os"
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// exec runs SQL on the direct endpoint.
func exec(t *testing.T, env lab.Env, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// TestFaultsInTheDatabase breaks one thing at a time in a database of its own. The remedies that are SQL
// are run, and must mend it.
func TestFaultsInTheDatabase(t *testing.T) {
	for _, c := range []struct {
		name, sql, code string
		evidence        string
		remedy          string
	}{
		{
			"the board's indexes are dropped", "DROP INDEX tasks_board_idx; DROP INDEX tasks_residence_idx;", "HD-Q01",
			"task_board for the ", "CREATE INDEX CONCURRENTLY IF NOT EXISTS tasks_board_idx ON tasks (residence_id, completed_at) WHERE NOT archived;",
		},
		{
			"an index that no hot statement needs is dropped", "DROP INDEX task_completions_by_idx", "HD-Q01",
			"task_completions_by_idx on task_completions", "CREATE INDEX CONCURRENTLY IF NOT EXISTS task_completions_by_idx ON task_completions (completed_by);",
		},
		{
			"a primary key is dropped", "ALTER TABLE auth_tokens DROP CONSTRAINT auth_tokens_pkey", "HD-Q01",
			"auth_tokens_pkey on auth_tokens", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS auth_tokens_pkey ON auth_tokens (key_hash);\nALTER TABLE auth_tokens ADD PRIMARY KEY USING INDEX auth_tokens_pkey;",
		},
		{
			"an index is not valid", "DROP INDEX tasks_board_idx; DROP INDEX tasks_residence_idx;", "HD-Q02",
			"tasks_board_idx on tasks", "REINDEX INDEX CONCURRENTLY tasks_board_idx;",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := labtest.Database(t, prepare)
			exec(t, env, c.sql)
			if c.code == "HD-Q02" {
				exec(t, env, "CREATE INDEX tasks_residence_idx ON tasks (residence_id, archived, id)")
				leaveInvalid(t, env, "tasks", "CREATE INDEX CONCURRENTLY tasks_board_idx ON tasks (residence_id, completed_at) WHERE NOT archived")
			}
			r := undisturbed(t, config(env), foundFirst(c.code))
			f := first(t, r, c.code)
			contains(t, f.Evidence, c.evidence)
			if want := " -v ON_ERROR_STOP=1 <<'SQL'\n" + c.remedy + "\nSQL"; !strings.HasSuffix(f.Remedy, want) {
				t.Errorf("the remedy is %q, want it to end with %q", f.Remedy, want)
			}
			for _, f := range r.Findings {
				if f.Code == c.code {
					apply(t, env, f.Remedy)
				}
			}
			after := run(t, config(env))
			if got := checkOf(t, after, c.code); got.Status != facts.Pass {
				t.Errorf("after the remedy %s is %s: %s", c.code, got.Status, got.Why)
			}
		})
	}
}

// TestSequentialScanIsFound: with the board's indexes gone the plan reads all of tasks, which S14 forbids.
func TestSequentialScanIsFound(t *testing.T) {
	env := labtest.Database(t, prepare)
	exec(t, env, "DROP INDEX tasks_board_idx; DROP INDEX tasks_residence_idx; DROP INDEX tasks_created_by_idx;")
	r := run(t, config(env))
	got := checkOf(t, r, "HD-Q03")
	if got.Status != facts.Fail {
		t.Fatalf("HD-Q03 is %s: %s", got.Status, got.Why)
	}
	contains(t, got.Why, "does a sequential scan of tasks")
	broken := 0
	for _, h := range r.HotPaths {
		if h.Name == "task_board" && h.S14.Status == facts.Fail {
			broken++
			contains(t, h.S14.Why, "of tasks")
		}
	}
	if broken == 0 {
		t.Error("S14 holds for the board, and it reads all of tasks")
	}
}

func TestMigrationsMissing(t *testing.T) {
	env := labtest.Database(t, nil)
	r := run(t, config(env))
	f := checkOf(t, r, "HD-D03")
	if f.Status != facts.Fail {
		t.Errorf("HD-D03 is %s: %s", f.Status, f.Why)
	}
	if got := checkOf(t, r, "HD-Q04"); got.Status != facts.Unknown {
		t.Errorf("without tables HD-Q04 is %s", got.Status)
	}
}

func TestWrongEndpoint(t *testing.T) {
	env := labtest.Database(t, prepare)
	c := config(env)
	c.URL, c.AdminURL = env.DirectURL, ""
	f := first(t, run(t, c), "HD-P02")
	if f.Severity != facts.Critical {
		t.Errorf("it is only %s", f.Severity)
	}
	contains(t, f.Evidence, "is Postgres itself")
}

func TestDirectEndpointIsAPooler(t *testing.T) {
	env := labtest.Database(t, prepare)
	c := config(env)
	c.DirectURL = env.DatabaseURL
	r := undisturbed(t, c, foundFirst("HD-D02"))
	f := first(t, r, "HD-D02")
	contains(t, f.Evidence, "is a pooler")
	for _, h := range r.HotPaths {
		if h.GenericPlan != nil {
			t.Fatal("a statement was prepared through a pooler")
		}
	}
}

func TestUnsafeExecutionModes(t *testing.T) {
	env := labtest.Database(t, prepare)
	for _, mode := range store.ExecModes() {
		t.Run(mode, func(t *testing.T) {
			c := config(env)
			c.ExecMode = mode
			good := healthy
			if !store.PooledSafe(mode) {
				good = foundFirst("HD-P03")
			}
			r := undisturbed(t, c, good)
			if store.PooledSafe(mode) {
				if len(r.Findings) > 0 && r.Findings[0].Severity != facts.Info {
					t.Errorf("%s is safe, and it finds %+v", mode, r.Findings[0])
				}
				return
			}
			f := first(t, r, "HD-P03")
			contains(t, f.Evidence, mode)
			// The probe does not take part: it used a safe mode, and still reports the hot paths.
			for _, h := range r.HotPaths {
				if h.Turns != 1 {
					t.Errorf("%s took %d turns: the probe used the unsafe mode", h.Name, h.Turns)
				}
			}
		})
	}
}

func TestDriftedSettings(t *testing.T) {
	env := labtest.Database(t, prepare)
	c := config(env)
	c.Settings = []facts.Setting{
		{Name: "DB_MIN_IDLE_CONNS", Value: "10", Tuned: "20", Drifted: true},
		{Name: "USER_CACHE_TTL", Value: "5m", Tuned: "5m"},
	}
	r := undisturbed(t, c, func(r facts.Result) bool { return foundFirst("HD-C01")(r) && onlyNotes(r.Findings[1:]) })
	f := first(t, r, "HD-C01")
	for _, other := range r.Findings[1:] {
		if other.Severity != facts.Info {
			t.Errorf("it also finds %+v", other)
		}
	}
	contains(t, f.Evidence, "DB_MIN_IDLE_CONNS is 10; the tuned value is 20")
	contains(t, f.Remedy, "DB_MIN_IDLE_CONNS=20")
}

// answering waits until a statement comes back through the pooler. A log-in at Postgres that PAUSE has interrupted
// makes PgBouncer refuse statements until server_login_retry after RESUME.
func answering(t *testing.T, env lab.Env) {
	t.Helper()
	labtest.Eventually(t, "an answer through the pooler", func() bool {
		conn, err := pgx.Connect(t.Context(), env.DatabaseURL)
		if err != nil {
			return false
		}
		defer conn.Close(t.Context())
		_, err = conn.Exec(t.Context(), "SELECT 1")
		return err == nil
	})
}

// TestServersDown stops one server after the other in a lab of its own. The rest is still reported.
func TestServersDown(t *testing.T) {
	l := labtest.New(t, lab.Config{})
	env := l.Env()
	if err := prepare(t.Context(), env.DirectURL); err != nil {
		t.Fatal(err)
	}
	c := config(env)
	// How long the pooler waits after Postgres was away is not what this is about.
	command(t, env, "SET server_login_retry = '1'")
	down := func(name, code string, stop, start func() error, hotPaths int) {
		t.Run(name, func(t *testing.T) {
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := start(); err != nil {
					t.Error(err)
				}
			}()
			r := announced(t, c)
			f := first(t, r, code)
			// Without Redis the app goes on, more slowly.
			if f.Outage != (code != "HD-R01") || f.Severity != facts.Critical {
				t.Errorf("it is not the critical outage that it should be: %+v", f)
			}
			if len(r.Endpoints) != 3 {
				t.Errorf("%d endpoints are reported, want 3", len(r.Endpoints))
			}
			if len(r.HotPaths) != hotPaths {
				t.Errorf("%d hot paths are reported, want %d", len(r.HotPaths), hotPaths)
			}
		})
	}
	down("Redis", "HD-R01", func() error { return l.StopRedis(t.Context()) }, func() error { return l.StartRedis(t.Context()) }, 15)
	down("the pooler", "HD-P01", func() error { return l.StopPooler(t.Context()) }, func() error { return l.StartPooler(t.Context()) }, 15)
	down("Postgres", "HD-D01", func() error { return l.StopPostgres(t.Context()) }, func() error { return l.StartPostgres(t.Context()) }, 0)

	t.Run("the pooler is paused", func(t *testing.T) {
		command(t, env, "PAUSE")
		f := first(t, announced(t, c), "HD-P05")
		contains(t, f.Evidence, "PgBouncer has no server connection and opens none: most likely it is paused")
		apply(t, env, f.Remedy)
		answering(t, env)
		if got := checkOf(t, run(t, c), "HD-P05"); got.Status != facts.Pass {
			t.Errorf("after the remedy it is %s: %s", got.Status, got.Why)
		}
	})

	t.Run("the database is paused", func(t *testing.T) {
		command(t, env, "PAUSE honeydue")
		f := first(t, announced(t, c), "HD-P05")
		// Where PgBouncer does not list the database (see stuckPool.unlisted), the command is the same.
		if !strings.Contains(f.Evidence, "SHOW DATABASES: the database is paused") && !strings.Contains(f.Evidence, "which SHOW DATABASES does not list") {
			t.Errorf("that the database is paused is not in %q", f.Evidence)
		}
		apply(t, env, f.Remedy)
		answering(t, env)
		if got := checkOf(t, run(t, c), "HD-P05"); got.Status != facts.Pass {
			t.Errorf("after the remedy it is %s: %s", got.Status, got.Why)
		}
		command(t, env, "PAUSE honeydue")
		defer command(t, env, "RESUME honeydue")
		c := c
		c.AdminURL = ""
		f = first(t, announced(t, c), "HD-P05")
		contains(t, f.Remedy, "-c RESUME")
		contains(t, f.Remedy, "raise default_pool_size")
	})

	t.Run("everything", func(t *testing.T) {
		c := c
		c.Settings = nil
		for _, stop := range []func() error{
			func() error { return l.StopRedis(t.Context()) }, func() error { return l.StopPooler(t.Context()) }, func() error { return l.StopPostgres(t.Context()) },
		} {
			if err := stop(); err != nil {
				t.Fatal(err)
			}
		}
		r := run(t, c)
		for _, code := range []string{"HD-P01", "HD-R01", "HD-D01", "HD-D02"} {
			if got := checkOf(t, r, code); got.Status == facts.Pass || got.Status == facts.Unknown {
				t.Errorf("%s is %s: %s", code, got.Status, got.Why)
			}
		}
	})
}

func TestRedisPolicy(t *testing.T) {
	l := labtest.New(t, lab.Config{})
	c := config(l.Env())
	c.URL, c.DirectURL, c.AdminURL = "", "", ""
	opts, err := redis.ParseURL(l.Env().RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opts)
	defer client.Close()
	for _, s := range []struct {
		name, value, code string
		severity          facts.Severity
	}{
		{"maxmemory-policy", "noeviction", "HD-R02", facts.Critical},
		{"maxmemory-policy", "volatile-lru", "HD-R02", facts.Warning},
		{"maxmemory-policy", "allkeys-lru", "", ""},
		{"maxmemory", "0", "HD-R03", facts.Warning},
	} {
		if err := client.ConfigSet(t.Context(), s.name, s.value).Err(); err != nil {
			t.Fatal(err)
		}
		r := run(t, c)
		if s.code == "" {
			if len(r.Findings) != 0 {
				t.Errorf("%s %s: it finds %+v", s.name, s.value, r.Findings)
			}
			continue
		}
		if f := first(t, r, s.code); f.Severity != s.severity {
			t.Errorf("%s %s is %s, want %s", s.name, s.value, f.Severity, s.severity)
		}
	}
}

// command runs a command on the pooler's admin console, also when the test's own context is over.
func command(t *testing.T, env lab.Env, text string) {
	t.Helper()
	if err := tryCommand(t, env, text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// tryCommand is command for what the pooler may refuse.
func tryCommand(t *testing.T, env lab.Env, text string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	config, err := pgx.ParseConfig(env.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, text).ReadAll()
	return err
}

// leaveInvalid starts to make an index and gives up half-way, as an operator's cancelled command does.
func leaveInvalid(t *testing.T, env lab.Env, table, create string) {
	t.Helper()
	writer, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close(t.Context())
	tx, err := writer.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	// The index waits for this transaction, once it is in the catalogue.
	if _, err := tx.Exec(t.Context(), "LOCK TABLE "+table+" IN ROW EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "SET statement_timeout = '300ms'"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), create); err == nil {
		t.Fatal("the index was completed")
	}
}

// TestAnIndexThatIsBeingBuilt: CREATE and REINDEX CONCURRENTLY leave an index that is not valid for as long as they
// run. That is a remark, and nobody is told to begin anew.
func TestAnIndexThatIsBeingBuilt(t *testing.T) {
	const create = "CREATE INDEX CONCURRENTLY tasks_board_idx ON tasks (residence_id, completed_at) WHERE NOT archived"
	for _, c := range []struct{ name, build string }{
		{"it is made", create},
		{"it is made anew", "REINDEX INDEX CONCURRENTLY tasks_board_idx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := labtest.Database(t, prepare)
			exec(t, env, "DROP INDEX tasks_board_idx; DROP INDEX tasks_residence_idx; CREATE INDEX tasks_residence_idx ON tasks (residence_id, archived, id)")
			if c.build != create {
				leaveInvalid(t, env, "tasks", create)
			}
			// The build waits for this transaction, once the index is in the catalogue.
			session(t, env, "BEGIN", "LOCK TABLE tasks IN ROW EXCLUSIVE MODE")
			background(t, env.DirectURL, func(ctx context.Context, conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, c.build)
				return err
			})
			until(t, env, "SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE 'waiting for writers%'")
			only := config(env)
			only.Only = []string{"HD-Q02", "HD-Q03"}
			r := run(t, only)
			f := first(t, r, "HD-Q02")
			contains(t, f.Evidence, "tasks_board_idx on tasks is being built (waiting for writers before build)")
			if f.Severity != facts.Info {
				t.Errorf("it is %s", f.Severity)
			}
			if !strings.HasSuffix(f.Remedy, "FROM pg_stat_progress_create_index'   # wait for it") {
				t.Errorf("the remedy is %q", f.Remedy)
			}
		})
	}
}

// apply pastes a remedy into a shell whose variables name other servers and other databases, with the same passwords: what
// was measured has to be in the remedy itself.
func apply(t *testing.T, env lab.Env, remedy string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := osexec.CommandContext(ctx, "sh", "-c", remedy)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+decoy(t, env.DatabaseURL), "DATABASE_DIRECT_URL="+decoy(t, env.DirectURL),
		"PGBOUNCER_ADMIN_URL="+decoy(t, env.AdminURL), "REDIS_URL="+decoy(t, env.RedisURL))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the remedy %q does not run: %v\n%s", remedy, err, out)
	}
}

// decoy is a URL with another host and another path, where nobody listens.
func decoy(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	must(t, err)
	u.Host, u.Path, u.RawQuery = "127.0.0.1:1", "/elsewhere", ""
	return u.String()
}

// TestPastedRemediesMend pastes remedies that are more than one statement of SQL.
func TestPastedRemediesMend(t *testing.T) {
	for _, c := range []struct {
		name, sql, code string
		stays           bool // it only shows what to mend
	}{
		{name: "plans are forced to be generic", sql: ofDatabase("plan_cache_mode = 'force_generic_plan'"), code: "HD-Q10"},
		{name: "work_mem is lowered", sql: ofDatabase("work_mem = '64kB'"), code: "HD-Q11"},
		{name: "an index is on other columns", sql: "DROP INDEX tasks_board_idx; CREATE INDEX tasks_board_idx ON tasks (completed_at, residence_id) WHERE archived", code: "HD-Q07"},
		{name: "a table is bloated", sql: "ALTER TABLE tasks SET (autovacuum_enabled = off); ALTER TABLE tasks DISABLE TRIGGER USER;" + strings.Repeat("UPDATE tasks SET title = title;", 5) + "VACUUM ANALYZE tasks", code: "HD-D10"},
		{name: "a sequence runs out", sql: "ALTER TABLE tasks ADD COLUMN n int; CREATE SEQUENCE honeydue_n AS int OWNED BY tasks.n; SELECT setval('honeydue_n', 2100000000)", code: "HD-D16", stays: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := labtest.Database(t, prepare)
			inject(c.sql)(t, &bed{env: env})
			only := config(env)
			only.Only = []string{c.code}
			// Roles are shared by the databases of a lab.
			defer exec(t, env, "ALTER ROLE CURRENT_USER RESET work_mem")
			apply(t, env, first(t, run(t, only), c.code).Remedy)
			if got := checkOf(t, run(t, only), c.code); got.Status != facts.Pass && !c.stays {
				t.Errorf("after the remedy %s is %s: %s", c.code, got.Status, got.Why)
			}
		})
	}
}
