package store

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// phone is a client that holds what it was told, as Delta says to.
type phone struct {
	db     *DB
	user   int64
	cursor string

	residences  map[int64]household.Residence
	tasks       map[int64]household.Task
	contractors map[int64]household.Contractor
	documents   map[int64]household.Document
}

func newPhone(db *DB, user household.User) *phone {
	p := &phone{db: db, user: user.ID}
	p.forget()
	return p
}

func (p *phone) forget() {
	p.residences, p.tasks = map[int64]household.Residence{}, map[int64]household.Task{}
	p.contractors, p.documents = map[int64]household.Contractor{}, map[int64]household.Document{}
}

func (p *phone) dropItems(residences []int64) {
	for _, r := range residences {
		for id, x := range p.tasks {
			if x.ResidenceID == r {
				delete(p.tasks, id)
			}
		}
		for id, x := range p.contractors {
			if x.ResidenceID == r {
				delete(p.contractors, id)
			}
		}
		for id, x := range p.documents {
			if x.ResidenceID == r {
				delete(p.documents, id)
			}
		}
	}
}

// sync applies what has come and returns it.
func (p *phone) sync(t *testing.T) Delta {
	t.Helper()
	d, err := p.db.Sync(t.Context(), p.user, p.cursor)
	check(t, err)
	if d.Cursor == "" {
		t.Fatal("no cursor")
	}
	p.cursor = d.Cursor
	if d.Full {
		p.forget()
	}
	p.dropItems(d.Gone.Residences)
	p.dropItems(d.Replaced)
	for _, id := range d.Gone.Residences {
		delete(p.residences, id)
	}
	for _, id := range d.Gone.Tasks {
		delete(p.tasks, id)
	}
	for _, id := range d.Gone.Contractors {
		delete(p.contractors, id)
	}
	for _, id := range d.Gone.Documents {
		delete(p.documents, id)
	}
	for _, x := range d.Residences {
		p.residences[x.ID] = x
	}
	for _, x := range d.Tasks {
		p.tasks[x.ID] = x
	}
	for _, x := range d.Contractors {
		p.contractors[x.ID] = x
	}
	for _, x := range d.Documents {
		p.documents[x.ID] = x
	}
	return d
}

// asJSON is what a phone holds, as the API would show it.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	check(t, err)
	return string(b)
}

// wants requires that the phone holds exactly what the user can see now, field
// by field.
func (p *phone) wants(t *testing.T, what string) {
	t.Helper()
	token := tokenHash(what + fmt.Sprint(p.user, wr().ID))
	check(t, p.db.CreateToken(t.Context(), p.user, token))
	_, r, err := p.db.Residences(t.Context(), token, Page{Limit: MaxPage})
	check(t, err)
	_, c, err := p.db.Contractors(t.Context(), token, Page{Limit: MaxPage})
	check(t, err)
	_, d, err := p.db.Documents(t.Context(), token, Page{Limit: MaxPage})
	check(t, err)
	_, b, err := p.db.Board(t.Context(), token, time.Now().AddDate(0, 0, 1), household.DueSoonDays)
	check(t, err)
	a, err := p.db.ArchivedTasks(t.Context(), p.user, Page{Limit: MaxPage})
	check(t, err)
	tasks := map[int64]household.Task{}
	for _, x := range a.Items {
		tasks[x.ID] = x
	}
	for _, card := range b.Cards {
		x, err := p.db.Task(t.Context(), p.user, card.ID)
		check(t, err)
		tasks[x.ID] = x
	}
	same(t, what+": residences", p.residences, byIDs(r.Items, func(x household.Residence) int64 { return x.ID }))
	same(t, what+": tasks", p.tasks, tasks)
	same(t, what+": contractors", p.contractors, byIDs(c.Items, func(x household.Contractor) int64 { return x.ID }))
	same(t, what+": documents", p.documents, byIDs(d.Items, func(x household.Document) int64 { return x.ID }))
}

func byIDs[T any](items []T, id func(T) int64) map[int64]T {
	m := map[int64]T{}
	for _, x := range items {
		m[id(x)] = x
	}
	return m
}

func same[T any](t *testing.T, what string, got, want map[int64]T) {
	t.Helper()
	if g, w := asJSON(t, got), asJSON(t, want); g != w {
		t.Errorf("%s:\nheld %s\nseen %s", what, g, w)
	}
}

