package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// note is a writer that has not ended: its row is in the log, uncommitted. The
// transaction takes its number here.
func note(t *testing.T, url string, id string, residence int64) pgx.Tx {
	t.Helper()
	tx, err := connect(t, url).Begin(t.Context())
	check(t, err)
	_, err = tx.Exec(t.Context(), "INSERT INTO changes (write_id, what, residence_ids) VALUES ($1::uuid, 'task', ARRAY[$2::bigint])", id, residence)
	check(t, err)
	return tx
}

// follower reads the log as the sweep does.
type follower struct {
	db     *DB
	cursor string
}

// next are the ids of the writes since the last time.
func (f *follower) next(t *testing.T) []string {
	t.Helper()
	l, err := f.db.ChangesSince(t.Context(), f.cursor)
	check(t, err)
	if l.Lost != (f.cursor == "") {
		t.Fatalf("lost: %v, after cursor %q", l.Lost, f.cursor)
	}
	f.cursor = l.Cursor
	ids := []string{}
	for _, c := range l.Changes {
		ids = append(ids, c.WriteID)
	}
	slices.Sort(ids)
	return ids
}

func (f *follower) wants(t *testing.T, what string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := f.next(t); !slices.Equal(got, want) {
		t.Errorf("%s: told %v, want %v", what, got, want)
	}
}

// TestChangesAreToldOnceAndNoneIsSkipped, in whatever order writers commit.
func TestChangesAreToldOnceAndNoneIsSkipped(t *testing.T) {
	env := labtest.Database(t, Migrate)
	f := &follower{db: open(t, env)}
	ctx := t.Context()
	f.wants(t, "at first")
	f.wants(t, "nothing")

	// The one that began first, and so has the lower xid and id, commits last.
	slow, quick := wr().ID, wr().ID
	first := note(t, env.DirectURL, slow, 1)
	second := note(t, env.DirectURL, quick, 2)
	f.wants(t, "both under way")
	check(t, second.Commit(ctx))
	f.wants(t, "the quick one", quick)
	check(t, first.Commit(ctx))
	f.wants(t, "the slow one", slow)
	f.wants(t, "nothing more")

	// A transaction that stays open holds back the horizon of every snapshot
	// and makes nothing be told twice.
	long := wr().ID
	open := note(t, env.DirectURL, long, 3)
	for range 3 {
		id := wr().ID
		check(t, note(t, env.DirectURL, id, 4).Commit(ctx))
		f.wants(t, "beside an open one", id)
		f.wants(t, "nothing beside an open one")
	}
	check(t, open.Commit(ctx))
	f.wants(t, "the open one", long)

	gone := note(t, env.DirectURL, wr().ID, 5)
	f.wants(t, "before a rollback")
	check(t, gone.Rollback(ctx))
	f.wants(t, "after a rollback")

	// A tombstone is no change.
	check(t, drop(f.db.Settle(ctx, wr().ID)))
	f.wants(t, "a tombstone")
}

func TestChangesCarryTheirScopes(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	w := newWorld(t, db)
	l, err := db.ChangesSince(t.Context(), "")
	check(t, err)
	if !l.Lost || len(l.Changes) != 0 || l.Cursor == "" {
		t.Errorf("at first: %+v", l)
	}
	write := wr(w.home.ID)
	check(t, drop(db.StartTask(t.Context(), write, w.owner.ID, w.task.ID, at())))
	left := wr(w.home.ID)
	check(t, db.RemoveMember(t.Context(), left, w.member.ID, w.home.ID, w.member.ID))
	l, err = db.ChangesSince(t.Context(), l.Cursor)
	check(t, err)
	want := []Change{
		{WriteID: write.ID, What: "task", Users: []int64{}, Residences: []int64{w.home.ID}},
		// Nobody else's lists show who belongs to a residence.
		{WriteID: left.ID, What: "member", Gone: true, Users: []int64{w.member.ID}, Residences: []int64{}},
	}
	if fmt.Sprint(l.Changes) != fmt.Sprint(want) || l.Lost {
		t.Errorf("%+v, want %+v", l, want)
	}
}

