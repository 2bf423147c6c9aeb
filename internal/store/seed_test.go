package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

func smallSeed() SeedOptions {
	return SeedOptions{Users: 100, ResidencesPerUser: 2, TasksPerResidence: 15, CompletionsPerTask: 3, Seed: 42, Today: at()}
}

// fingerprints of the seeded tables, secrets left out.
func fingerprints(t *testing.T, conn *pgx.Conn) map[string]string {
	t.Helper()
	prints := map[string]string{}
	for _, table := range seedTables() {
		row := "to_jsonb(x) - 'password_hash'"
		if table == "auth_tokens" {
			row = "to_jsonb(x) - 'key_hash'"
		}
		var digest string
		check(t, conn.QueryRow(t.Context(), fmt.Sprintf("SELECT count(*) || ' ' || COALESCE(md5(string_agg(r, ',' ORDER BY r)), '') FROM (SELECT (%s)::text AS r FROM %s x) y", row, table)).Scan(&digest))
		prints[table] = digest
	}
	return prints
}

func TestSeedIsDeterministic(t *testing.T) {
	ctx := t.Context()
	env, other := labtest.Database(t, Migrate), labtest.Database(t, Migrate)
	conn := connect(t, env.DirectURL)
	var tokens bytes.Buffer
	o := smallSeed()
	o.Password, o.TokensOut = "a password", &tokens
	result, err := Seed(ctx, env.DirectURL, o)
	check(t, err)
	first := fingerprints(t, conn)

	again, err := Seed(ctx, other.DirectURL, o)
	check(t, err)
	if second := fingerprints(t, connect(t, other.DirectURL)); !maps.Equal(first, second) {
		t.Errorf("elsewhere:\n%v\n%v", first, second)
	}
	if again.Rows != result.Rows {
		t.Errorf("%d rows and %d", result.Rows, again.Rows)
	}
	tokens.Reset()
	o.Wipe = true
	wiped, err := Seed(ctx, env.DirectURL, o)
	check(t, err)
	if third := fingerprints(t, conn); !maps.Equal(first, third) || wiped.Wiped != 100 {
		t.Errorf("wiped and seeded again (%d wiped):\n%v\n%v", wiped.Wiped, first, third)
	}
	o.Seed++
	check(t, drop(Seed(ctx, env.DirectURL, o)))
	if fourth := fingerprints(t, conn); first["tasks"] == fourth["tasks"] {
		t.Error("another seed gives the same tasks")
	}
	o.Wipe = false
	if _, err := Seed(ctx, env.DirectURL, o); !errors.Is(err, ErrSeeded) || hint(err) == "" {
		t.Errorf("seeding what is seeded: %v", err)
	}
	// What comes after the seed gets ids beyond it.
	db := open(t, env)
	u := newUser(t, db, "later")
	if u.ID != 101 {
		t.Errorf("the next user has id %d", u.ID)
	}
}

