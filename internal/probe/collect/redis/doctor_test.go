package redis

import (
	"fmt"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/lab/labtest"
)

// TestOwnLookupsAreNotCounted: the probe reads hundreds of states, and Redis counts each as a hit.
func TestOwnLookupsAreNotCounted(t *testing.T) {
	s := ProbeRedis(t.Context(), labtest.Redis(t))
	if s.Failed != nil {
		t.Fatal(s.Failed)
	}
	defer s.Close()
	for i := range 300 {
		if err := s.client.Set(t.Context(), cache.StateKey(cache.UserScope(int64(i+1))), "0123456789abcdef", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s.Watch(t.Context(), time.Now().Add(50*time.Millisecond), true)
	if n := s.Facts.Grew("keyspace_hits") + s.Facts.Grew("keyspace_misses"); n != 0 || s.Facts.Holds.Looked != 300 {
		t.Errorf("it looked at %d states, and counts %d look-ups of others", s.Facts.Holds.Looked, n)
	}
}

// TestTheSearchForStatesGoesOn: among many keys it does not end with its first steps, and says whether it has seen all.
func TestTheSearchForStatesGoesOn(t *testing.T) {
	s := ProbeRedis(t.Context(), labtest.Redis(t))
	if s.Failed != nil {
		t.Fatal(s.Failed)
	}
	defer s.Close()
	const others, few = 2 * scanCount * scanSteps, 7
	p := s.client.Pipeline()
	for i := range others {
		p.Set(t.Context(), fmt.Sprintf("other:%d", i), "x", 0)
	}
	for i := range few {
		p.Set(t.Context(), cache.StateKey(cache.UserScope(int64(i+1))), "x", 0)
	}
	if _, err := p.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	look := func() (names map[string]bool, whole bool) {
		names = map[string]bool{}
		whole, err := scanKeys(t.Context(), s.client, cache.AllStates, names)
		if err != nil {
			t.Fatal(err)
		}
		return names, whole
	}
	names, whole := look()
	for range 20 { // a machine that is busy may take the time away from one
		if whole {
			break
		}
		names, whole = look()
	}
	if !whole || len(names) != few {
		t.Errorf("%d of %d states are found, all %v", len(names), few, whole)
	}
	if whole, err := scanKeys(t.Context(), s.client, "", map[string]bool{}); whole || err != nil {
		t.Errorf("all of %d keys were passed: %v, %v", others, whole, err)
	}
}