// TestALostCursor: what cannot be continued is never taken for "nothing new".
func TestALostCursor(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	conn := connect(t, env.DirectURL)
	ctx := t.Context()
	fresh := func() string {
		t.Helper()
		l, err := db.ChangesSince(ctx, "")
		check(t, err)
		return l.Cursor
	}
	lost := func(name, cursor string, want bool) {
		t.Helper()
		l, err := db.ChangesSince(ctx, cursor)
		if err != nil || l.Lost != want || !validSnapshot(l.Cursor) || want && len(l.Changes) > 0 {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	cursor := fresh()
	lost("a good one", cursor, false)
	for _, malformed := range []string{
		"", " ", "x", "1", "1:2", "0:0:", "5:4:", "1:9:0", "1:9:9", "1:9:3,2", "1:9:3,", "1:9:,3", "-1:9:", "1:+9:", "1:9::",
		"1:99999999999999999999:", "1:9:3;", "1:9: 3", "١:9:",
	} {
		lost("malformed "+malformed, malformed, true)
		if validSnapshot(malformed) {
			t.Errorf("%q is taken for a snapshot", malformed)
		}
	}
	// What is let through, Postgres reads.
	for _, good := range []string{"3:3:", "3:9:3", "3:9:4,4,8", cursor} {
		if _, err := conn.Exec(ctx, "SELECT $1::text::pg_snapshot", good); err != nil || !validSnapshot(good) {
			t.Errorf("%q: %v", good, err)
		}
	}
	lost("from a later life of the database", "3:9000000:", true)

	for range changesAtOnce {
		_, err := conn.Exec(ctx, "INSERT INTO changes (write_id, what) VALUES (gen_random_uuid(), 'user')")
		check(t, err)
	}
	lost("as many rows as are told", cursor, false)
	_, err := conn.Exec(ctx, "INSERT INTO changes (write_id, what) VALUES (gen_random_uuid(), 'user')")
	check(t, err)
	lost("too many rows", cursor, true)
	cursor = fresh()

	// Rows from the future of a restored database are not told, for ever and ever.
	_, err = conn.Exec(ctx, "INSERT INTO changes (write_id, what, xid) VALUES (gen_random_uuid(), 'user', '9000000')")
	check(t, err)
	l, err := db.ChangesSince(ctx, cursor)
	if err != nil || l.Lost || len(l.Changes) != 0 {
		t.Errorf("a row from the future: %+v %v", l, err)
	}
	_, err = conn.Exec(ctx, "UPDATE changes_pruned SET through = '9000000'")
	check(t, err)
	lost("a prune of another life", cursor, false)
	_, err = conn.Exec(ctx, "DELETE FROM changes_pruned")
	check(t, err)
	lost("without the row that says what was pruned", cursor, true)
}

func TestPruneChanges(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	conn := connect(t, env.DirectURL)
	ctx := t.Context()
	start, err := db.ChangesSince(ctx, "")
	check(t, err)
	add := func(n int, age string) {
		t.Helper()
		_, err := conn.Exec(ctx, "INSERT INTO changes (write_id, what, at) SELECT gen_random_uuid(), 'user', now() - $2::interval FROM generate_series(1, $1)", n, age)
		check(t, err)
	}
	add(3, "10 days")
	middle, err := db.ChangesSince(ctx, start.Cursor)
	if err != nil || len(middle.Changes) != 3 {
		t.Fatalf("%+v %v", middle, err)
	}
	add(5, "1 hour")
	week := time.Now().AddDate(0, 0, -7)
	if n, err := db.PruneChanges(ctx, week); n != 3 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	if n, err := db.PruneChanges(ctx, week); n != 0 || err != nil {
		t.Errorf("pruned %d more, %v", n, err)
	}
	if l, err := db.ChangesSince(ctx, start.Cursor); err != nil || !l.Lost {
		t.Errorf("from before what was pruned: %+v %v", l, err)
	}
	if l, err := db.ChangesSince(ctx, middle.Cursor); err != nil || l.Lost || len(l.Changes) != 5 {
		t.Errorf("from after it: %+v %v", l, err)
	}
	// Several turns' worth, and then the mark of another life is replaced.
	_, err = conn.Exec(ctx, "UPDATE changes_pruned SET through = '9000000'")
	check(t, err)
	add(2*prunedAtOnce+7, "9 days")
	if n, err := db.PruneChanges(ctx, week); n != 2*prunedAtOnce+7 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	if l, err := db.ChangesSince(ctx, middle.Cursor); err != nil || !l.Lost {
		t.Errorf("from before all that: %+v %v", l, err)
	}
	now, err := db.ChangesSince(ctx, "")
	check(t, err)
	if l, err := db.ChangesSince(ctx, now.Cursor); err != nil || l.Lost {
		t.Errorf("from now: %+v %v", l, err)
	}
	if left := len(logRows(t, conn)); left != 5 {
		t.Errorf("%d rows are left", left)
	}
}

// waitingFor tells whether a backend waits for another one's transaction.
func waitingFor(t *testing.T, conn *pgx.Conn, statement string) bool {
	t.Helper()
	var waits bool
	check(t, conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE $1 AND wait_event_type = 'Lock')",
		"/* "+statement+" */%").Scan(&waits))
	return waits
}

