package collect

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestReservedConnectionsAreNotFree: Postgres 16 and newer keep some connections for roles that the app is not. An older
// server is given the setting by a function that stands before its own.
func TestReservedConnectionsAreNotFree(t *testing.T) {
	env := labtest.Database(t, nil)
	conn, err := pgx.Connect(t.Context(), env.DirectURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	limit := func() int64 {
		t.Helper()
		var look facts.Activity
		if err := conn.QueryRow(t.Context(), activitySQL).Scan(&look); err != nil {
			t.Fatal(err)
		}
		return look.Limits.Server
	}
	before := limit()
	for _, sql := range []string{
		"CREATE SCHEMA newer",
		"CREATE FUNCTION newer.current_setting(name text, missing_ok boolean) RETURNS text LANGUAGE sql AS $$ SELECT CASE name WHEN 'reserved_connections' THEN '340' ELSE pg_catalog.current_setting(name, missing_ok) END $$",
		"SET search_path = newer, public, pg_catalog",
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if got := limit(); got != before-340 {
		t.Errorf("%d connections are for the app, of %d without the reserve of 340", got, before)
	}
}
