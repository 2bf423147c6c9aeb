package cache

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestWhatThePodRemembersIsBelievedInNothing: whatever does not stand in Redis
// any more, the memory of the pod says nothing, and the script has its turn.
func TestWhatThePodRemembersIsBelievedInNothing(t *testing.T) {
	url := labtest.Redis(t)
	rdb := outside(t, url)
	set := func(key, value string) func(*testing.T) {
		return func(t *testing.T) { must(t, rdb.Set(t.Context(), key, value, 0).Err()) }
	}
	del := func(key string) func(*testing.T) {
		return func(t *testing.T) { must(t, rdb.Del(t.Context(), key).Err()) }
	}
	field := func(name, value string) func(*testing.T) {
		return func(t *testing.T) { must(t, rdb.HSet(t.Context(), sharedKey, name, value).Err()) }
	}
	token := tokenKey(TokenHash("t"))
	for _, tt := range []struct {
		name   string
		change func(*testing.T)
		until  time.Duration // of the copy's validity; 0: it does not age
		done   bool
	}{
		{name: "nothing has changed", change: func(*testing.T) {}, done: true},
		{name: "the copy in Redis is gone", change: del(listPrefix + Encoding + ".tasks:7"), done: true},
		{name: "the copy is about to age", change: func(*testing.T) {}, until: nearSkew},
		{name: "the token was logged out", change: set(token, "revoked")},
		{name: "the token is gone", change: del(token)},
		{name: "the token was filled under another version", change: set(token, "7 "+strings.Repeat("0", 32))},
		{name: "the user sees another residence", change: set(residenceIDsKey(7), "[1,3,4]")},
		{name: "the residences have expired", change: del(residenceIDsKey(7)), done: true},
		{name: "the user has changed", change: set(UserScope(7).stateKey(), strings.Repeat("0", 16))},
		{name: "the tasks of a residence have changed", change: set(r1.stateKey(), strings.Repeat("0", 64))},
		{name: "a residence was evicted", change: del(r1.stateKey())},
		{name: "a residence is no version", change: set(r1.stateKey(), strings.Repeat("z", 64))},
		{name: "a residence is of another type", change: func(t *testing.T) {
			must(t, rdb.Del(t.Context(), r1.stateKey()).Err())
			must(t, rdb.RPush(t.Context(), r1.stateKey(), "x").Err())
		}},
		{name: "a write holds the tasks of a residence", change: func(t *testing.T) {
			st := rdb.Get(t.Context(), r1.stateKey()).Val()
			set(r1.stateKey(), st+",t"+newWriteID())(t)
		}},
		{name: "a write holds the contractors of a residence", change: func(t *testing.T) {
			st := rdb.Get(t.Context(), r1.stateKey()).Val()
			set(r1.stateKey(), st+",c"+newWriteID())(t)
		}, done: true},
		{name: "the contractors of a residence have changed", change: func(t *testing.T) {
			st := rdb.Get(t.Context(), r1.stateKey()).Val()
			set(r1.stateKey(), st[:32]+strings.Repeat("0", 16)+st[48:])(t)
		}, done: true},
		{name: "the epoch is another", change: field("epoch", strings.Repeat("0", 16))},
		{name: "there is no epoch", change: field("epoch", "")},
		{name: "the lease has ended", change: field("lease", "1")},
		{name: "the lease is nonsense", change: field("lease", "9e99")},
		{name: "the shared key is of another type", change: func(t *testing.T) {
			del(sharedKey)(t)
			set(sharedKey, "x")(t)
		}},
		{name: "Redis was emptied", change: func(t *testing.T) { must(t, rdb.FlushDB(t.Context()).Err()) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			must(t, rdb.FlushDB(t.Context()).Err())
			c, d := opened(t, Config{URL: url}), &database{}
			swept(t, c, d)
			a := answer("list")
			if tt.until > 0 { // a client's own copy is judged apart
				a.ValidUntil = time.Now().Add(tt.until)
			}
			filled := c.Read(t.Context(), tasks("t"))
			c.Fill(t.Context(), filled, a)
			if !filled.Stored {
				t.Fatalf("not stored: %+v", filled)
			}
			tt.change(t)
			for _, mine := range []string{"", filled.ETag} {
				r := &Reading{question: tasks("t")}
				now := time.Now()
				done, err := c.glance(t.Context(), r, parseIfNoneMatch(mine, now), now)
				want := tt.done || tt.until > 0 && mine != ""
				if err != nil || done != want {
					t.Errorf("done is %t (%v), want %t", done, err, want)
				}
				if done && (r.UserID != 7 || r.ListVerdict != Hit || r.ETag != filled.ETag || r.NotModified != (mine != "") || !r.NotModified && r.Body != "list") {
					t.Errorf("it says %+v", r)
				}
			}
			if failures(c) != 0 {
				t.Error("it counts as a failure of Redis")
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestTheMemoryOfAPodIsBounded: the oldest go first, and a body that is larger
// than all of it is not kept.
func TestTheMemoryOfAPodIsBounded(t *testing.T) {
	entry := func(bytes int) *nearEntry { return &nearEntry{body: strings.Repeat("x", bytes)} }
	most := 5 * entry(200).weight()
	n := newNear(most)
	key := func(i int) nearKey { return nearKey{fmt.Sprint(i), "tasks"} }
	for i := range 30 {
		n.put(key(i), entry(200))
		n.put(key(i), entry(200)) // in its place
		if n.size() > most {
			t.Fatalf("%d bytes after %d entries, want %d at most", n.size(), i+1, most)
		}
	}
	if n.size() != most || n.lru.Len() != 5 || n.get(key(29)) == nil || n.get(key(24)) != nil {
		t.Errorf("%d bytes in %d entries", n.size(), n.lru.Len())
	}
	n.put(key(30), entry(most))
	if n.size() != 0 {
		t.Errorf("%d bytes with a body that is too large", n.size())
	}
	many := &nearEntry{scopes: make([]Scope, nearScopes+1)}
	if n.put(key(31), many); n.get(key(31)) != nil {
		t.Error("a list of more residences than a glance asks for was kept")
	}
	off := newNear(-1)
	if off.put(key(1), &nearEntry{}); off.get(key(1)) != nil {
		t.Error("a memory that is off remembers")
	}
}

// TestTheMemoryOfAPodIsWeighedAsItIs: a flood of users with small lists takes
// what the gauge says, and no more.
func TestTheMemoryOfAPodIsWeighedAsItIs(t *testing.T) {
	for _, residences := range []int{1, 3, 10, 50} {
		const most = 16 << 20
		c := &Cache{near: newNear(most), cfg: Config{}.withDefaults()}
		ids := make([]int64, residences)
		for i := range ids {
			ids[i] = int64(1_000_000 + i)
		}
		heap := func() int {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		before := heap()
		for i := range 40_000 {
			c.remember(Question{Token: TokenHash(fmt.Sprint(i)), List: "tasks"}, int64(i+1), encodeIDs(ids), stamp{digest: someDigest}, string(make([]byte, 200)))
		}
		grown := heap() - before
		t.Logf("%d residences: the gauge says %d of %d bytes, the heap has %d more, %d entries", residences, c.near.size(), most, grown, c.near.lru.Len())
		if c.near.size() > most || grown > most*5/4 {
			t.Errorf("%d residences: %d bytes of heap for at most %d", residences, grown, most)
		}
		runtime.KeepAlive(c)
	}
}

// TestWhoPollsKeepsTheMemory: a 304 of the script renews what is remembered.
func TestWhoPollsKeepsTheMemory(t *testing.T) {
	ahead := time.Duration(0)
	c, d := opened(t, Config{URL: labtest.Redis(t), Now: func() time.Time { return time.Now().Add(ahead) }}), &database{}
	swept(t, c, d)
	filled := c.Read(t.Context(), tasks("t"))
	c.Fill(t.Context(), filled, answer("list"))
	q := tasks("t")
	q.IfNoneMatch = filled.ETag
	glanced := 0
	for range 20 {
		ahead += DefaultResidenceIDsTTL / 8
		swept(t, c, d)
		r := &Reading{question: q}
		if done, _ := c.glance(t.Context(), r, parseIfNoneMatch(q.IfNoneMatch, c.cfg.Now()), c.cfg.Now()); done {
			glanced++
		}
		if r := c.Read(t.Context(), q); !r.NotModified {
			t.Fatalf("no 304: %+v", r)
		}
	}
	if glanced < 10 {
		t.Errorf("%d of 20 polls were answered from what is remembered", glanced)
	}
}

// apart sends the commands of a pipeline one by one, with something between them.
type apart struct {
	tripHook
	between func(sent int)
}

func (a apart) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for i, cmd := range cmds {
			if err := next(ctx, []redis.Cmder{cmd}); err != nil {
				return err
			}
			a.between(i + 1)
		}
		return nil
	}
}

// TestAGlanceIsNotOneStep: after an idle night nobody has told Redis what was
// written, and the lease has ended. The sweep that wakes up comes between any
// two of a glance's commands: it renews the lease and gives fresh versions. A
// glance that took the versions of before for those of the new lease would send
// a list of any age.
func TestAGlanceIsNotOneStep(t *testing.T) {
	for after := 1; after <= 3; after++ {
		url := labtest.Redis(t)
		c, d := opened(t, Config{URL: url}), &database{}
		sweeper, rdb := opened(t, Config{URL: url}), outside(t, url)
		swept(t, c, d)
		r := c.Read(t.Context(), tasks("t"))
		c.Fill(t.Context(), r, answer("old"))
		if !r.Stored {
			t.Fatalf("not stored: %+v", r)
		}
		d.commit(newWriteID(), r1) // by hand, in the night
		must(t, rdb.HSet(t.Context(), sharedKey, "lease", "1").Err())
		met := 0
		c.rdb.AddHook(apart{between: func(sent int) {
			if sent == after {
				met++
				swept(t, sweeper, d)
			}
		}})
		r = &Reading{question: tasks("t")}
		done, err := c.glance(t.Context(), r, nil, time.Now())
		if err != nil || met != 1 {
			t.Fatalf("%v, the sweep came %d times", err, met)
		}
		if done {
			t.Errorf("the sweep after command %d: the glance sends %q", after, r.Body)
		}
	}
}
