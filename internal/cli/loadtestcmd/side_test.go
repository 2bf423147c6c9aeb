package loadtestcmd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/app"
)

// TestAroundAsksOnlyWhatIsPermitted: the addresses of the environment go through the same permit as the target.
func TestAroundAsksOnlyWhatIsPermitted(t *testing.T) {
	const direct, other = "postgres://me:canary@db.example:5432/app", "is not this machine: --allow-host db.example lets it be read"
	for _, c := range []struct {
		name, url string
		permit    bench.Permit
		why       string // "" = it is asked
	}{
		{"another host", direct, bench.Permit{}, other},
		{"one that is allowed", direct, bench.Permit{Hosts: []string{"db.example"}}, ""},
		{"this machine", "postgres://me:canary@127.0.0.1/app", bench.Permit{}, ""},
		{"a socket", "postgres://localhost/app?host=/var/run/postgresql", bench.Permit{}, "the folder of a socket"},
		{"a host in the query", "postgres://me:canary@127.0.0.1/app?host=db.example", bench.Permit{}, other},
		{"one of several", "postgres://me:canary@127.0.0.1/app?host=localhost,db.example", bench.Permit{}, "more than one host"},
		{"one without a name", "postgres://me:canary@127.0.0.1/app?host=localhost,", bench.Permit{}, "more than one host"},
		{"a production host", direct, bench.Permit{Hosts: []string{"db.example"}, Production: []string{".example"}}, "is a production host"},
		{"the one that is typed", direct, bench.Permit{Production: []string{".example"}, Typed: "db.example"}, ""},
		{"beside the one that is typed", direct, bench.Permit{Production: []string{"api.example"}, Typed: "api.example"}, other},
	} {
		a := command{app.New(app.Build{}, &bytes.Buffer{}, &bytes.Buffer{}, []string{"DATABASE_DIRECT_URL=" + c.url})}
		at := a.around(loadtest{options: &loadtestOptions{permit: c.permit}}).Statements
		if (at.URL != "") != (c.why == "") || !strings.Contains(at.Why, c.why) || strings.Contains(at.Why, "canary") {
			t.Errorf("%s: asked %v, %q, want %q", c.name, at.URL != "", at.Why, c.why)
		}
	}
	a := command{app.New(app.Build{}, &bytes.Buffer{}, &bytes.Buffer{}, []string{
		"DATABASE_DIRECT_URL=postgres://127.0.0.1/app", "PGBOUNCER_ADMIN_URL=postgres://127.0.0.1/pgbouncer", "REDIS_URL=redis://127.0.0.1:1/0",
	})}
	for name, o := range map[string]loadtestOptions{
		"--get":            {get: "/"},
		"--no-server-side": {side: sideOptions{off: true}},
	} {
		got := a.around(loadtest{options: &o})
		for _, at := range []bench.SourceAt{got.Metrics, got.Console, got.Statements, got.Redis} {
			if at.URL != "" || at.Why == "" {
				t.Errorf("with %s it asks %q: %q", name, at.URL, at.Why)
			}
		}
	}
	if got := a.around(loadtest{options: &loadtestOptions{}}); got.Console.URL == "" || got.Redis.URL == "" {
		t.Errorf("this machine's are not asked: %+v", got)
	}
}