// TestSettle against writes that really run.
func TestSettle(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	conn := connect(t, env.DirectURL)
	ctx := t.Context()
	w := newWorld(t, db)
	settled := func(id string) (bool, error) { return db.Settle(ctx, id) }

	done := wr(w.home.ID)
	check(t, drop(db.StartTask(ctx, done, w.owner.ID, w.task.ID, at())))
	for range 2 {
		if committed, err := settled(done.ID); err != nil || !committed {
			t.Errorf("a write that has committed: %v %v", committed, err)
		}
	}
	type answer struct {
		committed bool
		err       error
	}
	// While the statement runs, Settle waits for its end, whichever that is.
	for _, commits := range []bool{true, false} {
		id := wr().ID
		tx := note(t, env.DirectURL, id, w.home.ID)
		answers := make(chan answer, 1)
		go func() {
			committed, err := db.Settle(ctx, id)
			answers <- answer{committed, err}
		}()
		labtest.Eventually(t, "Settle's waiting", func() bool { return waitingFor(t, conn, writeSettle.Name) })
		if commits {
			check(t, tx.Commit(ctx))
		} else {
			check(t, tx.Rollback(ctx))
		}
		if a := <-answers; a.err != nil || a.committed != commits {
			t.Errorf("the write's end is a commit: %v; settled: %+v", commits, a)
		}
		if committed, err := settled(id); err != nil || committed != commits {
			t.Errorf("asked again: %v %v", committed, err)
		}
	}
	// A write that comes while its tombstone is being written waits, and fails.
	late := wr(w.home.ID)
	before, err := db.Task(ctx, w.owner.ID, w.task.ID)
	check(t, err)
	tx, err := connect(t, env.DirectURL).Begin(ctx)
	check(t, err)
	_, err = tx.Exec(ctx, writeSettle.SQL, late.ID)
	check(t, err)
	failed := make(chan error, 1)
	go func() { failed <- drop(db.UnstartTask(ctx, late, w.owner.ID, w.task.ID)) }()
	labtest.Eventually(t, "the write's waiting", func() bool { return waitingFor(t, conn, taskUnstart.Name) })
	check(t, tx.Commit(ctx))
	if err := <-failed; !errors.Is(err, ErrFenced) {
		t.Errorf("a write that was given up: %v", err)
	}
	after, err := db.Task(ctx, w.owner.ID, w.task.ID)
	if err != nil || after.Version != before.Version || after.StartedAt == nil {
		t.Errorf("it has changed %+v into %+v, %v", before, after, err)
	}
}

