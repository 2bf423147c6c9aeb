package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
)

// asUser makes a Redis user with these rights and returns the URL to log in as that user.
func asUser(t *testing.T, rawURL, rules string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal("the lab's Redis URL cannot be read")
	}
	name := "u" + nonce()
	admin := outside(t, rawURL)
	args := []any{"acl", "setuser", name, "reset", "on", ">secret"}
	for rule := range strings.FieldsSeq(rules) {
		args = append(args, rule)
	}
	if err := admin.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := admin.Do(context.WithoutCancel(t.Context()), "acl", "deluser", name).Err(); err != nil {
			t.Error(err)
		}
	})
	u.User = url.UserPassword(name, "secret")
	return u.String()
}

// heard collects what OnFault is told.
type heard struct{ faults []Fault }

func (h *heard) note(_ context.Context, f Fault) { h.faults = append(h.faults, f) }

// TestTheACLRulesSuffice, without PING: reads, fills, writes and sweeps.
func TestTheACLRulesSuffice(t *testing.T) {
	var h heard
	c, d := opened(t, Config{URL: asUser(t, labtest.Redis(t), ACLRules), OnFault: h.note}), &database{}
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if did, err := c.Sweep(t.Context(), d.source()); err != nil || !did {
		t.Fatal(did, err)
	}
	warmed(t, c, tasks("t"), answer("list"))
	if r := c.Read(t.Context(), tasks("t")); r.ListVerdict != Hit {
		t.Errorf("a warm read: %+v", r)
	}
	written(t, c, d, Effects{Revoked: TokenHash("gone"), Access: []int64{7}, Item: Item{"t", 5}, Residence: 1}, UserScope(7), r1)
	warmed(t, c, Question{Token: TokenHash("t"), List: "tasks", Item: Item{"t", 5}}, answer("list"))
	abandoned := c.Hold(t.Context(), r1)
	c.Abandon(abandoned)
	if _, err := c.Look(t.Context(), Copied{"tasks", 7}); err != nil {
		t.Error(err)
	}
	if len(h.faults) > 0 || c.Fault() != (Fault{}) {
		t.Errorf("faults %v, at last %v", h.faults, c.Fault())
	}
}

// TestMissingRights: each is named, nothing fails, and Redis is not asked again
// by every request.
func TestMissingRights(t *testing.T) {
	cases := []struct {
		name, rules string
		want        Fault
	}{
		{"without INFO", "~* +@all -info", Fault{Kind: FaultPermission, Command: "INFO"}},
		{"without scripting", "~* +@all -@scripting", Fault{Kind: FaultPermission, Command: "EVALSHA"}},
		{"without EVALSHA", "~* +@all -evalsha", Fault{Kind: FaultPermission, Command: "EVALSHA"}},
		{"read only", "~* +@read +@connection +@scripting +info", Fault{Kind: FaultPermission, Script: true}},
		{"other keys", "~other:* +@all", Fault{Kind: FaultPermission, Keys: true, Script: true}},
		{"without SELECT", "~* +@all -select", Fault{Kind: FaultPermission, Command: "SELECT"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var h heard
			now := time.Unix(1_000_000, 0)
			reg := prometheus.NewRegistry()
			c := opened(t, Config{URL: asUser(t, labtest.Redis(t), tc.rules), OnFault: h.note, Registerer: reg, Now: func() time.Time { return now }})
			d := &database{}
			for range 2 * breakerFailures {
				r := c.Read(t.Context(), tasks("t"))
				if r.Token != Bypass || r.ListVerdict != Bypass || r.Why != string(FaultPermission) {
					t.Errorf("a read: %+v", r)
				}
				c.Fill(t.Context(), r, answer("x"))
				written(t, c, d, Effects{}, r1)
			}
			if c.Fault() != tc.want {
				t.Errorf("the fault is %+v, want %+v", c.Fault(), tc.want)
			}
			if len(h.faults) != 1 || h.faults[0] != tc.want {
				t.Errorf("%+v are reported, want one %+v", h.faults, tc.want)
			}
			if n := count(t, reg, MetricRedisSkipped); n == 0 && !tc.want.Script {
				t.Error("each request asks Redis again")
			}
			now = now.Add(faultPeriod)
			c.Read(t.Context(), tasks("t"))
			if len(h.faults) != 2 {
				t.Errorf("%+v are reported a minute later, want two", h.faults)
			}
			if said := tc.want.String() + tc.want.Hint(); !strings.Contains(said, tc.want.Command) || !strings.Contains(said, ACLRules) {
				t.Errorf("the report says %q", said)
			}
		})
	}
}

