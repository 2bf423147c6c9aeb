package cache

import (
	"context"
	"errors"
	"time"
)

// ErrUndecided is what Source.Settle returns for a write that the log of a
// read-only database does not have.
var ErrUndecided = errors.New("the database is read-only, and its log does not have the write")

// Source is the change log, as the keeper needs it. Its calls are background
// turns, charged to no request.
type Source struct {
	// Changes tells what was committed since the cursor, and the next cursor,
	// both from one snapshot. An empty cursor is no cursor.
	Changes func(ctx context.Context, cursor string) (Changes, error)
	// Settle makes the outcome of a write final: it has committed, or it can
	// never commit any more. ErrUndecided: the database takes no writes, so that
	// nothing can be made final there.
	Settle func(ctx context.Context, writeID string) error
	// Emptied is called when Redis' memory is gone, or nothing in it is believed any
	// more: after a sweep, in the pods that have served lists, one after the other, so
	// that each can fill those again. It must not wait; Restored is to be called when
	// that is done. It may be nil.
	Emptied func()
	// Prune forgets what the log had before the given instant.
	Prune func(ctx context.Context, before time.Time) error
}

// Changes is what the log had since a cursor.
type Changes struct {
	Cursor string
	// Everything counts as changed: the cursor could not be continued, or
	// somebody changed more than is worth listing.
	Everything bool
	Writes     []Change
}

// Change is one committed write.
type Change struct {
	WriteID string
	Scopes  []Scope
}
