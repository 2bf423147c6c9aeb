package cache

import (
	"context"
	_ "embed"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/selftest.lua
var luaSelfTest string

// SelfTest is what came of trying everything that the cache does in Redis.
type SelfTest struct {
	// Fault is the gravest that was met; the zero Fault if everything works.
	Fault Fault
	// Missing are the rights that the user lacks, as ACL SETUSER takes them.
	Missing []string
	// Err is set where no answer came: nothing is known then.
	Err error
}

// scratchTTL is how long a scratch key lives that could not be deleted.
const scratchTTL = 10 * time.Second

// prefixes begin every key that this package writes, but the shared one. The
// last one stands in the scripts alone: what a write has announced.
func prefixes() []string {
	return []string{tokenPrefix, statePrefix, listPrefix, hintPrefix, residenceIDsPrefix, idsVersionPrefix, listIDsPrefix, donePrefix, readersPrefix, seenPrefix, taskPrefix, limitPrefix}
}

const donePrefix = "done:"

// Try tries what the cache does in Redis with the rights of c's user: each
// command by itself, so that one that is refused has a name, and a script that
// runs all of them. It writes scratch keys and deletes them, in one round trip.
func Try(ctx context.Context, c *redis.Client) SelfTest {
	t := attempt{value: nonce()}
	for _, p := range prefixes() {
		t.keys = append(t.keys, p+"selftest-"+t.value)
	}
	text := luaHead + luaSelfTest
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		t.add(p.Info(ctx, "server"), "")
		t.add(p.Time(ctx), "")
		for _, key := range t.keys {
			t.add(p.Set(ctx, key, t.value, scratchTTL), key)
			t.add(p.Get(ctx, key), key)
		}
		t.add(p.MGet(ctx, t.keys...), "")
		t.add(p.StrLen(ctx, t.keys[0]), t.keys[0])
		first := t.keys[0]
		t.add(p.HSet(ctx, first, "field", t.value), first) // a string: it is refused, but not for want of a right
		t.add(p.Expire(ctx, first, scratchTTL), first)
		t.add(p.Del(ctx, t.keys...), "")
		t.add(p.HGet(ctx, first, "field"), first)
		t.add(p.HMGet(ctx, sharedKey, "epoch"), sharedKey)
		t.add(p.HGetAll(ctx, sharedKey), sharedKey)
		t.add(p.HDel(ctx, sharedKey, "selftest"), sharedKey)
		script := redis.NewScript(text)
		args := []any{t.value}
		for _, key := range t.keys[1:] {
			args = append(args, key)
		}
		t.add(script.EvalSha(ctx, p, t.keys[:1], args...), first)
		t.script = script.Eval(ctx, p, t.keys[:1], args...)
		t.add(t.script, first)
		return nil
	})
	for i, s := range t.steps {
		t.steps[i].err = s.cmd.Err()
	}
	return t.result(err)
}

// attempt is a self-test under way.
type attempt struct {
	value  string
	keys   []string
	steps  []step
	script *redis.Cmd
}

// step is one command and the key that it was about, "" for several or none.
type step struct {
	cmd redis.Cmder
	key string
	err error
}

func (t *attempt) add(cmd redis.Cmder, key string) {
	t.steps = append(t.steps, step{cmd: cmd, key: key})
}

// gravity orders the faults: what explains others comes first.
func gravity() []FaultKind {
	return []FaultKind{
		FaultCluster, FaultPermission, FaultUnknownCommand, FaultReplica, FaultMemory, FaultWrites, FaultLoading, FaultBusy,
	}
}

func (t *attempt) result(err error) SelfTest {
	var out SelfTest
	if !t.sent() { // go-redis gives an error of connecting to the pipeline, and to none of its commands
		for i := range t.steps {
			t.steps[i].err = err
		}
	}
	worst := len(gravity())
	answered := false
	for _, s := range t.steps {
		var reply redis.Error
		answered = answered || s.err == nil || errors.As(s.err, &reply)
		f := Diagnose(s.err)
		if info, is := s.cmd.(*redis.StringCmd); is && s.cmd.Name() == "info" && clustered(ParseInfo(info.Val())) {
			f = Fault{Kind: FaultCluster}
		}
		if f.Kind == FaultPermission {
			out.lack(s, f)
		}
		if rank := slices.Index(gravity(), f.Kind); rank >= 0 && rank < worst {
			worst, out.Fault = rank, f
		}
	}
	last := t.steps[len(t.steps)-1] // the script
	switch {
	case !answered:
		return SelfTest{Err: err}
	case out.Fault.Kind != "":
	case last.err != nil:
		out.Fault = Diagnose(last.err)
	default:
		if n, _ := t.script.Int(); n != 1 {
			out.Fault = Fault{Kind: FaultScript}
		}
	}
	if out.Fault.Kind == FaultPermission && len(out.Missing) == 0 {
		out.Missing = strings.Fields(ACLRules)
	}
	return out
}

// sent reports whether the commands came so far as to be answered or to fail, each by itself.
func (t *attempt) sent() bool {
	n, _ := t.script.Int()
	return n != 0 || slices.ContainsFunc(t.steps, func(s step) bool { return s.err != nil })
}

// lack notes the right that a refused step needs. Commands on several keys are
// refused for one of them, which its own step has named.
func (t *SelfTest) lack(s step, f Fault) {
	rule := "+" + s.cmd.Name()
	if f.Command != "" { // of connecting, such as SELECT, where it is another one
		rule = "+" + strings.ReplaceAll(strings.ToLower(f.Command), " ", "|")
	}
	switch {
	case f.Script || f.Keys && s.key == "":
		return
	case f.Keys && s.key == sharedKey:
		rule = "~" + sharedKey
	case f.Keys:
		prefix, _, _ := strings.Cut(s.key, ":")
		rule = "~" + prefix + ":*"
	}
	if !slices.Contains(t.Missing, rule) {
		t.Missing = append(t.Missing, rule)
	}
}

// clustered reports whether INFO is that of a Redis Cluster.
func clustered(info map[string]string) bool {
	return info["redis_mode"] == "cluster" || info["server_mode"] == "cluster"
}
