package redis

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

func sharedOf(values []any, now time.Time) facts.SharedState {
	number := func(i int) (float64, bool) {
		if i >= len(values) {
			return 0, false
		}
		text, _ := values[i].(string)
		n, err := strconv.ParseFloat(text, 64)
		return n, err == nil
	}
	var s facts.SharedState
	swept, tried := number(2)
	lease, _ := number(1) // 0: there never was one
	if !tried {
		return s
	}
	at := float64(now.UnixMilli())
	return facts.SharedState{Used: true, LeaseS: (lease - at) / 1000, SweptS: (at - swept) / 1000}
}

// lookAtStates reads the sampled states, and whether those of the sampled copies are there.
func lookAtStates(ctx context.Context, f *facts.RedisFacts, c *redis.Client) facts.HeldStates {
	h := facts.HeldStates{First: map[string]string{}, At: time.Now()}
	var owners []string
	for _, key := range f.Sample.Lists {
		if _, user, ok := cache.ListOwner(key); ok {
			owners = append(owners, cache.StateKey(cache.UserScope(user)))
		}
	}
	h.Copies = len(owners)
	keys := append(slices.Clone(f.Sample.States), owners...)
	if len(keys) == 0 {
		return h
	}
	var values []any
	err := dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) (err error) {
		values, err = c.MGet(ctx, keys...).Result()
		return err
	})
	if !note(ctx, f, facts.AskedKeys, err) {
		return h
	}
	for i, value := range values {
		text, there := value.(string)
		switch {
		case i >= len(f.Sample.States) && !there:
			h.Missing++
		case len(cache.Holds(keys[i], text)) > 0:
			h.First[keys[i]] = text
		}
	}
	h.Looked = len(f.Sample.States)
	return h
}
