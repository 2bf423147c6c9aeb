package cache

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // names versions for equality, as the scripts do
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/redis/go-redis/v9"
)

// DefaultNearBytes bounds what one pod keeps of lists in its own memory.
const DefaultNearBytes = 32 << 20

const (
	// nearScopes bounds the keys of one glance.
	nearScopes = 100
	// What an entry takes beside its body, and each of its scopes: heap as
	// TestTheMemoryOfAPodIsWeighedAsItIs measures it, rounded up.
	nearOverhead, nearScopeOverhead = 900, 100
	// nearSkew is how long before the end of its validity a body is no longer
	// sent from here: the pods' clocks differ, and at midnight the copy in Redis
	// may be the next day's already.
	nearSkew = 5 * time.Second
)

// near is what this pod remembers of the lists that it has served. An entry is
// believed in nothing: it says which keys of Redis a request is going to need,
// so that plain commands can ask for them instead of a script, and it holds a
// body that is sent if Redis' versions of this moment have the digest under
// which it was filled. It is to Redis what a client with an ETag is to the API.
type near struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[nearKey, *nearEntry]
	bytes int
	most  int
}

type nearKey struct {
	token string // its hash
	list  List
}

// nearEntry is one user's list. It is not changed once it is kept.
type nearEntry struct {
	user    int64
	ids     string // as Redis has them
	scopes  []Scope
	mget    []any // the command that asks for the token, the ids, and each scope's state, the user's first
	copy    stamp
	body    string
	learned time.Time
}

// weight is the memory that the entry takes, in bytes.
func (e *nearEntry) weight() int {
	return len(e.body) + nearOverhead + nearScopeOverhead*len(e.scopes)
}

func newNear(most int) *near {
	if most < 0 {
		return &near{}
	}
	n := &near{most: most}
	// Bytes are what bounds it. It fails on a size of 0 only.
	n.lru, _ = simplelru.NewLRU(1+most/nearOverhead, func(_ nearKey, e *nearEntry) { n.bytes -= e.weight() })
	return n
}

func (n *near) get(k nearKey) *nearEntry {
	if n.lru == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	e, _ := n.lru.Get(k)
	return e
}

func (n *near) put(k nearKey, e *nearEntry) {
	if n.lru == nil || len(e.scopes) > nearScopes {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lru.Remove(k) // Add would replace it without a word
	n.lru.Add(k, e)
	for n.bytes += e.weight(); n.bytes > n.most; {
		n.lru.RemoveOldest()
	}
}

// served reports whether anything is remembered.
func (n *near) served() bool { return n.size() > 0 }

// Recent is a user whom this pod has served, with the tokens and lists that were
// asked for, the most recently used first.
type Recent struct {
	UserID int64
	Tokens [][]byte // hashes
	Lists  []List
}

// Recent are the users whom this pod has served within that time, at most n, the most
// recently served first.
func (c *Cache) Recent(n int, within time.Duration) []*Recent {
	var users []*Recent
	byID := map[int64]*Recent{}
	now := c.cfg.Now()
	c.near.each(func(k nearKey, e *nearEntry) {
		u := byID[e.user]
		switch {
		case now.Sub(e.learned) > within, u == nil && len(users) == n:
			return
		case u == nil:
			u = &Recent{UserID: e.user}
			byID[e.user], users = u, append(users, u)
		}
		if token := []byte(k.token); !slices.ContainsFunc(u.Tokens, func(t []byte) bool { return bytes.Equal(t, token) }) {
			u.Tokens = append(u.Tokens, token)
		}
		if !slices.Contains(u.Lists, k.list) {
			u.Lists = append(u.Lists, k.list)
		}
	})
	return users
}

// each visits all entries, the most recently used first.
func (n *near) each(visit func(nearKey, *nearEntry)) {
	if n.lru == nil {
		return
	}
	n.mu.Lock()
	keys := n.lru.Keys()
	entries := make([]*nearEntry, len(keys))
	for i, k := range keys {
		entries[i], _ = n.lru.Peek(k)
	}
	n.mu.Unlock() // requests wait for it, and an entry does not change
	for i, k := range slices.Backward(keys) {
		if entries[i] != nil {
			visit(k, entries[i])
		}
	}
}

func (n *near) size() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.bytes
}

// renew notes that the script has just found the list as it is remembered.
func (c *Cache) renew(q Question, digest string) {
	k := nearKey{string(q.Token), q.List}
	if e := c.near.get(k); e != nil && e.copy.digest == digest {
		again := *e
		again.learned = c.cfg.Now()
		c.near.put(k, &again)
	}
}