// TestSync follows a household through everything that can happen to it: after
// each step every phone holds what its owner can see, and only what has changed
// was sent.
func TestSync(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	conn := connect(t, env.DirectURL)
	ctx := t.Context()
	w, other := newWorld(t, db), newWorldNamed(t, db, "2")
	home := w.home.ID
	phones := map[string]*phone{}
	for _, u := range []household.User{w.owner, w.admin, w.member, w.stranger, other.owner} {
		phones[u.Name] = newPhone(db, u)
	}
	title := "Patched"
	second := household.Residence{}
	outside := func(sql string, args ...any) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	}
	for _, s := range []struct {
		name string
		do   func() error
		// what the member's phone gets, as "full", and the numbers of
		// residences, tasks, contractors, documents, then of those gone, and
		// of residences replaced
		want string
	}{
		{"at first", func() error { return nil }, "full 1 2 1 1 gone 0 0 0 0 replaced 0"},
		{"nothing", func() error { return nil }, "0 0 0 0 gone 0 0 0 0 replaced 0"},
		{"a task changes twice", func() error {
			return errors.Join(drop(db.UpdateTask(ctx, wr(home), w.owner.ID, w.task.ID, household.TaskPatch{Title: &title})),
				drop(db.CompleteTask(ctx, wr(home), w.member.ID, w.task.ID, at(), household.NewCompletion{})))
		}, "0 1 0 0 gone 0 0 0 0 replaced 0"},
		{"another household's task", func() error {
			return drop(db.UpdateTask(ctx, wr(other.home.ID), other.owner.ID, other.task.ID, household.TaskPatch{Title: &title}))
		}, "0 0 0 0 gone 0 0 0 0 replaced 0"},
		{"an archived task", func() error { return drop(db.ArchiveTask(ctx, wr(home), w.owner.ID, w.task.ID, at())) }, "0 1 0 0 gone 0 0 0 0 replaced 0"},
		{"a deleted task, contractor and document", func() error {
			return errors.Join(db.DeleteTask(ctx, wr(home), w.owner.ID, w.once.ID),
				db.DeleteContractor(ctx, wr(home), w.owner.ID, w.contractor), db.DeleteDocument(ctx, wr(home), w.owner.ID, w.document))
		}, "0 0 0 0 gone 0 1 1 1 replaced 0"},
		{"made and deleted", func() error {
			x, err := db.CreateTask(ctx, wr(), w.owner.ID, household.NewTask{ResidenceID: home, Title: "Short-lived"})
			return errors.Join(err, db.DeleteTask(ctx, wr(home), w.owner.ID, x.ID))
		}, "0 0 0 0 gone 0 1 0 0 replaced 0"},
		{"new ones", func() error {
			return errors.Join(
				drop(db.CreateTask(ctx, wr(), w.owner.ID, household.NewTask{ResidenceID: home, Title: "New", DueDate: date(t, "2026-12-31")})),
				drop(db.CreateContractor(ctx, wr(), w.owner.ID, household.NewContractor{ResidenceID: home, Name: "New"})),
				drop(db.CreateDocument(ctx, wr(), w.owner.ID, household.NewDocument{ResidenceID: home, Title: "New", ExpiresOn: date(t, "2028-02-29")})))
		}, "0 1 1 1 gone 0 0 0 0 replaced 0"},
		{"the residence's name", func() error {
			return drop(db.UpdateResidence(ctx, wr(home), w.owner.ID, home, household.ResidencePatch{Name: &title}))
		}, "1 0 0 0 gone 0 0 0 0 replaced 0"},
		{"another member's role", func() error {
			return drop(db.SetRole(ctx, wr(home), w.owner.ID, home, w.admin.ID, household.RoleMember))
		}, "0 0 0 0 gone 0 0 0 0 replaced 0"},
		{"his own role", func() error {
			return drop(db.SetRole(ctx, wr(home), w.owner.ID, home, w.member.ID, household.RoleAdmin))
		}, "1 2 1 1 gone 0 0 0 0 replaced 0"},
		{"a residence of his own", func() (err error) {
			second, err = db.CreateResidence(ctx, wr(), w.member.ID, household.NewResidence{Name: "Second"})
			return errors.Join(err, drop(db.CreateTask(ctx, wr(), w.member.ID, household.NewTask{ResidenceID: second.ID, Title: "There"})))
		}, "1 1 0 0 gone 0 0 0 0 replaced 0"},
		{"someone joins", func() error { return drop2(db.JoinWithCode(ctx, wr(home), w.stranger.ID, "CODE00", at())) }, "0 0 0 0 gone 0 0 0 0 replaced 0"},
		{"he leaves", func() error { return db.RemoveMember(ctx, wr(home), w.member.ID, home, w.member.ID) }, "0 0 0 0 gone 1 0 0 0 replaced 0"},
		{"what happens there now", func() error {
			return errors.Join(drop(db.CreateTask(ctx, wr(), w.owner.ID, household.NewTask{ResidenceID: home, Title: "Not his"})),
				drop(db.UnarchiveTask(ctx, wr(home), w.owner.ID, w.task.ID)))
		}, "0 0 0 0 gone 0 0 0 0 replaced 0"},
		{"he is back", func() error { return joinAnew(ctx, t, w, w.member.ID) }, "1 3 1 1 gone 0 0 0 0 replaced 0"},
		{"out and in again, and a task gone meanwhile", func() error {
			return errors.Join(db.RemoveMember(ctx, wr(home), w.member.ID, home, w.member.ID), db.DeleteTask(ctx, wr(home), w.owner.ID, w.task.ID),
				joinAnew(ctx, t, w, w.member.ID))
		}, "1 2 1 1 gone 0 1 0 0 replaced 0"},
		{"a task deleted from outside", func() error {
			return outside("DELETE FROM tasks WHERE residence_id = $1 AND title = 'New'", home)
		}, "1 1 1 1 gone 0 0 0 0 replaced 1"},
		{"other people's tasks from outside", func() error { return outside("DELETE FROM tasks WHERE id = $1", other.once.ID) }, "0 0 0 0 gone 0 0 0 0 replaced 0"},
		{"everybody's tasks from outside", func() error { return outside("UPDATE tasks SET description = 'x'") }, "2 2 1 1 gone 0 0 0 0 replaced 2"},
		{"the residence, out of sight from outside", func() error { return outside("UPDATE residences SET active = false WHERE id = $1", home) }, "0 0 0 0 gone 1 0 0 0 replaced 0"},
		{"and in sight again", func() error { return outside("UPDATE residences SET active = true WHERE id = $1", home) }, "1 1 1 1 gone 0 0 0 0 replaced 1"},
		{"removed from outside", func() error { return outside("DELETE FROM residence_users WHERE user_id = $1", w.member.ID) }, "full 1 1 0 0 gone 0 0 0 0 replaced 0"},
		{"put back from outside", func() error {
			return outside("INSERT INTO residence_users (residence_id, user_id, role) VALUES ($1, $2, 'member')", home, w.member.ID)
		}, "1 1 1 1 gone 0 0 0 0 replaced 1"},
		{"a truncation", func() error { return outside("TRUNCATE documents") }, "full 2 2 1 0 gone 0 0 0 0 replaced 0"},
		{"the residence is deleted", func() error { return drop(db.DeleteResidence(ctx, wr(home), w.owner.ID, home)) }, "0 0 0 0 gone 1 0 0 0 replaced 0"},
	} {
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		for name, p := range phones {
			d := p.sync(t)
			if name == w.member.Name {
				if got := summary(d); got != s.want {
					t.Errorf("%s: %s, want %s", s.name, got, s.want)
				}
			}
			p.wants(t, s.name+", "+name)
		}
	}
}

