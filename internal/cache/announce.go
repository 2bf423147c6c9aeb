package cache

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrOwed is returned by an announcement that Redis did not confirm. The
// change itself stands: the caller answers its client and may log this. The
// announcement is repeated before this process believes Redis again; another
// pod that still reaches Redis may be wrong until then, at most for the TTL.
var ErrOwed = errors.New("redis did not confirm the invalidation, which will be repeated")

// RevokeToken announces that a token is gone from the database.
// Call it after the commit and before the reply.
func (c *Cache) RevokeToken(ctx context.Context, hash []byte) error {
	return c.announce(ctx, "logout", map[string]entry{tokenKey(hash): {tombstone, c.cfg.TokenTTL}})
}

// UserChanged announces that what a user is has changed (a name, an address).
// Call it after the commit and before the reply.
func (c *Cache) UserChanged(ctx context.Context, userID int64) error {
	return c.announce(ctx, "user", map[string]entry{
		versionKey(userID): {nonce(), c.versionTTL()},
		epochKey:           {nonce(), c.versionTTL()},
	})
}

// AccessChanged announces that the users see other residences than before, or
// in another role (decision S13). Call it after the commit and before the reply.
func (c *Cache) AccessChanged(ctx context.Context, userIDs ...int64) error {
	entries := make(map[string]entry, 2*len(userIDs))
	for _, id := range userIDs {
		entries[versionKey(id)] = entry{nonce(), c.versionTTL()}
		entries[residenceIDsKey(id)] = entry{}
	}
	return c.announce(ctx, "access", entries)
}

// entry is what a key shall hold, and nothing if value is empty.
type entry struct {
	value string
	ttl   time.Duration
}

// announce outlives the request's context: the change is committed, and a
// client that hangs up now must not keep others from seeing it.
func (c *Cache) announce(ctx context.Context, change string, entries map[string]entry) error {
	if len(entries) == 0 {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	c.owed.add(entries)
	if err := c.call(ctx, "announce", c.settle); err != nil {
		c.metrics.announced.WithLabelValues(change, "owed").Inc()
		return fmt.Errorf("announce a change of %s: %w: %w", change, ErrOwed, err)
	}
	c.metrics.announced.WithLabelValues(change, "delivered").Inc()
	return nil
}

// settle delivers everything that is owed, in one round trip.
func (c *Cache) settle(ctx context.Context) error {
	due := c.owed.due()
	if due.empty() {
		return nil
	}
	_, err := c.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		if due.flush {
			p.FlushDB(ctx)
		}
		for key, e := range due.entries {
			if e.value == "" {
				p.Del(ctx, key)
			} else {
				p.Set(ctx, key, e.value, e.ttl)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.owed.paid(due)
	return nil
}

// maxOwed bounds what a long outage can pile up. Beyond it the whole cache is
// owed a flush instead, which is always safe.
const maxOwed = 10_000

// owed is what Redis has to be told before it may be believed. Entries are
// absolute (set this, delete that), so delivering one twice does no harm.
type owed struct {
	mu   sync.Mutex
	debt debt
}

type debt struct {
	entries map[string]entry
	flush   bool
}

func (d debt) empty() bool { return len(d.entries) == 0 && !d.flush }

func newOwed() *owed { return &owed{debt: debt{entries: map[string]entry{}}} }

func (o *owed) add(entries map[string]entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.debt.entries)+len(entries) > maxOwed {
		o.debt = debt{entries: map[string]entry{}, flush: true}
	}
	maps.Copy(o.debt.entries, entries)
}

// due is a copy: the debt stands until paid says that it was delivered, so
// that a second caller does not read before the first one has delivered.
func (o *owed) due() debt {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.debt.empty() {
		return debt{} // every request comes by here
	}
	return debt{entries: maps.Clone(o.debt.entries), flush: o.debt.flush}
}

// paid strikes off what was delivered and has not been changed since.
func (o *owed) paid(d debt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, e := range d.entries {
		if o.debt.entries[key] == e {
			delete(o.debt.entries, key)
		}
	}
	if d.flush {
		o.debt.flush = false
	}
}

func (o *owed) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.debt.entries)
}
