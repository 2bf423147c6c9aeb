package lab

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestFindPostgres(t *testing.T) {
	server := func(dir, name, says string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho '"+says+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	base := t.TempDir()
	half, old, fresh := filepath.Join(base, "half"), filepath.Join(base, "9"), filepath.Join(base, "12")
	server(half, "postgres", "postgres (PostgreSQL) 99.0") // without initdb
	server(old, "postgres", "postgres (PostgreSQL) 9.6")
	server(old, "initdb", "")
	server(fresh, "postgres", "postgres (PostgreSQL) 12.3 (Debian 12.3-1)")
	server(fresh, "initdb", "")

	if got := newestFirst(filepath.Join(base, "*")); !slices.Equal(got, []string{fresh, old, half}) {
		t.Errorf("newest first: %v", got)
	}
	for _, c := range []struct {
		dirs  []string
		major int
		want  string
	}{
		{[]string{half, old, fresh}, 0, old}, // the caller's order counts
		{[]string{half, old, fresh}, 12, fresh},
		{[]string{fresh, old}, 9, old},
	} {
		if got, _ := findPostgres(t.Context(), c.dirs, c.major); got != c.want {
			t.Errorf("findPostgres(%v, %d) = %s, want %s", c.dirs, c.major, got, c.want)
		}
	}
	got, others := findPostgres(t.Context(), []string{old, fresh}, 77)
	if got != "" || !slices.Contains(others, "9") || !slices.Contains(others, "12") {
		t.Errorf("no such version: %q, passed over %v", got, others)
	}
	if _, err := find(t.Context(), []string{old, fresh}, 77); err == nil || !strings.Contains(err.Error(), "Postgres 77") {
		t.Errorf("find = %v", err)
	}
}

func TestMissingServersAreNamedWithTheirPackages(t *testing.T) {
	for _, c := range []struct {
		err        MissingError
		want, hint string
	}{
		{
			MissingError{Servers: []string{"postgres", "pgbouncer", "redis-server"}, OS: "linux"},
			"lab: not installed: postgres, pgbouncer, redis-server",
			"On Debian or Ubuntu: sudo apt-get install postgresql pgbouncer redis-server. On macOS: brew install postgresql@17 pgbouncer redis. Or name their folders: HONEYDUE_BIN_DIRS=/one:/two",
		},
		{
			MissingError{Servers: []string{"redis-server"}, OS: "darwin"},
			"lab: not installed: redis-server",
			"On macOS: brew install redis. On Debian or Ubuntu: sudo apt-get install redis-server. Or name their folders: HONEYDUE_BIN_DIRS=/one:/two",
		},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%s\nwant\n%s", got, c.want)
		}
		if got := c.err.Hint(); got != c.hint {
			t.Errorf("%s\nwant\n%s", got, c.hint)
		}
	}
}

func TestAnAccountThatCantReachTheFolderIsTold(t *testing.T) {
	a := account{switches: true, name: "somebody", uid: 54321, gid: 54321}
	base := t.TempDir()
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(base, "closed")
	inner := filepath.Join(closed, "data")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := makeDir(filepath.Join(inner, "new", "lab"), a); err == nil {
		t.Error("a folder was made where the servers can't go")
	}
	if _, err := os.Stat(filepath.Join(inner, "new")); err == nil {
		t.Error("a folder was left where the servers can't go")
	}
	err := a.canReach(inner)
	if err == nil || !strings.Contains(err.Error(), "somebody") {
		t.Fatalf("canReach = %v", err)
	}
	if err := (account{}).canReach(inner); err != nil {
		t.Errorf("a normal user's own folder: %v", err)
	}
	owner := account{switches: true, uid: uint32(os.Getuid()), gid: uint32(os.Getgid())}
	if info, err := os.Stat(closed); err != nil || !owner.mayEnter(info) {
		t.Error("the owner may not enter")
	}
	if info, err := os.Stat(closed); err != nil || a.mayEnter(info) {
		t.Error("a stranger may enter")
	}
}

func TestCertificatesAreKeptAndRenewed(t *testing.T) {
	f := folder(t.TempDir())
	if err := os.Mkdir(f.path("tls"), 0o700); err != nil {
		t.Fatal(err)
	}
	made := func(at time.Time) string {
		t.Helper()
		if err := certificates(f, account{}, at); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(f.serverCert())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	now := time.Now()
	first := made(now)
	if made(now) != first || made(now.AddDate(1, 0, 0)) != first {
		t.Error("a valid certificate was replaced")
	}
	if made(now.AddDate(1, 11, 15)) == first {
		t.Error("a certificate with half a month to go was kept")
	}
	second := made(now)
	if err := os.Remove(f.caCert()); err != nil {
		t.Fatal(err)
	}
	if made(now) == second {
		t.Error("a certificate without its authority was kept")
	}
}

func TestEnvExports(t *testing.T) {
	e := Env{
		DatabaseURL: postgresURL("honeydue", "pass", "127.0.0.1:1", "honeydue", "/it's here/ca.crt"),
		DirectURL:   postgresURL("honeydue", "pass", "127.0.0.1:2", "honeydue", "/tmp/ca+1.crt"),
		RedisURL:    redisURL("pass", "127.0.0.1:3"),
		AdminURL:    postgresURL("pooler_admin", "pass", "127.0.0.1:4", "pgbouncer", "/ca.crt"),
	}
	want := `export DATABASE_URL='postgres://honeydue:pass@127.0.0.1:1/honeydue?sslmode=verify-full&sslrootcert=%2Fit%27s%20here%2Fca.crt'
export DATABASE_DIRECT_URL='postgres://honeydue:pass@127.0.0.1:2/honeydue?sslmode=verify-full&sslrootcert=%2Ftmp%2Fca+1.crt'
export REDIS_URL='redis://default:pass@127.0.0.1:3/0'
export PGBOUNCER_ADMIN_URL='postgres://pooler_admin:pass@127.0.0.1:4/pgbouncer?sslmode=verify-full&sslrootcert=%2Fca.crt'
`
	if got := e.Exports(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for in, want := range map[string]string{"it's": `'it'\''s'`, "": "''", "/var/lib/x-1.y": "/var/lib/x-1.y", "/a b": "'/a b'"} {
		if got := ShellWord(in); got != want {
			t.Errorf("ShellWord(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestSecretsAreNotReplacedUnderACluster(t *testing.T) {
	f := folder(t.TempDir())
	s, err := loadSecrets(f)
	if err != nil || s.App == "" || s.App == s.Super {
		t.Fatalf("made %v", err)
	}
	if again, err := loadSecrets(f); err != nil || again != s {
		t.Errorf("the second load differs: %v", err)
	}
	if err := os.Mkdir(f.postgres(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.postgres(), "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.secrets()); err != nil {
		t.Fatal(err)
	}
	if _, err := loadSecrets(f); err == nil {
		t.Error("new passwords were made for an old cluster")
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if got := tail(path, 3); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	long := strings.Repeat("x", 100<<10)
	if err := os.WriteFile(path, []byte("1\n"+long+"\n3\n4\n5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := tail(path, 3); got != "3\n4\n5" {
		t.Errorf("%q", got)
	}
}

func asError[T error](err error, target *T) bool { return errors.As(err, target) }

func itoa(n int) string { return strconv.Itoa(n) }

func sessionOf(pid int) (int, error) { return unix.Getsid(pid) }
