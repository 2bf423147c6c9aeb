package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/lab/labtest"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/report"
	"github.com/honeydue/honeydue/internal/store"
)

// TestFresh: a system in order, at the price of a turn for each copy.
func TestFresh(t *testing.T) {
	s := newStage(t, 6)
	c := s.config()
	var pooler *link.Proxy
	c.Database.URL, pooler = labtest.Link(t, s.env.DatabaseURL, link.Model{})
	r := s.run(c, nil)
	if r.Outcome != Fresh || r.Sampled != 24 || r.Checked != 24 || r.Fresh != 24 || r.CopiesInRedis != 24 || !r.AllCopiesSeen {
		t.Errorf("%+v", r)
	}
	for _, l := range r.Lists {
		if l.Checked != 6 {
			t.Errorf("%+v", l)
		}
	}
	if r.StaleShareMaxPct != 11.73 || !strings.Contains(r.Verdict, "11.73%") {
		t.Errorf("0 of 24 leave %v%%: %s", r.StaleShareMaxPct, r.Verdict)
	}
	// Connecting with TLS and SCRAM, the users' tokens, and one turn for each copy.
	// The end of the connection may look like two more: each side takes leave, of Postgres's protocol and of TLS.
	if seen := pooler.Counts(); r.Cost.DBTurns > seen.Turns || r.Cost.DBTurns < seen.Turns-2 || seen.Dials != 1 || r.Cost.DBTurns > 8+1+24 || r.Cost.DBTurns < 25 {
		t.Errorf("the report says %d turns on %d connections, the link %+v", r.Cost.DBTurns, r.Cost.DBConnections, seen)
	}
	if r.Cost.RedisRoundTrips < 25 || r.Cost.RedisRoundTrips > 31 {
		t.Errorf("%d round trips to Redis", r.Cost.RedisRoundTrips)
	}
}

// TestCopiesThatNobodyIsServedAreNoSample: copies stay in Redis long after they were made obsolete. A sample has as many that
// would be served as it was asked for.
func TestCopiesThatNobodyIsServedAreNoSample(t *testing.T) {
	s := newStage(t, 6)
	kind, _, _ := strings.Cut(s.rdb.Keys(t.Context(), "list:*.tasks:*").Val()[0], ".")
	for i := range 100 {
		s.check(s.rdb.Set(t.Context(), fmt.Sprintf("%s.tasks:%d", kind, 1_000_000+i), "obsolete", 0).Err())
	}
	c := s.config()
	c.Sample, c.AtLeast = 20, 20
	if r := s.run(c, nil); r.Outcome != Fresh || r.Checked != 20 || r.Sampled < 20 || r.Sampled != r.Checked+r.Skipped["no-state"] || r.CopiesInRedis != 124 {
		t.Errorf("%+v", r)
	}
}

// TestNothingIsChanged: neither a key of Redis, nor when it expires, and in Postgres transactions that may not
// write are enough.
func TestNothingIsChanged(t *testing.T) {
	s := newStage(t, 6)
	s.freeze()
	// One stale copy, so that all statements run.
	s.unseen("UPDATE tasks SET title = 'planted' WHERE id = (SELECT min(id) FROM tasks)")
	before := s.dump()
	s.exec("DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END$$")
	c := s.config()
	c.Database.URL = s.env.DirectURL // new connections there have that setting
	if r := s.run(c, nil); r.Checked != 24 || r.Stale != 1 {
		t.Errorf("%+v", r)
	}
	if after := s.dump(); !slices.Equal(before, after) {
		t.Errorf("Redis held\n%q\nand now holds\n%q", before, after)
	}
	t.Run("nothing is made in an empty Redis", func(t *testing.T) {
		s.check(s.rdb.FlushDB(t.Context()).Err())
		r, err := Run(t.Context(), s.config())
		if err != nil || r.Outcome != Unknown || r.Sampled != 0 || r.Cost.DBTurns != 0 || !strings.Contains(r.Verdict, "holds no copy") {
			t.Errorf("%+v, %v", r, err)
		}
		if n := s.rdb.DBSize(t.Context()).Val(); n != 0 {
			t.Errorf("%d keys", n)
		}
	})
}

// dump is every key with its value and the instant at which it expires.
func (s *stage) dump() []string {
	s.t.Helper()
	ctx := s.t.Context()
	var out []string
	keys := s.rdb.Keys(ctx, "*").Val()
	slices.Sort(keys)
	for _, k := range keys {
		v, err := s.rdb.Dump(ctx, k).Result()
		s.check(err)
		out = append(out, k, v, s.rdb.PExpireTime(ctx, k).Val().String())
	}
	if len(out) == 0 {
		s.t.Fatal("Redis is empty")
	}
	return out
}

