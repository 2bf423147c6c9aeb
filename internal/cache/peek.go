package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Copied names one copy that Redis holds.
type Copied struct {
	List   List
	UserID int64
}

// Sample is some of the copies that Redis holds, of this encoding.
type Sample struct {
	Copies []Copied // in random order
	Seen   int      // how many copies they were drawn from
	All    bool     // there are no others than those that were seen
}

// Bounds of a sample's search: steps of so many keys, and so many steps. A
// Redis of 256 MB holds fewer keys than both together.
const (
	scanStep  = 500
	scanSteps = 200
)

// Sample draws at most n copies. It only reads, in small steps.
func (c *Cache) Sample(ctx context.Context, n int) (Sample, error) {
	seen := map[Copied]bool{}
	var cursor uint64
	for range scanSteps {
		var keys []string
		err := c.visit(ctx, "scan", func(ctx context.Context) error {
			var err error
			keys, cursor, err = c.rdb.Scan(ctx, cursor, listPrefix+Encoding+".*", scanStep).Result()
			return err
		})
		if err != nil {
			return Sample{}, fmt.Errorf("look for copies in Redis: %w", err)
		}
		for _, key := range keys {
			if one, ok := parseListKey(key); ok {
				seen[one] = true
			}
		}
		if cursor == 0 {
			break
		}
	}
	s := Sample{Copies: make([]Copied, 0, len(seen)), Seen: len(seen), All: cursor == 0}
	for one := range seen {
		s.Copies = append(s.Copies, one)
	}
	//nolint:gosec // which copies are looked at is no secret
	rand.Shuffle(len(s.Copies), func(i, j int) { s.Copies[i], s.Copies[j] = s.Copies[j], s.Copies[i] })
	s.Copies = slices.Clip(s.Copies[:min(n, len(s.Copies))])
	return s, nil
}

func parseListKey(key string) (Copied, bool) {
	name, user, ok := strings.Cut(strings.TrimPrefix(key, listPrefix+Encoding+"."), ":")
	id, err := strconv.ParseInt(user, 10, 64)
	return Copied{List: List(name), UserID: id}, ok && err == nil
}

// Look is what Redis would serve a read now. A pod that has served the list
// before may send the body from its own memory as long as the same versions
// stand, also where Redis' copy is gone.
type Look struct {
	// Body is the copy, compressed, and ETag its name; both empty if it would
	// not be served from here. Then Why says what is in the way: gone,
	// superseded, aged, held, no-state, no-lease, another-memory or unreadable.
	Body []byte
	ETag string
	Why  string
	// Age is for how long the copy has been there, by Redis' clock.
	Age time.Duration
}

// Servable reports whether a read would be served from here.
func (l Look) Servable() bool { return l.Why == "" }

// Look tells what Redis would serve a read now. It changes nothing.
func (c *Cache) Look(ctx context.Context, of Copied) (Look, error) {
	var reply []string
	err := c.visit(ctx, "peek", func(ctx context.Context) error {
		run, compare := c.scripts.peek.Run, 0
		if c.cfg.ReadOnly {
			run, compare = c.scripts.peek.RunRO, 1
		}
		var err error
		reply, err = run(ctx, c.rdb, nil, c.encoded(of.List), of.UserID, c.cfg.Now().UnixMilli(), compare).StringSlice()
		if err == nil && len(reply) != 2 {
			err = fmt.Errorf("unexpected reply of %d values", len(reply))
		}
		return err
	})
	if err != nil {
		return Look{}, fmt.Errorf("look at a copy in Redis: %w", err)
	}
	if reply[0] == "" {
		return Look{Why: reply[1]}, nil
	}
	k, ok := parseCopy(reply[0])
	if !ok {
		return Look{Why: "unreadable"}, nil
	}
	l := Look{Body: []byte(k.body), ETag: k.etag()}
	if now, err := strconv.ParseInt(reply[1], 10, 64); err == nil {
		l.Age = max(0, time.UnixMilli(now).Sub(k.filled))
	}
	return l, nil
}
