package lab

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Env is what a program needs to use the lab. The URLs carry passwords; String
// and the log show none.
type Env struct {
	DatabaseURL string `json:"database_url"` // the pooler, by way of the link
	DirectURL   string `json:"direct_url"`   // Postgres itself, by way of the link
	RedisURL    string `json:"redis_url"`    // Redis, on no link: it stands beside the app
	AdminURL    string `json:"admin_url"`    // the pooler's console, on no link; it knows the simple protocol only
}

// Exports is Env as shell commands, for eval.
func (e Env) Exports() string {
	var b strings.Builder
	for _, v := range [][2]string{
		{"DATABASE_URL", e.DatabaseURL},
		{"DATABASE_DIRECT_URL", e.DirectURL},
		{"REDIS_URL", e.RedisURL},
		{"PGBOUNCER_ADMIN_URL", e.AdminURL},
	} {
		fmt.Fprintf(&b, "export %s=%s\n", v[0], shellQuote(v[1]))
	}
	return b.String()
}

// String is Env without its passwords.
func (e Env) String() string {
	return fmt.Sprintf("pooler %s, direct %s, redis %s, console %s",
		redacted(e.DatabaseURL), redacted(e.DirectURL), redacted(e.RedisURL), redacted(e.AdminURL))
}

// GoString is String: a %#v in a test's message prints no password either.
func (e Env) GoString() string { return e.String() }

// LogValue is String.
func (e Env) LogValue() slog.Value { return slog.StringValue(e.String()) }

func redacted(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(unreadable)"
	}
	return u.Redacted()
}

func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// ShellWord quotes s where a shell would not take it as one plain word.
func ShellWord(s string) string {
	plain := strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@")
	if s != "" && plain == "" {
		return s
	}
	return shellQuote(s)
}

func (l *Lab) appURL(host, db string) string {
	return postgresURL(appUser, l.secrets.App, host, db, l.dir.caCert())
}

// postgresURL asks for a verified certificate when it is given the authority's,
// and for no TLS otherwise.
func postgresURL(user, password, host, db, caCert string) string {
	query := "sslmode=disable"
	if caCert != "" {
		// PathEscape: libpq does not read a plus as a space.
		query = "sslmode=verify-full&sslrootcert=" + url.PathEscape(caCert)
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: host, Path: "/" + db, RawQuery: query}
	return u.String()
}

func redisURL(password, host string) string {
	u := url.URL{Scheme: "redis", User: url.UserPassword("default", password), Host: host, Path: "/0"}
	return u.String()
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
