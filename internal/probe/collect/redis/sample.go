package redis

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Bounds of the sample: keys looked at, and keys that one SCAN may pass. 2,000 keys take Redis some
// milliseconds, in steps of less than one each. Among many keys the search for states goes on for searchTime, in which
// Redis passes tens of thousands, or until it has searchStates. All of that takes sampleTurns, or more if they are short.
const (
	sampleKeys   = 2000
	scanCount    = 500
	scanSteps    = 8
	searchTime   = 50 * time.Millisecond
	searchStates = 200
	sampleTurns  = 20
)

// readSample draws keys: all of them if they are few, otherwise at random, and asks for the memory of each.
func readSample(ctx context.Context, f *facts.RedisFacts, c *redis.Client) facts.KeySample {
	out := facts.KeySample{}
	names := map[string]bool{}
	err := dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		var err error
		if out.Keys, err = c.DBSize(ctx).Result(); err != nil || out.Keys == 0 {
			out.Whole, out.AllStates = err == nil, err == nil
			return err
		}
		if out.Keys > sampleKeys {
			return drawKeys(ctx, c, names)
		}
		out.Whole, err = scanKeys(ctx, c, "", names)
		out.AllStates = out.Whole
		return err
	})
	if err == nil && out.Keys > sampleKeys {
		// States are few among many keys: one look at them by their name.
		err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) (err error) {
			out.AllStates, err = scanKeys(ctx, c, cache.AllStates, names)
			return err
		})
	}
	if !note(ctx, f, facts.AskedKeys, err) {
		return out
	}
	keys := make([]string, 0, len(names))
	for name := range names {
		keys = append(keys, name)
	}
	slices.Sort(keys)
	weigh(ctx, &out, c, keys)
	return out
}

// drawKeys asks for random keys in one turn.
func drawKeys(ctx context.Context, c *redis.Client, names map[string]bool) error {
	p := c.Pipeline()
	var drawn []*redis.StringCmd
	for range sampleKeys / 2 {
		drawn = append(drawn, p.RandomKey(ctx))
	}
	_, err := p.Exec(ctx)
	for _, d := range drawn {
		if d.Err() == nil {
			names[d.Val()] = true
		}
	}
	if err == redis.Nil { //nolint:errorlint // go-redis gives the value itself: the last key has just gone
		return nil
	}
	return err
}

// scanKeys adds the keys that match, and says whether those are all. It makes scanSteps steps, and then more while
// there is time and something left to look for.
func scanKeys(ctx context.Context, c *redis.Client, match string, names map[string]bool) (whole bool, err error) {
	var cursor uint64
	found, ends := 0, time.Now().Add(searchTime)
	for step := 0; step < scanSteps || match != "" && found < searchStates && time.Now().Before(ends); step++ {
		keys, next, err := c.Scan(ctx, cursor, match, scanCount).Result()
		if err != nil {
			return false, err
		}
		for _, k := range keys {
			names[k] = true
		}
		found += len(keys)
		if cursor = next; cursor == 0 {
			return true, nil
		}
	}
	return false, nil
}

// usedLately is how long ago a copy may have been used to be judged by its state: what nobody has asked for since is evicted
// in any order.
const usedLately = time.Hour

// weigh asks for the memory of each key, in one turn. MEMORY USAGE does not touch a key's age; with five
// samples it costs the same for a long list as for a short one.
func weigh(ctx context.Context, s *facts.KeySample, c *redis.Client, keys []string) {
	p := c.Pipeline()
	var usages []*redis.IntCmd
	idle := map[string]*redis.DurationCmd{}
	for _, k := range keys {
		usages = append(usages, p.MemoryUsage(ctx, k, 5))
		if cache.KeyKind(k) == "list" {
			idle[k] = p.ObjectIdleTime(ctx, k) // does not touch it, either
		}
	}
	_ = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error { _, err := p.Exec(ctx); return err }) // a key may have gone: each has its own error
	byPattern := map[string]*facts.KeyKind{}
	for i, k := range keys {
		s.Looked++
		pattern := keyPattern(k)
		kind := byPattern[pattern]
		if kind == nil {
			kind = &facts.KeyKind{Pattern: pattern}
			byPattern[pattern] = kind
		}
		bytes := usages[i].Val()
		kind.N, kind.Bytes, kind.Largest = kind.N+1, kind.Bytes+bytes, max(kind.Largest, bytes)
		switch {
		case cache.IsState(k):
			s.States = append(s.States, k)
		case idle[k] != nil && idle[k].Val() < usedLately: // 0 where Redis does not say it, as under an LFU policy
			s.Lists = append(s.Lists, k)
		}
	}
	for _, kind := range byPattern {
		s.Kinds = append(s.Kinds, *kind)
	}
	slices.SortFunc(s.Kinds, func(a, b facts.KeyKind) int {
		return cmp.Or(-cmp.Compare(a.Largest, b.Largest), cmp.Compare(a.Pattern, b.Pattern))
	})
}

// keyPattern is what may be shown of a key: the name of its kind, without ids and hashes. Of a key that is none of
// the app's nothing is shown: any part of it may be a user's.
func keyPattern(key string) string {
	kind := cache.KeyKind(key)
	switch kind {
	case "":
		return "<another kind>"
	case cache.SharedKey:
		return kind
	case "list":
		switch name, _, _ := cache.ListOwner(key); name {
		case "tasks", "residences", "contractors", "documents": // the lists that the API serves
			return kind + ":" + string(name) + ":<id>"
		}
	}
	return kind + ":<id>"
}
