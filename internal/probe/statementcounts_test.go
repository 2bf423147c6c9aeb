package probe

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
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
	var counts statementCounts
	r := &reader{server: &pgClient{conn: c, pgServer: &pgServer{}}, unread: map[string]*failure{}}
	r.read(t.Context(), reading{readStatements, statementsSQL("public"), &counts})
	if why := r.unread[readStatements]; why != nil {
		t.Fatal(why)
	}
	known, total := 0, 0
	for _, q := range store.Catalogue() {
		if !ran[q.Name] {
			continue
		}
		total++
		if slices.ContainsFunc(counts.Ours, func(s statementCount) bool { return s.Name == q.Name && s.Calls > 0 }) {
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
		if !knownStatement(s.Name) {
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

// TestHiddenStatements: where most of the time went into statements that can't be told apart, nothing follows.
func TestHiddenStatements(t *testing.T) {
	looks := make([]activity, fewestSamples)
	judge := func(counted statementCounts) (means, foreign outcome) {
		o := watched(serverFacts{counted: &counted, samples: looks, extensions: extensionFacts{There: []string{"pg_stat_statements"}}})
		return statementMeans(o), foreignLoad(o)
	}
	before := statementCounts{Hidden: statementCount{Calls: 5, MS: 100}}
	after := statementCounts{Hidden: statementCount{Calls: 9, MS: 900}, Others: statementCount{Calls: 1, MS: 100}}
	for i, got := range func() []outcome { a, b := judge(after.since(before)); return []outcome{a, b} }() {
		if !got.unknown || !strings.Contains(got.why, "89%") || !strings.Contains(got.why, "GRANT pg_monitor") {
			t.Errorf("%d: %+v", i, got)
		}
	}
	few := statementCounts{Hidden: statementCount{Calls: 1, MS: 10}, Others: statementCount{Calls: 1, MS: 100}}
	if means, foreign := judge(few); means.unknown || foreign.unknown {
		t.Errorf("a few hidden statements hide all: %+v %+v", means, foreign)
	}
	looks = looksOf(pgSession{State: "active"}, 3, 3)
	if _, foreign := judge(statementCounts{Hidden: statementCount{MS: 9000}}); len(foreign.hits) != 1 {
		t.Errorf("others are busy, whoever is hidden: %+v", foreign)
	}
	if !statementMeans(watched(serverFacts{})).unknown {
		t.Error("without pg_stat_statements nothing is known")
	}
}

// TestASlowMeanCostsWhatIsTooMuch: a request pays what the mean lies above the limit that the text names.
func TestASlowMeanCostsWhatIsTooMuch(t *testing.T) {
	counted := statementCounts{Ours: []statementCount{{"auth_lookup", 100, 100 * (s14HeavyMS + 3)}}}
	out := statementMeans(watched(serverFacts{counted: &counted, extensions: extensionFacts{There: []string{"pg_stat_statements"}}}))
	if len(out.hits) != 1 || out.hits[0].costMS != 3 {
		t.Errorf("3 ms too much: %+v", out)
	}
}

// looksOf is a number of looks, of which the first ones show a session.
func looksOf(s pgSession, times, looks int) []activity {
	out := make([]activity, looks)
	for i := range times {
		out[i].Sessions = []pgSession{s}
	}
	return out
}

// TestForeignLoad: what counts is how long others were at work in the window. A report that ends in it is counted by the
// server with all of its time, one that still runs with none.
func TestForeignLoad(t *testing.T) {
	report := pgSession{PID: 41, State: "active", App: "psql", XactS: 61}
	lacking := func(change func(*pgSession)) pgSession {
		s := report
		change(&s)
		return s
	}
	for _, c := range []struct {
		name    string
		counted statementCounts
		looks   []activity
		found   bool
	}{
		{"a report of a minute ends in the window", statementCounts{Others: statementCount{Calls: 1, MS: 60_000}}, looksOf(report, 1, 8), false},
		{"a report still runs", statementCounts{}, looksOf(report, 8, 8), true},
		{"it waits for a lock", statementCounts{}, looksOf(lacking(func(s *pgSession) { s.WaitType = "Lock" }), 8, 8), false},
		{"it waits for its client", statementCounts{}, looksOf(lacking(func(s *pgSession) { s.WaitType = "Client" }), 8, 8), false},
		{"it waits for a replica", statementCounts{}, looksOf(lacking(func(s *pgSession) { s.WaitType, s.Wait = "IPC", "SyncRep" }), 8, 8), false},
		{"it thinks", statementCounts{}, looksOf(lacking(func(s *pgSession) { s.State = idleInTransaction }), 8, 8), false},
		{"it is the app's", statementCounts{}, looksOf(lacking(func(s *pgSession) { s.Statement = "auth_lookup" }), 8, 8), false},
		{"it is the probe's", statementCounts{}, looksOf(lacking(func(s *pgSession) { s.Statement = ownStatement }), 8, 8), false},
	} {
		out := foreignLoad(watched(serverFacts{counted: &c.counted, samples: c.looks, extensions: extensionFacts{There: []string{"pg_stat_statements"}}}))
		if got := len(out.hits) > 0; got != c.found || out.unknown {
			t.Errorf("%s: %+v", c.name, out)
		}
		if c.found && !strings.Contains(out.hits[0].evidence, "the oldest was pid 41 (psql), active, its transaction is 61 s old") {
			t.Errorf("%s: %s", c.name, out.hits[0].evidence)
		}
	}
	if out := foreignLoad(watched(serverFacts{samples: looksOf(report, 2, 2)})); !out.unknown {
		t.Errorf("two looks are enough: %+v", out)
	}
	if out := foreignLoad(watched(serverFacts{samples: looksOf(report, 8, 8)})); len(out.hits) != 1 {
		t.Errorf("it takes pg_stat_statements: %+v", out)
	}
	long := statementCount{Calls: 1, MS: 60_000}
	if got := long.within(5 * time.Second); got != 5000 {
		t.Errorf("of a minute %v ms lie in five seconds", got)
	}
}

// TestWhoseStatementsAre: a statement is the app's by a name of the catalogue and by no other comment, both while it
// runs and when it has been counted.
func TestWhoseStatementsAre(t *testing.T) {
	env := labtest.Database(t, nil)
	r := openReader(t.Context(), &pgClient{config: connectionTo(t, env.DirectURL), pgServer: &pgServer{}})
	defer r.server.close(context.WithoutCancel(t.Context()))
	var before, after statementCounts
	r.read(t.Context(), reading{readStatements, statementsSQL("public"), &before})
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
		var look activity
		r.read(t.Context(), reading{readActivity, activitySQL, &look})
		if why := r.unread[readActivity]; why != nil {
			t.Fatal(why)
		}
		for _, s := range look.Sessions {
			if sql, ok := pids[s.PID]; ok && s.State == "active" && !seen[sql] {
				seen[sql] = true
				if s.foreign() != foreign[sql] {
					t.Errorf("%s is a stranger's: %v", sql, s.foreign())
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
	r.read(t.Context(), reading{readStatements, statementsSQL("public"), &after})
	if got := after.since(before); got.Others.MS < 4000 {
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
