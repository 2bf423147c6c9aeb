package cache

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
		{name: "the copy in Redis is gone", change: del(listPrefix + encoding + ".tasks:7"), done: true},
		{name: "the copy has aged", change: func(*testing.T) { time.Sleep(60 * time.Millisecond) }, until: 50 * time.Millisecond},
		{name: "the token was logged out", change: set(token, "revoked")},
		{name: "the token is gone", change: del(token)},
		{name: "the token was filled under another version", change: set(token, "7 "+strings.Repeat("0", 32))},
		{name: "the user sees another residence", change: set(residenceIDsKey(7), "[1,3,4]")},
		{name: "the residences are not known", change: del(residenceIDsKey(7))},
		{name: "the user has changed", change: set(UserScope(7).stateKey(), strings.Repeat("0", 16))},
		{name: "a residence has changed", change: set(r1.stateKey(), strings.Repeat("0", 16))},
		{name: "a residence was evicted", change: del(r1.stateKey())},
		{name: "a residence is no version", change: set(r1.stateKey(), strings.Repeat("z", 16))},
		{name: "a residence is of another type", change: func(t *testing.T) {
			must(t, rdb.Del(t.Context(), r1.stateKey()).Err())
			must(t, rdb.RPush(t.Context(), r1.stateKey(), "x").Err())
		}},
		{name: "a write holds a residence", change: func(t *testing.T) {
			st := rdb.Get(t.Context(), r1.stateKey()).Val()
			set(r1.stateKey(), st+","+newWriteID())(t)
		}},
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
			if tt.until > 0 {
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
				if err != nil || done != tt.done {
					t.Errorf("done is %t (%v), want %t", done, err, tt.done)
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

// TestTheMemoryOfAPodIsBounded: by the bytes of the bodies, the oldest first; a
// body that is larger than all of it is not kept.
func TestTheMemoryOfAPodIsBounded(t *testing.T) {
	n := newNear(1000)
	key := func(i int) nearKey { return nearKey{fmt.Sprint(i), "tasks"} }
	for i := range 30 {
		n.put(key(i), &nearEntry{body: strings.Repeat("y", 200)})
		n.put(key(i), &nearEntry{body: strings.Repeat("x", 200)}) // in its place
		if n.size() > 1000 {
			t.Fatalf("%d bytes after %d entries", n.size(), i+1)
		}
	}
	if n.size() != 1000 || n.lru.Len() != 5 || n.get(key(29)) == nil || n.get(key(24)) != nil {
		t.Errorf("%d bytes in %d entries", n.size(), n.lru.Len())
	}
	n.put(key(30), &nearEntry{body: strings.Repeat("x", 1001)})
	if n.size() != 0 {
		t.Errorf("%d bytes with a body of 1001", n.size())
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