// TestOutsideChangesAreNoted: each way in which SQL that is none of ours may
// change what a cache holds.
func TestOutsideChangesAreNoted(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	conn := connect(t, env.DirectURL)
	ctx := t.Context()
	w, other := newWorld(t, db), newWorldNamed(t, db, "2")
	home, away := w.home.ID, other.home.ID
	last := len(logRows(t, conn))
	fresh := func() []noted {
		rows := logRows(t, conn)[last:]
		last += len(rows)
		return rows
	}
	people := []int64{w.admin.ID, w.member.ID}
	for _, tt := range []struct {
		name, sql         string
		users, residences []int64
	}{
		{"a task", fmt.Sprint("UPDATE tasks SET title = 'x' WHERE id = ", w.task.ID), nil, []int64{home}},
		{"tasks of two homes", "UPDATE tasks SET priority = 'high'", nil, []int64{home, away}},
		{"a task that moves", fmt.Sprintf("UPDATE tasks SET residence_id = %d WHERE id = %d", away, w.task.ID), nil, []int64{home, away}},
		{"a new task", fmt.Sprintf("INSERT INTO tasks (residence_id, title) VALUES (%d, 'x')", home), nil, []int64{home}},
		{"a deleted task", fmt.Sprint("DELETE FROM tasks WHERE id = ", w.once.ID), nil, []int64{home}},
		{"no row", "UPDATE tasks SET title = 'x' WHERE id = -1", nil, nil},
		{"a contractor", "UPDATE contractors SET name = 'x'", nil, []int64{home, away}},
		{"a deleted contractor", fmt.Sprint("DELETE FROM contractors WHERE residence_id = ", home), nil, []int64{home}},
		{"a document", fmt.Sprintf("INSERT INTO documents (residence_id, title) VALUES (%d, 'x')", away), nil, []int64{away}},
		{"a residence", fmt.Sprint("UPDATE residences SET name = 'x' WHERE id = ", home), []int64{w.owner.ID}, []int64{home}},
		{"a new owner", fmt.Sprintf("UPDATE residences SET owner_id = %d WHERE id = %d", w.stranger.ID, home), []int64{w.owner.ID, w.stranger.ID}, []int64{home}},
		{"members", fmt.Sprint("DELETE FROM residence_users WHERE residence_id = ", home), people, []int64{home}},
		{"a member", fmt.Sprintf("INSERT INTO residence_users VALUES (%d, %d, 'member')", home, w.member.ID), []int64{w.member.ID}, []int64{home}},
		{"out of sight", fmt.Sprint("UPDATE residences SET active = false WHERE id = ", home), []int64{w.stranger.ID}, []int64{home}},
		{"back in sight", fmt.Sprint("UPDATE residences SET active = true WHERE id = ", home), []int64{w.stranger.ID, w.member.ID}, []int64{home}},
		{"a sign of life", "UPDATE users SET last_active_at = now(), password_hash = 'x'", nil, nil},
		{"a name", fmt.Sprintf("UPDATE users SET name = 'x', last_active_at = now() WHERE id = %d", w.admin.ID), []int64{w.admin.ID}, nil},
		{"an e-mail", fmt.Sprintf("UPDATE users SET email = 'x@example.com' WHERE id = %d", w.admin.ID), []int64{w.admin.ID}, nil},
		{"a token", fmt.Sprint("DELETE FROM auth_tokens WHERE user_id = ", w.member.ID), []int64{w.member.ID}, nil},
		{"a token that changes hands", fmt.Sprintf("UPDATE auth_tokens SET user_id = %d WHERE user_id = %d", w.member.ID, w.admin.ID), []int64{w.admin.ID, w.member.ID}, nil},
		{"what nobody caches", "UPDATE share_codes SET uses = 0; DELETE FROM task_completions", nil, nil},
	} {
		_, err := conn.Exec(ctx, tt.sql)
		check(t, err)
		rows := fresh()
		if len(tt.users)+len(tt.residences) == 0 {
			if len(rows) != 0 {
				t.Errorf("%s: noted %+v, want nothing", tt.name, rows)
			}
			continue
		}
		if len(rows) != 1 || rows[0].What != "outside" {
			t.Errorf("%s: noted %+v, want one row", tt.name, rows)
			continue
		}
		slices.Sort(tt.users)
		slices.Sort(tt.residences)
		if !slices.Equal(rows[0].Users, tt.users) || !slices.Equal(rows[0].Residences, tt.residences) {
			t.Errorf("%s: noted %+v, want users %v and residences %v", tt.name, rows[0], tt.users, tt.residences)
		}
	}
	// A user goes with all that is his: what cascades is noted as well.
	_, err := conn.Exec(ctx, "DELETE FROM users WHERE id = $1", other.owner.ID)
	check(t, err)
	var users, residences []int64
	for _, r := range fresh() {
		users, residences = append(users, r.Users...), append(residences, r.Residences...)
	}
	for _, u := range []household.User{other.owner, other.admin, other.member} {
		if !slices.Contains(users, u.ID) {
			t.Errorf("a deleted user: %s is not noted", u.Name)
		}
	}
	if !slices.Contains(residences, away) {
		t.Error("a deleted user: his residence is not noted")
	}
	// Rolled back, it was not.
	tx, err := conn.Begin(ctx)
	check(t, err)
	_, err = tx.Exec(ctx, "UPDATE tasks SET title = 'y'")
	check(t, err)
	check(t, tx.Rollback(ctx))
	if rows := fresh(); len(rows) != 0 {
		t.Errorf("rolled back: %+v", rows)
	}
}

