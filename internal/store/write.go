package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Write names one attempt of one write. Its id goes into the change log in the
// statement that makes the change, so that whoever finds a write unfinished can
// ask what became of it; see Settle.
type Write struct {
	// ID is a UUID, made once for each attempt by whoever holds the scopes.
	ID string
	// Residences are those whose scopes are held. A task, contractor or document
	// that lies in another one is not changed; see ElsewhereError.
	Residences []int64
	// Refresh is read in the same turn, after the statement; nil for nothing.
	Refresh *Refresh
}

// held are the residences as a statement's argument: none is an empty list, for
// NULL would match nothing and not even say so.
func (w Write) held() []int64 {
	if w.Residences == nil {
		return []int64{}
	}
	return w.Residences
}

// ElsewhereError says that what was to be changed lies in a residence whose
// scope the write does not hold. Nothing was changed. The user can see it there.
type ElsewhereError struct{ ResidenceID int64 }

func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("the write holds different residences: it is about residence %d", e.ResidenceID)
}

// ErrFenced means that the write's id is in the change log already: this attempt
// was given up and can never commit. Nothing was changed.
var ErrFenced = errors.New("the write was given up before it ran")

// sampleWriteID stands for a write that is explained and never run.
const sampleWriteID = "00000000-0000-0000-0000-000000000000"

// writeIDKey is the constraint that fences a write off.
const writeIDKey = "changes_write_id_key"

// guarded runs a statement on something that is found by its id. Its row, if
// the user can see the thing, is the residence in which it lies, whether the
// write holds that, and what the places of into read, unless nothing was changed.
func guarded[T any](ctx context.Context, db *DB, q Query, args []any, into func(*T) []any) (T, error) {
	var v T
	var home int64
	var found, held, done bool
	reset := func() { v, home, found, held, done = *new(T), 0, false, false, false }
	err := db.each(ctx, q, args, reset, func(rows pgx.Rows) error {
		found = true
		places := append([]any{&home, &held}, into(&v)...)
		if done = rows.RawValues()[2] != nil; !done {
			clear(places[2:]) // a nil place is not read
		}
		return rows.Scan(places...)
	})
	switch {
	case err != nil:
		return *new(T), err
	case found && !held:
		return *new(T), fmt.Errorf("store: %s: %w", q.Name, &ElsewhereError{home})
	case !found, !done: // the latter: it went away while the statement waited for it
		return *new(T), fmt.Errorf("store: %s: %w", q.Name, ErrNotFound)
	default:
		return v, nil
	}
}

// guardColumns are what guarded reads first.
const guardColumns = `seen.residence_id, seen.residence_id = ANY ($4::bigint[])`

// notedCTE leaves a write in the change log: $1 is the user and $3 the write's
// id; the statement goes on with what, item_id, gone, user_ids, residence_ids
// and where they come from. That is what was changed, so that a statement that
// changes nothing says nothing. set_config marks the transaction as ours: the
// triggers that look out for others' SQL come after the whole statement.
const notedCTE = `noted AS (
	INSERT INTO changes (write_id, actor, what, item_id, gone, user_ids, residence_ids)
	SELECT set_config('honeydue.write_id', $3::text, true)::uuid, $1::bigint, `
