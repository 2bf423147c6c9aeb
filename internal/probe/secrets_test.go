package probe_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// TestNoOutputHoldsASecret plants a user whose e-mail, id and token hash can be recognised, makes him the
// heaviest, and looks for him and for every password in every form of every output: healthy, broken,
// with the wrong password, with everything down.
func TestNoOutputHoldsASecret(t *testing.T) {
	env := labtest.Database(t, prepare)
	const id, email = 948271635, "canary.user@secret.example"
	exec(t, env, fmt.Sprintf(`
		INSERT INTO users (id, email, name, password_hash) VALUES (%[1]d, '%[2]s', 'Canary O''Name', 'canary-hash');
		INSERT INTO auth_tokens (key_hash, user_id) VALUES (decode(repeat('cafe', 16), 'hex'), %[1]d);
		INSERT INTO residences (id, owner_id, name) VALUES (%[1]d, %[1]d, 'canary-residence');
		INSERT INTO tasks (residence_id, title) SELECT %[1]d, 'canary-task' FROM generate_series(1, 3000);
		ANALYZE users, auth_tokens, residences, tasks;`, id, email))
	canaries := []string{
		fmt.Sprint(id), email, "canary-hash", "canary-residence", "canary-task", "Canary O",
		strings.Repeat("cafe", 4), `\312\376`, "canary-wrong-password",
	}
	withPassword := func(raw, password string) string {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal("a URL of the lab can't be read")
		}
		u.User = url.UserPassword(u.User.Username(), password)
		return u.String()
	}

	healthy := config(env)
	if s := subject(t, env); s.UserID != id {
		t.Fatalf("the canary is not the heavy user, so the test proves nothing: %d", s.UserID)
	}
	wrong := healthy
	wrong.URL, wrong.DirectURL = withPassword(env.DatabaseURL, "canary-wrong-password"), withPassword(env.DirectURL, "canary-wrong-password")
	wrong.RedisURL = withPassword(env.RedisURL, "canary-wrong-password")
	wrong.TargetURL = "http://canary:canary-wrong-password@127.0.0.1:1/?token=canary-wrong-password"
	wrong.AdminURL = withPassword(env.AdminURL, "canary-wrong-password")
	parameters := healthy
	parameters.URL += "&statement_timeout=canary-wrong-password"
	malformed := healthy
	malformed.URL = "postgres://user:canary-wrong-password@[bad"
	malformed.DirectURL, malformed.RedisURL = "host=x password='canary-wrong-password", "redis://:canary-wrong-password@%zz"
	broken := healthy
	broken.Settings = []facts.Setting{{Name: "DB_MAX_CONNS", Value: "1", Tuned: "25", Drifted: true}}

	for name, c := range map[string]facts.Config{"healthy": healthy, "broken": broken, "wrong passwords": wrong, "a parameter": parameters, "malformed URLs": malformed} {
		t.Run(name, func(t *testing.T) {
			lookForSecrets(t, c, run(t, c), canaries...)
		})
	}
}

// TestNoStatementOfTheServerHoldsAUser looks for the users whose statements were explained, and for every canary, in
// pg_stat_statements, whose readers may not read the tables. A second run must leave no plan that the first has not: a
// watch over a night would push out what the app itself has there.
func TestNoStatementOfTheServerHoldsAUser(t *testing.T) {
	env := labtest.Database(t, prepare)
	const id = 948271636
	exec(t, env, fmt.Sprintf(`
		INSERT INTO users (id, email, name, password_hash) VALUES (%[1]d, 'canary.statement@secret.example', 'Canary', 'canary-hash');
		INSERT INTO auth_tokens (key_hash, user_id) VALUES (decode(repeat('beef', 16), 'hex'), %[1]d);
		INSERT INTO residences (id, owner_id, name) VALUES (%[1]d, %[1]d, 'canary-residence');
		INSERT INTO tasks (residence_id, title) SELECT %[1]d, 'canary-task' FROM generate_series(1, 3000);
		ANALYZE users, auth_tokens, residences, tasks;`, id))
	if s := subject(t, env); s.UserID != id {
		t.Fatalf("the canary is not the heavy user, so the test proves nothing: %d", s.UserID)
	}
	watcher := session(t, env)
	texts := func() map[string]bool {
		out := map[string]bool{}
		rows, err := watcher.Query(t.Context(), `SELECT query FROM pg_stat_statements
			WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%FROM pg_stat_statements%'`)
		must(t, err)
		var text string
		_, err = pgx.ForEachRow(rows, []any{&text}, func() error { out[text] = true; return nil })
		must(t, err)
		return out
	}
	c := config(env)
	if r := run(t, c); r.HotPaths[0].GenericPlan == nil {
		t.Fatal("no generic plan was asked for, so the test proves nothing")
	}
	before := texts()
	run(t, c)
	after := texts()
	plans := 0
	for text := range after {
		if strings.HasPrefix(text, "EXPLAIN ") {
			plans++
			if !before[text] {
				t.Errorf("the second run has left %s", text)
			}
		}
		for _, canary := range append(secretsOf(c), fmt.Sprint(id), strings.Repeat("beef", 4), `\276\357`, "secret.example", "canary") {
			if canary != "" && strings.Contains(text, canary) {
				t.Errorf("%q stands in %s", canary, text)
			}
		}
	}
	if plans < 10 {
		t.Errorf("the server has kept %d plans, so the test proves little", plans)
	}
}

func subject(t *testing.T, env lab.Env) store.Subject {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: env.DatabaseURL, MaxConns: 1, MinIdleConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	subjects, err := db.Subjects(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return subjects[0]
}
