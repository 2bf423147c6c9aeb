package collect

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// TestStatementsWithoutTheirComment: Postgres 18 keeps no comment before a statement; each statement of the catalogue
// is known by its text all the same, whatever its constants are, and a stranger's is not.
func TestStatementsWithoutTheirComment(t *testing.T) {
	c, err := pgx.Connect(t.Context(), labtest.Database(t, store.Migrate).DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }()
	subject := store.Subject{UserID: 1, ResidenceID: 1, TaskID: 1, TokenHash: make([]byte, 32)}
	ran := map[string]bool{}
	for _, q := range store.Catalogue() {
		tx, err := c.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// A statement that fails on an empty database is not counted by the server either.
		_, err = tx.Exec(t.Context(), withoutComment(q.SQL), append([]any{pgx.QueryExecModeExec}, q.Sample(subject)...)...)
		ran[q.Name] = err == nil
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{"SELECT u.id, u.email, u.name FROM users u", "SELECT 7"} {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	var counts facts.StatementCounts
	r := &reader{server: &pgClient{conn: c, PGServer: &facts.PGServer{}}, unread: map[string]*facts.Failure{}}
	r.read(t.Context(), reading{facts.ReadStatements, statementsSQL("public"), &counts})
	if why := r.unread[facts.ReadStatements]; why != nil {
		t.Fatal(why)
	}
	known, total := 0, 0
	for _, q := range store.Catalogue() {
		if !ran[q.Name] {
			continue
		}
		total++
		if slices.ContainsFunc(counts.Ours, func(s facts.CountedStatement) bool { return s.Name == q.Name && s.Calls > 0 }) {
			known++
		} else if q.Hot {
			t.Errorf("%s is not known", q.Name)
		} else {
			t.Logf("%s is not known by its text", q.Name)
		}
	}
	// All but SELECT 1, which may be anybody's.
	if total < 35 || known < total-1 {
		t.Errorf("%d of %d statements are known", known, total)
	}
	for _, s := range counts.Ours {
		if !facts.KnownStatement(s.Name) {
			t.Errorf("%s is taken for one of the app's", s.Name)
		}
	}
}

// TestOwnReadingsAreNobodys: what the probe itself reads is counted neither as the app's nor as others'.
func TestOwnReadingsAreNobodys(t *testing.T) {
	for _, sql := range []string{databaseSQL, activitySQL, statementsSQL("public"), extensionsSQL, spaceSQL, limitsSQL, replicationSQL, readingTimeSQL, tablesSQL, indexesSQL, countedSQL, settingsSQL} {
		if !strings.HasPrefix(marked(sql), "SELECT "+readingMark+" ") {
			t.Errorf("%.40s… begins otherwise", marked(sql))
		}
	}
}

// TestWhoseStatementsAre: a statement is the app's by a name of the catalogue and by no other comment, both while it
// runs and when it has been counted.
func TestWhoseStatementsAre(t *testing.T) {
	env := labtest.Database(t, nil)
	r := openReader(t.Context(), &pgClient{config: connectionTo(t, env.DirectURL), PGServer: &facts.PGServer{}})
	defer r.server.close(context.WithoutCancel(t.Context()))
	var before, after facts.StatementCounts
	r.read(t.Context(), reading{facts.ReadStatements, statementsSQL("public"), &before})
	// Each has columns of its own: the server keeps one text for all that differ in constants and comments only.
	foreign := map[string]bool{
		"/* nightly_report */ SELECT pg_sleep(2)":    true,
		"SELECT pg_sleep(2), 1":                      true,
		"/* auth_lookup */ SELECT pg_sleep(2), 1, 2": false,
		marked("SELECT pg_sleep(2), 1, 2, 3"):        false,
		"EXPLAIN ANALYZE SELECT pg_sleep(2)":         false,
	}
	ran := make(chan error, len(foreign))
	pids := map[int64]string{}
	for sql := range foreign {
		c, err := pgx.Connect(t.Context(), env.DirectURL)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }()
		pids[int64(c.PgConn().PID())] = sql
		go func() {
			_, err := c.Exec(t.Context(), sql)
			ran <- err
		}()
	}
	seen := map[string]bool{}
	for len(seen) < len(foreign) && len(ran) == 0 {
		var look facts.Activity
		r.read(t.Context(), reading{facts.ReadActivity, activitySQL, &look})
		if why := r.unread[facts.ReadActivity]; why != nil {
			t.Fatal(why)
		}
		for _, s := range look.Sessions {
			if sql, ok := pids[s.PID]; ok && s.State == "active" && !seen[sql] {
				seen[sql] = true
				if s.Foreign() != foreign[sql] {
					t.Errorf("%s is a stranger's: %v", sql, s.Foreign())
				}
			}
		}
	}
	if len(seen) < len(foreign) {
		t.Errorf("only %d sessions were seen at work", len(seen))
	}
	for range foreign {
		if err := <-ran; err != nil {
			t.Fatal(err)
		}
	}
	r.read(t.Context(), reading{facts.ReadStatements, statementsSQL("public"), &after})
	if got := after.Since(before); got.Others.MS < 4000 {
		t.Errorf("the strangers' four seconds are counted as %v ms", got.Others.MS)
	}
}

func connectionTo(t *testing.T, url string) *pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return config
}
