package store

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// hostile are settings that a database or a role may have, each with a value that changes how text is read or written,
// or how statements run.
func hostile() map[string]string {
	return map[string]string{
		"datestyle":                      "German, DMY",
		"client_encoding":                "LATIN1",
		"timezone":                       "Pacific/Chatham",
		"standard_conforming_strings":    "off",
		"intervalstyle":                  "sql_standard",
		"bytea_output":                   "escape",
		"extra_float_digits":             "-15",
		"default_transaction_isolation":  "serializable",
		"default_transaction_deferrable": "on",
		"plan_cache_mode":                "force_generic_plan",
		"quote_all_identifiers":          "on",
		"array_nulls":                    "off",
		"transform_null_equals":          "on",
		"backslash_quote":                "off",
		"xmloption":                      "document",
		"row_security":                   "off",
		"synchronous_commit":             "off",
		"timezone_abbreviations":         "India",
		"lc_time":                        "C.UTF-8",
		"lc_numeric":                     "C.UTF-8",
		"lc_monetary":                    "C.UTF-8",
		"lc_messages":                    "C.UTF-8",
		"jit":                            "off",
		"client_min_messages":            "debug5",
		"enable_hashjoin":                "off",
		"check_function_bodies":          "off",
		"default_text_search_config":     "pg_catalog.german",
		"search_path":                    `"$user", public`,
		"escape_string_warning":          "off",
	}
}

// alter sets what hostile lists in front of the pooler's first connection; %s is what it is set on.
func alter(t testing.TB, env labtest.Env, on string, settings map[string]string) {
	t.Helper()
	var statements []string
	for name, value := range settings {
		if name != "search_path" {
			value = "'" + value + "'"
		}
		statements = append(statements, "ALTER "+on+" SET "+name+" = "+value)
	}
	check(t, labtest.Lab(t).Administer(t.Context(), databaseName(t, env.DirectURL), statements...))
}

const foreign = "Grüße 漢字 \\ ' \" é"

// everything is what the database holds and how the reading methods give it, as JSON without the instants of now.
func everything(t *testing.T, w *world) string {
	t.Helper()
	ctx := t.Context()
	read := map[string]any{}
	keep := func(name string) func(v any, err error) {
		return func(v any, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			read[name] = v
		}
	}
	two := func(name string, v any, second any, err error) { keep(name)([]any{v, second}, err) }
	u, homes, err := w.db.UserByToken(ctx, w.token)
	two("user", u, homes, err)
	u, hash, err := w.db.Credentials(ctx, strings.ToUpper(w.owner.Email))
	two("credentials", u, hash, err)
	u, board, err := w.db.Board(ctx, w.token, at(), household.DueSoonDays)
	two("board", u, board, err)
	u, residences, err := w.db.Residences(ctx, w.token, Page{})
	two("residences", u, residences, err)
	u, contractors, err := w.db.Contractors(ctx, w.token, Page{})
	two("contractors", u, contractors, err)
	u, documents, err := w.db.Documents(ctx, w.token, Page{})
	two("documents", u, documents, err)
	archived, err := w.db.ArchivedTasks(ctx, w.owner.ID, Page{})
	keep("archived")(archived, err)
	members, err := w.db.Members(ctx, w.owner.ID, w.home.ID)
	keep("members")(members, err)
	task, err := w.db.Task(ctx, w.owner.ID, w.task.ID)
	keep("task")(task, err)
	recent, err := w.db.RecentUsers(ctx, 10)
	keep("recent")(recent, err)
	tokens, err := w.db.NewestTokens(ctx, []int64{w.owner.ID})
	keep("tokens")(tokens, err)
	delta, err := w.db.Sync(ctx, w.owner.ID, "")
	delta.Cursor = ""
	keep("sync")(delta, err)
	text, err := json.MarshalIndent(read, "", " ")
	check(t, err)
	return withoutNow(t, string(text))
}

// withoutNow replaces each instant of the last minutes; one that a time zone has shifted stays and shows.
func withoutNow(t *testing.T, text string) string {
	t.Helper()
	return regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]*"`).ReplaceAllStringFunc(text, func(s string) string {
		instant, err := time.Parse(time.RFC3339Nano, strings.Trim(s, `"`))
		if err == nil && time.Since(instant).Abs() < 10*time.Minute && strings.HasSuffix(s, `Z"`) {
			return `"now"`
		}
		return s
	})
}

// furnishedWorld runs every method once and then leaves texts that need an encoding.
func furnishedWorld(t *testing.T, env labtest.Env, change ...func(*Config)) *world {
	t.Helper()
	db := open(t, env, change...)
	w := newWorld(t, db)
	for _, c := range calls() {
		if c.query.Name == residenceDelete.Name {
			continue
		}
		if err := c.do(t.Context(), w, 1); err != nil {
			t.Errorf("%s: %v", c.query.Name, err)
		}
	}
	name := foreign
	u, err := db.UpdateUser(t.Context(), wr(), w.owner.ID, household.UserPatch{Name: &name})
	check(t, err)
	if u.Name != foreign {
		t.Errorf("the name came back as %q", u.Name)
	}
	_, err = db.CreateTask(t.Context(), wr(), w.owner.ID, household.NewTask{
		ResidenceID: w.home.ID, Title: foreign, Description: foreign, DueDate: date(t, "2026-03-04"),
	})
	check(t, err)
	_, err = db.Register(t.Context(), NewUser{Email: "grüße@example.org", Name: foreign, PasswordHash: foreign}, tokenHash("foreign"))
	check(t, err)
	return w
}