// TestAChangeMeanwhileIsNotStale: a write between the look and the question, once with and once without somebody
// who reads anew, and one that is still under way.
func TestAChangeMeanwhileIsNotStale(t *testing.T) {
	s := newStage(t, 6)
	first := s.people[0]
	once := func(do func()) func(cache.Copied) {
		return func(of cache.Copied) {
			if of.List == "tasks" && of.UserID == first.ID && do != nil {
				run := do
				do = nil
				run()
			}
		}
	}
	c, err := cache.Open(cache.Config{URL: s.env.RedisURL})
	s.check(err)
	defer c.Close()
	held := func(title string) *cache.Hold { // and the write fills nobody's list
		h := c.Hold(t.Context(), cache.Tasks.Scope(first.home))
		_, err := s.db.UpdateTask(t.Context(), store.Write{ID: h.ID, Residences: []int64{first.home}}, first.ID, first.task, household.TaskPatch{Title: &title})
		s.check(err)
		return h
	}
	r := s.run(s.config(), once(func() { c.Release(t.Context(), held("one"), cache.Effects{Committed: true}) }))
	if r.Outcome != Fresh || r.Stale != 0 || r.ChangedMeanwhile < 1 {
		t.Errorf("a write: %+v", r)
	}
	s.warm()
	r = s.run(s.config(), once(func() { s.rename(first, "two") }))
	if r.Outcome != Fresh || r.Stale != 0 || r.Fresh != 24 {
		t.Errorf("a write that fills the copy anew: %+v", r)
	}
	r = s.run(s.config(), once(func() { held("three") })) // it has not said yet that it is through
	if r.Outcome == Stale || r.Stale != 0 || r.ChangedMeanwhile != 1 {
		t.Errorf("a write under way: %+v", r)
	}
}

// TestStale finds what a copy misses, says since when, and whether anything excuses it.
func TestStale(t *testing.T) {
	t.Run("the log knows of nothing", func(t *testing.T) {
		s := newStage(t, 6)
		s.unseen("UPDATE tasks SET title = 'planted' WHERE id = (SELECT min(id) FROM tasks)")
		r := s.run(s.config(), nil)
		f := r.only(t)
		if r.Outcome != Stale || r.BeyondPromise != 1 || f.List != "tasks" || f.Change != changeUnknown || f.MeasuredBy != byLooks || f.StaleMS <= Promise.Milliseconds() || f.Replaced {
			t.Errorf("%+v", r)
		}
		if r.Checked != 24 || r.Fresh != 23 || r.StalenessMS.Max != f.StaleMS {
			t.Errorf("%+v", r)
		}
		tellsNobody(t, s, r)
	})
	t.Run("a write that the cache was not told of", func(t *testing.T) {
		s := newStage(t, 6)
		s.freeze()
		title, p := "untold", s.people[2]
		w := write()
		w.Residences = []int64{p.home}
		_, err := s.db.UpdateTask(t.Context(), w, p.ID, p.task, household.TaskPatch{Title: &title})
		s.check(err)
		began := time.Now()
		r := s.run(s.config(), nil)
		f := r.only(t)
		if r.BeyondPromise != 1 || f.Change != changeOwn || f.MeasuredBy != byChangeLog || f.Excused || f.StaleMS < Promise.Milliseconds() {
			t.Errorf("%+v", f)
		}
		if most := time.Since(began) + 100*time.Millisecond; f.StaleMS > most.Milliseconds() {
			t.Errorf("stale for %d ms, %s after the write", f.StaleMS, most)
		}
	})
	t.Run("SQL from outside that the next sweep tells", func(t *testing.T) {
		s := newStage(t, 6)
		s.freeze()
		hurt := false
		r := s.run(s.config(), func(of cache.Copied) {
			if of.List == "tasks" && !hurt {
				hurt = true
				s.exec("UPDATE tasks SET title = 'by hand'")
				time.AfterFunc(time.Second, s.keep)
			}
		})
		// All boards that come after are stale as well, until the sweep; each was replaced by it.
		if r.Outcome != Fresh || r.Stale == 0 || r.Excused != r.Stale || r.BeyondPromise != 0 {
			t.Errorf("%+v", r)
		}
		for _, f := range r.Findings {
			if f.Change != changeOutside || !f.Replaced || !f.Excused || f.StaleMS > 1500 {
				t.Errorf("%+v", f)
			}
		}
	})
	t.Run("a long transaction from outside, begun before the copy was filled", func(t *testing.T) {
		s := newStage(t, 6)
		s.freeze()
		s.exec("BEGIN; UPDATE tasks SET title = 'by hand' WHERE id = (SELECT min(id) FROM tasks)")
		s.send(http.MethodPost, "/api/tasks/", s.people[0], fmt.Sprintf(`{"residence_id":%d,"title":"Another"}`, s.people[0].home))
		s.keep()
		s.warm() // if the write has not filled his board anew
		s.freeze()
		done := false
		r := s.run(s.config(), func(cache.Copied) {
			if !done {
				done = true
				s.exec("COMMIT")
				time.AfterFunc(time.Second, s.keep)
			}
		})
		if f := r.only(t); r.Outcome != Fresh || f.Change != changeOutside || !f.Excused || f.MeasuredBy != byLooks {
			t.Errorf("%+v", r)
		}
	})
	t.Run("SQL from outside that no sweep tells", func(t *testing.T) {
		s := newStage(t, 6)
		s.freeze()
		s.exec("UPDATE contractors SET name = 'by hand' WHERE id = (SELECT min(id) FROM contractors)")
		f := s.run(s.config(), nil).only(t)
		if f.List != "contractors" || f.Change != changeOutside || f.Excused || !f.BeyondPromise {
			t.Errorf("%+v", f)
		}
		// What the runbook says to do about it.
		s.check(s.rdb.HSet(t.Context(), cache.SharedKey, "epoch", "0123456789abcdef").Err())
		if r := s.run(s.config(), nil); r.Skipped["superseded"] != 24 {
			t.Errorf("after another epoch: %+v", r)
		}
	})
}