func summary(d Delta) string {
	full := ""
	if d.Full {
		full = "full "
	}
	return full + fmt.Sprintf("%d %d %d %d gone %d %d %d %d replaced %d", len(d.Residences), len(d.Tasks), len(d.Contractors), len(d.Documents),
		len(d.Gone.Residences), len(d.Gone.Tasks), len(d.Gone.Contractors), len(d.Gone.Documents), len(d.Replaced))
}

// TestSyncSkipsNoLateCommit: a task is changed by a transaction that begins
// first and commits last, while the phone syncs in between.
func TestSyncSkipsNoLateCommit(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	w := newWorld(t, db)
	ctx := t.Context()
	p := newPhone(db, w.member)
	p.sync(t)
	tx, err := connect(t, env.DirectURL).Begin(ctx)
	check(t, err)
	var returned household.Task
	var home int64
	var held bool
	row := tx.QueryRow(ctx, taskStart.SQL, w.owner.ID, w.task.ID, wr().ID, []int64{w.home.ID}, at())
	check(t, row.Scan(append([]any{&home, &held}, intoTask(&returned)...)...))
	check(t, drop(db.StartTask(ctx, wr(w.home.ID), w.owner.ID, w.once.ID, at())))
	if d := p.sync(t); len(d.Tasks) != 1 || d.Tasks[0].ID != w.once.ID {
		t.Errorf("while it runs: %s", summary(d))
	}
	if d := p.sync(t); len(d.Tasks) != 0 {
		t.Errorf("told twice: %s", summary(d))
	}
	check(t, tx.Commit(ctx))
	if d := p.sync(t); d.Full || len(d.Tasks) != 1 || d.Tasks[0].ID != w.task.ID || d.Tasks[0].StartedAt == nil {
		t.Errorf("after its commit: %s", summary(d))
	}
	p.wants(t, "in the end")
}