// TestAMissingRightCostsOthersNothing: the key that all pods share stays.
func TestAMissingRightCostsOthersNothing(t *testing.T) {
	base := labtest.Redis(t)
	well, d := opened(t, Config{URL: base}), &database{}
	swept(t, well, d)
	warmed(t, well, tasks("t"), answer("list"))
	ill := opened(t, Config{URL: asUser(t, base, "~* +@all -hmget")})
	if r := ill.Read(t.Context(), tasks("t")); r.Why != string(FaultPermission) {
		t.Errorf("without HMGET: %+v", r)
	}
	if r := well.Read(t.Context(), tasks("t")); r.ListVerdict != Hit {
		t.Errorf("another pod after that: %+v", r)
	}
}

// TestAUserWithoutPing is no worse off.
func TestAUserWithoutPing(t *testing.T) {
	c, d := opened(t, Config{URL: asUser(t, labtest.Redis(t), "~* +@all -ping")}), &database{}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("list"))
	if r := c.Read(t.Context(), tasks("t")); r.ListVerdict != Hit || c.Fault() != (Fault{}) {
		t.Errorf("%+v, %+v", r, c.Fault())
	}
}

// TestALostRightIsReportedAndItsReturn: a user that may read but no longer
// write still gets hits.
func TestALostRightIsReportedAndItsReturn(t *testing.T) {
	var h heard
	base := labtest.Redis(t)
	users := asUser(t, base, "~* +@all")
	c, d := opened(t, Config{URL: users, OnFault: h.note}), &database{}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("list"))
	u, _ := url.Parse(users)
	admin := outside(t, base)
	allow := func(rule string) {
		t.Helper()
		if err := admin.Do(t.Context(), "acl", "setuser", u.User.Username(), rule).Err(); err != nil {
			t.Fatal(err)
		}
	}
	allow("-set")
	c.Hold(t.Context(), Tasks.Scope(99))
	if r := c.Read(t.Context(), tasks("t")); r.ListVerdict != Hit {
		t.Errorf("a warm read: %+v", r)
	}
	want := Fault{Kind: FaultPermission, Script: true}
	if len(h.faults) != 1 || h.faults[0] != want {
		t.Errorf("reported %+v, want %+v", h.faults, want)
	}
	allow("+set")
	h.faults = nil
	c.Hold(t.Context(), Tasks.Scope(99))
	if len(h.faults) != 1 || h.faults[0] != (Fault{}) || c.Fault() != (Fault{}) {
		t.Errorf("after the right is back %+v is reported and %+v stands", h.faults, c.Fault())
	}
}

// TestPing needs no right to load scripts; its first failure is reported.
func TestPing(t *testing.T) {
	var h heard
	c := opened(t, Config{URL: asUser(t, labtest.Redis(t), "~* +@all -script|load"), OnFault: h.note})
	if err := c.Ping(t.Context()); err != nil || c.Fault() != (Fault{}) {
		t.Errorf("%v, %+v", err, c.Fault())
	}
	gone := opened(t, Config{URL: "redis://127.0.0.1:1", OnFault: h.note})
	if err := gone.Ping(t.Context()); err == nil || len(h.faults) != 1 || h.faults[0].Kind != FaultUnreachable {
		t.Errorf("%v, reported %+v", err, h.faults)
	}
}