func TestSeedHasWhatItSays(t *testing.T) {
	ctx := t.Context()
	env := labtest.Database(t, Migrate)
	var tokens bytes.Buffer
	o := smallSeed()
	o.Password, o.TokensOut = "a password", &tokens
	o.Today = time.Time{} // the board's columns count from today
	steps := map[string]bool{}
	o.Progress = func(p SeedProgress) { steps[p.Step] = true }
	result, err := Seed(ctx, env.DirectURL, o)
	check(t, err)
	rows := map[string]int64{}
	var sum int64
	for _, table := range result.Tables {
		rows[table.Table] = table.Rows
		sum += table.Rows
	}
	if rows["users"] != 100 || rows["residences"] != 200 || rows["tasks"] != 3000 || rows["task_completions"] != 9000 || rows["auth_tokens"] != 100 || sum != result.Rows {
		t.Errorf("rows: %v, in all %d", rows, result.Rows)
	}
	if rows["residence_users"] == 0 || rows["contractors"] == 0 || rows["documents"] == 0 {
		t.Errorf("rows: %v", rows)
	}
	for _, step := range []string{"users", "tasks", "task_completions", "analyze"} {
		if !steps[step] {
			t.Errorf("no progress was told of %s", step)
		}
	}
	db := open(t, env)
	u, hash, err := db.Credentials(ctx, SeedEmail(100))
	check(t, err)
	if match, err := argon2id.ComparePasswordAndHash("a password", hash); !match || err != nil {
		t.Errorf("the password does not open: %v", err)
	}
	lines, hashes := 0, [][]byte{}
	for scan := bufio.NewScanner(&tokens); scan.Scan(); lines++ {
		id, token, _ := strings.Cut(scan.Text(), " ")
		got, _, err := db.UserByToken(ctx, tokenHash(token))
		if err != nil || strconv.FormatInt(got.ID, 10) != id || len(token) != 40 {
			t.Fatalf("line %q: %+v %v", scan.Text(), got, err)
		}
		u = got
		hashes = append(hashes, tokenHash(token))
	}
	if lines != 100 || u.Email != SeedEmail(100) {
		t.Errorf("%d tokens", lines)
	}

	subjects, err := db.Subjects(ctx)
	check(t, err)
	if len(subjects) != 3 || subjects[0].Tasks < 3*subjects[1].Tasks || subjects[1].Tasks == 0 || subjects[2].Tasks != 0 || subjects[2].UserID == 0 {
		t.Errorf("subjects: %+v", subjects)
	}
	counts := map[household.ColumnName]int{}
	for _, token := range hashes {
		now := time.Now()
		_, b, err := db.Board(ctx, token, now, household.DueSoonDays)
		check(t, err)
		board := household.BuildBoard(household.BoardInput{Homes: b.Homes, Cards: b.Cards, Counts: b.Counts, Now: now, DueSoonDays: household.DueSoonDays})
		for _, c := range board.Columns {
			counts[c.Name] += c.Count
		}
	}
	for _, name := range household.ColumnNames() {
		if counts[name] < 20 {
			t.Errorf("column %s has %d tasks of 3,000", name, counts[name])
		}
	}
	t.Logf("columns: %v, subjects: %d, %d, %d tasks", counts, subjects[0].Tasks, subjects[1].Tasks, subjects[2].Tasks)

	conn := connect(t, env.DirectURL)
	for what, sql := range map[string]string{
		"distinct titles":  "SELECT count(DISTINCT title) >= 2000 FROM tasks",
		"time zones":       "SELECT count(DISTINCT time_zone) > 20 FROM residences",
		"known zones":      "SELECT bool_and(z.name IS NOT NULL) FROM residences r LEFT JOIN pg_timezone_names z ON z.name = r.time_zone",
		"all frequencies":  "SELECT count(DISTINCT frequency) = 8 FROM tasks",
		"last completion":  "SELECT bool_and(t.last_completed_at = c.at) FROM tasks t JOIN (SELECT task_id, max(completed_at) AS at FROM task_completions GROUP BY 1) c ON c.task_id = t.id",
		"no completion":    "SELECT bool_and(EXISTS (SELECT FROM task_completions c WHERE c.task_id = t.id)) FROM tasks t WHERE last_completed_at IS NOT NULL",
		"finished is once": "SELECT bool_and(frequency = 'once') FROM tasks WHERE completed_at IS NOT NULL",
		"nothing to come":  "SELECT bool_and(completed_at <= now()) FROM task_completions",
		"made before":      "SELECT bool_and(created_at <= updated_at) FROM tasks",
		"owner no member":  "SELECT NOT EXISTS (SELECT FROM residences r JOIN residence_users m ON m.residence_id = r.id AND m.user_id = r.owner_id)",
		"analyzed":         "SELECT count(*) >= 9 FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL AND last_analyze IS NOT NULL",
	} {
		var ok bool
		if err := conn.QueryRow(ctx, sql).Scan(&ok); err != nil || !ok {
			t.Errorf("%s: %v %v", what, ok, err)
		}
	}
}

// TestWipeKeepsWhatIsNotSeeded: real accounts beside the seeded ones keep
// everything that is theirs.
func TestWipeKeepsWhatIsNotSeeded(t *testing.T) {
	ctx := t.Context()
	env := labtest.Database(t, Migrate)
	db := open(t, env)
	w := newWorld(t, db)
	conn := connect(t, env.DirectURL)
	before := fingerprints(t, conn)
	o := smallSeed()
	o.TokensOut = io.Discard
	check(t, drop(Seed(ctx, env.DirectURL, o)))
	seeded, _, err := db.Credentials(ctx, SeedEmail(1))
	check(t, err)
	// A seeded user meddles in a real residence.
	_, _, err = db.JoinWithCode(ctx, wr(), seeded.ID, "CODE00", at())
	check(t, err)
	made, err := db.CreateTask(ctx, wr(), seeded.ID, household.NewTask{ResidenceID: w.home.ID, Title: "By a seeded user"})
	check(t, err)
	o.Wipe, o.Users = true, 30
	result, err := Seed(ctx, env.DirectURL, o)
	check(t, err)
	if result.Wiped != 100 {
		t.Errorf("%d users wiped, want 100", result.Wiped)
	}
	got, err := db.Task(ctx, w.owner.ID, made.ID)
	if err != nil || got.Title != made.Title {
		t.Errorf("the task in the real residence: %+v %v", got, err)
	}
	check(t, db.DeleteTask(ctx, wr(w.home.ID), w.owner.ID, made.ID))
	if _, err := conn.Exec(ctx, "DELETE FROM users WHERE email LIKE 'seed-%'"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "UPDATE share_codes SET uses = uses - 1, used_by = array_remove(used_by, $1::bigint)", seeded.ID); err != nil {
		t.Fatal(err)
	}
	if after := fingerprints(t, conn); !maps.Equal(before, after) {
		t.Errorf("before %v\nafter  %v", before, after)
	}
}

