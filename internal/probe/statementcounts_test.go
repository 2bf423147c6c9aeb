package probe

import (
	"context"
	"slices"
	"strings"
	"testing"

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
	r := &reader{server: &pgServer{conn: c}, unread: map[string]*failure{}}
	r.read(t.Context(), reading{readStatements, statementsSQL(), &counts})
	if why := r.why(readStatements); why != "" {
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
	for _, sql := range []string{databaseSQL, activitySQL, statementsSQL(), extensionsSQL, spaceSQL, limitsSQL, replicationSQL, readingTimeSQL} {
		if !strings.HasPrefix(marked(sql), "SELECT "+readingMark+" ") {
			t.Errorf("%.40s… begins otherwise", marked(sql))
		}
	}
}

// TestHiddenStatements: where most of the time went into statements that can't be told apart, nothing follows.
func TestHiddenStatements(t *testing.T) {
	judge := func(counted statementCounts) (means, foreign outcome) {
		o := watched(serverFacts{counted: &counted, extensions: extensionFacts{There: []string{"pg_stat_statements"}}})
		return statementMeans(o), foreignLoad(o)
	}
	before := statementCounts{Hidden: statementCount{Calls: 5, MS: 100}}
	after := statementCounts{Hidden: statementCount{Calls: 9, MS: 900}, Others: statementCount{Calls: 1, MS: 100}}
	for i, got := range func() []outcome { a, b := judge(after.since(before, knownStatement)); return []outcome{a, b} }() {
		if !got.unknown || !strings.Contains(got.why, "89%") || !strings.Contains(got.why, "GRANT pg_monitor") {
			t.Errorf("%d: %+v", i, got)
		}
	}
	few := statementCounts{Hidden: statementCount{Calls: 1, MS: 10}, Others: statementCount{Calls: 1, MS: 100}}
	if means, foreign := judge(few); means.unknown || foreign.unknown {
		t.Errorf("a few hidden statements hide all: %+v %+v", means, foreign)
	}
	busy := statementCounts{Hidden: statementCount{MS: 9000}, Others: statementCount{Calls: 9, MS: 6000}}
	if _, foreign := judge(busy); len(foreign.hits) != 1 {
		t.Errorf("others are busy, whoever is hidden: %+v", foreign)
	}
	without := watched(serverFacts{})
	if !statementMeans(without).unknown || !foreignLoad(without).unknown {
		t.Error("without pg_stat_statements nothing is known")
	}
}
