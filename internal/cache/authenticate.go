package cache

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

// Reading is what one visit to Redis told about a token, and what later steps
// of the same request need to judge and fill the caches. It belongs to one
// request and is not safe for concurrent use.
type Reading struct {
	// Revoked: the token was logged out. No need to ask the database.
	Revoked bool
	// User is nil unless the token was known and the user in memory is valid.
	User *household.User
	// Token, Memory and ResidenceIDs say how each cache did. Empty: not asked.
	Token, Memory, ResidenceIDs Verdict

	hash    []byte
	version string // "" when it was not known before the database was read
	epoch   string
	ids     string // as stored; "" for none
	down    bool   // Redis was not reachable
}

// Authenticate asks Redis once. It never fails: what it cannot learn it
// reports as unknown, and the caller asks the database.
func (c *Cache) Authenticate(ctx context.Context, hash []byte) *Reading {
	r := &Reading{hash: hash}
	var reply []string
	err := c.visit(ctx, "authenticate", func(ctx context.Context) error {
		if err := c.settle(ctx); err != nil {
			return err
		}
		var err error
		reply, err = c.scripts.auth.Run(ctx, c.rdb, []string{tokenKey(hash)}, nonce(), seconds(c.versionTTL())).StringSlice()
		return err
	})
	switch {
	case err != nil:
		r.down = true
		r.Token = c.metrics.read(EntryToken, Bypass)
		r.Memory = c.metrics.read(EntryUser, Bypass)
	case len(reply) == 1:
		r.Revoked = true
		r.Token = c.metrics.read(EntryToken, Hit)
	case len(reply) == 2:
		r.epoch = reply[1]
		r.Token = c.metrics.read(EntryToken, Miss)
		r.Memory = c.metrics.read(EntryUser, Miss)
	case len(reply) == 3:
		r.version, r.ids = reply[1], reply[2]
		r.Token = c.metrics.read(EntryToken, Hit)
		r.Memory = c.metrics.read(EntryUser, c.fromMemory(r, reply[0]))
	}
	return r
}

func (c *Cache) fromMemory(r *Reading, userID string) Verdict {
	id, err := strconv.ParseInt(userID, 10, 64)
	if err != nil {
		return Miss
	}
	u, ok := c.users.get(id, r.version, c.cfg.Now())
	if !ok {
		return Miss
	}
	r.User = &u
	return Hit
}

// Remember stores what the database said about the reading's token: u, whose
// token it is. Without effect if Redis was down, or if the user has changed
// since the reading.
func (c *Cache) Remember(ctx context.Context, r *Reading, u household.User) {
	switch {
	case r.down:
	case r.Token == Hit:
		c.users.put(u, r.version, c.cfg.Now())
	default:
		c.rememberToken(ctx, r, u)
	}
}

func (c *Cache) rememberToken(ctx context.Context, r *Reading, u household.User) {
	var version, ids string
	var unchanged bool
	err := c.visit(ctx, "remember", func(ctx context.Context) error {
		keys := []string{tokenKey(r.hash), versionKey(u.ID), residenceIDsKey(u.ID), epochKey}
		reply, err := c.scripts.fillToken.Run(ctx, c.rdb, keys,
			u.ID, seconds(c.cfg.TokenTTL), nonce(), seconds(c.versionTTL()), r.epoch).Slice()
		if err != nil {
			return err
		}
		version, unchanged, ids, err = parseFill(reply)
		return err
	})
	if err != nil {
		r.down = true
		return
	}
	r.version, r.ids = version, ids
	if unchanged {
		c.users.put(u, version, c.cfg.Now())
	}
}

func parseFill(reply []any) (version string, unchanged bool, ids string, err error) {
	if len(reply) == 3 {
		v, ok1 := reply[0].(string)
		n, ok2 := reply[1].(int64)
		i, ok3 := reply[2].(string)
		if ok1 && ok2 && ok3 {
			return v, n == 1, i, nil
		}
	}
	return "", false, "", fmt.Errorf("unexpected reply of %d values", len(reply))
}

// Judge compares the residence ids that the cache held for the user with the
// truth that a hot statement returned, and stores the truth where they differ.
// It never fails and changes no result.
func (c *Cache) Judge(ctx context.Context, r *Reading, userID int64, truth []int64) Verdict {
	want := encodeIDs(truth)
	v := Bypass
	switch {
	case r.down:
	case r.ids == want:
		v = Hit
	case r.ids == "":
		v = Miss
	default:
		v = Wrong
	}
	if v == Miss || v == Wrong {
		c.storeIDs(ctx, r, userID, want)
	}
	r.ResidenceIDs = c.metrics.read(EntryResidenceIDs, v)
	return v
}

func (c *Cache) storeIDs(ctx context.Context, r *Reading, userID int64, ids string) {
	// The outcome does not matter to the request: visit has counted a failure.
	_ = c.visit(ctx, "store_ids", func(ctx context.Context) error {
		keys := []string{versionKey(userID), residenceIDsKey(userID)}
		return c.scripts.fillIDs.Run(ctx, c.rdb, keys, r.version, ids, seconds(c.cfg.ResidenceIDsTTL)).Err()
	})
}

// encodeIDs writes a sorted JSON array, so that equal sets are equal text.
func encodeIDs(ids []int64) string {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	b := []byte{'['}
	for i, id := range sorted {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, id, 10)
	}
	return string(append(b, ']'))
}

// versionTTL is that of the token: a user's version that went away earlier
// would cost the user a look-up in the database.
func (c *Cache) versionTTL() time.Duration { return c.cfg.TokenTTL }

// seconds rounds up: Redis refuses an expiry of 0.
func seconds(d time.Duration) int64 { return max(1, int64((d+time.Second-1)/time.Second)) }