func TestSyncCursors(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	w := newWorld(t, db)
	ctx := t.Context()
	first, err := db.Sync(ctx, w.member.ID, "")
	check(t, err)
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for _, malformed := range []string{"x", " ", "1:2:", "%%%", encode("5:4:"), encode("a:b:"), first.Cursor + "A", encode("1:2:3") + "="} {
		_, err := db.Sync(ctx, w.member.ID, malformed)
		if f, ok := errors.AsType[*FieldError](err); !errors.Is(err, ErrInvalid) || !ok || f.Field != "since" {
			t.Errorf("since %q: %v", malformed, err)
		}
	}
	whole := func(name, since string, full bool) {
		t.Helper()
		d, err := db.Sync(ctx, w.member.ID, since)
		if err != nil || d.Full != full || full && summary(d) != summary(first) {
			t.Errorf("%s: %s, %v", name, summary(d), err)
		}
	}
	whole("again", first.Cursor, false)
	whole("from a later life of the database", encode("3:9000000:"), true)
	conn := connect(t, env.DirectURL)
	exec := func(sql string, args ...any) {
		t.Helper()
		_, err := conn.Exec(ctx, sql, args...)
		check(t, err)
	}
	exec("UPDATE changes_pruned SET through = pg_snapshot_xmin(pg_current_snapshot())")
	whole("pruned since", first.Cursor, true)
	exec("UPDATE changes_pruned SET through = '0'")
	// Other households' writes are no reason, up to what the log is searched for.
	exec("INSERT INTO changes (write_id, what, residence_ids) SELECT gen_random_uuid(), 'task', '{0}' FROM generate_series(1, $1::int)", syncLogRows-100)
	whole("much elsewhere", first.Cursor, false)
	exec("INSERT INTO changes (write_id, what, residence_ids, item_id) SELECT gen_random_uuid(), 'task', ARRAY[$1::bigint], $2::bigint FROM generate_series(1, 50)", w.home.ID, w.task.ID)
	if d, err := db.Sync(ctx, w.member.ID, first.Cursor); err != nil || d.Full || len(d.Tasks) != 1 {
		t.Errorf("a task that was changed fifty times: %s, %v", summary(d), err)
	}
	exec("INSERT INTO changes (write_id, what, residence_ids) SELECT gen_random_uuid(), 'task', '{0}' FROM generate_series(1, 100)")
	whole("too much in all", first.Cursor, true)
	now, err := db.Sync(ctx, w.member.ID, "")
	check(t, err)
	exec("INSERT INTO changes (write_id, what, residence_ids, item_id) SELECT gen_random_uuid(), 'task', ARRAY[$1::bigint], n FROM generate_series(1, $2::int) n", w.home.ID, syncOwnLimit+1)
	whole("too much of his own", now.Cursor, true)

	nobody, err := db.Sync(ctx, 987654321, "")
	if err != nil || !nobody.Full || summary(nobody) != "full 0 0 0 0 gone 0 0 0 0 replaced 0" {
		t.Errorf("nobody: %s %v", summary(nobody), err)
	}
}

// TestSyncNeverShowsAnothersRows: even where the log itself is about the user, or
// about a residence of his and an item of someone else's.
func TestSyncNeverShowsAnothersRows(t *testing.T) {
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	conn := connect(t, env.DirectURL)
	ctx := t.Context()
	w, other := newWorld(t, db), newWorldNamed(t, db, "2")
	start, err := db.Sync(ctx, w.member.ID, "")
	check(t, err)
	for _, what := range []string{"task", "residence", "member", "contractor", "document", "outside"} {
		for _, item := range []int64{other.task.ID, other.contractor, other.document, other.home.ID} {
			_, err := conn.Exec(ctx, "INSERT INTO changes (write_id, what, item_id, user_ids, residence_ids) VALUES (gen_random_uuid(), $1, $2, ARRAY[$3::bigint], ARRAY[$4::bigint])",
				what, item, w.member.ID, []int64{w.home.ID, other.home.ID}[item%2])
			check(t, err)
			d, err := db.Sync(ctx, w.member.ID, start.Cursor)
			check(t, err)
			mine := func(residence int64) {
				if residence != w.home.ID {
					t.Errorf("%s %d: something of residence %d", what, item, residence)
				}
			}
			for _, x := range d.Residences {
				mine(x.ID)
			}
			for _, x := range d.Tasks {
				mine(x.ResidenceID)
			}
			for _, x := range d.Contractors {
				mine(x.ResidenceID)
			}
			for _, x := range d.Documents {
				mine(x.ResidenceID)
			}
			if slices.Contains(d.Replaced, other.home.ID) {
				t.Errorf("%s %d: %v", what, item, d.Replaced)
			}
		}
	}
}
