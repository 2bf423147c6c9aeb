package store

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestWhatConnectingAgainCannotHelp: through the pooler and without, by the pool, a migration and a seed alike. Each
// error names the address and the variable, and no secret.
func TestWhatConnectingAgainCannotHelp(t *testing.T) {
	env := labtest.Database(t, Migrate)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	check(t, err)
	defer silent.Close()
	const pooler, direct, both = 1, 2, 3
	query := func(extra string) func(*url.URL) { return func(u *url.URL) { u.RawQuery += extra } }
	for _, tt := range []struct {
		name   string
		change func(*url.URL)
		admin  []string // what is done to the database first; {} is its name
		hint   string   // a part of it
		at     int      // where it fails
		passes bool     // and may pass
	}{
		{"password", func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "canary-Password") }, nil, "password", both, false},
		{"role", func(u *url.URL) { u.User = url.UserPassword("nobody", "canary-Password") }, nil, "role", both, false},
		{"database", func(u *url.URL) { u.Path = "/nowhere" }, nil, `CREATE DATABASE "nowhere"`, both, false},
		{"channel binding", query("&channel_binding=require"), nil, "channel_binding", pooler, false},
		{"authentication", query("&require_auth=md5"), nil, "require_auth", both, false},
		{"protocol", query("&min_protocol_version=3.2"), nil, "min_protocol_version", both, false},
		{"no TLS", func(u *url.URL) { u.RawQuery = "sslmode=disable" }, nil, "sslmode", pooler, false},
		{"authority", func(u *url.URL) { u.RawQuery = "sslmode=verify-full" }, nil, "sslrootcert", both, false},
		{"direct TLS", query("&sslnegotiation=direct"), nil, "sslnegotiation", pooler, false},
		{
			"right to connect", nil,
			[]string{"REVOKE CONNECT ON DATABASE {} FROM PUBLIC, honeydue"},
			"GRANT CONNECT", both, false,
		},
		{"nobody listens", func(u *url.URL) { u.Host = "127.0.0.1:1" }, nil, "server is up", both, true},
		{"nobody answers", func(u *url.URL) { u.Host = silent.Addr().String() }, nil, "server is up", pooler, true},
		{"no connection left", nil, []string{"ALTER DATABASE {} CONNECTION LIMIT 0"}, "server is up", both, true},
		{"no connections yet", nil, []string{"ALTER DATABASE {} ALLOW_CONNECTIONS false"}, "server is up", both, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := env
			if tt.admin != nil {
				env = labtest.Database(t, nil)
				name := databaseName(t, env.DirectURL)
				for _, s := range tt.admin {
					check(t, labtest.Lab(t).Administer(t.Context(), "postgres", strings.ReplaceAll(s, "{}", name)))
				}
			}
			for _, end := range []struct {
				at        int
				name, url string
				variable  string
				open      func(string) error
			}{
				{pooler, "pool", env.DatabaseURL, "DATABASE_URL", func(url string) error {
					db, err := Open(t.Context(), Config{URL: url, MaxConns: 1, ConnectTimeout: 2 * time.Second})
					if err == nil {
						db.Close()
					}
					return err
				}},
				{direct, "migration", env.DirectURL, "DATABASE_DIRECT_URL", func(url string) error { return drop(MigrationStatus(t.Context(), url)) }},
				{direct, "seed", env.DirectURL, "DATABASE_DIRECT_URL", func(url string) error { return drop(Seed(t.Context(), url, SeedOptions{Users: 1})) }},
			} {
				if tt.at&end.at == 0 {
					continue
				}
				u, err := url.Parse(end.url)
				check(t, err)
				if tt.change != nil {
					tt.change(u)
				}
				err = end.open(u.String())
				if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrRefused) == tt.passes {
					t.Errorf("%s: refused for good: %t (%v)", end.name, errors.Is(err, ErrRefused), err)
					continue
				}
				names := strings.Contains(hint(err), end.variable) || tt.name == "right to connect" // whose remedy is SQL
				if !strings.Contains(hint(err), tt.hint) || !names {
					t.Errorf("%s: says what to do by %q", end.name, hint(err))
				}
				if text := err.Error() + hint(err); !strings.Contains(text, u.Host) || strings.Contains(text, "canary") || strings.Contains(text, "\n") {
					t.Errorf("%s: says %q and %q", end.name, err, hint(err))
				}
			}
		})
	}
}

// TestAStatementThatWasCutShort: the server is up, so that is not what to check.
func TestAStatementThatWasCutShort(t *testing.T) {
	cc, err := pgx.ParseConfig("postgres://ada@db.example/home")
	check(t, err)
	err = connectFailure(cc, mainURLName, &pgconn.PgError{Severity: "ERROR", Code: "57014", Message: "canceling statement due to statement timeout"})
	if errors.Is(err, ErrRefused) || !strings.Contains(hint(err), `ALTER ROLE "ada" IN DATABASE "home" SET statement_timeout`) {
		t.Errorf("refused for good: %t; says what to do by %q", errors.Is(err, ErrRefused), hint(err))
	}
}

// TestAFileOfTheURLThatIsMissing is what to look for, not the form of the URL.
func TestAFileOfTheURLThatIsMissing(t *testing.T) {
	u, err := url.Parse(labtest.Database(t, nil).DatabaseURL)
	check(t, err)
	u.RawQuery = "sslmode=verify-full&sslrootcert=" + url.QueryEscape(t.TempDir()+"/none.crt")
	_, err = Open(t.Context(), Config{URL: u.String()})
	if err == nil || !strings.Contains(hint(err), "sslrootcert") {
		t.Errorf("%v; says what to do by %q", err, hint(err))
	}
}
