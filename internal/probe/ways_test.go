package probe_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// TestHealthyAtADistance: 20 ms away nothing is wrong. TCP's slow start is told, as a remark, by the round
// trips that it costs; without it there is none.
func TestHealthyAtADistance(t *testing.T) {
	env := labtest.Database(t, prepare)
	for _, c := range []struct {
		name  string
		model link.Model
		extra []int // of 1, 30 and 100 kB
		want  facts.Status
	}{
		{"with slow start", link.Model{RTT: 20 * time.Millisecond}, []int{0, 1, 3}, facts.Remark},
		{"without", link.Model{RTT: 20 * time.Millisecond, NoSlowStart: true}, []int{0, 0, 0}, facts.Pass},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bed{env: env, config: config(env)}
			b.distance(t, c.model)
			// How long statements execute is no question of distance; TestHealthyLab judges that.
			ofTheWay := func(code string) bool { return strings.HasPrefix(code, "HD-N") || strings.HasPrefix(code, "HD-P") }
			extra := func(r facts.Result) (turns []int) {
				for _, one := range r.Endpoints[0].Transfers {
					turns = append(turns, one.ExtraTurns)
				}
				return turns
			}
			// A first byte that a busy machine reads late makes the rest of its answer look faster.
			r := undisturbed(t, b.config, func(r facts.Result) bool {
				return slices.Equal(extra(r), c.extra) &&
					!slices.ContainsFunc(r.Findings, func(f facts.Finding) bool { return ofTheWay(f.Code) && f.Severity != facts.Info })
			})
			for _, f := range r.Findings {
				if ofTheWay(f.Code) && f.Severity != facts.Info {
					t.Errorf("it finds %+v", f)
				}
			}
			for _, c := range r.Checks {
				if ofTheWay(c.Code) && c.Status == facts.Unknown {
					t.Errorf("%s is unknown: %s", c.Code, c.Why)
				}
			}
			if !slices.Equal(extra(r), c.extra) {
				t.Errorf("after idleness 1, 30 and 100 kB cost %v round trips more, want %v: %+v", extra(r), c.extra, r.Endpoints[0].Transfers)
			}
			if got := checkOf(t, r, "HD-N11"); got.Status != c.want {
				t.Errorf("HD-N11 is %s: %s", got.Status, got.Why)
			}
		})
	}
}

// TestIsolationSelfTest runs the self-test in every mode through the real pooler.
func TestIsolationSelfTest(t *testing.T) {
	env := labtest.Database(t, prepare)
	for _, mode := range store.ExecModes() {
		t.Run(mode, func(t *testing.T) {
			c := config(env)
			c.ExecMode = mode
			r := run(t, c)
			got := checkOf(t, r, "HD-P06")
			if store.PooledSafe(mode) {
				if got.Status != facts.Pass {
					t.Errorf("it is %s: %s", got.Status, got.Why)
				}
				contains(t, got.Why, "all 10 responses were their own")
				return
			}
			if got.Status != facts.Fail {
				t.Errorf("it is %s: %s", got.Status, got.Why)
			}
			contains(t, got.Why, "Two clients requested tagged rows in mode "+mode)
			if mode == "cache_statement" {
				contains(t, checkOf(t, r, "HD-P14").Why, "was gone on the next")
			}
			if left := prepared(t, env.DatabaseURL); left != 0 {
				t.Errorf("%d prepared statements of the probe are left on the server connections", left)
			}
		})
	}
}

