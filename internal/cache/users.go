package cache

import (
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/honeydue/honeydue/internal/household"
)

// userMemory is the user cache in the pod's memory: an LRU with a cap, so that
// a flood of users cannot blow up the pod. Expiry stands in the entry, as
// lru's own expirable variant starts a goroutine that cannot be stopped.
type userMemory struct {
	lru *lru.Cache[int64, userEntry]
	ttl time.Duration
}

type userEntry struct {
	user    household.User
	version string
	expires time.Time
}

func newUserMemory(size int, ttl time.Duration) (*userMemory, error) {
	l, err := lru.New[int64, userEntry](size)
	if err != nil {
		return nil, fmt.Errorf("user cache of %d entries: %w", size, err)
	}
	return &userMemory{lru: l, ttl: ttl}, nil
}

// get returns the user if the entry is young enough and was stored under the
// version that Redis names now.
func (m *userMemory) get(id int64, version string, now time.Time) (household.User, bool) {
	e, ok := m.lru.Get(id)
	if !ok {
		return household.User{}, false
	}
	if e.version != version || !now.Before(e.expires) {
		m.lru.Remove(id)
		return household.User{}, false
	}
	return e.user, true
}

func (m *userMemory) put(u household.User, version string, now time.Time) {
	m.lru.Add(u.ID, userEntry{user: u, version: version, expires: now.Add(m.ttl)})
}

func (m *userMemory) len() int { return m.lru.Len() }