// TestAFailedSeedLeavesNothing, and with --wipe what was there before.
func TestAFailedSeedLeavesNothing(t *testing.T) {
	env := labtest.Database(t, Migrate)
	conn := connect(t, env.DirectURL)
	empty := fingerprints(t, conn)
	o := smallSeed()
	o.TokensOut = failingWriter{}
	if _, err := Seed(t.Context(), env.DirectURL, o); !errors.Is(err, errDiskFull) {
		t.Errorf("Seed: %v", err)
	}
	if after := fingerprints(t, conn); !maps.Equal(empty, after) {
		t.Errorf("a failed seed leaves %v", after)
	}
	o.TokensOut = nil
	check(t, drop(Seed(t.Context(), env.DirectURL, o)))
	full := fingerprints(t, conn)
	ctx, cancel := context.WithCancel(t.Context())
	o.Wipe, o.Seed = true, 7
	o.Progress = func(p SeedProgress) {
		if p.Step == "task_completions" {
			cancel()
		}
	}
	if _, err := Seed(ctx, env.DirectURL, o); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled seed: %v", err)
	}
	if after := fingerprints(t, conn); !maps.Equal(full, after) {
		t.Error("a cancelled seed with a wipe has changed what was there")
	}
}

var errDiskFull = errors.New("disk full")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errDiskFull }

func TestSeedDemo(t *testing.T) {
	env := labtest.Database(t, Migrate)
	var first Demo
	for round := range 2 {
		d, err := SeedDemo(t.Context(), env.DirectURL)
		check(t, err)
		if d.Email != DemoEmail || len(d.Password) < 12 || d.Password == first.Password {
			t.Errorf("round %d: %+v", round, d)
		}
		first = d
		db := open(t, env)
		u, hash, err := db.Credentials(t.Context(), d.Email)
		check(t, err)
		if match, err := argon2id.ComparePasswordAndHash(d.Password, hash); !match || err != nil {
			t.Errorf("round %d: the password does not open: %v", round, err)
		}
		check(t, db.CreateToken(t.Context(), u.ID, tokenHash(fmt.Sprint("demo", round))))
		now := time.Now()
		_, b, err := db.Board(t.Context(), tokenHash(fmt.Sprint("demo", round)), now, household.DueSoonDays)
		check(t, err)
		board := household.BuildBoard(household.BoardInput{Homes: b.Homes, Cards: b.Cards, Counts: b.Counts, Now: now, DueSoonDays: household.DueSoonDays})
		for _, c := range board.Columns {
			if c.Count == 0 {
				t.Errorf("round %d: column %s of the demo is empty", round, c.Name)
			}
		}
		if len(b.Homes) != 2 {
			t.Errorf("homes: %v", b.Homes)
		}
	}
	// No wipe of seeds touches it.
	o := smallSeed()
	o.Wipe = true
	check(t, drop(Seed(t.Context(), env.DirectURL, o)))
	if _, _, err := open(t, env).Credentials(t.Context(), DemoEmail); err != nil {
		t.Errorf("the demo after a wipe: %v", err)
	}
}

func TestApportion(t *testing.T) {
	for _, tt := range []struct {
		total   int
		weights []float64
		want    []int
	}{
		{10, []float64{1, 1}, []int{5, 5}},
		{10, []float64{1, 0, 2}, []int{3, 0, 7}},
		{0, []float64{1, 2}, []int{0, 0}},
		{5, []float64{0, 0}, []int{0, 0}},
		{1, []float64{1, 1, 1}, []int{0, 0, 1}},
	} {
		if got := apportion(tt.total, tt.weights); !slices.Equal(got, tt.want) {
			t.Errorf("%d by %v: %v, want %v", tt.total, tt.weights, got, tt.want)
		}
	}
}
