package probe_test

import (
	"context"
	"testing"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
	"github.com/honeydue/honeydue/internal/store"
)

// selfTestFaults let every read of the probe through, and fail what the app does.
func selfTestFaults() []fault {
	return []fault{
		{
			name: "the app's role may not insert", code: "HD-Q19", evidence: "user_register fails with the app's role: the server returned an error (42501: permission denied for table users)", short: true,
			inject: inject("REVOKE INSERT ON users FROM CURRENT_USER"),
		},
		{
			name: "the app's role may not write the change log", code: "HD-Q19", evidence: "42501: permission denied for table changes",
			inject: inject("REVOKE INSERT ON changes FROM CURRENT_USER"),
		},
		{
			name: "a trigger refuses writes", code: "HD-Q19", evidence: "residence_create fails",
			inject: inject("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; CREATE TRIGGER no BEFORE INSERT ON residences FOR EACH ROW EXECUTE FUNCTION no()"),
		},
		{
			name: "the database is encoded in LATIN1", code: "HD-D21", evidence: "encoded in LATIN1",
			inject: func(t *testing.T, b *bed) {
				anotherDatabase(t, b, "latin1", "ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'")
			},
		},
		{
			name: "commits are not waited for", code: "HD-D21", evidence: "Synchronous_commit is", short: true,
			inject: inject(ofDatabase("synchronous_commit = off")),
		},
		{
			name: "transactions are serializable", code: "HD-D21", evidence: "serialization error",
			inject: inject(ofRoleInDatabase("default_transaction_isolation = 'serializable'")),
		},
		{
			name: "the pooler ignores what the app refuses to send", code: "HD-P15", evidence: "sets the startup parameter", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) {
				b.rewritePooler(t, "ignore_startup_parameters = lock_timeout")
				b.config.URL = changed(t, b.config.URL, parameter("lock_timeout", "5000"))
			},
		},
	}
}

// anotherDatabase moves the app into a database that is made with these options.
func anotherDatabase(t *testing.T, b *bed, name, options string) {
	t.Helper()
	exec(t, b.env, "CREATE DATABASE "+name+" TEMPLATE template0 "+options)
	owner := session(t, b.env)
	t.Cleanup(func() {
		_, err := owner.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)")
		must(t, err)
	})
	b.config.URL, b.config.DirectURL = changed(t, b.config.URL, database(name)), changed(t, b.config.DirectURL, database(name))
	must(t, store.Migrate(t.Context(), b.config.DirectURL))
}

// TestWhatTheSelfTestMendsByItsRemedy pastes the remedies that are commands for the database.
func TestWhatTheSelfTestMendsByItsRemedy(t *testing.T) {
	for _, c := range []struct{ name, sql, code string }{
		{"rights", "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM CURRENT_USER; GRANT SELECT ON ALL TABLES IN SCHEMA public TO CURRENT_USER", "HD-Q19"},
		{"a setting", ofDatabase("synchronous_commit = off"), "HD-D21"},
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