// TestWhichChangeACopyMisses: the log's ages are known to the time that the question to it took.
func TestWhichChangeACopyMisses(t *testing.T) {
	own := func(ms int) store.Told { return store.Told{Ago: time.Duration(ms) * time.Millisecond} }
	outside := func(ms int) store.Told { return store.Told{Ago: time.Duration(ms) * time.Millisecond, Outside: true} }
	const sent, answered = 10 * time.Millisecond, 120 * time.Millisecond
	for _, c := range []struct {
		name       string
		told       []store.Told
		change, by string
		staleMS    int64
		excused    bool
	}{
		{"the log is empty", nil, changeUnknown, byLooks, 1, false},
		{"ours, long before the copy", []store.Told{own(5000)}, changeUnknown, byLooks, 1, false},
		{"ours, after the copy", []store.Told{own(900)}, changeOwn, byChangeLog, 780, false},
		{"ours, at about the same time", []store.Told{own(1050)}, changeOwn, byChangeLog, 930, false},
		{"ours, at about the same time, and SQL that may have ended later", []store.Told{outside(4000), own(1050)}, changeOutside, byLooks, 1, true},
		{"ours, at about the same time, and SQL after it", []store.Told{own(1050), outside(500)}, changeOutside, byChangeLog, 380, true},
		{"ours, after the copy, and SQL that may have ended later", []store.Told{outside(4000), own(900)}, changeOwn, byChangeLog, 780, false},
		{"SQL after the copy", []store.Told{outside(900), own(500)}, changeOutside, byChangeLog, 780, true},
		{"SQL before the copy, which may have ended later", []store.Told{outside(4000)}, changeOutside, byLooks, 1, true},
	} {
		var r Result
		f := Finding{StaleMS: 1, MeasuredBy: byLooks, Change: changeUnknown}
		f.dateBy(c.told, time.Second, sent, answered)
		r.found(f)
		if got := r.Findings[0]; got.Change != c.change || got.MeasuredBy != c.by || got.StaleMS != c.staleMS || got.Excused != c.excused {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func (r Result) only(t *testing.T) Finding {
	t.Helper()
	if len(r.Findings) != 1 || r.Stale != 1 {
		t.Fatalf("one finding was expected: %+v", r)
	}
	return r.Findings[0]
}

// tellsNobody: no form of the report has a name, a token or what is in a list.
func tellsNobody(t *testing.T, s *stage, r Result) {
	t.Helper()
	for _, f := range []report.Format{report.FormatTable, report.FormatJSON, report.FormatMarkdown, report.FormatHTML} {
		var b bytes.Buffer
		s.check(report.Write(&b, f, r.Document(), report.Options{}))
		if strings.Contains(b.String(), "canary") || strings.Contains(b.String(), "planted") {
			t.Errorf("%s tells whose or what it is:\n%s", f, b.String())
		}
	}
}

// TestWhatIsNotServed is counted by its reason, and is no claim.
func TestWhatIsNotServed(t *testing.T) {
	s := newStage(t, 6)
	s.unseen("DELETE FROM auth_tokens WHERE user_id = (SELECT min(id) FROM users)")
	c := s.config()
	if r := s.run(c, nil); r.Skipped[noToken] != 4 || r.Checked != 20 || r.Outcome != Fresh {
		t.Errorf("a user without a token: %+v", r)
	}
	c.AtLeast = 21
	if r := s.run(c, nil); r.Outcome != Unknown || !strings.Contains(r.Verdict, "20 copies were checked, and a verdict needs 21") {
		t.Errorf("%+v", r)
	}
	s.rest()
	s.check(s.rdb.HSet(t.Context(), cache.SharedKey, "lease", "1").Err())
	if r := s.run(s.config(), nil); r.Outcome != Unknown || r.Skipped["no-lease"] != 24 || r.Cost.DBConnections != 0 || !strings.Contains(r.Verdict, "change log") {
		t.Errorf("without sweeps: %+v", r)
	}
}

// TestRounds: until the time is over or the context ends, and no copy is stale twice.
func TestRounds(t *testing.T) {
	s := newStage(t, 6)
	s.unseen("UPDATE tasks SET title = 'planted' WHERE id = (SELECT min(id) FROM tasks)")
	c := s.config()
	c.For = 3500 * time.Millisecond
	r, err := Run(t.Context(), c)
	s.check(err)
	if r.Rounds < 2 || r.Stale != 1 || r.Skipped[staleBefore] != r.Rounds-1 || r.Fresh != 23*r.Rounds || r.Sampled != 24*r.Rounds {
		t.Errorf("%+v", r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.Forever, c.Progress = true, func(checked int) {
		if checked == 3 {
			cancel()
		}
	}
	r, err = Run(ctx, c)
	if err != nil || !r.Interrupted || r.Checked != 3 || r.Outcome == Fresh {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestNobodyThere says who, and what to do, and no password.
func TestNobodyThere(t *testing.T) {
	s := newStage(t, 1)
	c := s.config()
	c.RedisURL = "redis://:canary-password@127.0.0.1:1/0"
	_, err := Run(t.Context(), c)
	advised(t, err, "redis at 127.0.0.1:1")
	c = s.config()
	c.Database.URL = "postgres://web:canary-password@127.0.0.1:1/none?sslmode=disable"
	_, err = Run(t.Context(), c)
	advised(t, err, "database at 127.0.0.1:1")
	t.Run("in the middle", func(t *testing.T) {
		c := s.config()
		var between *link.Proxy
		c.RedisURL, between = labtest.Link(t, s.env.RedisURL, link.Model{})
		r, err := run(t.Context(), c, func(cache.Copied) {
			if err := between.Close(); err != nil {
				t.Error(err)
			}
		})
		if advised(t, err, "redis at "); r.Checked != 1 {
			t.Errorf("what was checked before is lost: %+v", r)
		}
	})
}

func advised(t *testing.T, err error, text string) {
	t.Helper()
	hint, ok := errors.AsType[interface {
		error
		Hint() string
	}](err)
	if !ok || hint.Hint() == "" || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v, want one about %q that says what to do", err, text)
	}
}

// TestUpperShare: the rule of three, and tabled values of Clopper and Pearson.
func TestUpperShare(t *testing.T) {
	for _, c := range []struct {
		stale, checked int
		want           float64
	}{{0, 100, 0.0295}, {0, 20, 0.1391}, {0, 1, 0.95}, {1, 100, 0.0466}, {5, 100, 0.1023}, {0, 10_000, 0.0003}, {3, 3, 1}, {0, 0, 1}} {
		if got := upperShare(c.stale, c.checked); math.Abs(got-c.want) > 0.00005 {
			t.Errorf("%d of %d: %.5f, want %.4f", c.stale, c.checked, got, c.want)
		}
	}
}

// TestALoggedOutUserIsSkipped: the token that was learnt is worth nothing when it is used.
func TestALoggedOutUserIsSkipped(t *testing.T) {
	s := newStage(t, 1)
	r := s.run(s.config(), func(cache.Copied) {
		s.unseen("DELETE FROM auth_tokens")
	})
	if r.Skipped[noToken] != 4 || r.Checked != 0 {
		t.Errorf("%+v", r)
	}
}