// TestOneLateAnswerIsNoNews, a series is, and so is its end.
func TestOneLateAnswerIsNoNews(t *testing.T) {
	var h heard
	linked, proxy := labtest.Link(t, labtest.Redis(t), link.Model{})
	now := time.Unix(1_000_000, 0)
	c := opened(t, Config{URL: linked, OnFault: h.note, Now: func() time.Time { return now }})
	c.Read(t.Context(), tasks("t"))
	c.cfg.Timeout = 20 * time.Millisecond
	setModel(t, proxy, link.Model{RTT: time.Hour})
	c.Read(t.Context(), tasks("t"))
	if len(h.faults) != 0 || c.Fault().Kind != FaultTimeout {
		t.Errorf("after one: %+v are reported, %+v stands", h.faults, c.Fault())
	}
	for range 2 * breakerFailures {
		if r := c.Read(t.Context(), tasks("t")); r.Why != string(FaultTimeout) { // of the skipped ones, too
			t.Errorf("%+v", r)
		}
	}
	c.cfg.Timeout = patient
	setModel(t, proxy, link.Model{})
	proxy.CutAll()
	now = now.Add(breakerPause)
	c.Read(t.Context(), tasks("t"))
	if len(h.faults) != 2 || h.faults[0].Kind != FaultTimeout || h.faults[1] != (Fault{}) {
		t.Errorf("reported: %+v", h.faults)
	}
}

// TestRedisCluster is refused as a whole, before a script runs there.
func TestRedisCluster(t *testing.T) {
	var h heard
	c := opened(t, Config{URL: labtest.OwnRedis(t, "cluster-enabled yes"), OnFault: h.note})
	r := c.Read(t.Context(), tasks("t"))
	if r.Why != string(FaultCluster) || len(h.faults) != 1 || h.faults[0] != (Fault{Kind: FaultCluster}) {
		t.Errorf("%+v, reported %+v", r, h.faults)
	}
}

