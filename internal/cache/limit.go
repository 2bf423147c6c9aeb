package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/redis/go-redis/v9"
)

// Limit is how many attempts there are, and in what time they come back, one
// after the other. The zero Limit limits nothing.
type Limit struct {
	Attempts int
	Per      time.Duration
}

// Subject is whose attempts a limit counts. Of never leaves the process: the
// keys in Redis carry a hash of it.
type Subject struct {
	// Name is the limit's, Of who is counted: an account, a user, an address.
	Name, Of string
	Limit    Limit
	// Trusted, if set, is a person at a place. If Trust was called for it lately,
	// the limit is not asked and counts nothing.
	Trusted string
}

// Excess is a limit that is used up.
type Excess struct {
	Subject
	RetryAfter time.Duration
}

// Attempt is what was counted for one attempt, so that it can be given back.
type Attempt struct {
	counted []Subject
	inRedis bool
}

// trustFor is how long Trust lasts.
const trustFor = 30 * 24 * time.Hour

// limitOperation is what a visit for a limit is called in metrics and logs.
const limitOperation = "limit"

// Keys of the limits. redis_rate puts limitPrefix before its own.
const (
	limitPrefix = "rate:"
	trustPrefix = limitPrefix + "trusted:"
)

// key is one for each limit: redis_rate keeps a time stamp in it that two
// limits must not share, nor one limit before and after it was configured anew.
func (s Subject) key() string {
	return s.Name + ":" + strconv.Itoa(s.Limit.Attempts) + "/" + s.Limit.Per.String() + ":" + hidden(s.Of)
}

func trustKey(who string) string { return trustPrefix + hidden(who) }

// hidden keeps e-mail addresses and clients' addresses out of Redis.
func hidden(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:16])
}

func (l Limit) rate() redis_rate.Limit {
	return redis_rate.Limit{Rate: l.Attempts, Burst: l.Attempts, Period: l.Per}
}

// Count takes one attempt from each subject's limit in turn, and stops at the
// first that is used up; that one is returned. It waits for Redis as long as one
// visit may. Without Redis, or where it does not answer, this process counts
// alone, by the same limits.
func (c *Cache) Count(ctx context.Context, subjects ...Subject) (*Attempt, *Excess) {
	if c.local == nil {
		a := &Attempt{inRedis: true}
		var over *Excess
		err := c.visit(ctx, limitOperation, func(ctx context.Context) (err error) {
			over, err = c.countInRedis(ctx, a, subjects)
			return err
		})
		if err == nil {
			return a, over
		}
	}
	a := &Attempt{}
	for _, s := range subjects {
		if s.Limit.Attempts == 0 || s.Trusted != "" && c.attempts.trusted(s.Trusted, c.cfg.Now()) {
			continue
		}
		if wait := c.attempts.take(s, 1, c.cfg.Now()); wait > 0 {
			return a, &Excess{s, wait}
		}
		a.counted = append(a.counted, s)
	}
	return a, nil
}

func (c *Cache) countInRedis(ctx context.Context, a *Attempt, subjects []Subject) (*Excess, error) {
	for _, s := range subjects {
		if s.Limit.Attempts == 0 {
			continue
		}
		if s.Trusted != "" {
			err := c.rdb.Get(ctx, trustKey(s.Trusted)).Err()
			if err == nil {
				continue
			}
			if !errors.Is(err, redis.Nil) {
				return nil, err
			}
		}
		r, err := c.limiter.Allow(ctx, s.key(), s.Limit.rate())
		if err != nil {
			return nil, err
		}
		if r.Allowed == 0 {
			return &Excess{s, r.RetryAfter}, nil
		}
		a.counted = append(a.counted, s)
	}
	return nil, nil
}

// Forgive gives back what Count has taken: the attempt was no guess that
// failed. One that was the only one stays counted, as redis_rate does not store
// a key whose time is over. trusted, if not empty, is the person and the place
// that Subject means. A client that hung up is not forgiven: what it tried may
// have worked.
func (c *Cache) Forgive(ctx context.Context, a *Attempt, trusted string) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	ctx = context.WithoutCancel(ctx) // a request whose time is over has waited for the database
	if !a.inRedis {
		for _, s := range a.counted {
			c.attempts.take(s, -1, c.cfg.Now())
		}
		if trusted != "" {
			c.attempts.trust(trusted, c.cfg.Now())
		}
		return
	}
	// What Redis does not take is lost to the person who logged in, and comes
	// back by itself; the visit counts the error.
	_ = c.visit(ctx, limitOperation, func(ctx context.Context) error {
		for _, s := range a.counted {
			if _, err := c.limiter.AllowN(ctx, s.key(), s.Limit.rate(), -1); err != nil {
				return err
			}
		}
		if trusted == "" {
			return nil
		}
		return c.rdb.Set(ctx, trustKey(trusted), "1", trustFor).Err()
	})
}

// attemptsKept bounds the limits that one process keeps, some 5 MB of them.
const attemptsKept = 20_000

// attempts are the limits of one process: the same algorithm as redis_rate's
// (GCRA), of which only the time is kept at which all attempts are back.
type attempts struct {
	mu   sync.Mutex
	back *lru.Cache[string, time.Time]
	// until is how long somebody is trusted.
	until *lru.Cache[string, time.Time]
}

func newAttempts() (*attempts, error) {
	back, err := lru.New[string, time.Time](attemptsKept)
	if err != nil {
		return nil, fmt.Errorf("rate limits: %w", err)
	}
	until, err := lru.New[string, time.Time](attemptsKept)
	if err != nil {
		return nil, fmt.Errorf("trusted logins: %w", err)
	}
	return &attempts{back: back, until: until}, nil
}

// take takes n attempts, or none and says how long to wait.
func (m *attempts) take(s Subject, n int, now time.Time) (wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := s.key()
	back, _ := m.back.Get(key)
	if back.Before(now) {
		back = now
	}
	back = back.Add(time.Duration(n) * (s.Limit.Per / time.Duration(s.Limit.Attempts)))
	if wait = back.Sub(now) - s.Limit.Per; wait > 0 {
		return wait
	}
	m.back.Add(key, back)
	return 0
}

func (m *attempts) trust(who string, now time.Time) { m.until.Add(hidden(who), now.Add(trustFor)) }

func (m *attempts) trusted(who string, now time.Time) bool {
	until, ok := m.until.Get(hidden(who))
	return ok && now.Before(until)
}
