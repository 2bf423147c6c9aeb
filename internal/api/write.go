package api

import (
	"context"
	"errors"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/store"
)

// effects says what a success does to the caches besides.
type effects[T any] func(T) cache.Effects

// write is one write as the cache protocol has it: hold the scopes, run the
// one statement, release, and only then answer. after may be nil.
func write[T any](ctx context.Context, s *Server, scopes []cache.Scope, run func(context.Context, store.Write) (T, error), after effects[T]) (T, error) {
	v, err := attempt(ctx, s, scopes, nil, run, after)
	if errors.Is(err, store.ErrFenced) { // it waited so long that it was given up: it changed nothing
		return attempt(ctx, s, scopes, nil, run, after)
	}
	return v, err
}

// writeItem is write for a statement on something that lies in a residence
// which the request does not name. Where it lies is a hint from Redis, or any
// of the residences that the user saw lately; the statement is guarded by what
// is held, and tells where the thing is if it is elsewhere.
func writeItem[T any](ctx context.Context, s *Server, run func(context.Context, store.Write) (T, error), after effects[T]) (T, error) {
	x := exchangeFrom(ctx)
	r, list := x.reading, x.route.item
	guess := r.ResidenceIDs
	if r.Residence != 0 {
		guess = []int64{r.Residence}
	}
	if len(guess) > maxGuess {
		guess = nil
	}
	for n := 1; ; n++ {
		v, err := attempt(ctx, s, list.Scopes(guess...), guess, run, after)
		var elsewhere *store.ElsewhereError
		switch {
		case n < maxAttempts && errors.As(err, &elsewhere):
			guess = []int64{elsewhere.ResidenceID}
		case n < maxAttempts && errors.Is(err, store.ErrFenced):
		default:
			return v, err
		}
	}
}

func attempt[T any](ctx context.Context, s *Server, scopes []cache.Scope, residences []int64, run func(context.Context, store.Write) (T, error), after effects[T]) (T, error) {
	list := changedList(scopes)
	h := s.cache.HoldFor(ctx, list, sessionFrom(ctx).userID, scopes...)
	fresh := s.refresh(list, h.Readers)
	s.step(ctx, "held")
	v, err := run(ctx, store.Write{ID: h.ID, Residences: residences, Refresh: fresh.from})
	s.step(ctx, "written")
	switch {
	case err == nil:
		var e cache.Effects
		if after != nil {
			e = after(v)
		}
		e.Committed = true
		e.Refreshed = fresh.lists(ctx, s)
		s.refills.offer(s, list, s.cache.Release(ctx, h, e))
	case store.ChangedNothing(err):
		s.cache.Release(ctx, h, cache.Effects{})
	default:
		s.cache.Abandon(h) // it may still commit, out of a queue: the keeper settles it
	}
	return v, err
}

// failing gives a statement without a result the form of one that has one.
func failing(run func(context.Context, store.Write) error) func(context.Context, store.Write) (none, error) {
	return func(ctx context.Context, w store.Write) (none, error) { return none{}, run(ctx, w) }
}

const (
	// maxGuess is how many residences are held for one write at most: each of
	// their lists goes round the cache meanwhile.
	maxGuess = 16
	// maxAttempts: a thing that moves from residence to residence under our
	// hands is no case that a user meets.
	maxAttempts = 3
)

// step lets a test stand between the steps of a write, to delay or to kill it.
func (s *Server) step(ctx context.Context, name string) {
	if s.between != nil {
		s.between(ctx, name)
	}
}