// TestDiagnose on what a real server replies, and on ways to it that are broken.
func TestDiagnose(t *testing.T) {
	base := labtest.OwnRedis(t)
	admin := outside(t, base)
	set := func(name, value string) {
		t.Helper()
		if err := admin.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	do := func(url string, args ...any) error {
		t.Helper()
		o, err := redis.ParseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		client := redis.NewClient(tuned(o, patient))
		defer client.Close()
		return client.Do(t.Context(), args...).Err()
	}
	const write = "return redis.call('SET','x','1')"
	check := func(name string, err error, want Fault) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if got := Diagnose(fmt.Errorf("wrapped: %w", err)); got != want {
			t.Errorf("%s: %+v from %q, want %+v", name, got, err, want)
		}
	}

	wrong, _ := url.Parse(base)
	wrong.User = url.UserPassword("default", "wrong")
	check("a wrong password", do(wrong.String(), "get", "x"), Fault{Kind: FaultAuth})
	wrong.User = nil
	check("no password", do(wrong.String(), "get", "x"), Fault{Kind: FaultAuth})
	check("an unknown command", do(base, "nonsense", "secret"), Fault{Kind: FaultUnknownCommand, Command: "NONSENSE"})
	check("an unknown command in a script", do(base, "eval", "return redis.call('NONSENSE')", 0), Fault{Kind: FaultUnknownCommand, Script: true})
	check("a script that is missing", do(base, "evalsha", strings.Repeat("f", 40), 0), Fault{Kind: FaultScript})
	check("a script that fails", do(base, "eval", "return nothing", 0), Fault{Kind: FaultScript})
	user := asUser(t, base, "~mine +@all -script|load -set")
	check("a subcommand", do(user, "script", "load", "return 1"), Fault{Kind: FaultPermission, Command: "SCRIPT LOAD"})
	check("a key", do(user, "get", "x"), Fault{Kind: FaultPermission, Keys: true})
	check("a command in a script", do(user, "eval", write, 0), Fault{Kind: FaultPermission, Script: true})

	set("maxmemory-policy", "noeviction")
	set("maxmemory", "1")
	check("no memory", do(base, "set", "x", "1"), Fault{Kind: FaultMemory})
	check("no memory in a script", do(base, "eval", write, 0), Fault{Kind: FaultMemory})
	set("maxmemory", "0")
	set("min-replicas-to-write", "1")
	check("too few replicas", do(base, "eval", write, 0), Fault{Kind: FaultWrites})
	set("min-replicas-to-write", "0")

	if err := admin.Do(t.Context(), "replicaof", "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	check("a replica", do(base, "set", "x", "1"), Fault{Kind: FaultReplica})
	check("a script on a replica", do(base, "eval", write, 0), Fault{Kind: FaultReplica})
	set("replica-serve-stale-data", "no")
	check("a replica without its primary", do(base, "get", "x"), Fault{Kind: FaultReplica})
	if err := admin.Do(t.Context(), "replicaof", "no", "one").Err(); err != nil {
		t.Fatal(err)
	}

	set("lua-time-limit", "1")
	ended := make(chan error, 1)
	go func() { ended <- admin.Eval(t.Context(), "while true do end", nil).Err() }()
	busy := do(base, "get", "x")
	for busy == nil || errors.Is(busy, redis.Nil) {
		busy = do(base, "get", "x")
	}
	check("a busy server", busy, Fault{Kind: FaultBusy})
	for outside(t, base).ScriptKill(t.Context()).Err() != nil {
		if t.Context().Err() != nil {
			t.Fatal("the script does not end")
		}
	}
	check("a script that was killed", <-ended, Fault{Kind: FaultScript})

	set("maxclients", "1")
	// Redis closes after this reply, which the client's own greeting may then not see.
	if got := Diagnose(do(base, "get", "x")).Kind; got != FaultMaxClients && got != FaultUnreachable {
		t.Errorf("too many clients: %s", got)
	}

	stranger := httptest.NewTLSServer(nil) // its certificate is signed by nobody known
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer stranger.Close()
	check("an unknown authority", do("rediss://"+stranger.Listener.Addr().String(), "get", "x"), Fault{Kind: FaultTLS})
	plain := httptest.NewServer(nil)
	defer plain.Close()
	check("no TLS there", do("rediss://"+plain.Listener.Addr().String(), "get", "x"), Fault{Kind: FaultTLS})
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := "redis://" + nobody.Addr().String()
	nobody.Close()
	check("nobody listens", do(free, "get", "x"), Fault{Kind: FaultUnreachable})
	check("time is up", fmt.Errorf("dial: %w", context.DeadlineExceeded), Fault{Kind: FaultTimeout})
	check("the caller has gone", context.Canceled, Fault{Kind: FaultCanceled})
	if f := Diagnose(nil); f != (Fault{}) {
		t.Errorf("nil: %+v", f)
	}
}

// TestAPasswordInARefusalIsNotTaken for a command: servers echo arguments.
func TestAPasswordInARefusalIsNotTaken(t *testing.T) {
	for text, want := range map[string]string{
		"ERR unknown command 'HELLO', with args beginning with: '2' 'AUTH' 'default' 'canary'": "HELLO",
		"ERR unknown command `AUTH`, with args beginning with: `canary`, ":                     "AUTH",
		"ERR unknown command 'a canary', with":                                                 "",
		"NOPERM User app has no permissions to run the 'evalsha' command":                      "EVALSHA",
		"NOPERM ACL failure in script: User app has no permissions to run the 'set' command":   "SET",
	} {
		f := diagnoseReply(text)
		if f.Command != want || strings.Contains(f.String()+f.Hint(), "canary") {
			t.Errorf("%q: %+v", text, f)
		}
	}
}

// TestARefusedKeyIsTold from a refused command in the words of each version.
func TestARefusedKeyIsTold(t *testing.T) {
	for text, want := range map[string]Fault{
		"NOPERM this user has no permissions to access one of the keys used as arguments": {Kind: FaultPermission, Keys: true}, // Redis 7.0
		"NOPERM No permissions to access a key":                                           {Kind: FaultPermission, Keys: true}, // Redis 8.0, Valkey 8.1
		"ERR The user executing the script can't access at least one of the keys mentioned in the command arguments script: b9f6, on @user_script:1.": {Kind: FaultPermission, Keys: true, Script: true}, // Redis 7.0
		"ERR ACL failure in script: No permissions to access a key script: b9f6, on @user_script:1.":                                                  {Kind: FaultPermission, Keys: true, Script: true},
		"NOPERM User app has no permissions to run the 'get' command":                                                                                 {Kind: FaultPermission, Command: "GET"},
	} {
		if f := diagnoseReply(text); f != want {
			t.Errorf("%q: %+v, want %+v", text, f, want)
		}
	}
}
