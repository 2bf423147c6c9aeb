package labtest_test

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

func TestMain(m *testing.M) { os.Exit(labtest.Run(m)) }

// migrations counts how often the template was prepared.
var migrations atomic.Int64

func migrate(ctx context.Context, directURL string) error {
	migrations.Add(1)
	c, err := pgx.Connect(ctx, directURL)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, "CREATE TABLE homes (name text)")
	return err
}

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	names := make(chan string, 4)
	t.Run("several", func(t *testing.T) {
		for range 4 {
			t.Run("one", func(t *testing.T) {
				t.Parallel()
				env := labtest.Database(t, migrate)
				c, err := pgx.Connect(t.Context(), env.DatabaseURL+"&default_query_exec_mode=exec")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close(t.Context())
				var name string
				var homes int
				if err := c.QueryRow(t.Context(), "SELECT current_database(), (SELECT count(*) FROM homes)").Scan(&name, &homes); err != nil {
					t.Fatal(err)
				}
				if homes != 0 {
					t.Errorf("%d homes of another test", homes)
				}
				if _, err := c.Exec(t.Context(), "INSERT INTO homes VALUES ('mine')"); err != nil {
					t.Fatal(err)
				}
				names <- name
			})
		}
	})
	close(names)
	seen := map[string]bool{}
	for n := range names {
		seen[n] = true
	}
	if len(seen) != 4 {
		t.Errorf("databases %v, want four", seen)
	}
	if n := migrations.Load(); n != 1 {
		t.Errorf("the template was prepared %d times", n)
	}
}

func TestEachTestHasItsOwnRedis(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	for range 3 {
		t.Run("one", func(t *testing.T) {
			raw := labtest.Redis(t)
			mu.Lock()
			seen[raw] = true
			mu.Unlock()
			o, err := redis.ParseURL(raw)
			if err != nil {
				t.Fatal(err)
			}
			c := redis.NewClient(o)
			defer c.Close()
			if n := c.DBSize(t.Context()).Val(); n != 0 {
				t.Errorf("%d keys of another test", n)
			}
			if err := c.Set(t.Context(), "mine", 1, 0).Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
	if a, b := labtest.Redis(t), labtest.Redis(t); a == b {
		t.Errorf("one Redis database for two")
	}
}

func TestLinkCountsItsOwnTestOnly(t *testing.T) {
	env, p := labtest.Pooler(t, labtest.Database(t, nil), link.Model{RTT: 2 * time.Millisecond})
	c, err := pgx.Connect(t.Context(), env.DatabaseURL+"&default_query_exec_mode=exec")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	before := p.Counts()
	for range 3 {
		if _, err := c.Exec(t.Context(), "SELECT 1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.Counts().Turns - before.Turns; got != 3 || before.Dials != 1 {
		t.Errorf("%d turns in %d dials, want 3 in 1", got, before.Dials)
	}
}

// TestAutovacuumRests: it is switched on and does not come while a test runs.
func TestAutovacuumRests(t *testing.T) {
	c, err := pgx.Connect(t.Context(), labtest.Database(t, nil).DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	var on, rests bool
	err = c.QueryRow(t.Context(), "SELECT current_setting('autovacuum')::bool, current_setting('autovacuum_naptime')::interval > interval '20 days'").Scan(&on, &rests)
	if err != nil || !on || !rests {
		t.Errorf("autovacuum is on: %t, and rests: %t, %v", on, rests, err)
	}
}

// TestNoLibraryWritesOutput: a Redis that refuses and one that goes away leave nothing but PASS in the output of a test
// process.
func TestNoLibraryWritesOutput(t *testing.T) {
	const child = "HONEYDUE_TEST_QUIET"
	if os.Getenv(child) != "" {
		loseRedis(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestNoLibraryWritesOutput$")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "PASS\n" {
		t.Errorf("%v, and the output is:\n%s", err, out)
	}
}

func loseRedis(t *testing.T) {
	raw, p := labtest.Link(t, labtest.Redis(t), link.Model{})
	o, err := redis.ParseURL(raw)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	defer c.Close()
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if c.Ping(t.Context()).Err() == nil {
		t.Fatal("it answers through a link that is closed")
	}
}
