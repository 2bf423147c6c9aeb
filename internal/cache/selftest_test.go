package cache

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// tried runs the self-test as a user with these rights, and requires that it leaves nothing.
func tried(t *testing.T, url, rules string) SelfTest {
	t.Helper()
	opts, err := redis.ParseURL(asUser(t, url, rules))
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(tuned(opts, scratchTTL))
	defer c.Close()
	got := Try(t.Context(), c)
	if rules == ACLRules {
		if keys := outside(t, url).Keys(t.Context(), "*").Val(); len(keys) > 0 {
			t.Errorf("the self-test has left %v", keys)
		}
	}
	return got
}

// TestTrying names exactly the right that is missing, for every right that the cache needs.
func TestTrying(t *testing.T) {
	url := labtest.Redis(t)
	if got := tried(t, url, ACLRules); got.Fault != (Fault{}) || len(got.Missing) > 0 || got.Err != nil {
		t.Fatalf("with the rights of ACLRules it finds %+v", got)
	}
	untried := []string{"~*", "+hello", "+select", "+script|load"} // of connecting, and what the cache can do without
	for _, rule := range strings.Fields(ACLRules) {
		if slices.Contains(untried, rule) {
			continue
		}
		got := tried(t, url, ACLRules+" -"+rule[1:])
		if got.Fault.Kind != FaultPermission || !slices.Equal(got.Missing, []string{rule}) {
			t.Errorf("without %s it finds %+v", rule, got)
		}
	}
	if got := tried(t, url, ACLRules+" -select"); got.Fault.Kind != FaultPermission || !slices.Equal(got.Missing, []string{"+select"}) {
		t.Errorf("without +select it finds %+v", got)
	}
	for _, prefix := range prefixes() {
		var others []string
		for _, other := range append(prefixes(), sharedKey) {
			if other != prefix {
				others = append(others, "~"+other+"*")
			}
		}
		got := tried(t, url, strings.Join(others, " ")+" +@all")
		if got.Fault.Kind != FaultPermission || !slices.Equal(got.Missing, []string{"~" + prefix + "*"}) {
			t.Errorf("without the keys %s it finds %+v", prefix, got)
		}
	}
	if got := tried(t, url, "%R~* +@all"); got.Fault.Kind != FaultPermission || len(got.Missing) != len(prefixes())+1 {
		t.Errorf("where no key may be written it finds %+v", got)
	}
}

// TestTryingOtherServers: a replica and a cluster are named as what they are.
func TestTryingOtherServers(t *testing.T) {
	for kind, settings := range map[FaultKind]string{FaultCluster: "cluster-enabled yes", FaultReplica: "replicaof 127.0.0.1 1"} {
		if got := tried(t, labtest.OwnRedis(t, settings), "~* +@all"); got.Fault.Kind != kind || len(got.Missing) > 0 {
			t.Errorf("with %q it finds %+v", settings, got)
		}
	}
	gone := redis.NewClient(tuned(&redis.Options{Addr: "127.0.0.1:1"}, scratchTTL))
	defer gone.Close()
	if got := Try(t.Context(), gone); got.Err == nil || got.Fault != (Fault{}) {
		t.Errorf("where nobody listens it finds %+v", got)
	}
}

// TestTheSelfTestRunsWhatTheScriptsRun reads the scripts: a command or a prefix that only they have would go untried.
func TestTheSelfTestRunsWhatTheScriptsRun(t *testing.T) {
	call := regexp.MustCompile(`redis\.p?call\('([A-Z]+)'`)
	key := regexp.MustCompile(`'([a-z_]+:)'`)
	commands := func(text string) (out []string) {
		for _, m := range call.FindAllStringSubmatch(text, -1) {
			out = append(out, m[1])
		}
		return out
	}
	own := commands(luaHead + luaSelfTest)
	for name, text := range map[string]string{
		"connect": luaConnect, "read": luaRead, "fill": luaFill, "hold": luaHold, "release": luaRelease, "due": luaDue, "sweep": luaSweep,
	} {
		for _, c := range commands(luaHead + text) {
			if !slices.Contains(own, c) {
				t.Errorf("%s.lua runs %s, which the self-test does not", name, c)
			}
		}
		for _, m := range key.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(prefixes(), m[1]) {
				t.Errorf("%s.lua has keys %s, which the self-test does not try", name, m[1])
			}
		}
	}
}
