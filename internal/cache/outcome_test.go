package cache

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// outcomes is what the cache has counted, without what is zero.
func outcomes(t *testing.T, c *Cache) map[Outcome]int {
	t.Helper()
	counted := map[Outcome]int{}
	for _, l := range c.metrics.lists {
		for o, n := range l {
			if v := int(value(t, n)); v > 0 {
				counted[o] += v
			}
		}
	}
	return counted
}

func value(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// TestEachOutcomeIsCounted: each way in which a read of a list ends, once.
func TestEachOutcomeIsCounted(t *testing.T) {
	url := labtest.Redis(t)
	rdb := outside(t, url)
	listKey := listPrefix + Encoding + ".tasks:7"
	aged := func(remake []byte) Answer {
		a := answer("yesterday")
		a.ValidUntil, a.Remake = time.Now().Add(-time.Minute), remake
		return a
	}
	type stand struct {
		*Cache
		d   *database
		ask func(Question, ...Answer) *Reading
	}
	for want, do := range map[Outcome]func(*testing.T, stand){
		ListHit: func(_ *testing.T, s stand) { s.ask(tasks("t")) },
		ListRemade: func(t *testing.T, s stand) {
			written(t, s.Cache, s.d, Effects{}, r1)
			s.ask(tasks("t"), aged([]byte("all"))) // own_write
			today := answer("today")
			today.Remade = true
			if r := s.ask(tasks("t"), today); r.ListVerdict != Hit || !r.Remade || !r.Stored {
				t.Errorf("%+v", r)
			}
		},
		Aged: func(t *testing.T, s stand) {
			written(t, s.Cache, s.d, Effects{}, r1)
			s.ask(tasks("t"), aged([]byte("all")))
			if r := s.ask(tasks("t"), answer("today")); r.ListVerdict != Miss || r.Remade {
				t.Errorf("%+v", r)
			}
		},
		OwnWrite: func(t *testing.T, s stand) {
			h := s.HoldFor(t.Context(), "", 7, Tasks.Scope(3))
			s.Release(t.Context(), h, Effects{Committed: s.d.commit(h.ID, Tasks.Scope(3))})
			s.ask(tasks("t"))
		},
		OtherWrite: func(t *testing.T, s stand) {
			h := s.HoldFor(t.Context(), "", 7, Tasks.Scope(3))
			s.Release(t.Context(), h, Effects{Committed: s.d.commit(h.ID, Tasks.Scope(3))})
			rdb.HSet(t.Context(), readersPrefix+string(r1), "w", fmt.Sprintf("%d 8", time.Now().Add(time.Second).UnixMilli())) // after that
			s.ask(tasks("t"))
		},
		OtherKind: func(t *testing.T, s stand) {
			written(t, s.Cache, s.d, Effects{}, UserScope(7))
			s.ask(tasks("t"))
		},
		Held: func(t *testing.T, s stand) {
			s.Hold(t.Context(), r1)
			s.ask(tasks("t"))
		},
		Evicted: func(t *testing.T, s stand) {
			rdb.Del(t.Context(), listKey)
			s.near.lru.Purge()
			s.ask(tasks("t"))
		},
		Expired: func(t *testing.T, s stand) {
			rdb.Del(t.Context(), listKey)
			rdb.HSet(t.Context(), seenPrefix+"7", "T", time.Now().Add(-DefaultListTTL).UnixMilli())
			s.near.lru.Purge()
			s.ask(tasks("t"))
		},
		Reset: func(t *testing.T, s stand) {
			s.d.everything = true
			swept(t, s.Cache, s.d)
			s.ask(tasks("t"))
		},
		Cold: func(_ *testing.T, s stand) { s.ask(tasks("another token")) },
		NoLease: func(t *testing.T, s stand) {
			rdb.HDel(t.Context(), sharedKey, "lease")
			s.ask(tasks("t"))
		},
		Unreached: func(t *testing.T, s stand) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			s.Read(ctx, tasks("t"))
		},
	} {
		t.Run(string(want), func(t *testing.T) {
			rdb.FlushDB(t.Context())
			c, d := opened(t, Config{URL: url}), &database{}
			swept(t, c, d)
			warmed(t, c, tasks("t"), answer("list"))
			before := outcomes(t, c)
			last := map[Outcome]int{want: 1}
			if want == ListRemade || want == Aged {
				last[OtherWrite] = 1 // of nobody who is known
			}
			do(t, stand{c, d, func(q Question, with ...Answer) *Reading {
				r := c.Read(t.Context(), q)
				if r.ListVerdict == Hit {
					return r
				}
				a := append(with, answer("new"))[0]
				if _, err := c.Load(t.Context(), r, func(context.Context) (Answer, error) { return a, nil }); err != nil {
					t.Fatal(err)
				}
				return r
			}})
			got := outcomes(t, c)
			for o, n := range before {
				if got[o] -= n; got[o] == 0 {
					delete(got, o)
				}
			}
			if !maps.Equal(got, last) {
				t.Errorf("counted %v, want %v", got, last)
			}
		})
	}
}

// TestWhatRedisForgotIsEvicted: a pod that has served a list knows more than a Redis that was emptied. A user whom nobody
// has served is cold, and so is who logs in on another phone.
func TestWhatRedisForgotIsEvicted(t *testing.T) {
	url := labtest.Redis(t)
	a, b, d := opened(t, Config{URL: url}), opened(t, Config{URL: url}), &database{}
	swept(t, a, d)
	warmed(t, a, tasks("t"), answer("list"))
	outside(t, url).FlushDB(t.Context())
	swept(t, a, d)
	for _, c := range []*Cache{a, b} {
		r := c.Read(t.Context(), tasks("t"))
		c.Fill(t.Context(), r, answer("list"))
		outside(t, url).Del(t.Context(), tokenKey(TokenHash("t")))
	}
	if got := outcomes(t, a); !maps.Equal(got, map[Outcome]int{Cold: 1, Evicted: 1}) {
		t.Errorf("the pod that had served it counts %v", got)
	}
	if got := outcomes(t, b); !maps.Equal(got, map[Outcome]int{Cold: 1}) {
		t.Errorf("the other counts %v", got)
	}
}

// TestWhatNobodyReadsIsNotCounted: lists in the background, and requests that ask for none.
func TestWhatNobodyReadsIsNotCounted(t *testing.T) {
	c, d := opened(t, Config{URL: labtest.Redis(t)}), &database{}
	swept(t, c, d)
	q := tasks("t")
	q.Background = true
	warmed(t, c, q, answer("list"))
	warmed(t, c, Question{Token: TokenHash("t")}, answer("list"))
	if got := outcomes(t, c); len(got) != 0 {
		t.Errorf("counted %v", got)
	}
}
