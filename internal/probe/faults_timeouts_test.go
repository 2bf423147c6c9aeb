package probe_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// timeoutFaults make the probe's own time-outs end its statements. Nothing fails then, and HD-Q06 must not say so.
func timeoutFaults() []fault {
	return []fault{
		{
			name: "a migration holds the lock of a table", code: "HD-D04", evidence: "in transaction, its transaction is", short: true,
			inject: func(t *testing.T, b *bed) {
				session(t, b.env, "BEGIN", "ALTER TABLE tasks ADD COLUMN more text")
				background(t, b.env.DirectURL, func(ctx context.Context, c *pgx.Conn) error {
					_, err := c.Exec(ctx, "SELECT count(*) FROM tasks")
					return err
				})
				until(t, b.env, "SELECT max(extract(epoch FROM now() - query_start)) > 0.6 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
			},
		},
		{
			name: "the whole pool is held for longer than the probe waits", code: "HD-P04", evidence: "had no answer in 3 s while clients waited in the pooler's queue",
			lab: &lab.Config{PoolSize: 2},
			inject: func(t *testing.T, b *bed) {
				b.config.Progress = func(what string) {
					if !strings.HasPrefix(what, "explaining") {
						return // the endpoint answers until then
					}
					for range 2 {
						background(t, b.env.DatabaseURL+"&default_query_exec_mode=exec", func(ctx context.Context, c *pgx.Conn) error {
							_, err := c.Exec(ctx, "SELECT pg_sleep(30)")
							return err
						})
					}
					until(t, b.env, "SELECT count(*) = 2 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(30)%' AND state = 'active'")
				}
			},
		},
	}
}

// TestOwnTimeoutsAreNoOutage: what the probe's own time-outs end has not failed. The plain plan is kept.
func TestOwnTimeoutsAreNoOutage(t *testing.T) {
	for _, f := range timeoutFaults() {
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) {
			b := newBed(t, f)
			f.inject(t, b)
			noOutage(t, run(t, b.config))
		})
	}
	t.Run("a_statement_takes_two_and_a_half_seconds", func(t *testing.T) {
		env := labtest.Database(t, prepare)
		exec(t, env, "ALTER TABLE contractors RENAME TO contractors_whole; CREATE VIEW contractors AS SELECT c.* FROM contractors_whole c, pg_sleep(2.5)")
		r := run(t, config(env))
		noOutage(t, r)
		slow := 0
		for _, h := range r.HotPaths {
			if h.EndedAfterMS > 0 {
				slow++
			}
			if ran := h.Plan != nil && h.Plan.ExecutionMS > 0 && h.Runs > 0; ran == (h.Name == "contractor_list") {
				t.Errorf("%s for the %s user was run: %v: %s", h.Name, h.Subject, ran, h.NotMeasured)
			}
			if h.Plan == nil {
				t.Errorf("the plain plan of %s for the %s user is lost", h.Name, h.Subject)
			}
		}
		if got := checkOf(t, r, "HD-Q04"); slow != 1 || got.Status != facts.Fail && got.Status != facts.Warn {
			t.Errorf("%d paths were ended; HD-Q04 is %s: %s", slow, got.Status, got.Why)
		}
		if limit := float64(facts.DefaultTimeout / time.Millisecond); r.DurationMS > limit {
			t.Errorf("it took %v ms", r.DurationMS)
		}
	})
}

func noOutage(t *testing.T, r facts.Result) {
	t.Helper()
	for _, h := range r.HotPaths {
		if h.Error != "" {
			t.Errorf("%s for the %s user is called failed: %s", h.Name, h.Subject, h.Error)
		}
	}
	if got := checkOf(t, r, "HD-Q06"); got.Status != facts.Unknown {
		t.Errorf("HD-Q06 is %s: %s", got.Status, got.Why)
	}
}