// TestHostileSettingsChangeNothing: whatever a database or a role sets, every statement runs, and what was written
// comes back as it comes back without.
func TestHostileSettingsChangeNothing(t *testing.T) {
	modes := map[string]func(*Config){
		"exec":            func(*Config) {},
		"cache_describe":  func(c *Config) { c.ExecMode = "cache_describe" },
		"simple_protocol": func(c *Config) { c.ExecMode = "simple_protocol" },
	}
	want := everything(t, furnishedWorld(t, labtest.Database(t, Migrate)))
	if !strings.Contains(want, "漢字") || strings.Count(want, `"now"`) < 20 {
		t.Fatalf("the plain database holds %s", want)
	}
	run := func(name string, direct bool, on func(labtest.Env) string, settings map[string]string, change ...func(*Config)) {
		t.Run(name, func(t *testing.T) {
			env := labtest.Database(t, nil)
			alter(t, env, on(env), settings)
			check(t, Migrate(t.Context(), env.DirectURL)) // under the same settings
			if direct {
				env.DatabaseURL = env.DirectURL
			}
			if got := everything(t, furnishedWorld(t, env, change...)); got != want {
				t.Errorf("what is read differs:\n%s", firstDifference(want, got))
			}
		})
	}
	onDatabase := func(env labtest.Env) string { return "DATABASE " + databaseName(t, env.DirectURL) }
	onRole := func(env labtest.Env) string { return "ROLE honeydue IN DATABASE " + databaseName(t, env.DirectURL) }
	for mode, change := range modes {
		run("all on the database, "+mode, false, onDatabase, hostile(), change)
		run("all on the role, "+mode, false, onRole, hostile(), change)
	}
	run("all on the role, without a pooler", true, onRole, hostile())
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return strings.Join(a[max(0, i-3):i+1], "\n") + "\ngot\n" + b[i]
		}
	}
	return "one is longer"
}

// TestSettingsThatAConnectionCannotChange are reported with the statement that changes them, and following it ends the
// warning.
func TestSettingsThatAConnectionCannotChange(t *testing.T) {
	for name, value := range map[string]string{
		"default_transaction_read_only": "on",
		"default_transaction_isolation": "serializable",
		"synchronous_commit":            "off",
		"session_replication_role":      "replica",
		"statement_timeout":             "5s",
		"lock_timeout":                  "100ms",
	} {
		t.Run(name, func(t *testing.T) {
			env := labtest.Database(t, Migrate)
			alter(t, env, "ROLE honeydue IN DATABASE "+databaseName(t, env.DirectURL), map[string]string{name: value})
			remedy, _, ok := strings.Cut(warned(t, env, name), ";")
			if !ok || !strings.HasPrefix(remedy, "Run ALTER ROLE ") {
				t.Fatalf("says what to do by %q", remedy)
			}
			check(t, labtest.Lab(t).Administer(t.Context(), databaseName(t, env.DirectURL), strings.TrimPrefix(remedy, "Run ")))
			env.DatabaseURL = env.DirectURL // the pooler keeps its server connections
			warned(t, env, "")
		})
	}
	t.Run("search_path", func(t *testing.T) {
		env := labtest.Database(t, Migrate)
		alter(t, env, "DATABASE "+databaseName(t, env.DirectURL), map[string]string{"search_path": "elsewhere"})
		warned(t, env, "search_path")
	})
	t.Run("encoding", func(t *testing.T) {
		env := labtest.Database(t, nil)
		name := databaseName(t, env.DirectURL)
		check(t, labtest.Lab(t).Administer(t.Context(), "postgres", "DROP DATABASE "+name,
			"CREATE DATABASE "+name+" OWNER honeydue ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"))
		check(t, Migrate(t.Context(), env.DirectURL))
		warned(t, env, "server_encoding")
		db := open(t, env)
		_, err := db.Register(t.Context(), NewUser{Email: "a@example.org", Name: "Grüße", PasswordHash: "!"}, tokenHash("a"))
		check(t, err)
		u, _, err := db.UserByToken(t.Context(), tokenHash("a"))
		check(t, err)
		if u.Name != "Grüße" {
			t.Errorf("the name came back as %q", u.Name)
		}
		home, err := db.CreateResidence(t.Context(), wr(), u.ID, household.NewResidence{Name: "Straße"})
		check(t, err)
		for _, title := range []string{"Türöffner ölen", "Filter"} {
			check(t, drop(db.CreateTask(t.Context(), wr(), u.ID, household.NewTask{ResidenceID: home.ID, Title: title})))
		}
		_, board, err := db.Board(t.Context(), tokenHash("a"), at(), household.DueSoonDays)
		check(t, err)
		var titles []string
		for _, c := range board.Cards {
			titles = append(titles, c.Title)
		}
		slices.Sort(titles)
		if !slices.Equal(titles, []string{"Filter", "Türöffner ölen"}) {
			t.Errorf("the board has the titles %q", titles)
		}
		_, err = db.Register(t.Context(), NewUser{Email: "b@example.org", Name: "漢字", PasswordHash: "!"}, tokenHash("b"))
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("what the database cannot store: %v", err)
		}
	})
}

