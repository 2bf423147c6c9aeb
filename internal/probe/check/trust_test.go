package check

import (
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestModesOfTLS: what pgx and go-redis make of a URL is read back as the mode that the URL names.
func TestModesOfTLS(t *testing.T) {
	ca := authority(t)
	for mode, want := range map[string]facts.TLSTrust{
		"": facts.TrustPrefer, "sslmode=disable": facts.TrustDisable, "sslmode=allow": facts.TrustAllow, "sslmode=prefer": facts.TrustPrefer, "sslmode=require": facts.TrustRequire,
		"sslmode=require&sslrootcert=" + ca:   facts.TrustVerifyCA, // as libpq has it
		"sslmode=verify-ca&sslrootcert=" + ca: facts.TrustVerifyCA, "sslmode=verify-full&sslrootcert=" + ca: facts.TrustVerifyFull, "sslmode=verify-full": facts.TrustVerifyFull,
		"sslmode=require&sslnegotiation=direct": facts.TrustRequire,
	} {
		c, err := pgx.ParseConfig("postgres://u:p@db.example/x?" + mode)
		if err != nil {
			t.Fatal(mode, err)
		}
		if got := TrustOfPG(c); got != want {
			t.Errorf("%q is %s, want %s", mode, got, want)
		}
	}
	for _, mode := range []facts.TLSTrust{facts.TrustDisable, facts.TrustPrefer, facts.TrustRequire, facts.TrustVerifyFull} { // the further host is a fallback, too
		c, err := pgx.ParseConfig("postgres://u:p@a.example,b.example/x?sslmode=" + string(mode))
		if err != nil {
			t.Fatal(mode, err)
		}
		if got := TrustOfPG(c); got != mode {
			t.Errorf("two hosts with sslmode=%s are %s", mode, got)
		}
	}
	for url, want := range map[string]facts.TLSTrust{
		"redis://h": facts.TrustDisable, "rediss://h": facts.TrustVerifyFull, "rediss://h?skip_verify=true": facts.TrustRequire, "rediss://h?skip_verify=false": facts.TrustVerifyFull,
	} {
		o, err := redis.ParseURL(url)
		if err != nil {
			t.Fatal(url, err)
		}
		if got := TrustOfRedis(o); got != want {
			t.Errorf("%s is %s, want %s", url, got, want)
		}
	}
}

// authority is the file of a certificate authority that has signed nothing.
func authority(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	name := filepath.Join(t.TempDir(), "ca.crt")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestServersThatAreNotVerified: below verify-full on a host that is not this machine is a finding, for each connection.
func TestServersThatAreNotVerified(t *testing.T) {
	far, near := net.ParseIP("203.0.113.7"), net.ParseIP("127.0.0.1")
	pg := func(mode string, remote net.IP) *facts.PGServer {
		c, err := pgx.ParseConfig("postgres://u:p@db.example/x?sslmode=" + mode)
		if err != nil {
			t.Fatal(err)
		}
		return &facts.PGServer{Host: c.Host, TLS: TrustOfPG(c), Remote: remote, Endpoint: facts.Endpoint{Address: "db.example:5432"}}
	}
	cache := func(trust facts.TLSTrust, remote string) *facts.RedisServer {
		return &facts.RedisServer{TLS: trust, Remote: net.ParseIP(remote), Endpoint: facts.Endpoint{Address: "cache.example:6379"}}
	}
	for name, c := range map[string]struct {
		o    facts.Observation
		hits int
	}{
		"verify-full":               {facts.Observation{Pooler: pg("verify-full", far), Direct: pg("verify-full", far)}, 0},
		"require":                   {facts.Observation{Pooler: pg("require", far), Direct: pg("verify-full", far)}, 1},
		"both":                      {facts.Observation{Pooler: pg("prefer", far), Direct: pg("disable", far)}, 2},
		"on this machine":           {facts.Observation{Pooler: pg("disable", near), Direct: pg("require", net.IPv6loopback)}, 0},
		"in a private network":      {facts.Observation{Pooler: pg("disable", net.ParseIP("10.1.2.3"))}, 1},
		"the console":               {facts.Observation{Pooler: pg("verify-full", far), Config: facts.Config{AdminURL: "postgres://u:p@db.example:6432/pgbouncer?sslmode=disable"}}, 1},
		"the console of this host":  {facts.Observation{Pooler: pg("verify-full", far), Config: facts.Config{AdminURL: "postgres://u:p@127.0.0.1:6432/pgbouncer?sslmode=disable"}}, 0},
		"rediss without a look":     {facts.Observation{Redis: cache(facts.TrustRequire, "10.1.2.3")}, 1},
		"rediss":                    {facts.Observation{Redis: cache(facts.TrustVerifyFull, "203.0.113.7")}, 0},
		"redis within a cluster":    {facts.Observation{Redis: cache(facts.TrustDisable, "10.1.2.3")}, 0},
		"redis over a public route": {facts.Observation{Redis: cache(facts.TrustDisable, "203.0.113.7")}, 1},
	} {
		out := UnverifiedServers(&c.o)
		if len(out.Hits) != c.hits || out.Unknown {
			t.Errorf("%s: %+v, want %d findings", name, out, c.hits)
		}
		for _, h := range out.Hits {
			if h.severity == facts.Info || h.Remedy == "" {
				t.Errorf("%s: %+v", name, h)
			}
		}
	}
	if out := UnverifiedServers(&facts.Observation{Pooler: pg("disable", nil), Config: facts.Config{AdminURL: "postgres://127.0.0.1/pgbouncer"}}); !out.Unknown {
		t.Errorf("nobody was reached: %+v", out)
	}
}
