package warmup

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/store"
)

// fillers is how many users are filled in at a time: Redis is near, and serves others meanwhile.
const fillers = 8

// fill puts token, version and residence ids of the most recently active users into Redis, by the
// cache's own protocol: what it stores is read from the database after the cache has told which version
// it goes with, so that a change in between wins.
func (w *warmer) fill(ctx context.Context, s *Step) error {
	s.Measure = "looking up a user by token"
	if w.config.RedisURL == "" {
		return skip("REDIS_URL is not set: each pod has its own cache, which can't be filled from here.")
	}
	if w.db == nil {
		return errNoDatabase
	}
	before := w.db.Dials().Total()
	c, err := cache.Open(cache.Config{URL: w.config.RedisURL, Timeout: time.Second})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // nothing is lost with it
	if err := c.Ping(ctx); err != nil {
		return faultError(err)
	}

	users, err := w.db.RecentUsers(ctx, w.config.Users)
	if err != nil {
		return err
	}
	if len(users) == 0 {
		return skip("No user has a token yet.")
	}
	if s.BeforeMS, err = w.askDatabase(ctx, users[0]); err != nil {
		return err
	}
	// Without a server that runs there may be no lease, and without one nothing is believed.
	if _, err := c.Sweep(ctx, api.ChangeLog(w.db)); err != nil {
		return err
	}
	readings := make([]*cache.Reading, len(users))
	eachUser(users, func(i int, u store.ActiveUser) {
		readings[i] = c.Read(ctx, cache.Question{Token: u.TokenHash})
	})
	known := 0
	for _, r := range readings {
		if r.UserID != 0 {
			known++
		}
	}
	fresh, err := w.again(ctx)
	if err != nil {
		return err
	}
	eachUser(users, func(i int, u store.ActiveUser) {
		if now, ok := fresh[u.ID]; ok && !readings[i].Revoked && bytes.Equal(now.TokenHash, u.TokenHash) {
			c.Fill(ctx, readings[i], cache.Answer{User: now.User, ResidenceIDs: now.ResidenceIDs})
		}
	})
	began := time.Now()
	last := c.Read(ctx, cache.Question{Token: users[0].TokenHash})
	s.AfterMS = ms(time.Since(began))
	if last.Token != cache.Hit {
		return fmt.Errorf("redis did not keep what was stored (the token of the last active user is a %s %s)", last.Token, last.Why)
	}
	s.Count = int64(len(users) - known)
	s.DBTurns = w.db.Dials().Total() - before
	s.Detail = fmt.Sprintf("%d users stored; %d of the %d most recently active were already known.", s.Count, known, len(users))
	return nil
}

// faultError is an error that says what is wrong with Redis and what to do.
func faultError(err error) error {
	f := cache.Diagnose(err)
	return fmt.Errorf("%s (%w). %s", f, err, f.Hint())
}

// askDatabase is what looking up a user by token costs without Redis.
func (w *warmer) askDatabase(ctx context.Context, u store.ActiveUser) (float64, error) {
	began := time.Now()
	_, _, err := w.db.UserByToken(ctx, u.TokenHash)
	return ms(time.Since(began)), err
}

// again reads the users once more, after the cache has told the versions.
func (w *warmer) again(ctx context.Context) (map[int64]store.ActiveUser, error) {
	users, err := w.db.RecentUsers(ctx, w.config.Users)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]store.ActiveUser, len(users))
	for _, u := range users {
		out[u.ID] = u
	}
	return out, nil
}

// eachUser calls do for every user, a few at a time, and returns when all are done.
func eachUser(users []store.ActiveUser, do func(i int, u store.ActiveUser)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(fillers, len(users)) {
		wg.Go(func() {
			for i := range next {
				do(i, users[i])
			}
		})
	}
	for i := range users {
		next <- i
	}
	close(next)
	wg.Wait()
}
