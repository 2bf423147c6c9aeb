package main

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/store"
)

// labs runs the tests and stops the lab afterwards, if a script has started it.
type labs struct{ m *testing.M }

func (l labs) Run() int { return labtest.Run(l.m) }

// labVars are the variables that the command lab sets; each carries a password.
func labVars() []string {
	return []string{"DATABASE_URL", "DATABASE_DIRECT_URL", "PGBOUNCER_ADMIN_URL", "REDIS_URL"}
}

// labSecrets are the passwords of the lab that a script uses.
func labSecrets(env *testscript.Env) []string {
	var out []string
	for _, name := range labVars() {
		u, err := url.Parse(env.Getenv(name))
		if err != nil {
			continue
		}
		if password, has := u.User.Password(); has && password != "" {
			out = append(out, password)
		}
	}
	return out
}

// labCommand points a script at servers of its own in the test run's lab: "lab" at a migrated database, "lab empty"
// at one without a schema.
func labCommand(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		migrate := store.Migrate
		if len(args) == 1 && args[0] == "empty" {
			migrate = nil
		}
		if neg || len(args) > 1 {
			ts.Fatalf("usage: lab [empty]")
		}
		env := labtest.Database(t, migrate)
		ts.Setenv("DATABASE_URL", env.DatabaseURL)
		ts.Setenv("DATABASE_DIRECT_URL", env.DirectURL)
		ts.Setenv("PGBOUNCER_ADMIN_URL", env.AdminURL)
		ts.Setenv("REDIS_URL", env.RedisURL)
	}
}

// labdirCommand gives a script a data folder for `honeydue lab`. The script's own folder does not do: it is closed to
// the user that a lab of root runs its servers as.
func labdirCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: labdir NAME")
	}
	base, err := labtest.Dir()
	ts.Check(err)
	dir := filepath.Join(base, "lab")
	ts.Defer(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = lab.Down(ctx, dir) // a script that failed may leave one
		_ = os.RemoveAll(base)
	})
	ts.Setenv(args[0], dir)
}
