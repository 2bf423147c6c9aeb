package cache

import (
	"slices"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// another is a second member of residence 1, whose list "tasks" is kept too.
func another(body string) Answer {
	a := answer(body)
	a.User.ID, a.ResidenceIDs = 8, []int64{1, 9}
	return a
}

// refreshed is what the readers of a hold see after the write.
func refreshed(h *Hold, bodies map[int64]Answer) []Refreshed {
	var out []Refreshed
	for _, r := range h.Readers {
		out = append(out, Refreshed{Reader: r, Answer: bodies[r.UserID]})
	}
	return out
}

func TestAWriteFillsTheListsOfItsReaders(t *testing.T) {
	url := labtest.Redis(t)
	c, other, d := opened(t, Config{URL: url}), opened(t, Config{URL: url}), &database{}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("old"))
	warmed(t, other, tasks("u"), another("old"))
	h := c.HoldFor(t.Context(), Tasks, 8, r1)
	var who []int64
	for _, r := range h.Readers {
		who = append(who, r.UserID)
	}
	if !slices.Equal(who, []int64{8, 7}) { // the writer first
		t.Fatalf("the readers are %v", who)
	}
	d.commit(h.ID, r1)
	c.Release(t.Context(), h, Effects{Committed: true, Refreshed: refreshed(h, map[int64]Answer{7: answer("new"), 8: another("newer")})})
	for _, pod := range []*Cache{c, other} {
		for token, want := range map[string]string{"t": "new", "u": "newer"} {
			if r := pod.Read(t.Context(), tasks(token)); r.ListVerdict != Hit || r.Body != want {
				t.Errorf("%s: %s %q, want %q", token, r.ListVerdict, r.Body, want)
			}
		}
	}
	swept(t, c, d) // and tells nothing of it again
	if r := c.Read(t.Context(), tasks("t")); r.ListVerdict != Hit {
		t.Errorf("after the sweep: %+v", r)
	}
}

// TestWhoIsNoReader: only copies that somebody has read lately are worth a fill.
func TestWhoIsNoReader(t *testing.T) {
	url := labtest.Redis(t)
	rdb := outside(t, url)
	for name, change := range map[string]func(*testing.T, *Cache){
		"not seen for long": func(t *testing.T, _ *Cache) {
			rdb.HSet(t.Context(), seenPrefix+"7", "t", time.Now().Add(-SeenLately-time.Minute).UnixMilli())
		},
		"seen to read another list": func(t *testing.T, _ *Cache) { rdb.HDel(t.Context(), seenPrefix+"7", "t") },
		"the copy is gone":          func(t *testing.T, _ *Cache) { rdb.Del(t.Context(), listPrefix+Encoding+".tasks:7") },
		"the residences are gone":   func(t *testing.T, _ *Cache) { rdb.Del(t.Context(), residenceIDsKey(7), listIDsKey(7)) },
		"another write holds a residence": func(t *testing.T, c *Cache) {
			c.Hold(t.Context(), Tasks.Scope(3))
		},
		"another write holds the user": func(t *testing.T, c *Cache) { c.Hold(t.Context(), UserScope(7)) },
		"a state is gone":              func(t *testing.T, _ *Cache) { rdb.Del(t.Context(), Tasks.Scope(3).stateKey()) },
		"no sweep":                     func(t *testing.T, _ *Cache) { rdb.HSet(t.Context(), sharedKey, "lease", "1") },
		"the readers are of another type": func(t *testing.T, _ *Cache) {
			rdb.Del(t.Context(), readersPrefix+"t1")
			rdb.Set(t.Context(), readersPrefix+"t1", "x", 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			rdb.FlushDB(t.Context())
			c, d := opened(t, Config{URL: url}), &database{}
			swept(t, c, d)
			warmed(t, c, tasks("t"), answer("old"))
			change(t, c)
			if h := c.HoldFor(t.Context(), Tasks, 7, r1); len(h.Readers) != 0 {
				t.Errorf("%+v", h.Readers)
			}
			if n := failures(c); n != 0 {
				t.Errorf("%d calls failed", n)
			}
		})
	}
}

// TestAStrangersWriteReadsNothing: a user who does not see the residence cannot have its lists read by naming it.
func TestAStrangersWriteReadsNothing(t *testing.T) {
	c, d := opened(t, Config{URL: labtest.Redis(t)}), &database{}
	swept(t, c, d)
	warmed(t, c, tasks("t"), answer("old"))
	stranger := answer("old")
	stranger.User.ID, stranger.ResidenceIDs = 8, []int64{11, 31} // neither is 1
	warmed(t, c, tasks("u"), stranger)
	for _, writer := range []int64{8, 9} {
		h := c.HoldFor(t.Context(), Tasks, writer, r1)
		if len(h.Readers) != 0 {
			t.Errorf("%d has the lists of %+v read", writer, h.Readers)
		}
		c.Release(t.Context(), h, Effects{})
	}
}

// TestReadersAreBounded: a residence of many people costs a write no more than
// mostReaders fills, and the writer's is one of them.
func TestReadersAreBounded(t *testing.T) {
	c, d := opened(t, Config{URL: labtest.Redis(t)}), &database{}
	swept(t, c, d)
	const people = 3 * mostReaders
	for id := range int64(people) {
		a := answer("old")
		a.User.ID, a.ResidenceIDs = 100+id, []int64{1}
		warmed(t, c, tasks(string(rune('a'+id))), a)
	}
	h := c.HoldFor(t.Context(), Tasks, 100+people-1, r1)
	if len(h.Readers) != mostReaders || h.Readers[0].UserID != 100+people-1 {
		t.Errorf("%d readers: %+v", len(h.Readers), h.Readers)
	}
}