// TestMuchFromOutsideIsEverything: more than 500 scopes, or a truncation; and
// one row stands for the rest of its transaction.
func TestMuchFromOutsideIsEverything(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	conn := connect(t, env.DirectURL)
	ctx := t.Context()
	w := newWorld(t, db)
	cursor := ""
	told := func() (everything, scoped int) {
		l, err := db.ChangesSince(ctx, cursor)
		check(t, err)
		cursor = l.Cursor
		for _, c := range l.Changes {
			if c.Everything {
				everything++
			} else {
				scoped++
			}
		}
		return everything, scoped
	}
	told()
	run := func(sql string, everything, scoped int) {
		t.Helper()
		_, err := conn.Exec(ctx, sql)
		check(t, err)
		if e, s := told(); e != everything || s != scoped {
			t.Errorf("%s: %d rows of everything and %d others, want %d and %d", sql, e, s, everything, scoped)
		}
	}
	owner := w.owner.ID
	run(fmt.Sprintf("INSERT INTO residences (owner_id, name) SELECT %d, 'x' FROM generate_series(1, 499)", owner), 0, 1)
	run("INSERT INTO tasks (residence_id, title) SELECT id, 'x' FROM residences", 0, 1)
	run(fmt.Sprintf("INSERT INTO residences (owner_id, name) SELECT %d, 'x' FROM generate_series(1, 500)", owner), 1, 0)
	run("UPDATE tasks SET title = 'y'", 0, 1)
	run("INSERT INTO tasks (residence_id, title) SELECT id, 'x' FROM residences", 1, 0)
	run("BEGIN; UPDATE tasks SET title = 'z'; UPDATE residences SET name = 'z'; DELETE FROM tasks; COMMIT", 1, 0)
	run("UPDATE residences SET name = 'w' WHERE id = (SELECT min(id) FROM residences)", 0, 1) // the mark ends with its transaction
	run("TRUNCATE documents", 1, 0)
	// A mark that is rolled back with its savepoint hides nothing.
	run("BEGIN; SAVEPOINT a; TRUNCATE documents; ROLLBACK TO a; UPDATE contractors SET name = 'v'; COMMIT", 0, 1)
}

// TestTheMarkEndsWithItsTransaction: in the very backend in which one of our
// writes has run, SQL from outside is seen.
func TestTheMarkEndsWithItsTransaction(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 1, 1 })
	w := newWorld(t, db)
	f := &follower{db: db}
	f.next(t)
	write := wr(w.home.ID)
	check(t, drop(db.StartTask(t.Context(), write, w.owner.ID, w.task.ID, at())))
	f.wants(t, "our write", write.ID)
	check(t, db.borrow(t.Context(), taskStart, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "UPDATE tasks SET title = 'from outside'")
		return err
	}))
	if told := f.next(t); len(told) != 1 {
		t.Errorf("told %v", told)
	}
}

// TestARoleWithoutARightOnTheLog may write all the same: nobody's write fails for
// the cache's sake.
func TestARoleWithoutARightOnTheLog(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	newWorld(t, db)
	conn := connect(t, env.DirectURL)
	var may bool
	check(t, conn.QueryRow(t.Context(), "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user").Scan(&may))
	if !may {
		// The lab's role is a plain one: what makes it work is that the function runs as its owner.
		var definer bool
		check(t, conn.QueryRow(t.Context(), "SELECT prosecdef FROM pg_proc WHERE proname = 'note_outside_change'").Scan(&definer))
		if !definer {
			t.Error("the function runs as whoever calls it")
		}
		return
	}
	before := len(logRows(t, conn))
	role := "outsider_" + strings.ReplaceAll(wr().ID, "-", "")
	for _, sql := range []string{
		"CREATE ROLE " + role, "GRANT SELECT, UPDATE ON tasks TO " + role, "SET ROLE " + role,
		"UPDATE tasks SET title = 'x'", "RESET ROLE", "REVOKE ALL ON tasks FROM " + role, "DROP ROLE " + role,
	} {
		_, err := conn.Exec(t.Context(), sql)
		check(t, err)
	}
	if rows := logRows(t, conn)[before:]; len(rows) != 1 {
		t.Errorf("noted %+v", rows)
	}
}
