package store

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// exec runs a statement on a connection of its own, past the pooler.
func exec(t *testing.T, env labtest.Env, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), env.DirectURL)
	check(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), sql)
	check(t, err)
}

const readOnly = `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`

// TestAConnectionToAReadOnlyServerIsGivenUp, the one that answered, so that the
// pool comes to the new primary after a fail-over; where every new connection is
// read-only as well they are not given up one after the other.
func TestAConnectionToAReadOnlyServerIsGivenUp(t *testing.T) {
	env := labtest.Database(t, Migrate)
	through, proxy := labtest.Link(t, env.DirectURL, link.Model{})
	db, err := Open(t.Context(), Config{URL: through, MaxConns: 1, MinIdleConns: 1})
	check(t, err)
	defer db.Close()
	w := newWorld(t, db)
	start := func() error { return drop(db.StartTask(t.Context(), wr(w.home.ID), w.owner.ID, w.task.ID, at())) }
	dials := func() int64 { return proxy.Counts().Dials }

	// The old primary, for this session alone.
	check(t, db.borrow(t.Context(), poolPing, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET default_transaction_read_only = on")
		return err
	}))
	before := dials()
	err = start()
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrReadOnly) || !errors.Is(err, ErrRolledBack) || !ChangedNothing(err) {
		t.Errorf("on a read-only server: %v", err)
	}
	if err := start(); err != nil || dials() != before+1 {
		t.Errorf("on the next connection, after %d dials: %v", dials()-before, err)
	}

	// The database itself.
	exec(t, env, readOnly)
	proxy.CutAll()
	before = dials()
	began := time.Now()
	for range 20 {
		if err := start(); !errors.Is(err, ErrReadOnly) {
			t.Fatal(err)
		}
		check(t, drop(db.Task(t.Context(), w.owner.ID, w.task.ID)))
	}
	most := 2 + int64(time.Since(began)/readOnlyPause)
	if n := dials() - before; n > most {
		t.Errorf("%d connections were opened for 20 writes to a read-only database, want %d at most", n, most)
	}
}

// TestReadOnlyServersPacing: one at a time, and only while others can be opened.
func TestReadOnlyServersPacing(t *testing.T) {
	tracer := newPoolTracer(nil, nil)
	r := readOnlyServers{opened: &tracer.opened}
	now := time.Unix(1000, 0)
	for _, step := range []struct {
		opened int64
		later  time.Duration
		want   bool
	}{
		{20, 0, true},
		{0, readOnlyPause, false}, // none could be opened: those that are left can read
		{1, 0, true},
		{1, readOnlyPause - 1, false},
		{0, 1, true},
	} {
		now = now.Add(step.later)
		tracer.opened.Add(step.opened)
		if got := r.giveUp(now); got != step.want {
			t.Errorf("after %+v: %v", step, got)
		}
	}
}

// TestTargetSessionAttrs in the URL work, through the pooler and past it.
func TestTargetSessionAttrs(t *testing.T) {
	env := labtest.Database(t, Migrate)
	for _, target := range []string{env.DatabaseURL, env.DirectURL} {
		u, err := url.Parse(target)
		check(t, err)
		q := u.Query()
		q.Set("target_session_attrs", "read-write")
		u.RawQuery = q.Encode()
		db, err := Open(t.Context(), Config{URL: u.String(), MaxConns: 2, MinIdleConns: 2})
		check(t, err)
		check(t, db.Ping(t.Context()))
		db.Close()
	}
	exec(t, env, readOnly)
	u, err := url.Parse(env.DirectURL)
	check(t, err)
	q := u.Query()
	q.Set("target_session_attrs", "read-write")
	u.RawQuery = q.Encode()
	if db, err := Open(t.Context(), Config{URL: u.String(), MaxConns: 2, MinIdleConns: 2}); err == nil {
		db.Close()
		t.Error("a read-only server was taken for one that takes writes")
	}
}

// TestAStalePlanIsMadeAnew: ALTER TABLE changes what a prepared statement returns.
func TestAStalePlanIsMadeAnew(t *testing.T) {
	for mode, target := range map[string]func(labtest.Env) string{
		"cache_statement": func(e labtest.Env) string { return e.DirectURL },
		"cache_describe":  func(e labtest.Env) string { return e.DatabaseURL },
		"exec":            func(e labtest.Env) string { return e.DatabaseURL },
	} {
		t.Run(mode, func(t *testing.T) {
			env := labtest.Database(t, Migrate)
			db, err := Open(t.Context(), Config{URL: target(env), ExecMode: mode, MaxConns: 1, MinIdleConns: 1})
			check(t, err)
			defer db.Close()
			exec(t, env, "CREATE TABLE wide (a int)")
			exec(t, env, "INSERT INTO wide VALUES (1)")
			q := Query{Name: "wide", SQL: "UPDATE wide SET a = a RETURNING *", Write: true}
			columns := func() int {
				t.Helper()
				n := 0
				check(t, db.each(t.Context(), q, nil, func() {}, func(rows pgx.Rows) error { n = len(rows.RawValues()); return nil }))
				return n
			}
			columns()
			exec(t, env, "ALTER TABLE wide ADD b int")
			if n := columns(); n != 2 {
				t.Errorf("%d columns, want 2", n)
			}
		})
	}
}

// TestAnArgumentThatCannotBeSent is a fault of ours, and changed nothing.
func TestAnArgumentThatCannotBeSent(t *testing.T) {
	db := open(t, labtest.Database(t, Migrate))
	q := Query{Name: "faulty", SQL: "UPDATE tasks SET title = title WHERE id = $1::bigint", Write: true}
	err := db.none(t.Context(), q, []any{make(chan int)})
	if err == nil || errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrNotSent) || !ChangedNothing(err) {
		t.Errorf("got %v", err)
	}
}

// TestAFailureAtTheCommit comes after the statement's end was reported, and is a
// refusal all the same.
func TestAFailureAtTheCommit(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	exec(t, env, "CREATE TABLE parents (id int PRIMARY KEY); CREATE TABLE children (id int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)")
	exec(t, env, `CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'late' USING ERRCODE = '53100'; END $$;
		CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON parents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fails()`)
	err := db.none(t.Context(), Query{Name: "late", SQL: "INSERT INTO parents VALUES (1) RETURNING id", Write: true}, nil)
	if late := (*afterCommandError)(nil); !errors.As(err, &late) || !errors.Is(err, ErrRolledBack) || !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := db.none(t.Context(), Query{Name: "orphan", SQL: "INSERT INTO children VALUES (7)", Write: true}, nil); !ChangedNothing(err) {
		t.Errorf("got %v", err)
	}
}
