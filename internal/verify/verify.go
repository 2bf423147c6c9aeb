// Package verify compares copies that the cache would serve with what the database says, on a system in use:
// a sample of them, each at the price of one turn, on one connection, changing nothing. What it finds is how
// many of the copies are stale, for how long they have been, and what share of all copies that may stand for.
package verify

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// Schema names the JSON document that a Result is printed as.
const Schema = "honeydue.verify-cache/1"

// The defaults and bounds of Config.
const (
	DefaultSample  = 100
	MaxSample      = 10_000
	DefaultRate    = 20
	MaxRate        = 200
	DefaultAtLeast = 20
)

// Promise is how stale a copy may be (P2), and only if the change came past the servers or these lost Redis.
const Promise = cache.Lease

// settled is how long after the first look a stale copy is looked at again: by then the promise has ended.
const settled = cache.Lease + cache.SweepPeriod

// Config says what to check. cmd fills it from the environment and the flags.
type Config struct {
	// Database is the app's own endpoint. One connection is used, whatever is set there.
	Database store.Config
	RedisURL string
	// Sample is how many copies that would be served are checked in each round, if there are so many
	// (DefaultSample if zero).
	Sample int
	// Rate is how many turns to the database are taken in each second at most (DefaultRate if zero).
	Rate float64
	// AtLeast is how many copies have to be checked before anything is claimed (DefaultAtLeast if zero).
	AtLeast int
	// For repeats the round until that time is over; 0 is one round. Forever repeats it until the context ends.
	For     time.Duration
	Forever bool
	// Progress is called with the number of copies checked so far; may be nil.
	Progress func(checked int)
}

func (c Config) withDefaults() Config {
	if c.Sample == 0 {
		c.Sample = DefaultSample
	}
	if c.Rate == 0 {
		c.Rate = DefaultRate
	}
	if c.AtLeast == 0 {
		c.AtLeast = DefaultAtLeast
	}
	c.Database.MaxConns, c.Database.MinIdleConns = 1, 1
	return c
}

// adviceError is an error that also says what to do.
type adviceError struct {
	err  error
	hint string
}

func (e *adviceError) Error() string { return e.err.Error() }
func (e *adviceError) Unwrap() error { return e.err }

// Hint says what to do about it.
func (e *adviceError) Hint() string { return e.hint }

// Run checks until it is through or ctx ends; then the Result holds what was measured by then. An error means that
// Redis or the database could not be asked (any more); what was measured before is in the Result all the same.
func Run(ctx context.Context, c Config) (Result, error) { return run(ctx, c, nil) }

func run(ctx context.Context, c Config, between func(cache.Copied)) (Result, error) {
	c = c.withDefaults()
	began := time.Now()
	ctx, tally := link.WithTally(ctx)
	v := &verifier{config: c, known: map[copyKey]bool{}, result: newResult(began, c), between: between}
	err := v.run(ctx)
	if ctx.Err() != nil {
		v.result.Interrupted, err = true, nil
	}
	v.result.finish(time.Since(began), tally, v.db)
	return v.result, err
}

func (v *verifier) run(ctx context.Context) error {
	var err error
	v.cache, err = cache.Open(cache.Config{URL: v.config.RedisURL, Timeout: time.Second, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = v.cache.Close() }() // nothing is lost with it
	defer func() {
		if v.db != nil {
			v.db.Close()
		}
	}()
	sample, err := v.sample(ctx)
	if err != nil {
		return err
	}
	until := v.result.StartedAt.Add(v.config.For)
	for {
		if err := v.round(ctx, sample); err != nil {
			return err
		}
		if !v.config.Forever && !time.Now().Before(until) {
			return nil
		}
		if err := pause(ctx, roundPause); err != nil {
			return err
		}
		if sample, err = v.sample(ctx); err != nil {
			return err
		}
	}
}

// roundPause is between two rounds: where there is little to check, no more than that is asked of Redis.
const roundPause = time.Second

func pause(ctx context.Context, d time.Duration) error {
	if err := context.Cause(ctx); err != nil || d <= 0 {
		return err
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// drawn is how many copies are drawn at most for each that is to be checked: copies stay in Redis long after a write has
// made them obsolete or their day has ended.
const drawn = 10

func (v *verifier) sample(ctx context.Context) (cache.Sample, error) {
	s, err := v.cache.Sample(ctx, max(v.config.Sample, min(drawn*v.config.Sample, MaxSample)))
	if err != nil {
		return s, v.noRedis(err)
	}
	v.result.Rounds++
	v.result.CopiesInRedis, v.result.AllCopiesSeen = s.Seen, s.All
	return s, nil
}

// noRedis names the server, without what else the URL says.
func (v *verifier) noRedis(err error) error {
	host := "REDIS_URL"
	if u, parsed := url.Parse(v.config.RedisURL); parsed == nil && u.Host != "" {
		host = u.Host
	}
	return &adviceError{
		fmt.Errorf("redis at %s cannot be read: %w", host, err),
		"Check that it is up, that it is Redis 7 or newer, and the host and password in REDIS_URL. Without Redis the servers read everything from the database, and nothing is stale.",
	}
}
