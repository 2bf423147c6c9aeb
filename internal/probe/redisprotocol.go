package probe

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
)

// sharedState is the sweep's lease as Redis has it.
type sharedState struct {
	// used is whether any pod has used this Redis for the protocol.
	used bool
	// leaseS is for how long reads may still be served, below 0 since when they may not; sweptS how long
	// ago a pod last tried to sweep. Both by Redis's clock.
	leaseS, sweptS float64
}

// unused reports whether Redis says itself that no pod has used it for the protocol.
func (f *redisFacts) unused() bool { return f.refused[askedShared] == nil && !f.shared.used }

func sharedOf(values []any, now time.Time) sharedState {
	number := func(i int) (float64, bool) {
		if i >= len(values) {
			return 0, false
		}
		text, _ := values[i].(string)
		n, err := strconv.ParseFloat(text, 64)
		return n, err == nil
	}
	var s sharedState
	swept, tried := number(2)
	lease, _ := number(1) // 0: there never was one
	if !tried {
		return s
	}
	at := float64(now.UnixMilli())
	return sharedState{used: true, leaseS: (lease - at) / 1000, sweptS: (at - swept) / 1000}
}

// heldStates are the states with holds, looked at twice.
type heldStates struct {
	looked  int
	first   map[string]string // key -> value
	at      time.Time
	gap     time.Duration
	linger  int // holds that were there at both looks
	missing int // states of copies that were not there
	copies  int // copies whose states were looked for
}

// lookAtStates reads the sampled states, and whether those of the sampled copies are there.
func (f *redisFacts) lookAtStates(ctx context.Context, c *redis.Client) heldStates {
	h := heldStates{first: map[string]string{}, at: time.Now()}
	var owners []string
	for _, key := range f.sample.lists {
		if _, user, ok := cache.ListOwner(key); ok {
			owners = append(owners, cache.StateKey(cache.UserScope(user)))
		}
	}
	h.copies = len(owners)
	keys := append(slices.Clone(f.sample.states), owners...)
	if len(keys) == 0 {
		return h
	}
	var values []any
	err := bound(ctx, queryTimeout, func(ctx context.Context) (err error) {
		values, err = c.MGet(ctx, keys...).Result()
		return err
	})
	if !f.note(ctx, askedKeys, err) {
		return h
	}
	for i, value := range values {
		text, there := value.(string)
		switch {
		case i >= len(f.sample.states) && !there:
			h.missing++
		case len(cache.Holds(keys[i], text)) > 0:
			h.first[keys[i]] = text
		}
	}
	h.looked = len(f.sample.states)
	return h
}

func (h heldStates) keys() []string {
	out := make([]string, 0, len(h.first))
	for k := range h.first {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// lookAgain counts the holds that are still there.
func (h *heldStates) lookAgain(values []any) {
	h.gap = time.Since(h.at)
	for i, key := range h.keys() {
		text, _ := values[i].(string)
		now := cache.Holds(key, text)
		for _, write := range cache.Holds(key, h.first[key]) {
			if slices.Contains(now, write) {
				h.linger++
			}
		}
	}
}
