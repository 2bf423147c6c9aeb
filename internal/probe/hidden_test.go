package probe_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestUnprivilegedRole: for a role that may not see what others do, whatever follows from that is unknown and says
// what is missing; what every role may see is judged.
func TestUnprivilegedRole(t *testing.T) {
	env := labtest.New(t, lab.Config{}).Env()
	must(t, prepare(t.Context(), env.DirectURL))
	super := superuser(t, env)
	for _, sql := range []string{
		"CREATE ROLE watcher LOGIN", "GRANT USAGE ON SCHEMA public TO watcher", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO watcher",
	} {
		_, err := super.Exec(t.Context(), sql)
		must(t, err)
	}
	lockChain(t, env)
	c := config(env)
	c.URL, c.DirectURL = as(t, env.DirectURL, "watcher"), as(t, env.DirectURL, "watcher")
	building(t, env)
	contains(t, checkOf(t, run(t, c), "HD-Q02").Why, "this role is not allowed to see which")
	// What others execute meanwhile is hidden, too.
	busy(t, env, "", "SELECT pg_sleep(0.02)")
	r := run(t, c)
	for _, code := range []string{"HD-D04", "HD-D05", "HD-D06", "HD-D08", "HD-D12", "HD-D13"} {
		got := checkOf(t, r, code)
		if got.Status != facts.Unknown {
			t.Errorf("%s is %s, and its role sees nothing of it: %s", code, got.Status, got.Why)
		}
		contains(t, got.Why, "GRANT pg_monitor")
	}
	if got := checkOf(t, r, "HD-D16"); got.Status != facts.Unknown || !strings.Contains(got.Why, "GRANT SELECT ON ALL SEQUENCES") {
		t.Errorf("HD-D16 is %s, and its role may read no sequence: %s", got.Status, got.Why)
	}
	// Everybody may count connections: the app's seven, and two of the probe's own at least.
	if got := checkOf(t, r, "HD-D07"); got.Status != facts.Pass || r.Server.ConnectionsUsed < 9 {
		t.Errorf("HD-D07 is %s with %d connections: %s", got.Status, r.Server.ConnectionsUsed, got.Why)
	}

	_, err := super.Exec(t.Context(), "GRANT pg_monitor TO watcher")
	must(t, err)
	for _, code := range []string{"HD-D04", "HD-D13"} {
		if got := checkOf(t, run(t, c), code); got.Status == facts.Unknown || got.Status == facts.Pass {
			t.Errorf("%s is %s for a monitor: %s", code, got.Status, got.Why)
		}
	}
}

// building leaves an index half-way: its build waits for the writers of the table.
func building(t *testing.T, env lab.Env) {
	t.Helper()
	session(t, env, "DROP INDEX task_completions_by_idx", "BEGIN", "LOCK TABLE task_completions IN ROW EXCLUSIVE MODE")
	background(t, env.DirectURL, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE INDEX CONCURRENTLY task_completions_by_idx ON task_completions (completed_by)")
		return err
	})
	until(t, env, "SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for writers%'")
}

// as is a URL of the lab for another role, which needs no password.
func as(t *testing.T, raw, role string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal("a URL of the lab can't be read")
	}
	u.User = url.User(role)
	return u.String()
}

// superuser opens a lab of the test's own to every role, and comes in as its owner.
func superuser(t *testing.T, env lab.Env) *pgx.Conn {
	t.Helper()
	data := serverDir(t, env)
	must(t, os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte("host all watcher,postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"), 0o600))
	reload(t, data)
	for range 200 {
		if c, err := pgx.Connect(t.Context(), as(t, env.DirectURL, "postgres")); err == nil {
			t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
			return c
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the lab's owner is not let in")
	return nil
}
