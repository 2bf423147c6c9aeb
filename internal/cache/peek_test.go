package cache

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestLookSaysWhatAReadWouldBeServed: the copy, or what is in the way.
func TestLookSaysWhatAReadWouldBeServed(t *testing.T) {
	url := labtest.Redis(t)
	rdb := outside(t, url)
	c, d := opened(t, Config{URL: url}), &database{}
	auditor := opened(t, Config{URL: url, ReadOnly: true})
	of := Copied{"tasks", 7}
	why := func() string {
		t.Helper()
		l, err := auditor.Look(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		return l.Why
	}
	if got := why(); got != "no-lease" && got != "another-memory" {
		t.Errorf("an empty Redis: %q", got)
	}
	if n := rdb.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("looking made %d keys", n)
	}
	fill := func() {
		t.Helper()
		swept(t, c, d)
		r := c.Read(t.Context(), Question{Token: TokenHash("t"), List: "tasks"})
		c.Fill(t.Context(), r, Answer{User: person(), ResidenceIDs: []int64{5, 3}, Body: []byte("body"), ValidUntil: time.Now().Add(time.Hour)})
		if !r.Stored {
			t.Fatalf("%+v", r)
		}
	}
	fill()
	l, err := auditor.Look(t.Context(), of)
	if err != nil || !l.Servable() || string(l.Body) != "body" || l.ETag == "" || l.Age > time.Minute {
		t.Fatalf("%+v, %v", l, err)
	}
	for _, s := range []struct {
		want string
		do   func()
	}{
		{"held", func() { c.Hold(t.Context(), Tasks.Scope(3)) }},
		{"no-state", func() { rdb.Del(t.Context(), Tasks.Scope(3).stateKey()) }},
		{"superseded", func() { rdb.Set(t.Context(), Tasks.Scope(3).stateKey(), strings.Repeat(nonce(), len(listLetters)), 0) }},
		{"gone", func() { rdb.Del(t.Context(), listPrefix+Encoding+".tasks:7") }},
		{"no-lease", func() { rdb.HSet(t.Context(), sharedKey, "lease", "1") }},
		{"another-memory", func() { rdb.HSet(t.Context(), sharedKey, "run", "0") }},
		{"no-lease", func() { rdb.Set(t.Context(), sharedKey, "nonsense", 0) }},
	} {
		rdb.FlushDB(t.Context())
		rdb.HSet(t.Context(), sharedKey, "run", ParseInfo(rdb.Info(t.Context(), "server").Val())["run_id"])
		fill()
		if got := why(); got != "" {
			t.Fatalf("before %s: %q", s.want, got)
		}
		s.do()
		if got := why(); got != s.want {
			t.Errorf("got %q, want %q", got, s.want)
		}
	}
}

// TestSampleIsOfAll: more copies than one step finds, and no other keys.
func TestSampleIsOfAll(t *testing.T) {
	url := labtest.Redis(t)
	rdb := outside(t, url)
	pipe := rdb.Pipeline()
	for i := range 1200 {
		pipe.Set(t.Context(), fmt.Sprintf("list:%s.tasks:%d", Encoding, i), "x", time.Minute)
	}
	pipe.Set(t.Context(), "list:"+Encoding+".tasks:nobody", "x", time.Minute)
	pipe.Set(t.Context(), StateKey(UserScope(1)), "x", time.Minute)
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := opened(t, Config{URL: url, ReadOnly: true})
	s, err := c.Sample(t.Context(), 100)
	if err != nil || len(s.Copies) != 100 || s.Seen != 1200 || !s.All {
		t.Errorf("%d copies of %d (all: %v), %v", len(s.Copies), s.Seen, s.All, err)
	}
	if s, err := c.Sample(t.Context(), 5000); err != nil || len(s.Copies) != 1200 {
		t.Errorf("%d copies, %v", len(s.Copies), err)
	}
}

// peeked is Look in short: the copy that Redis would serve, with its ETag.
func peeked(t *testing.T, c *Cache, of Copied) (body []byte, etag string, ok bool, err error) {
	t.Helper()
	l, err := c.Look(t.Context(), of)
	return l.Body, l.ETag, err == nil && l.Servable(), err
}
