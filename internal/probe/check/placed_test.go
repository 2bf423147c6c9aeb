package check

import (
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// TestRemediesNameWhatWasMeasured: host, database and role stand in the command, a password stays where it is.
func TestRemediesNameWhatWasMeasured(t *testing.T) {
	const (
		pooler = "postgres://app:canary-secret@pooler.example:6432/house?sslmode=verify-full&sslrootcert=%2Fca.pem&application_name=x"
		direct = "postgres://owner:canary-secret@db.example/house?sslmode=verify-full"
		admin  = "postgres://stats:canary-secret@pooler.example:6432/pgbouncer?sslmode=disable"
	)
	full := facts.Config{URL: pooler, DirectURL: direct, AdminURL: admin, RedisURL: "rediss://cache:canary-secret@cache.example:6380/2", TargetURL: "https://u:canary-secret@api.example/?t=canary-secret"}
	with := func(change func(*facts.Config)) facts.Config {
		c := full
		change(&c)
		return c
	}
	for _, c := range []struct {
		name   string
		config facts.Config
		remedy string
		want   string
	}{
		{"the pooler", full, `psql "$DATABASE_URL" -c x`, `psql "${DATABASE_URL%%@*}@pooler.example:6432/house?user=app&sslmode=verify-full&sslrootcert=%2Fca.pem" -c x`},
		{"Postgres itself", full, `psql "$DATABASE_DIRECT_URL" -c x`, `psql "${DATABASE_DIRECT_URL%%@*}@db.example/house?user=owner&sslmode=verify-full" -c x`},
		{
			"both", full, `a="$(psql "$DATABASE_URL" -c x)" && psql "$PGBOUNCER_ADMIN_URL" -c RELOAD`,
			`a="$(psql "${DATABASE_URL%%@*}@pooler.example:6432/house?user=app&sslmode=verify-full&sslrootcert=%2Fca.pem" -c x)" && psql "${PGBOUNCER_ADMIN_URL%%@*}@pooler.example:6432/pgbouncer?user=stats&sslmode=disable" -c RELOAD`,
		},
		{
			"a console of which no URL is known", with(func(c *facts.Config) { c.AdminURL = "" }), `psql "$PGBOUNCER_ADMIN_URL" -c RELOAD`,
			`psql "${PGBOUNCER_ADMIN_URL%%@*}@pooler.example:6432/pgbouncer?sslmode=verify-full&sslrootcert=%2Fca.pem" -c RELOAD`,
		},
		{"no direct endpoint", with(func(c *facts.Config) { c.DirectURL = "" }), `psql "$DATABASE_DIRECT_URL" -c x`, `psql "${DATABASE_URL%%@*}@pooler.example:6432/house?user=app&sslmode=verify-full&sslrootcert=%2Fca.pem" -c x`},
		{
			"parts", with(func(c *facts.Config) { c.Passwords.URL = PasswordAlone }), `psql "$DATABASE_URL" -c x`,
			`PGPASSWORD="$DB_PASSWORD" psql "postgres://app@pooler.example:6432/house?sslmode=verify-full&sslrootcert=%2Fca.pem" -c x`,
		},
		{
			"another host of DATABASE_URL", with(func(c *facts.Config) { c.Passwords.Direct = PasswordInMainURL }), `psql "$DATABASE_DIRECT_URL" -c x`,
			`psql "${DATABASE_URL%%@*}@db.example/house?user=owner&sslmode=verify-full" -c x`,
		},
		{
			"a password that no shell can cut out", with(func(c *facts.Config) { c.Passwords.URL = PasswordUnknown }), `psql "$DATABASE_URL"`,
			`psql "postgres://app@pooler.example:6432/house?sslmode=verify-full&sslrootcert=%2Fca.pem"`,
		},
		{
			"names that a shell would read", with(func(c *facts.Config) { c.DirectURL = "postgres://u%22%24(id):p@[::1]:5/a%60b%20c" }), `psql "$DATABASE_DIRECT_URL"`,
			`psql "${DATABASE_DIRECT_URL%%@*}@[::1]:5/a%60b%20c?user=u%22%24%28id%29&sslmode=prefer"`,
		},
		{"nothing configured", facts.Config{}, `psql "$DATABASE_URL"`, `psql "$DATABASE_URL"`},

		{"Redis", full, `redis-cli -u "$REDIS_URL" INFO`, `redis-cli -u "${REDIS_URL%%@*}@cache.example:6380/2" INFO`},
		{"Redis without a password", with(func(c *facts.Config) { c.RedisURL = "redis://cache.example" }), `redis-cli -u "$REDIS_URL" INFO`, `redis-cli -u "redis://cache.example:6379/0" INFO`},
		{
			"Redis with a password alone", with(func(c *facts.Config) { c.RedisURL = "rediss://:p%40ss@cache.example:1/2" }), `redis-cli -u "$REDIS_URL" INFO`,
			`redis-cli -u "$(echo "${REDIS_URL}" | sed 's,://:\([^@]*\)@.*,://default:\1@cache.example:1/2,')" INFO`,
		},
		{"Redis with a password alone, by an address of IPv6", with(func(c *facts.Config) { c.RedisURL = "redis://:p@[::1]:1/2" }), `redis-cli -u "$REDIS_URL" INFO`, `redis-cli -u "redis://[::1]:1/2" --user default --askpass INFO`},
		{"Redis by a socket", with(func(c *facts.Config) { c.RedisURL = "unix:///run/redis.sock?db=3" }), `redis-cli -u "$REDIS_URL" INFO`, `redis-cli -s /run/redis.sock -n 3 INFO`},
		{"a user of Redis", full, aclRemedy([]string{"+get"})[:len(`redis-cli -u "$REDIS_ADMIN_URL" ACL SETUSER "$REDIS_USER" +get`)], `redis-cli -u "${REDIS_ADMIN_URL%%@*}@cache.example:6380/2" ACL SETUSER cache +get`},

		{"no cluster", full, "kubectl -n honeydue get pods", "kubectl --context CONTEXT -n honeydue get pods"},
		{
			"a cluster", with(func(c *facts.Config) { c.Cluster = &facts.Cluster{Context: "staging", Namespace: "x"} }), "kubectl -n honeydue get pods && kubectl -n kube-system get pods; kubectl get nodes",
			"kubectl --context staging -n x get pods && kubectl --context staging -n kube-system get pods; kubectl --context staging get nodes",
		},
		{"a cluster's name that a shell would read", with(func(c *facts.Config) { c.Cluster = &facts.Cluster{Context: "a b's", Namespace: "x"} }), "kubectl get nodes", `kubectl --context 'a b'\''s' get nodes`},
		{"a pod's own cluster", with(func(c *facts.Config) { c.Cluster = &facts.Cluster{URL: "https://10.0.0.1", Namespace: "x"} }), "kubectl -n honeydue get pods", "kubectl --context CONTEXT -n x get pods"},
		{"a server", full, `honeydue probe --target "$TARGET"`, "honeydue probe --target https://api.example"},
		{"migrations", full, "honeydue migrate up", `DATABASE_DIRECT_URL="${DATABASE_DIRECT_URL%%@*}@db.example/house?user=owner&sslmode=verify-full" honeydue migrate up`},
		{
			"a warm-up", with(func(c *facts.Config) { c.RedisURL = "redis://cache.example/1" }), "honeydue warmup   # y",
			`DATABASE_URL="${DATABASE_URL%%@*}@pooler.example:6432/house?user=app&sslmode=verify-full&sslrootcert=%2Fca.pem" REDIS_URL="redis://cache.example:6379/1" honeydue warmup   # y`,
		},
	} {
		o := &facts.Observation{Config: c.config}
		if got := place(o).name(c.remedy); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestEveryRemedyIsPlaced: whatever a check has as its remedy, none of its commands goes by what the shell is set to.
func TestEveryRemedyIsPlaced(t *testing.T) {
	o := &facts.Observation{Config: facts.Config{
		URL: "postgres://a:b@pooler.example/x", DirectURL: "postgres://a:b@db.example/x", AdminURL: "postgres://a:b@pooler.example/pgbouncer", RedisURL: "redis://:b@cache.example/0",
		TargetURL: "http://api.example", Cluster: &facts.Cluster{Context: "staging", Namespace: "x"},
	}}
	p := place(o)
	kubectl, commands := regexp.MustCompile(`\bkubectl\b[^|;&]*`), 0
	variable := regexp.MustCompile(`"\$[A-Z]`)
	for _, c := range Registry() {
		got := p.name(c.remedy)
		if variable.MatchString(got) || strings.Contains(got, "-n honeydue") {
			t.Errorf("%s: %s", c.Code, got)
		}
		for _, command := range kubectl.FindAllString(got, -1) {
			if commands++; !strings.HasPrefix(command, "kubectl --context staging ") {
				t.Errorf("%s: %s", c.Code, command)
			}
		}
	}
	if commands < 20 {
		t.Errorf("%d kubectl commands were looked at", commands)
	}
}

// TestRedisRemediesLogIn: redis-cli takes the printed command, whichever way REDIS_URL names the user.
func TestRedisRemediesLogIn(t *testing.T) {
	u, err := url.Parse(labtest.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	for name, user := range map[string]*url.Userinfo{"the default user": url.UserPassword("default", password), "a password alone": url.UserPassword("", password)} {
		u.User = user
		o := &facts.Observation{Config: facts.Config{RedisURL: u.String()}}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", place(o).name(`redis-cli --no-auth-warning -u "$REDIS_URL" PING`))
		cmd.Env = append(os.Environ(), "REDIS_URL="+u.String())
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "PONG" {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}
