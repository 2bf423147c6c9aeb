package store

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// announcement is what PgBouncer 1.26.1 sends.
const announcement = "No server connection available in postgres backend, client being queued"

func TestQueuedInPooler(t *testing.T) {
	for message, want := range map[string]bool{
		announcement:                            true,
		"table \"x\" does not exist, skipping":  false,
		"server connection available, welcome":  false, // of login_notify_message
		"server login has been failing, try...": false,
		"":                                      false,
	} {
		if got := QueuedInPooler(&pgconn.Notice{Severity: "NOTICE", Code: "00000", Message: message}); got != want {
			t.Errorf("%q is an announcement: %v, want %v", message, got, want)
		}
	}
	if QueuedInPooler(nil) {
		t.Error("nothing is an announcement")
	}
}

// TestAnAnnouncedWaitIsOnTheBill raises the pooler's notice by a statement of Postgres: it comes the same way, and every version of
// the pooler passes it on. Only that request is charged.
func TestAnAnnouncedWaitIsOnTheBill(t *testing.T) {
	db := open(t, labtest.Database(t, nil), func(c *Config) { c.MaxConns, c.MinIdleConns = 1, 1 })
	raise := func(message string) (time.Duration, int64) {
		t.Helper()
		ctx, tally := link.WithTally(t.Context())
		check(t, db.none(ctx, Query{Name: "raise", SQL: fmt.Sprintf(`DO $$ BEGIN PERFORM pg_sleep(0.05); RAISE NOTICE '%s'; PERFORM pg_sleep(0.05); END $$`, message)}, nil))
		wait, n := tally.PoolerWait()
		if wait > tally.DB() {
			t.Errorf("the wait of %s is longer than all of %s", wait, tally.DB())
		}
		return wait, n
	}
	before := db.Stat().Queued
	if wait, n := raise(announcement); n != 1 || wait < 50*time.Millisecond {
		t.Errorf("%d announcements after %s, want one after 50 ms at least", n, wait)
	}
	if wait, n := raise("all is well"); n != 0 || wait != 0 {
		t.Errorf("another notice is %d announcements after %s", n, wait)
	}
	if got := db.Stat().Queued - before; got != 1 {
		t.Errorf("%d are counted, want 1", got)
	}
}

// TestThePoolersOwnAnnouncement takes every server connection for longer than query_wait_notify. Poolers before 1.25 have no such
// setting and announce nothing.
func TestThePoolersOwnAnnouncement(t *testing.T) {
	env := labtest.Database(t, nil)
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 1, 1 })
	const poolSize = 20 // default_pool_size of the lab's pooler
	const set, back = "SET query_wait_notify = '1'", "SET query_wait_notify = '5'"
	announces := command(t.Context(), env.AdminURL, set) == nil
	held, want := 50*time.Millisecond, int64(0)
	if announces {
		held, want = 2500*time.Millisecond, 1
		defer func() { check(t, command(context.WithoutCancel(t.Context()), env.AdminURL, back)) }()
	}
	var holders sync.WaitGroup
	defer holders.Wait()
	begun, release := make(chan error, poolSize), make(chan struct{})
	for range poolSize {
		holders.Go(func() {
			conn, err := pgx.Connect(t.Context(), env.DatabaseURL+"&default_query_exec_mode=simple_protocol")
			if err == nil {
				defer conn.Close(context.WithoutCancel(t.Context()))
				_, err = conn.Exec(t.Context(), "BEGIN")
			}
			begun <- err
			<-release
		})
	}
	for range poolSize {
		if err := <-begun; err != nil {
			t.Error(err)
		}
	}
	time.AfterFunc(held, func() { close(release) })
	ctx, tally := link.WithTally(t.Context())
	check(t, db.none(ctx, Query{Name: "wait", SQL: "SELECT 1"}, nil))
	if wait, n := tally.PoolerWait(); n != want || (wait >= time.Second) != announces {
		t.Errorf("%d announcements after %s, want %d", n, wait, want)
	}
	if tally.DB() < held {
		t.Errorf("the statement took %s, and no server connection was free for %s", tally.DB(), held)
	}
}

// command runs one command in the pooler's console.
func command(ctx context.Context, adminURL, command string) error {
	config, err := pgx.ParseConfig(adminURL)
	if err != nil {
		return err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, command).ReadAll()
	return err
}
