package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Load is what a read does that was not served from Redis: it asks the
// database through load, fills what it learnt and returns it. Reads that know
// the same versions of all the states that their list depends on share one
// question to the database: nothing that a later one has to contain can be
// missing while no version has changed. Reads that go round the cache, and
// those that do not know their states, share nothing.
//
// load gets the context of the request that leads; it is not cancelled when
// that request's client hangs up, since others may wait for the same answer.
func (c *Cache) Load(ctx context.Context, r *Reading, load func(context.Context) (Answer, error)) (Answer, error) {
	if r.token.flight == "" || c.cfg.Sabotage == UncheckedFill {
		return c.load(ctx, r, load)
	}
	own := *r // the flight may outlast the request that r belongs to
	done := c.flights.DoChan(r.token.flight, func() (_ any, err error) {
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTimeout(ctx))
		defer cancel()
		defer func() {
			if v := recover(); v != nil { // in this goroutine it would end the process
				err = &Panicked{Value: v, Stack: debug.Stack()}
			}
		}()
		a, err := c.load(detached, &own, load)
		return flown{a, &own}, err
	})
	select {
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("wait for the database: %w", context.Cause(ctx))
	case res := <-done:
		if panicked, ok := errors.AsType[*Panicked](res.Err); ok {
			panic(panicked)
		}
		f, ok := res.Val.(flown)
		if res.Err != nil || !ok {
			return Answer{}, res.Err
		}
		r.ETag, r.Why, r.IDs = f.leader.ETag, f.leader.Why, f.leader.IDs
		r.Stored, r.Collapsed = f.leader == &own && own.Stored, f.leader != &own
		return f.Answer, nil
	}
}

// Panicked is what Load panics with when load did, in each request that waited
// for it: load runs in a goroutine of its own, where nobody could recover it.
type Panicked struct {
	Value any
	Stack []byte // of where it happened
}

func (p *Panicked) Error() string { return fmt.Sprint(p.Value) }

// flown is what a flight brings to those who share it.
type flown struct {
	Answer
	leader *Reading
}

func (c *Cache) load(ctx context.Context, r *Reading, load func(context.Context) (Answer, error)) (Answer, error) {
	a, err := load(ctx)
	if err != nil {
		return Answer{}, err
	}
	c.Fill(ctx, r, a)
	return a, nil
}

// flightTimeout is what is left of the leader's time.
func flightTimeout(ctx context.Context) time.Duration {
	if d, ok := ctx.Deadline(); ok {
		return max(0, time.Until(d))
	}
	return 10 * time.Second
}
