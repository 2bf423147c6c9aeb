package cache

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

// worstCaseBytes is what S7 allows the user cache of a pod: "about 5 MB at worst".
const worstCaseBytes = 6 << 20

// TestUserMemoryWorstCase fills the cache with the longest user that the API
// accepts (an e-mail of 254 bytes; a name of 100 characters of four bytes each)
// and measures the heap. Twice as many users as fit must not change it.
func TestUserMemoryWorstCase(t *testing.T) {
	m, err := newUserMemory(DefaultUsers, DefaultUserTTL)
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	for i := range 2 * DefaultUsers {
		m.put(household.User{
			ID:        int64(i),
			Email:     fmt.Sprintf("%0254d", i),
			Name:      strings.Clone(strings.Repeat("\U0001F3E0", 100)),
			CreatedAt: time.Unix(int64(i), 0),
		}, nonce(), time.Unix(0, 0))
	}
	grown := int64(heap()) - int64(before)
	t.Logf("%d users of maximal length: %.2f MB", m.len(), float64(grown)/(1<<20))
	if m.len() != DefaultUsers {
		t.Errorf("%d users are held, want the cap of %d", m.len(), DefaultUsers)
	}
	if grown > worstCaseBytes {
		t.Errorf("the cache grew the heap by %d bytes, want at most %d", grown, worstCaseBytes)
	}
	runtime.KeepAlive(m)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func TestUserMemoryForgets(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	cases := []struct {
		name    string
		version string
		after   time.Duration
		want    bool
	}{
		{"the same version, at once", "v1", 0, true},
		{"the same version, just before its time is up", "v1", 5*time.Minute - time.Nanosecond, true},
		{"the same version, when its time is up", "v1", 5 * time.Minute, false},
		{"another version", "v2", 0, false},
		{"no version", "", 0, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, err := newUserMemory(2, DefaultUserTTL)
			if err != nil {
				t.Fatal(err)
			}
			m.put(household.User{ID: 7, Name: "Ada"}, "v1", now)
			if _, ok := m.get(7, c.version, now.Add(c.after)); ok != c.want {
				t.Errorf("found: %v, want %v", ok, c.want)
			}
		})
	}
}

func TestUserMemoryEvictsTheLeastRecentlyUsed(t *testing.T) {
	m, err := newUserMemory(2, DefaultUserTTL)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(0, 0)
	m.put(household.User{ID: 1}, "v", now)
	m.put(household.User{ID: 2}, "v", now)
	m.get(1, "v", now)
	m.put(household.User{ID: 3}, "v", now)
	for id, want := range map[int64]bool{1: true, 2: false, 3: true} {
		if _, ok := m.get(id, "v", now); ok != want {
			t.Errorf("user %d is held: %v, want %v", id, ok, want)
		}
	}
}
