package probe_test

import (
	"context"
	"net/url"
	"os"
	osexec "os/exec"
	"strings"
	"testing"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// rightsFaults are a user of Redis who may not do what the cache does, and a Redis on which nobody may.
func rightsFaults() []fault {
	return []fault{
		{
			name: "Redis's user may not run INFO", code: "HD-R19", evidence: "missing: +info.", short: true,
			inject: func(t *testing.T, b *bed) { b.redisUser(t, "~* +@all -info") },
		},
		{
			name: "Redis's user may not run scripts", code: "HD-R19", evidence: "missing: +evalsha +eval.",
			inject: func(t *testing.T, b *bed) { b.redisUser(t, "~* +@all -@scripting") },
		},
		{
			name: "Redis's user may only read", code: "HD-R19", evidence: "missing: +set +hset +expire +del +hdel.", short: true,
			inject: func(t *testing.T, b *bed) {
				b.redisUser(t, "~* +@read +@connection +@scripting +info +time")
			},
		},
		{
			name: "Redis's user has other keys", code: "HD-R19", evidence: "~token:* ~state.2:* ~list:* ~at:*",
			inject: func(t *testing.T, b *bed) { b.redisUser(t, "~honeydue:* +@all") },
		},
		{
			name: "Redis's user may not select the database", code: "HD-R01", evidence: "the Redis user has no permission for SELECT",
			inject: func(t *testing.T, b *bed) { b.redisUser(t, "~* +@all -select") },
		},
		{
			name: "Redis is a cluster", code: "HD-R19", evidence: "runs in cluster mode", lab: &lab.Config{RedisSettings: []string{"cluster-enabled yes"}}, short: true,
			inject: func(*testing.T, *bed) {},
		},
		{
			name: "Redis is a replica", code: "HD-R19", evidence: "is a read-only replica", lab: &lab.Config{RedisSettings: []string{"replicaof 127.0.0.1 1"}},
			inject: func(*testing.T, *bed) {},
		},
		{
			name: "Redis is a replica that serves nothing", code: "HD-R19", evidence: "is a read-only replica", lab: &lab.Config{},
			inject: func(t *testing.T, b *bed) {
				c := b.set(t, "replica-serve-stale-data", "no")
				must(t, c.ReplicaOf(t.Context(), "127.0.0.1", "1").Err())
				t.Cleanup(func() { must(t, c.ReplicaOf(context.WithoutCancel(t.Context()), "no", "one").Err()) })
			},
		},
	}
}

// redisUser lets the app log in as a user with these rights alone.
func (b *bed) redisUser(t *testing.T, rules string) {
	t.Helper()
	c := b.set(t)
	const name = "honeydue-app"
	args := []any{"ACL", "SETUSER", name, "reset", "on", ">" + canaryPassword}
	for rule := range strings.FieldsSeq(rules) {
		args = append(args, rule)
	}
	must(t, c.Do(t.Context(), args...).Err())
	t.Cleanup(func() { must(t, c.Do(context.WithoutCancel(t.Context()), "ACL", "DELUSER", name).Err()) })
	b.config.RedisURL = changed(t, b.config.RedisURL, func(u *url.URL) { u.User = url.UserPassword(name, canaryPassword) })
}

// ofRedis probes Redis alone.
func ofRedis(t *testing.T) *bed {
	t.Helper()
	b := &bed{env: lab.Env{RedisURL: labtest.Redis(t)}}
	b.config = config(b.env)
	return b
}

// TestRightsAreGivenByTheRemedy pastes the command of each finding about rights: afterwards the check passes.
func TestRightsAreGivenByTheRemedy(t *testing.T) {
	for _, rules := range []string{"~* +@all -info", "~* +@all -@scripting", "~other:* +@read +@connection +@scripting"} {
		b := ofRedis(t)
		b.redisUser(t, rules)
		remedy := first(t, run(t, b.config), "HD-R19").Remedy
		cmd := osexec.CommandContext(t.Context(), "sh", "-c", remedy)
		cmd.Env = append(os.Environ(), "REDIS_ADMIN_URL="+decoy(t, b.env.RedisURL))
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "OK") {
			t.Fatalf("%s: %v\n%s", remedy, err, out)
		}
		if got := checkOf(t, run(t, b.config), "HD-R19"); got.Status != facts.Pass {
			t.Errorf("%s: after %s it is %s: %s", rules, remedy, got.Status, got.Why)
		}
	}
}

// TestLeastRightsAreEnough: with what the cache needs and no more, no PING included, nothing is wrong. What the checks
// would have to ask besides is unknown, with the reason.
func TestLeastRightsAreEnough(t *testing.T) {
	for name, rules := range map[string]string{"without PING": "~* +@all -ping", "the least": cache.ACLRules} {
		t.Run(name, func(t *testing.T) {
			b := ofRedis(t)
			b.redisUser(t, rules)
			r := run(t, b.config)
			for _, f := range r.Findings {
				t.Errorf("it finds %+v", f)
			}
			for _, code := range []string{"HD-R01", "HD-R02", "HD-R03", "HD-R04", "HD-R06", "HD-R19"} {
				if got := checkOf(t, r, code); got.Status != facts.Pass {
					t.Errorf("%s is %s: %s", code, got.Status, got.Why)
				}
			}
			if got := checkOf(t, r, "HD-R08"); name == "the least" && got.Status != facts.Unknown {
				t.Errorf("HD-R08 is %s: %s", got.Status, got.Why)
			}
		})
	}
}

// TestChecksThatNeedINFO are unknown where it is refused, and say so.
func TestChecksThatNeedINFO(t *testing.T) {
	b := ofRedis(t)
	b.redisUser(t, "~* +@all -info")
	r := run(t, b.config)
	for _, code := range []string{"HD-R02", "HD-R03", "HD-R04", "HD-R05", "HD-R11", "HD-R12", "HD-R13", "HD-R14", "HD-R15"} {
		if got := checkOf(t, r, code); got.Status != facts.Unknown || !strings.Contains(got.Why, "INFO") || !strings.Contains(got.Why, "NOPERM") {
			t.Errorf("%s is %s: %s", code, got.Status, got.Why)
		}
	}
	if got := checkOf(t, r, "HD-R01"); got.Status != facts.Pass {
		t.Errorf("HD-R01 is %s: %s", got.Status, got.Why)
	}
}
