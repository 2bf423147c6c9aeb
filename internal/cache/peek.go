package cache

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Copied names one copy that Redis holds.
type Copied struct {
	List   List
	UserID int64
}

// Copies samples about n of the copies in Redis, of this encoding, without
// order. It only reads, in small steps.
func (c *Cache) Copies(ctx context.Context, n int) ([]Copied, error) {
	seen := map[Copied]bool{}
	var cursor uint64
	for {
		var keys []string
		err := c.visit(ctx, "scan", func(ctx context.Context) error {
			var err error
			keys, cursor, err = c.rdb.Scan(ctx, cursor, listPrefix+encoding+".*", scanStep).Result()
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for copies in Redis: %w", err)
		}
		for _, key := range keys {
			if one, ok := parseListKey(key); ok {
				seen[one] = true
			}
		}
		if cursor == 0 || len(seen) >= n {
			break
		}
	}
	out := make([]Copied, 0, len(seen))
	for one := range seen {
		if len(out) < n {
			out = append(out, one)
		}
	}
	return slices.Clip(out), nil
}

const scanStep = 500

func parseListKey(key string) (Copied, bool) {
	name, user, ok := strings.Cut(strings.TrimPrefix(key, listPrefix+encoding+"."), ":")
	id, err := strconv.ParseInt(user, 10, 64)
	return Copied{List: List(name), UserID: id}, ok && err == nil
}

// Peek returns the copy that a read would be served now, with its ETag; false
// if it would not be served from here. It changes nothing.
func (c *Cache) Peek(ctx context.Context, of Copied) (body []byte, etag string, ok bool, err error) {
	var reply []string
	err = c.visit(ctx, "peek", func(ctx context.Context) error {
		var err error
		reply, err = c.scripts.peek.Run(ctx, c.rdb, nil, c.encoded(of.List), of.UserID, c.cfg.Now().UnixMilli()).StringSlice()
		return err
	})
	if err != nil || len(reply) == 0 {
		return nil, "", false, err
	}
	s, text, ok := parseCopy(reply[0])
	return []byte(text), s.etag(), ok, nil
}
