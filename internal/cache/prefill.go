package cache

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/honeydue/honeydue/internal/household"
)

// Known is what the database says about one user and one of the user's tokens.
type Known struct {
	User         household.User
	TokenHash    []byte
	ResidenceIDs []int64
}

// Prefill stores tokens, users and residence ids before anyone asks for them,
// in two round trips however many there are. read fetches what is known of
// the given users; it is called by Prefill, after the versions that guard the
// fills were taken, so a user who changes in the meantime is left out. It
// returns how many users were stored.
func (c *Cache) Prefill(ctx context.Context, userIDs []int64, read func(context.Context) ([]Known, error)) (int, error) {
	versions, err := c.versions(ctx, userIDs)
	if err != nil {
		return 0, fmt.Errorf("prefill the cache: %w", err)
	}
	known, err := read(ctx)
	if err != nil {
		return 0, err
	}
	var fills []*redis.Cmd
	for chunk := range slices.Chunk(known, chunkSize) {
		err := c.visit(ctx, "prefill", func(ctx context.Context) error {
			_, err := c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
				for _, k := range chunk {
					if v, ok := versions[k.User.ID]; ok {
						fills = append(fills, c.prefillOne(ctx, p, k, v))
					}
				}
				return nil
			})
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("prefill the cache: %w", err)
		}
	}
	stored := 0
	for _, f := range fills {
		if n, err := f.Int(); err == nil && n == 1 {
			stored++
		}
	}
	for _, k := range known {
		if v, ok := versions[k.User.ID]; ok {
			c.users.put(k.User, v, c.cfg.Now())
		}
	}
	return stored, nil
}

// prefillOne needs no guard for the token but NX, see the package's text.
func (c *Cache) prefillOne(ctx context.Context, p redis.Pipeliner, k Known, version string) *redis.Cmd {
	p.SetNX(ctx, tokenKey(k.TokenHash), k.User.ID, c.cfg.TokenTTL)
	keys := []string{versionKey(k.User.ID), residenceIDsKey(k.User.ID)}
	return c.scripts.fillIDs.Eval(ctx, p, keys, version, encodeIDs(k.ResidenceIDs), seconds(c.cfg.ResidenceIDsTTL))
}

// versions takes the users' versions, and creates those that are missing.
func (c *Cache) versions(ctx context.Context, userIDs []int64) (map[int64]string, error) {
	versions := make(map[int64]string, len(userIDs))
	for chunk := range slices.Chunk(userIDs, chunkSize) {
		got := make([]*redis.StringCmd, len(chunk))
		err := c.visit(ctx, "prefill", func(ctx context.Context) error {
			if err := c.settle(ctx); err != nil {
				return err
			}
			_, err := c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
				for i, id := range chunk {
					p.SetNX(ctx, versionKey(id), nonce(), c.versionTTL())
					got[i] = p.Get(ctx, versionKey(id))
				}
				return nil
			})
			return err
		})
		if err != nil {
			return nil, err
		}
		for i, id := range chunk {
			versions[id] = got[i].Val()
		}
	}
	return versions, nil
}

// chunkSize keeps one pipeline well within the time-out.
const chunkSize = 200