// remember keeps what Redis or a fill has just said of a list. body may be a
// part of a larger reply, which it then keeps alive as a whole.
func (c *Cache) remember(q Question, user int64, ids string, s stamp, body string) {
	e := &nearEntry{user: user, ids: ids, copy: s, body: body, learned: c.cfg.Now()}
	e.scopes = append(e.scopes, UserScope(user))
	e.scopes = append(e.scopes, q.List.Scopes(parseIDs(ids)...)...)
	e.mget = append(e.mget, "mget", tokenKey(q.Token), residenceIDsKey(user))
	for _, scope := range e.scopes {
		e.mget = append(e.mget, scope.stateKey())
	}
	c.near.put(nearKey{string(q.Token), q.List}, e)
}

// glance answers a read from plain commands, if this pod remembers the list and
// everything stands. done is false where it does not: then the script has to
// say what to do. An error is Redis' not answering.
//
// The commands are sent at once and are not one step, as the script is. The
// order makes up for it: the lease and the epoch are read before the versions,
// so these are at least as new as the lease vouches for, and no version comes
// back once it was replaced, but under another epoch.
func (c *Cache) glance(ctx context.Context, r *Reading, theirs stamps, now time.Time) (done bool, err error) {
	q := r.question
	if q.List == "" {
		return false, nil
	}
	e := c.near.get(nearKey{string(q.Token), q.List})
	// The script also keeps the residence ids from expiring, so it has its turn now and then.
	if e == nil || now.Sub(e.learned) > c.cfg.ResidenceIDsTTL/4 {
		return false, nil
	}
	clock := redis.NewTimeCmd(ctx, "time")
	shared := redis.NewSliceCmd(ctx, "hmget", sharedKey, "epoch", "lease")
	values := redis.NewSliceCmd(ctx, e.mget...)
	err = c.visitOf(ctx, r, "revalidate", func(ctx context.Context) error {
		pipe := c.rdb.Pipeline()
		if err := pipe.BatchProcess(ctx, clock, shared, values); err != nil {
			return err
		}
		_, err := pipe.Exec(ctx)
		if _, answered := errors.AsType[redis.Error](err); answered {
			return nil // a key of another type, which does not stand: the script mends it
		}
		return err
	})
	if err != nil {
		return false, err
	}
	mine, digest, ok := e.stands(c.encoded(q.List), clock.Val(), shared.Val(), values.Val())
	if !ok {
		return false, nil
	}
	copied, same := theirs.of(digest)
	switch {
	case same:
		r.NotModified, r.ETag = true, copied.etag()
	case digest == e.copy.digest && e.copy.valid(now.Add(nearSkew)):
		r.Body, r.ETag = e.body, e.copy.etag()
	default:
		return false, nil
	}
	r.UserID, r.version = e.user, mine
	c.hit(r)
	return true, nil
}

// stands judges what Redis said as lua/read.lua does. ok: the token stands, the
// ids are those remembered or have expired (those of a user's version are the
// same for as long as it stands), nothing is held, and a sweep has renewed the lease.
// mine is the epoch with the user's version, digest that of the list as it is now.
func (e *nearEntry) stands(list string, clock time.Time, shared, values []any) (mine, digest string, ok bool) {
	if len(shared) != 2 || len(values) != len(e.scopes)+2 {
		return "", "", false
	}
	epoch, _ := shared[0].(string)
	lease, _ := shared[1].(string)
	until, err := strconv.ParseInt(lease, 10, 64)
	if err != nil || until <= clock.UnixMilli() {
		return "", "", false
	}
	text := make([]byte, 0, 64+32*len(e.scopes))
	text = append(text, list...)
	text = append(text, '\n')
	text = append(text, epoch...)
	for i, scope := range e.scopes {
		state, _ := values[2+i].(string)
		version, ok := scope.versionIn(state)
		if !ok {
			return "", "", false
		}
		if i == 0 {
			mine = epoch + version
			text = append(text, '\n')
		} else {
			text = append(text, ',')
		}
		text = append(text, scope...)
		text = append(text, '=')
		text = append(text, version...)
	}
	if values[0] != strconv.FormatInt(e.user, 10)+" "+mine || values[1] != nil && values[1] != e.ids {
		return "", "", false
	}
	sum := sha1.Sum(text) //nolint:gosec // as above
	return mine, hex.EncodeToString(sum[:]), true
}
