package probe

import (
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestModesOfTLS: what pgx and go-redis make of a URL is read back as the mode that the URL names.
func TestModesOfTLS(t *testing.T) {
	ca := authority(t)
	for mode, want := range map[string]tlsTrust{
		"": trustPrefer, "sslmode=disable": trustDisable, "sslmode=allow": trustAllow, "sslmode=prefer": trustPrefer, "sslmode=require": trustRequire,
		"sslmode=require&sslrootcert=" + ca:   trustVerifyCA, // as libpq has it
		"sslmode=verify-ca&sslrootcert=" + ca: trustVerifyCA, "sslmode=verify-full&sslrootcert=" + ca: trustVerifyFull, "sslmode=verify-full": trustVerifyFull,
		"sslmode=require&sslnegotiation=direct": trustRequire,
	} {
		c, err := pgx.ParseConfig("postgres://u:p@db.example/x?" + mode)
		if err != nil {
			t.Fatal(mode, err)
		}
		if got := trustOfPG(c); got != want {
			t.Errorf("%q is %s, want %s", mode, got, want)
		}
	}
	for _, mode := range []tlsTrust{trustDisable, trustPrefer, trustRequire, trustVerifyFull} { // the further host is a fallback, too
		c, err := pgx.ParseConfig("postgres://u:p@a.example,b.example/x?sslmode=" + string(mode))
		if err != nil {
			t.Fatal(mode, err)
		}
		if got := trustOfPG(c); got != mode {
			t.Errorf("two hosts with sslmode=%s are %s", mode, got)
		}
	}
	for url, want := range map[string]tlsTrust{
		"redis://h": trustDisable, "rediss://h": trustVerifyFull, "rediss://h?skip_verify=true": trustRequire, "rediss://h?skip_verify=false": trustVerifyFull,
	} {
		o, err := redis.ParseURL(url)
		if err != nil {
			t.Fatal(url, err)
		}
		if got := trustOfRedis(o); got != want {
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
	pg := func(mode string, remote net.IP) *pgServer {
		c, err := pgx.ParseConfig("postgres://u:p@db.example/x?sslmode=" + mode)
		if err != nil {
			t.Fatal(err)
		}
		return &pgServer{host: c.Host, tls: trustOfPG(c), remote: remote, endpoint: Endpoint{Address: "db.example:5432"}}
	}
	cache := func(trust tlsTrust, remote string) *redisServer {
		return &redisServer{tls: trust, remote: net.ParseIP(remote), endpoint: Endpoint{Address: "cache.example:6379"}}
	}
	for name, c := range map[string]struct {
		o    observation
		hits int
	}{
		"verify-full":               {observation{pooler: pg("verify-full", far), direct: pg("verify-full", far)}, 0},
		"require":                   {observation{pooler: pg("require", far), direct: pg("verify-full", far)}, 1},
		"both":                      {observation{pooler: pg("prefer", far), direct: pg("disable", far)}, 2},
		"on this machine":           {observation{pooler: pg("disable", near), direct: pg("require", net.IPv6loopback)}, 0},
		"in a private network":      {observation{pooler: pg("disable", net.ParseIP("10.1.2.3"))}, 1},
		"the console":               {observation{pooler: pg("verify-full", far), config: Config{AdminURL: "postgres://u:p@db.example:6432/pgbouncer?sslmode=disable"}}, 1},
		"the console of this host":  {observation{pooler: pg("verify-full", far), config: Config{AdminURL: "postgres://u:p@127.0.0.1:6432/pgbouncer?sslmode=disable"}}, 0},
		"rediss without a look":     {observation{redis: cache(trustRequire, "10.1.2.3")}, 1},
		"rediss":                    {observation{redis: cache(trustVerifyFull, "203.0.113.7")}, 0},
		"redis within a cluster":    {observation{redis: cache(trustDisable, "10.1.2.3")}, 0},
		"redis over a public route": {observation{redis: cache(trustDisable, "203.0.113.7")}, 1},
	} {
		out := unverifiedServers(&c.o)
		if len(out.hits) != c.hits || out.unknown {
			t.Errorf("%s: %+v, want %d findings", name, out, c.hits)
		}
		for _, h := range out.hits {
			if h.severity == Info || h.remedy == "" {
				t.Errorf("%s: %+v", name, h)
			}
		}
	}
	if out := unverifiedServers(&observation{pooler: pg("disable", nil), config: Config{AdminURL: "postgres://127.0.0.1/pgbouncer"}}); !out.unknown {
		t.Errorf("nobody was reached: %+v", out)
	}
}

// TestAConnectionOfThisMachine: the lab's servers are on loopback, where no mode is a finding.
func TestAConnectionOfThisMachine(t *testing.T) {
	env := labtest.Database(t, nil)
	s := opened(t, env.DirectURL)
	defer s.close(t.Context())
	r := probeRedis(t.Context(), env.RedisURL)
	defer r.close()
	if s.failed != nil || r.failed != nil || !s.remote.IsLoopback() || !r.remote.IsLoopback() {
		t.Fatalf("Postgres is at %v (%v), Redis at %v (%v)", s.remote, s.failed, r.remote, r.failed)
	}
	s.tls = trustDisable
	if out := unverifiedServers(&observation{direct: s.pgServer, redis: r.redisServer}); len(out.hits) != 0 || out.unknown {
		t.Errorf("%+v", out)
	}
}