// warned opens a pool, requires a warning about the one setting or none, and returns what to do.
func warned(t *testing.T, env labtest.Env, setting string) string {
	t.Helper()
	warnings := open(t, env).Proof().Warnings
	switch {
	case setting == "" && len(warnings) == 0:
		return ""
	case setting != "" && len(warnings) == 1 && warnings[0].Setting == setting && warnings[0].Hint() != "":
		return warnings[0].Hint()
	}
	for _, w := range warnings {
		t.Logf("%s: %v", w.Setting, w)
	}
	t.Fatalf("%d warnings, want one about %q", len(warnings), setting)
	return ""
}

// TestAPoolerThatKeepsParametersBack is refused: what it does not pass on is misread.
func TestAPoolerThatKeepsParametersBack(t *testing.T) {
	env := labtest.Database(t, Migrate)
	alter(t, env, "DATABASE "+databaseName(t, env.DirectURL), map[string]string{"datestyle": "German, DMY"})
	_, err := openWith(t.Context(), Config{URL: env.DatabaseURL, MaxConns: 1}, func(c *pgxpool.Config) {
		delete(c.ConnConfig.RuntimeParams, "datestyle")
	})
	if !errors.Is(err, ErrRefused) || hint(err) == "" {
		t.Errorf("opened: %v", err)
	}
}

// TestDirectEndpointHasNoTimeouts: a migration and a seed run as long as they need.
func TestDirectEndpointHasNoTimeouts(t *testing.T) {
	env := labtest.Database(t, nil)
	timeouts := map[string]string{"statement_timeout": "61s", "idle_in_transaction_session_timeout": "62s", "idle_session_timeout": "63s"}
	alter(t, env, "ROLE honeydue IN DATABASE "+databaseName(t, env.DirectURL), timeouts)
	conn, err := connectDirect(t.Context(), env.DirectURL)
	check(t, err)
	defer closeConn(t.Context(), conn)
	steps := "-- +goose Up\nCREATE TABLE told (name text, value text);\n"
	for name := range timeouts {
		var value string
		check(t, conn.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&value))
		if value != "0" {
			t.Errorf("a seed runs with %s = %s", name, value)
		}
		steps += "INSERT INTO told SELECT '" + name + "', current_setting('" + name + "');\n"
	}
	_, err = migrateWith(t.Context(), env.DirectURL, fstest.MapFS{"00001_told.sql": {Data: []byte(steps)}},
		func(p *goose.Provider) ([]*goose.MigrationResult, error) { return p.Up(t.Context()) })
	check(t, err)
	var limited int
	check(t, conn.QueryRow(t.Context(), "SELECT count(*) FILTER (WHERE value <> '0') + 3 - count(*) FROM told").Scan(&limited))
	if limited != 0 {
		t.Errorf("a migration runs with %d of these limits", limited)
	}
}

// TestThePoolerSetsNothingForEachTransaction: what each connection asks for is written as the server reports it, so that
// PgBouncer sets it once for each server connection.
func TestThePoolerSetsNothingForEachTransaction(t *testing.T) {
	for _, settings := range []map[string]string{{}, {"datestyle": "German, DMY", "timezone": "Asia/Tokyo", "client_encoding": "LATIN1"}} {
		env := labtest.Database(t, Migrate)
		alter(t, env, "DATABASE "+databaseName(t, env.DirectURL), settings)
		db := open(t, env, func(c *Config) { c.MaxConns, c.MinIdleConns = 1, 1 })
		conn, err := connectDirect(t.Context(), env.DirectURL)
		check(t, err)
		defer closeConn(t.Context(), conn)
		sets := func() (n int) {
			check(t, conn.QueryRow(t.Context(), `SELECT COALESCE(sum(s.calls), 0)::int FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
				WHERE d.datname = current_database() AND s.query ~* '^set '`).Scan(&n))
			return n
		}
		check(t, db.Ping(t.Context()))
		before := sets()
		if want := len(settings) > 0; (before > 0) != want {
			t.Errorf("%v: the pooler has set %d parameters", settings, before)
		}
		for range 20 {
			check(t, db.Ping(t.Context()))
		}
		if after := sets(); after != before {
			t.Errorf("%v: %d parameters were set by 20 statements", settings, after-before)
		}
	}
}
