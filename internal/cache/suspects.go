package cache

import (
	"strings"
	"sync"
	"time"
)

const (
	// forgetAfter is how long a hold that nobody meets any more is remembered.
	forgetAfter = 30 * time.Second
	// maxSuspects bounds what is remembered: the rest is met again.
	maxSuspects = 1000
)

// suspects are the holds that were met.
type suspects struct {
	mu   sync.Mutex
	byID map[string]*suspect // by write id
}

// suspect is a hold that may have lost its writer.
type suspect struct {
	first, last time.Time
	scopes      map[Scope]bool
	// certain: its writer has said that it does not know the outcome.
	certain bool
}

// forgotten: nobody has met it for long. What its writer said stays.
func (s *suspect) forgotten(now time.Time) bool {
	return !s.certain && now.Sub(s.last) > forgetAfter
}

// met notes holds: scope,write id,...;scope,...
func (k *suspects) met(held string, now time.Time) {
	for part := range strings.SplitSeq(held, ";") {
		scope, ids, _ := strings.Cut(part, ",")
		if scope == "" || ids == "" {
			continue
		}
		for id := range strings.SplitSeq(ids, ",") { // of the form that lua/head.lua requires
			k.note(id, now, false, Scope(scope))
		}
	}
}

func (k *suspects) abandoned(h *Hold, now time.Time) { k.note(h.ID, now, true, h.scopes...) }

func (k *suspects) note(id string, now time.Time, certain bool, scopes ...Scope) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.byID[id]
	if s == nil || s.forgotten(now) {
		if s == nil && len(k.byID) >= maxSuspects {
			return
		}
		s = &suspect{first: now, scopes: map[Scope]bool{}}
		k.byID[id] = s
	}
	s.last = now
	s.certain = s.certain || certain
	for _, scope := range scopes {
		s.scopes[scope] = true
	}
}

// lingering are the holds that have stood for Patience, as far as anybody has
// met them; what was not met for a while is forgotten.
func (k *suspects) lingering(now time.Time) map[string][]Scope {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[string][]Scope{}
	for id, s := range k.byID {
		switch {
		case s.forgotten(now):
			delete(k.byID, id)
		case s.certain && now.Sub(s.first) >= Patience, s.last.Sub(s.first) >= Patience:
			for scope := range s.scopes {
				out[id] = append(out[id], scope)
			}
		}
	}
	return out
}

// age is for how long a hold has been known.
func (k *suspects) age(id string, now time.Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.byID[id]; s != nil {
		return now.Sub(s.first)
	}
	return 0
}

func (k *suspects) settled(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byID, id)
}
