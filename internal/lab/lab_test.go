package lab

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// testDir is a folder that the servers' user can enter, as those of testing.T
// can't be, and whose name is not the simplest.
func testDir(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("", "honeydue lab-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(base, "data")
}

func startLab(t *testing.T, c Config) *Lab {
	t.Helper()
	began := time.Now()
	l, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %s", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := l.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return l
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	c, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	return c
}

func value[T any](t *testing.T, c *pgx.Conn, sql string) T {
	t.Helper()
	var v T
	if err := c.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestTheReplicaIsLikeProduction(t *testing.T) {
	l := startLab(t, Config{Dir: testDir(t), PoolSize: 3})
	pooler, direct := connect(t, l.Env().DatabaseURL), connect(t, l.Env().DirectURL)

	t.Run("the pooler is one", func(t *testing.T) {
		if pid := value[uint32](t, pooler, "SELECT pg_backend_pid()"); pid == pooler.PgConn().PID() {
			t.Error("the pid of the backend is the one that the pooler gave: there is no pooler")
		}
		if pid := value[uint32](t, direct, "SELECT pg_backend_pid()"); pid != direct.PgConn().PID() {
			t.Error("the direct endpoint is not direct")
		}
	})
	t.Run("transaction mode and its size", func(t *testing.T) {
		config, err := pgx.ParseConfig(l.Env().AdminURL)
		if err != nil {
			t.Fatal(err)
		}
		config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		console, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer console.Close(t.Context())
		rows, err := console.Query(t.Context(), "SHOW CONFIG")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for rows.Next() {
			v := rows.RawValues()
			got[string(v[0])] = string(v[1])
		}
		for key, want := range map[string]string{
			"pool_mode": "transaction", "default_pool_size": "3", "max_client_conn": "1000",
			"client_tls_sslmode": "require", "auth_type": "scram-sha-256", "unix_socket_dir": "",
		} {
			if got[key] != want {
				t.Errorf("%s = %q, want %q", key, got[key], want)
			}
		}
	})
	t.Run("no plain connection to the pooler", func(t *testing.T) {
		plain := strings.Replace(l.Env().DatabaseURL, "sslmode=verify-full", "sslmode=disable", 1)
		if c, err := pgx.Connect(t.Context(), plain); err == nil {
			_ = c.Close(t.Context())
			t.Error("the pooler took a connection without TLS")
		}
	})
	t.Run("the app is no superuser and finds its extensions", func(t *testing.T) {
		if value[bool](t, pooler, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") {
			t.Error("the app's role is a superuser")
		}
		for _, name := range []string{"pg_stat_statements", "pg_prewarm"} {
			if n := value[int](t, pooler, "SELECT count(*) FROM pg_available_extensions WHERE name = '"+name+"' AND installed_version IS NULL"); n != 0 {
				t.Errorf("%s is available and not installed", name)
			}
		}
		if _, err := direct.Exec(t.Context(), "CREATE TABLE mine (id int)"); err != nil {
			t.Errorf("the app can't create a table: %v", err)
		}
	})
	t.Run("a database of any name, through the pooler", func(t *testing.T) {
		env, err := l.CreateDatabase(t.Context(), "another one", database+"_none")
		if err == nil {
			t.Errorf("a copy of a database that does not exist: %s", env)
		}
		env, err = l.CreateDatabase(t.Context(), "another one", "")
		if err != nil {
			t.Fatal(err)
		}
		c := connect(t, env.DatabaseURL)
		if name := value[string](t, c, "SELECT current_database()"); name != "another one" {
			t.Errorf("the pooler led to %q", name)
		}
		for range 2 {
			if err := l.DropDatabase(t.Context(), "another one"); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("Redis evicts and does not save", func(t *testing.T) {
		o, err := redis.ParseURL(l.Env().RedisURL)
		if err != nil {
			t.Fatal(err)
		}
		c := redis.NewClient(o)
		defer c.Close()
		got := map[string]string{}
		for _, pattern := range []string{"maxmemory*", "save", "appendonly"} {
			m, err := c.ConfigGet(t.Context(), pattern).Result()
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range m {
				got[k] = v
			}
		}
		for key, want := range map[string]string{"maxmemory": "268435456", "maxmemory-policy": "allkeys-lru", "save": "", "appendonly": "no"} {
			if got[key] != want {
				t.Errorf("%s = %q, want %q", key, got[key], want)
			}
		}
		o.Password = ""
		open := redis.NewClient(o)
		defer open.Close()
		if err := open.Ping(t.Context()).Err(); err == nil {
			t.Error("Redis asks for no password")
		}
	})
	t.Run("secrets stay in", func(t *testing.T) { checkSecrets(t, l) })
}

// checkSecrets requires that no password is in a log, and that what holds one
// is closed.
func checkSecrets(t *testing.T, l *Lab) {
	t.Helper()
	passwords := []string{l.secrets.Super, l.secrets.App, l.secrets.Admin, l.secrets.Redis}
	err := filepath.WalkDir(l.Dir(), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && (d.IsDir() || strings.Contains(path, "/base/")) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // gone meanwhile
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // gone meanwhile
		}
		for _, p := range passwords {
			if strings.Contains(string(b), p) {
				if info.Mode().Perm() != 0o600 {
					t.Errorf("%s holds a password and has mode %v", path, info.Mode())
				}
				if strings.HasSuffix(path, ".log") {
					t.Errorf("the log %s holds a password", path)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, p := range passwords {
		if s := l.Env().String() + l.Env().GoString() + l.Env().LogValue().String(); strings.Contains(s, p) {
			t.Error("Env shows a password")
		}
	}
}

func TestAFolderIsKeptAndServesOneLabAtATime(t *testing.T) {
	dir := testDir(t)
	l := startLab(t, Config{Dir: dir})
	env := l.Env()
	if _, err := connect(t, env.DirectURL).Exec(t.Context(), "CREATE TABLE kept (id int)"); err != nil {
		t.Fatal(err)
	}

	var locked *LockedError
	if _, err := Start(t.Context(), Config{Dir: dir}); !errors.As(err, &locked) {
		t.Fatalf("a second lab in the folder: %v", err)
	}
	if locked.PID != os.Getpid() || !strings.Contains(locked.Error(), "process ") || !strings.Contains(locked.Hint(), "lab down --data '") {
		t.Errorf("%v does not name this process, %d, and a way out", locked, os.Getpid())
	}

	s, err := ReadState(dir)
	if err != nil || !s.Running || !s.Ready || s.PID != os.Getpid() || s.Env != env || len(s.Servers) != 3 {
		t.Errorf("state %+v, %v", s, err)
	}
	for _, v := range s.Servers {
		if !v.Running || v.PID == 0 || v.Port == 0 || (v.LinkPort == 0) != (v.Name == nameRedis) {
			t.Errorf("server %+v", v)
		}
	}
	for range 2 {
		if err := l.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, v := range s.Servers {
		if _, alive := identify(v.PID); alive {
			t.Errorf("%s runs after Stop", v.Name)
		}
	}
	if s, err = ReadState(dir); err != nil || s.Running || s.Ready || s.PID != 0 || s.Servers[0].Running {
		t.Errorf("state after Stop %+v, %v", s, err)
	}

	again := startLab(t, Config{Dir: dir})
	if again.Env() != env {
		t.Errorf("the second start is at %s, the first was at %s", again.Env(), env)
	}
	if n := value[int](t, connect(t, env.DatabaseURL), "SELECT count(*) FROM kept"); n != 0 {
		t.Errorf("%d rows in the kept table", n)
	}
}

func TestServersCanBeStoppedAndStarted(t *testing.T) {
	l := startLab(t, Config{Dir: testDir(t)})
	ctx := t.Context()
	answers := func(url string) error { return ask(ctx, url, "SELECT 1") }
	for _, c := range []struct {
		name        string
		stop, start func(context.Context) error
		asked       func() error
	}{
		{"redis", l.StopRedis, l.StartRedis, func() error {
			return knock(ctx, l.RedisAddr())
		}},
		{"pooler", l.StopPooler, l.StartPooler, func() error { return answers(l.Env().DatabaseURL) }},
		{"postgres", l.StopPostgres, l.StartPostgres, func() error { return answers(l.Env().DirectURL) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, step := range []func(context.Context) error{c.stop, c.stop} {
				if err := step(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if c.asked() == nil {
				t.Error("it answers after its stop")
			}
			for _, step := range []func(context.Context) error{c.start, c.start} {
				if err := step(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.asked(); err != nil {
				t.Errorf("after its start: %v", err)
			}
		})
	}
	still, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if err := l.Wait(still); err != nil {
		t.Errorf("Wait took a stop for a death: %v", err)
	}
}

func TestWaitReportsAServerThatDied(t *testing.T) {
	l := startLab(t, Config{Dir: testDir(t)})
	victim, err := os.FindProcess(l.child(nameRedis).process.PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Kill(); err != nil {
		t.Fatal(err)
	}
	var died *ServerError
	if err := l.Wait(t.Context()); !errors.As(err, &died) || died.Server != nameRedis || !strings.HasSuffix(died.Hint(), "redis.log") {
		t.Errorf("Wait = %v", err)
	}
}

func TestStartThatCantSucceedLeavesNothing(t *testing.T) {
	dir := testDir(t)
	l := startLab(t, Config{Dir: dir})
	if err := l.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A cluster that Postgres refuses.
	if err := os.Remove(filepath.Join(l.dir.postgres(), "global", "pg_control")); err != nil {
		t.Fatal(err)
	}
	var failed *ServerError
	if _, err := Start(t.Context(), Config{Dir: dir}); !errors.As(err, &failed) || failed.Server != namePostgres || !strings.Contains(failed.Error(), "pg_control") {
		t.Fatalf("Start = %v, want an error that quotes what Postgres said", err)
	}
	s, err := ReadState(dir)
	if err != nil || s.Running {
		t.Errorf("state %+v, %v", s, err)
	}
	for _, v := range s.Servers {
		if v.Running {
			t.Errorf("%s still runs", v.Name)
		}
	}
	if held, err := lock(l.dir); err != nil {
		t.Errorf("the folder is still locked: %v", err)
	} else {
		_ = held.Close()
	}
}

func TestStartStopsWhenTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	dir := testDir(t)
	if l, err := Start(ctx, Config{Dir: dir}); err == nil {
		_ = l.Stop(t.Context())
		t.Fatal("a start within 200 ms, initdb included")
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Start = %v", err)
	}
	startLab(t, Config{Dir: dir}) // what it left unfinished does not matter
}

func TestConfigRefusesNonsense(t *testing.T) {
	for _, c := range []Config{
		{},
		{Dir: "a\nb"},
		{Dir: `a"b`},
		{Dir: "x", RTT: -1},
		{Dir: "x", Jitter: -1},
		{Dir: "x", LossStall: -1},
		{Dir: "x", PoolSize: -1},
		{Dir: "x", PoolSize: 100_000},
		{Dir: "x", RedisDatabases: -1},
	} {
		if _, err := Start(t.Context(), c); err == nil {
			t.Errorf("Start took %+v", c)
		}
	}
}
