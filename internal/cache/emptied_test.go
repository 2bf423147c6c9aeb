package cache

import (
	"fmt"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestPodsFillWhatRedisLost: those that have served somebody, each once, one after the other, after a sweep.
func TestPodsFillWhatRedisLost(t *testing.T) {
	url := labtest.Redis(t)
	rdb := outside(t, url)
	d := &database{}
	served, alsoServed, fresh := opened(t, Config{URL: url}), opened(t, Config{URL: url}), opened(t, Config{URL: url})
	calls := map[*Cache]int{}
	sweep := func(c *Cache) int {
		t.Helper()
		src := d.source()
		src.Emptied = func() { calls[c]++ }
		rdb.HDel(t.Context(), sharedKey, "swept")
		if did, err := c.Sweep(t.Context(), src); err != nil || !did {
			t.Fatalf("the sweep was not completed: %v", err)
		}
		lasting(t, c)
		return calls[c]
	}
	warm := func() {
		t.Helper()
		for _, c := range []*Cache{served, alsoServed} {
			if r := c.Read(t.Context(), tasks("t")); r.ListVerdict != Hit {
				warmed(t, c, tasks("t"), answer("list"))
			}
		}
	}
	sweep(fresh)
	sweep(served)
	if calls[served] != 0 {
		t.Fatal("a pod that has served nobody has nothing to fill")
	}
	warm()
	for name, lose := range map[string]func(){
		"a flush": func() { rdb.FlushDB(t.Context()) },
		"another memory": func() {
			rdb.HSet(t.Context(), sharedKey, "run", "the one before")
			cn := served.rdb.Conn()
			defer cn.Close()
			if err := served.connect(t.Context(), cn); err != nil {
				t.Fatal(err)
			}
		},
		"everything counts as changed": func() { d.everything = true },
	} {
		clear(calls)
		lose()
		if n := sweep(fresh); n != 0 {
			t.Errorf("%s: a pod that has served nobody is to fill", name)
		}
		d.everything = false
		first, next := served, alsoServed
		if sweep(first) != 1 || sweep(next) != 0 || sweep(first) != 1 {
			t.Errorf("%s: while one pod fills, the pods are asked %d and %d times", name, calls[first], calls[next])
		}
		first.Restored(t.Context())
		if sweep(next) != 1 || sweep(first) != 1 {
			t.Errorf("%s: the pods are asked %d and %d times", name, calls[first], calls[next])
		}
		if ttl := rdb.TTL(t.Context(), taskKey).Val(); ttl <= 0 || ttl > time.Minute {
			t.Errorf("%s: the task stands for %s", name, ttl)
		}
		next.Restored(t.Context())
		if sweep(next) != 1 || sweep(first) != 1 {
			t.Errorf("%s: after all, the pods are asked %d and %d times", name, calls[first], calls[next])
		}
		warm()
	}
}

// TestAPodThatDoesNotEndFilling keeps the others waiting for a while only.
func TestAPodThatDoesNotEndFilling(t *testing.T) {
	url := labtest.Redis(t)
	c, d := opened(t, Config{URL: url}), &database{}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("list"))
	asked := 0
	src := d.source()
	src.Emptied = func() { asked++ }
	for until, want := range map[time.Duration]int{time.Minute: 0, -time.Millisecond: 1} {
		asked = 0
		rdb := outside(t, url)
		rdb.Del(t.Context(), taskKey)
		rdb.HSet(t.Context(), taskKey, "until", time.Now().Add(until).UnixMilli(), "another pod", "1")
		rdb.HDel(t.Context(), sharedKey, "swept")
		if _, err := c.Sweep(t.Context(), src); err != nil || asked != want {
			t.Errorf("with another pod at it for %s: asked %d times, %v", until, asked, err)
		}
	}
}

// TestWhoWasServedLately: the most recently served first, each with the tokens and lists that were asked for.
func TestWhoWasServedLately(t *testing.T) {
	now := time.Now()
	c, d := opened(t, Config{URL: labtest.Redis(t), Now: func() time.Time { return now }}), &database{}
	swept(t, c, d)
	if got := c.Recent(10, time.Hour); len(got) != 0 {
		t.Errorf("before anybody came: %+v", got)
	}
	serve := func(token string, user int64, list List) {
		t.Helper()
		q := Question{Token: TokenHash(token), List: list}
		if r := c.Read(t.Context(), q); r.ListVerdict != Hit {
			a := answer("list")
			a.User.ID = user
			warmed(t, c, q, a)
		}
	}
	serve("long ago", 6, Tasks)
	now = now.Add(2 * time.Hour)
	serve("a", 7, Tasks)
	serve("b", 8, Documents)
	serve("a", 7, Contractors)
	serve("another of 7", 7, Tasks)
	serve("c", 9, Tasks)
	serve("b", 8, Documents)
	want := []Recent{
		{8, [][]byte{TokenHash("b")}, []List{Documents}},
		{9, [][]byte{TokenHash("c")}, []List{Tasks}},
		{7, [][]byte{TokenHash("another of 7"), TokenHash("a")}, []List{Tasks, Contractors}},
	}
	for n := range 4 {
		var got []Recent
		for _, u := range c.Recent(n, time.Hour) {
			got = append(got, *u)
		}
		if fmt.Sprint(got) != fmt.Sprint(want[:n]) && (n > 0 || len(got) > 0) {
			t.Errorf("of %d: %v, want %v", n, got, want[:n])
		}
	}
	if got := c.Recent(10, 3*time.Hour); len(got) != 4 || got[3].UserID != 6 {
		t.Errorf("within three hours: %d users", len(got))
	}
	if c := opened(t, Config{URL: labtest.Redis(t), NearBytes: -1}); len(c.Recent(10, time.Hour)) != 0 || c.near.served() {
		t.Error("a pod without a memory remembers somebody")
	}
}

// TestAFlushIsNoticedOnce: the connections that are opened after it find the memory that the sweep has begun.
func TestAFlushIsNoticedOnce(t *testing.T) {
	for name, url := range map[string]string{"Redis": labtest.Redis(t), "in the process": ""} {
		c, d := opened(t, Config{URL: url}), &database{}
		swept(t, c, d)
		if err := c.rdb.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		swept(t, c, d)
		warmed(t, c, tasks("t"), answer("list"))
		before := value(t, c.metrics.emptied)
		cn := c.rdb.Conn()
		if err := c.connect(t.Context(), cn); err != nil {
			t.Fatal(err)
		}
		if err := cn.Close(); err != nil {
			t.Fatal(err)
		}
		if r := c.Read(t.Context(), tasks("t")); r.ListVerdict != Hit || value(t, c.metrics.emptied) != before {
			t.Errorf("%s: after another connection: %+v", name, r)
		}
	}
}
