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
//
// A list that has Aged load may make of the copy instead: see Answer.Remade.
func (c *Cache) Load(ctx context.Context, r *Reading, load func(context.Context) (Answer, error)) (Answer, error) {
	a, err := c.share(ctx, r, load)
	if r.Aged != nil {
		outcome := Aged
		if r.Remade = err == nil && a.Remade; r.Remade {
			r.ListVerdict, outcome = Hit, ListRemade
		}
		c.counted(r, EntryList, r.ListVerdict)
		c.ended(r, outcome)
	}
	return a, err
}

// share joins a flight, or leads one where it may be shared.
func (c *Cache) share(ctx context.Context, r *Reading, load func(context.Context) (Answer, error)) (Answer, error) {
	if r.token.flight == "" || c.cfg.Sabotage == UncheckedFill {
		return c.load(ctx, r, load)
	}
	own := *r // the flight may outlast the request that r belongs to
	done := c.flights.DoChan(r.token.flight, func() (any, error) {
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTimeout(ctx))
		defer cancel()
		return c.fly(detached, &own, load), nil
	})
	var f *flown
	select {
	case <-ctx.Done():
		return Answer{}, fmt.Errorf("wait for the database: %w", context.Cause(ctx))
	case res := <-done:
		f, _ = res.Val.(*flown)
	}
	if f.panicked != nil {
		panic(f.panicked) // in the request's goroutine, where somebody recovers
	}
	led := f.leader == &own
	background := f.err != nil && f.leader.question.Background
	if !led && ctx.Err() == nil && (background || errors.Is(f.err, context.DeadlineExceeded) || !f.fresh(c.cfg.Now())) {
		// The leader had less time left than this request has, it began on the other
		// side of midnight, or nobody waited for it and it gave up.
		return c.load(ctx, r, load)
	}
	if f.err != nil {
		return Answer{}, f.err
	}
	r.ETag, r.Why, r.IDs = f.leader.ETag, f.leader.Why, f.leader.IDs
	r.Stored, r.Collapsed = led && own.Stored, !led
	return f.Answer, nil
}

// flown is what a flight brings to those who share it.
type flown struct {
	Answer
	err      error
	leader   *Reading
	panicked *Panicked
}

// Panicked is what Load panics with when load did, in each request that waited
// for it.
type Panicked struct {
	Value any
	Stack []byte // of where it happened
}

func (p *Panicked) Error() string { return fmt.Sprint(p.Value) }

func (f *flown) fresh(now time.Time) bool { return stamp{until: f.ValidUntil}.valid(now) }

// fly is load for several. It catches a panic: left to singleflight it would
// end the process.
func (c *Cache) fly(ctx context.Context, r *Reading, load func(context.Context) (Answer, error)) (f *flown) {
	f = &flown{leader: r}
	defer func() {
		if p := recover(); p != nil {
			f.panicked = &Panicked{Value: p, Stack: debug.Stack()}
		}
	}()
	f.Answer, f.err = c.load(ctx, r, load)
	return f
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
