package probe_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// sessionFaults are settings of the role, the database or the server under which the app's statements do not work,
// and endpoints that lead to a standby.
func sessionFaults() []fault {
	own := &lab.Config{}
	return []fault{
		{
			name: "every transaction of the database is read-only", code: "HD-D19", evidence: "default_transaction_read_only is on, set for this database", short: true,
			inject: inject(ofDatabase("default_transaction_read_only = on")),
		},
		{
			name: "every transaction of the app's role is read-only", code: "HD-D19", evidence: "default_transaction_read_only is on, set for the app's role in this database",
			inject: inject(ofRoleInDatabase("default_transaction_read_only = on")),
		},
		{
			name: "every transaction of the server is read-only", code: "HD-D19", evidence: "default_transaction_read_only is on, set in the server's configuration", lab: own,
			inject: func(t *testing.T, b *bed) { configure(t, b.env, "default_transaction_read_only", "on") },
		},
		{
			name: "both endpoints lead to a standby", code: "HD-D19", evidence: "So does the direct endpoint", lab: own,
			inject: func(t *testing.T, b *bed) { demote(t, b.lab) },
		},
		{
			name: "the pooler leads to a standby", code: "HD-D19", evidence: "points to a primary", lab: own,
			inject: func(t *testing.T, b *bed) {
				primary := labtest.Database(t, prepare)
				demote(t, b.lab)
				b.config.DirectURL = primary.DirectURL
			},
		},
		{
			name: "the direct endpoint is a standby", code: "HD-D02", evidence: "is a standby", lab: own,
			inject: func(t *testing.T, b *bed) {
				primary := labtest.Database(t, prepare)
				demote(t, b.lab)
				b.config.URL, b.config.AdminURL = primary.DatabaseURL, primary.AdminURL
			},
		},
		{
			name: "statement_timeout is short", code: "HD-D20", evidence: "statement_timeout is 4s, set for this database", short: true,
			inject: inject(ofDatabase("statement_timeout = '4s'")),
		},
		{
			name: "lock_timeout is short", code: "HD-D20", evidence: "lock_timeout is 500ms, set for the app's role in this database",
			inject: inject(ofRoleInDatabase("lock_timeout = 500")),
		},
	}
}

// ofRoleInDatabase gives the app's role a setting in this database alone: roles are shared by the databases of a lab.
func ofRoleInDatabase(setting string) string {
	return "DO $$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I SET " + strings.ReplaceAll(setting, "'", "''") + "', current_user, current_database()); END $$"
}

// configure sets a parameter of a whole server, which must be the test's own.
func configure(t *testing.T, env lab.Env, name, value string) {
	t.Helper()
	data := serverDir(t, env)
	must(t, os.WriteFile(filepath.Join(data, "postgresql.auto.conf"), []byte(name+" = '"+value+"'\n"), 0o644))
	reload(t, data)
	until(t, env, "SELECT current_setting('"+name+"') = '"+value+"'")
}

// demote makes a lab's Postgres a standby that has lost its primary: it takes reads and no write.
func demote(t *testing.T, l *lab.Lab) {
	t.Helper()
	data := serverDir(t, l.Env())
	must(t, l.StopPostgres(t.Context()))
	must(t, os.WriteFile(filepath.Join(data, "standby.signal"), nil, 0o644))
	must(t, l.StartPostgres(t.Context()))
	until(t, l.Env(), "SELECT pg_is_in_recovery()")
}

// TestSettingsAreTakenBackWhereTheyWereSet pastes the remedies of settings that somebody gave the database or the role.
func TestSettingsAreTakenBackWhereTheyWereSet(t *testing.T) {
	for _, c := range []struct{ name, sql, code string }{
		{"read-only for the database", ofDatabase("default_transaction_read_only = on"), "HD-D19"},
		{"read-only for the role", ofRoleInDatabase("default_transaction_read_only = on"), "HD-D19"},
		{"a time-out of the database", ofDatabase("statement_timeout = '4s'"), "HD-D20"},
		{"a time-out of the role", ofRoleInDatabase("lock_timeout = '2s'"), "HD-D20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := labtest.Database(t, prepare)
			inject(c.sql)(t, &bed{env: env})
			only := config(env)
			only.Only = []string{c.code}
			apply(t, env, first(t, run(t, only), c.code).Remedy)
			if got := checkOf(t, run(t, only), c.code); got.Status != facts.Pass {
				t.Errorf("after the remedy %s is %s: %s", c.code, got.Status, got.Why)
			}
		})
	}
}
