package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// sqlSession is a connection of the test's own, past the pooler.
func sqlSession(t *testing.T, env lab.Env) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.WithoutCancel(t.Context())) })
	return c
}

func run(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// alter changes a setting of the test's database, for sessions that begin later.
func alter(t *testing.T, c *pgx.Conn, setting string) {
	t.Helper()
	run(t, c, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I "+setting+"', current_database()); END $$")
}

// direct is the environment without the pooler.
func direct(env lab.Env) lab.Env {
	env.DatabaseURL = env.DirectURL
	return env
}

// retitle is a write of one statement.
func retitle(h home, title string) request {
	return request{http.MethodPatch, fmt.Sprintf("/api/tasks/%d/", h.task), h.owner.token, fmt.Sprintf(`{"title":%q}`, title)}
}

// refusedForNow fails unless the reply is the 503 of a passing condition after so
// many turns.
func refusedForNow(t *testing.T, r reply, turns string) {
	t.Helper()
	isProblem(t, r, http.StatusServiceUnavailable, codeUnavailable)
	if r.header.Get("Retry-After") != retryAfterSeconds {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	if got := r.header.Get("X-DB-Turns"); turns != "" && got != turns {
		t.Errorf("%s turns, want %s", got, turns)
	}
}

// isServed fails unless the board comes from the cache, and without a turn.
func (p *pod) isServed(who person) {
	p.t.Helper()
	got := p.get("/api/tasks/", who.token)
	want[any](p.t, got, http.StatusOK)
	if s, turns := got.header.Get("Cache-Status"), got.header.Get("X-DB-Turns"); !strings.HasSuffix(s, "list; hit") || turns != "0" {
		p.t.Errorf("the board after a refused write: %s, %s turns", s, turns)
	}
}

// TestPassingConditions: what a real server raises in the statement of a write,
// by its SQLSTATE. Whatever it is, nothing was changed, so the household's board
// is served from the cache by the next read.
func TestPassingConditions(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	h := newStage(t, env).home()
	p, c := newPod(t, env), sqlSession(t, env)
	run(t, c, "CREATE TABLE raised (code text)")
	run(t, c, "INSERT INTO raised VALUES ('')")
	run(t, c, `CREATE FUNCTION raises() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE c text; BEGIN
		SELECT code INTO c FROM raised; IF c <> '' THEN RAISE EXCEPTION 'raised' USING ERRCODE = c; END IF; RETURN NEW; END $$`)
	run(t, c, "CREATE TRIGGER raises BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION raises()")

	passing := map[string]string{ // and the turns
		"57014": "1", "55P03": "1", "55006": "1", "25006": "1", "53000": "1", "53100": "1", "53200": "1", "53300": "1", "53400": "1",
		"57000": "1", "57P01": "1", "57P02": "1", "57P03": "1", "58000": "1", "58030": "1", "58P01": "1", "08000": "1", "08006": "1", "XX000": "1",
		// The statement was rolled back, and runs again once.
		"40001": "2", "40P01": "2", "40000": "2", "08P01": "2", "25P02": "2", "26000": "2", "42P05": "2", "34000": "2",
	}
	for code, turns := range passing {
		t.Run(code, func(t *testing.T) {
			p := p.of(t)
			p.warm(h.owner)
			run(t, c, "UPDATE raised SET code = $1", code)
			refusedForNow(t, p.send(retitle(h, code)), turns)
			p.isServed(h.owner)
			if n := p.metric("honeydue_db_errors_total", "sqlstate", code, "outcome", "rolled_back"); n != 1 {
				t.Errorf("counted %v times", n)
			}
			if n := strings.Count(p.log.String(), "sqlstate="+code); n != 1 {
				t.Errorf("%d lines in the log have the SQLSTATE, want 1", n)
			}
			run(t, c, "UPDATE raised SET code = ''")
			want[any](t, p.send(retitle(h, "after "+code)), http.StatusOK)
		})
	}
	// What is a fault, by whatever code, is a 500 and yet a definite refusal.
	for _, code := range []string{"22012", "42P01", "42501", "54001", "P0001", "XX001", "0A000", "99999"} {
		t.Run(code, func(t *testing.T) {
			p := p.of(t)
			p.warm(h.owner)
			run(t, c, "UPDATE raised SET code = $1", code)
			isProblem(t, p.send(retitle(h, code)), http.StatusInternalServerError, codeInternal)
			p.isServed(h.owner)
		})
	}
	// By its definition the outcome is unknown: the hold stays until it is settled.
	run(t, c, "UPDATE raised SET code = '40003'")
	refusedForNow(t, p.send(retitle(h, "unknown")), "1")
	if got := p.get("/api/tasks/", h.owner.token); !strings.Contains(got.header.Get("Cache-Status"), "detail=held") {
		t.Errorf("while the outcome is unknown: %s", got.header.Get("Cache-Status"))
	}
}

// of is the pod in a subtest.
func (p *pod) of(t *testing.T) *pod {
	q := *p
	q.t = t
	return &q
}

// TestATimeoutOnALock, of the statement and of the lock itself.
func TestATimeoutOnALock(t *testing.T) {
	for setting, code := range map[string]string{"statement_timeout": "57014", "lock_timeout": "55P03"} {
		t.Run(setting, func(t *testing.T) {
			env := labtest.Database(t, store.Migrate)
			h, c := newStage(t, direct(env)).home(), sqlSession(t, env)
			alter(t, c, "SET "+setting+" = ''500ms''")
			p := newPod(t, env)
			p.warm(h.owner)
			run(t, c, "BEGIN")
			run(t, c, "SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE", h.task)
			refusedForNow(t, p.send(retitle(h, "late")), "1")
			p.isServed(h.owner)
			if !strings.Contains(p.log.String(), "sqlstate="+code) {
				t.Errorf("the log has no %s:\n%s", code, p.log)
			}
			run(t, c, "ROLLBACK")
			want[any](t, p.send(retitle(h, "now")), http.StatusOK)
		})
	}
}

// waitingOn waits until a backend of the test's database waits for a lock, and
// returns its process id.
func waitingOn(t *testing.T, c *pgx.Conn) (pid int) {
	t.Helper()
	labtest.Eventually(t, "a statement waiting for a lock", func() bool {
		err := c.QueryRow(t.Context(), "SELECT COALESCE(max(pid), 0) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&pid)
		return err == nil && pid != 0
	})
	return pid
}

// TestADeadlockIsRetried: the statement holds the task's row and waits for what
// another transaction has, which then waits for the row. Only the service's
// backend looks for deadlocks in time, so it is the one that is rolled back.
func TestADeadlockIsRetried(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	h, c, watch := newStage(t, direct(env)).home(), sqlSession(t, env), sqlSession(t, env)
	run(t, c, `CREATE FUNCTION locks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$`)
	run(t, c, "CREATE TRIGGER locks BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION locks()")
	database := databaseOf(t, env)
	if err := labtest.Lab(t).Administer(t.Context(), database,
		"ALTER DATABASE "+database+" SET deadlock_timeout = '3s'", "CREATE FUNCTION patient() RETURNS text SECURITY DEFINER LANGUAGE sql AS $$ SELECT set_config('deadlock_timeout', '1h', false) $$"); err != nil {
		t.Fatal(err)
	}
	p := newPod(t, env)
	p.warm(h.owner)
	run(t, c, "SELECT patient()")
	run(t, c, "BEGIN")
	run(t, c, "SELECT pg_advisory_xact_lock(1)")
	patched := make(chan reply, 1)
	go func() {
		r, _ := p.try(retitle(h, "after the deadlock"))
		patched <- r
	}()
	waitingOn(t, watch)
	run(t, c, "UPDATE tasks SET description = description WHERE id = $1", h.task) // until the other is rolled back
	run(t, c, "COMMIT")
	r := <-patched
	want[any](t, r, http.StatusOK)
	if got := r.header.Get("X-DB-Turns"); got != "2" {
		t.Errorf("%s turns, want 2", got)
	}
	if n := p.db.Stat().Retried; n != 1 {
		t.Errorf("%d retries, want 1", n)
	}
}

func databaseOf(t *testing.T, env lab.Env) string {
	t.Helper()
	u, err := url.Parse(env.DirectURL)
	if err != nil {
		t.Fatal("the lab's URL cannot be read")
	}
	return strings.TrimPrefix(u.Path, "/")
}

// TestASerializationFailureIsRetried: another transaction changes the row first.
func TestASerializationFailureIsRetried(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	h, c, watch := newStage(t, direct(env)).home(), sqlSession(t, env), sqlSession(t, env)
	alter(t, c, "SET default_transaction_isolation = ''serializable''")
	p := newPod(t, env)
	p.warm(h.owner)
	run(t, c, "BEGIN")
	run(t, c, "UPDATE tasks SET title = 'theirs' WHERE id = $1", h.task)
	patched := make(chan reply, 1)
	go func() {
		r, _ := p.try(retitle(h, "ours"))
		patched <- r
	}()
	waitingOn(t, watch)
	run(t, c, "COMMIT")
	r := <-patched
	want[any](t, r, http.StatusOK)
	if got := r.header.Get("X-DB-Turns"); got != "2" {
		t.Errorf("%s turns, want 2", got)
	}
}

// TestSerializable: many writes of one household at once. Each succeeds or may be
// sent again.
func TestSerializable(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	h, c := newStage(t, direct(env)).home(), sqlSession(t, env)
	alter(t, c, "SET default_transaction_isolation = ''serializable''")
	p := newPod(t, env)
	statuses := map[int]int{}
	var mu sync.Mutex
	var senders sync.WaitGroup
	for sender := range 10 {
		senders.Go(func() {
			for n := range 15 {
				r, err := p.try(retitle(h, fmt.Sprint("title ", sender, n)))
				mu.Lock()
				statuses[r.status]++
				mu.Unlock()
				if err != nil || r.status != http.StatusOK && r.status != http.StatusServiceUnavailable {
					t.Errorf("%v %s", err, r)
				}
			}
		})
	}
	senders.Wait()
	t.Logf("statuses %v, %d statements were run again", statuses, p.db.Stat().Retried)
	if p.db.Stat().Retried == 0 || statuses[http.StatusOK] == 0 {
		t.Errorf("statuses %v and %d retries: the test shows nothing", statuses, p.db.Stat().Retried)
	}
	p.warm(h.owner) // no hold is left behind
}

// TestAReadOnlyDatabase refuses writes, and nothing else suffers.
func TestAReadOnlyDatabase(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	h, c := newStage(t, direct(env)).home(), sqlSession(t, env)
	alter(t, c, "SET default_transaction_read_only = on")
	p := newPod(t, env)
	p.warm(h.owner)
	for n := range 5 {
		r := p.send(retitle(h, "never"))
		refusedForNow(t, r, "1")
		if n == 0 {
			p.isServed(h.owner)
		}
	}
	want[any](t, p.get(fmt.Sprintf("/api/tasks/%d/", h.task), h.owner.token), http.StatusOK)
	want[any](t, p.get(uncached("/api/tasks/"), h.owner.token), http.StatusOK)
	if n := p.metric("honeydue_db_errors_total", "sqlstate", "25006", "outcome", "rolled_back"); n != 5 {
		t.Errorf("%v refusals are counted", n)
	}
}

// TestWhatAReadOnlyDatabaseCanSettle: what its log has.
func TestWhatAReadOnlyDatabaseCanSettle(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	h, c := newStage(t, direct(env)).home(), sqlSession(t, env)
	var committed string
	if err := c.QueryRow(t.Context(), "SELECT write_id FROM changes LIMIT 1").Scan(&committed); err != nil {
		t.Fatal(err)
	}
	alter(t, c, "SET default_transaction_read_only = on")
	p := newPod(t, env)
	log := ChangeLog(p.db)
	if err := log.Settle(t.Context(), committed); err != nil {
		t.Errorf("a write that has committed: %v", err)
	}
	if err := log.Settle(t.Context(), strings.Replace(committed, committed[:8], "00000000", 1)); !errors.Is(err, cache.ErrUndecided) {
		t.Errorf("a write that nobody knows: %v", err)
	}
	p.warm(h.owner) // the sweep reads, and so goes on
}

// TestThePoolersOwnErrors: what never came to a server has changed nothing, and
// of what was under way the keeper finds out.
func TestThePoolersOwnErrors(t *testing.T) {
	l := labtest.New(t, lab.Config{})
	env := l.Env()
	if err := store.Migrate(t.Context(), env.DirectURL); err != nil {
		t.Fatal(err)
	}
	h, c := newStage(t, direct(env)).home(), sqlSession(t, env)
	console := consoleOf(t, env)
	p := newPodKeptBy(t, env, direct(env))
	database := databaseOf(t, env)

	p.warm(h.owner)
	console("SET query_wait_timeout = 1")
	console("PAUSE " + database)
	refusedForNow(t, p.send(retitle(h, "never")), "1")
	p.isServed(h.owner)
	if n := p.metric("honeydue_db_errors_total", "sqlstate", "08P01", "outcome", "rolled_back"); n != 1 {
		t.Errorf("the refusal of a paused pooler is counted %v times:\n%s", n, p.log)
	}
	console("RESUME " + database)
	console("SET query_wait_timeout = 120")
	// A server connection that was logging in when the pooler was paused counts as
	// a login that failed.
	labtest.Eventually(t, "a write after the pause", func() bool { return p.send(retitle(h, "between")).status == http.StatusOK })

	run(t, c, "BEGIN")
	run(t, c, "SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE", h.task)
	patched := make(chan reply, 1)
	go func() {
		r, _ := p.try(retitle(h, "never"))
		patched <- r
	}()
	waitingOn(t, sqlSession(t, env))
	console("KILL " + database)
	refusedForNow(t, <-patched, "")
	console("RESUME " + database)
	if got := p.get("/api/tasks/", h.owner.token); got.status == http.StatusOK && !strings.Contains(got.header.Get("Cache-Status"), "detail=held") {
		t.Errorf("while the outcome is unknown: %s", got.header.Get("Cache-Status"))
	}
	if n := p.metric("honeydue_db_errors_total", "outcome", "unknown"); n == 0 {
		t.Errorf("no outcome is unknown:\n%s", p.log)
	}
	run(t, c, "ROLLBACK")
	p.keeps()
	p.warm(h.owner)
}

// consoleOf sends commands to the pooler's console.
func consoleOf(t *testing.T, env lab.Env) func(string) {
	t.Helper()
	conf, err := pgx.ParseConfig(env.AdminURL)
	if err != nil {
		t.Fatal("the console's URL cannot be read")
	}
	conf.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	c, err := pgx.ConnectConfig(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.WithoutCancel(t.Context())) })
	return func(command string) { t.Helper(); run(t, c, command) }
}

// keeps lets the pod itself settle what it left unfinished, as in production.
func (p *pod) keeps() {
	p.t.Helper()
	ctx, end := context.WithCancel(p.t.Context())
	var kept sync.WaitGroup
	kept.Go(func() { p.server.Keep(ctx) })
	p.t.Cleanup(func() {
		end()
		kept.Wait()
	})
}

// TestABackendCrashes while it runs a write: Postgres ends all sessions without a
// word to the client, and starts again by itself.
func TestABackendCrashes(t *testing.T) {
	l := labtest.New(t, lab.Config{})
	env := l.Env()
	if err := store.Migrate(t.Context(), env.DirectURL); err != nil {
		t.Fatal(err)
	}
	h, c := newStage(t, direct(env)).home(), sqlSession(t, env)
	p := newPod(t, direct(env))
	p.warm(h.owner)
	run(t, c, "BEGIN")
	run(t, c, "SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE", h.task)
	patched := make(chan reply, 1)
	go func() {
		r, _ := p.try(retitle(h, "never"))
		patched <- r
	}()
	if err := syscall.Kill(waitingOn(t, sqlSession(t, env)), syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	refusedForNow(t, <-patched, "")
	if n := p.metric("honeydue_db_errors_total", "outcome", "unknown"); n == 0 {
		t.Errorf("no outcome is unknown:\n%s", p.log)
	}
	labtest.Eventually(t, "the end of every session", func() bool { return c.Ping(t.Context()) != nil })
	labtest.Eventually(t, "the end of the recovery", func() bool { return p.get("/api/tasks/", h.owner.token).status == http.StatusOK })
	p.keeps()
	p.warm(h.owner) // the hold is settled
	want[any](t, p.send(retitle(h, "now")), http.StatusOK)
}

// TestNoConnectionIsLeft: the database takes no more of them.
func TestNoConnectionIsLeft(t *testing.T) {
	env := labtest.Database(t, store.Migrate)
	h, c := newStage(t, direct(env)).home(), sqlSession(t, env)
	p := newPod(t, direct(env))
	p.warm(h.owner)
	alter(t, c, "CONNECTION LIMIT 0")
	labtest.Eventually(t, "the end of the pod's connections", func() bool {
		p.pooler.CutAll()
		return p.pooler.Counts().Open == 0
	})
	refusedForNow(t, p.send(retitle(h, "never")), "0")
	p.isServed(h.owner)
	if n := p.metric("honeydue_db_errors_total", "sqlstate", "53300", "outcome", "not_sent"); n != 1 {
		t.Errorf("counted %v times:\n%s", n, p.log)
	}
	alter(t, c, "CONNECTION LIMIT -1")
	labtest.Eventually(t, "a write succeeding again", func() bool { return p.send(retitle(h, "now")).status == http.StatusOK })
}

// TestABackendIsTerminated while it runs a write.
func TestABackendIsTerminated(t *testing.T) {
	for name, way := range map[string]func(lab.Env) lab.Env{"direct": direct, "pooler": func(e lab.Env) lab.Env { return e }} {
		t.Run(name, func(t *testing.T) {
			env := labtest.Database(t, store.Migrate)
			h, c, watch := newStage(t, direct(env)).home(), sqlSession(t, env), sqlSession(t, env)
			p := newPod(t, way(env))
			p.warm(h.owner)
			run(t, c, "BEGIN")
			run(t, c, "SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE", h.task)
			patched := make(chan reply, 1)
			go func() {
				r, _ := p.try(retitle(h, "never"))
				patched <- r
			}()
			run(t, watch, "SELECT pg_terminate_backend($1)", waitingOn(t, watch))
			refusedForNow(t, <-patched, "1")
			p.isServed(h.owner)
			if n := p.metric("honeydue_db_errors_total", "sqlstate", "57P01", "outcome", "rolled_back"); n != 1 {
				t.Errorf("counted %v times:\n%s", n, p.log)
			}
			run(t, c, "ROLLBACK")
			want[any](t, p.send(retitle(h, "now")), http.StatusOK)
		})
	}
}
