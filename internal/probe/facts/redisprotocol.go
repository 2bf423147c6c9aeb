package facts

import (
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
)

// SharedState is the sweep's lease as Redis has it.
type SharedState struct {
	// Used is whether any pod has used this Redis for the protocol.
	Used bool
	// LeaseS is for how long reads may still be served, below 0 since when they may not; sweptS how long
	// ago a pod last tried to sweep. Both by Redis's clock.
	LeaseS, SweptS float64
}

// Unused reports whether Redis says itself that no pod has used it for the protocol.
func (f *RedisFacts) Unused() bool { return f.Refused[AskedShared] == nil && !f.Shared.Used }

// HeldStates are the states with holds, looked at twice.
type HeldStates struct {
	Looked  int
	First   map[string]string // key -> value
	At      time.Time
	Gap     time.Duration
	Linger  int // holds that were there at both looks
	Missing int // states of copies that were not there
	Copies  int // copies whose states were looked for
}

// Keys are the keys of Redis that held states are about.
func (h HeldStates) Keys() []string {
	out := make([]string, 0, len(h.First))
	for k := range h.First {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// LookAgain counts the holds that are still there.
func (h *HeldStates) LookAgain(values []any) {
	h.Gap = time.Since(h.At)
	for i, key := range h.Keys() {
		text, _ := values[i].(string)
		now := cache.Holds(key, text)
		for _, write := range cache.Holds(key, h.First[key]) {
			if slices.Contains(now, write) {
				h.Linger++
			}
		}
	}
}