// TestCarriedStatements turns the support of prepared statements on where the pooler has it (PgBouncer 1.21 and
// newer): then the mode cache_statement is as good as the others. An older one refuses the setting, and the probe
// has to see for itself that nothing is carried.
func TestCarriedStatements(t *testing.T) {
	env := labtest.Database(t, prepare)
	carries := tryCommand(t, env, "SET max_prepared_statements = 200") == nil
	if carries {
		t.Cleanup(func() { command(t, env, "SET max_prepared_statements = 0") })
	}
	c := config(env)
	c.ExecMode = "cache_statement"
	r := run(t, c)
	want, say := facts.Fail, "was gone on the next"
	if carries {
		want, say = facts.Pass, "Prepared statements are supported"
	}
	for _, code := range []string{"HD-P03", "HD-P06", "HD-P14"} {
		if got := checkOf(t, r, code); got.Status != want {
			t.Errorf("where statements are carried (%v) %s is %s: %s", carries, code, got.Status, got.Why)
		}
	}
	contains(t, checkOf(t, r, "HD-P14").Why, say)
	if left := prepared(t, env.DatabaseURL); left != 0 {
		t.Errorf("%d prepared statements of the probe are left on the server connections", left)
	}
}

// prepared counts the probe's prepared statements on the server connections that the pooler has idle: as
// many clients as there may be hold one each, so that every one is visited.
func prepared(t *testing.T, poolerURL string) int {
	t.Helper()
	total := 0
	for range 6 {
		conn, err := pgx.Connect(t.Context(), poolerURL+"&default_query_exec_mode=simple_protocol")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(t.Context()) }()
		n := 0
		if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'honeydue_probe%'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return total
}

// TestSelfTestRunsNobodysStatement lets other clients leave a writing statement without a name on the
// server connections all the time, as describe_exec does. The self-test must not run it.
func TestSelfTestRunsNobodysStatement(t *testing.T) {
	env := labtest.Database(t, prepare)
	exec(t, env, "CREATE TABLE canary (said text)")
	conn, err := pgx.Connect(t.Context(), env.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			if _, err := conn.PgConn().Prepare(ctx, "", "INSERT INTO canary VALUES ($1)", nil); err != nil {
				break
			}
		}
		done <- n
	}()
	c := config(env)
	c.ExecMode = "describe_exec"
	r := run(t, c)
	stop()
	if n := <-done; n < 10 {
		t.Fatalf("the statement was left %d times only, which proves nothing", n)
	}
	if got := checkOf(t, r, "HD-P06"); got.Status != facts.Fail {
		t.Errorf("HD-P06 is %s: %s", got.Status, got.Why)
	}
	direct, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(t.Context())
	var rows int
	if err := direct.QueryRow(t.Context(), "SELECT count(*) FROM canary").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if rows != 0 {
		t.Errorf("the probe ran another client's INSERT %d times", rows)
	}
}

// TestWhatThePoolerDoesWithParameters: the lab's refuses both that are tried; Postgres honours them.
func TestWhatThePoolerDoesWithParameters(t *testing.T) {
	env := labtest.Database(t, prepare)
	c := config(env)
	contains(t, checkOf(t, run(t, c), "HD-P08").Why, "refuses options and statement_timeout")
	c.URL, c.AdminURL = env.DirectURL, ""
	contains(t, checkOf(t, run(t, c), "HD-P08").Why, "applies options and statement_timeout")
}

// TestWithoutAConsole: what only the console tells is unknown, and never a pass.
func TestWithoutAConsole(t *testing.T) {
	c := config(labtest.Database(t, prepare))
	c.AdminURL = ""
	r := run(t, c)
	for n := 9; n <= 13; n++ {
		code := fmt.Sprintf("HD-P%02d", n)
		if got := checkOf(t, r, code); got.Status != facts.Unknown || got.Why != "PGBOUNCER_ADMIN_URL is not set." {
			t.Errorf("%s is %s: %s", code, got.Status, got.Why)
		}
	}
}

// TestABandThatIsNarrowForAMoment: a connection whose first three large results come slowly carries the next ones as it should.
func TestABandThatIsNarrowForAMoment(t *testing.T) {
	c := config(labtest.Database(t, prepare))
	c.URL, c.Only = throttled(t, c.URL, 800_000, 330<<10), []string{"HD-N10"}
	if r := undisturbed(t, c, healthy); len(r.Findings) > 0 {
		t.Errorf("it finds %+v", r.Findings)
	}
}
