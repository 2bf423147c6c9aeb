package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
)

// Refresh is lists that are read in the turn of a write, after its statement and
// in its transaction, by the statements that serve them. The zero value is empty.
// It belongs to one write; each list is read as the user behind a token sees it.
type Refresh struct {
	readings []reading
	resets   []func()
	dropped  bool
}

// Read reports whether the lists were read; false when the write had to do
// without them.
func (r *Refresh) Read() bool { return !r.empty() }

func (r *Refresh) empty() bool { return r == nil || r.dropped || len(r.readings) == 0 }

func (r *Refresh) reset() {
	for _, reset := range r.resets {
		reset()
	}
}

// Board adds a board. The result may be asked for when the write has succeeded
// and Read is true.
func (r *Refresh) Board(tokenHash []byte, at time.Time, dueSoonDays int) func() BoardRows {
	b := &boardReader{}
	r.readings = append(r.readings, reading{taskBoard, boardArgs(tokenHash, at, dueSoonDays), b.scan})
	r.resets = append(r.resets, b.reset)
	return b.done
}

// Bearer adds who the token belongs to, and the ids of the residences that the user
// sees, sorted. The result's ok is false if there is no such token.
func (r *Refresh) Bearer(tokenHash []byte) func() (u household.User, residences []int64, ok bool) {
	var b bearer
	found := false
	r.readings = append(r.readings, reading{authLookup, []any{tokenHash}, func(rows pgx.Rows) error {
		found = true
		return rows.Scan(intoBearer(&b)...)
	}})
	r.resets = append(r.resets, func() { b, found = bearer{}, false })
	return func() (household.User, []int64, bool) { return b.User, b.homes, found }
}

// Residences adds a page of residences, as Board does.
func (r *Refresh) Residences(tokenHash []byte, p Page) func() List[household.Residence] {
	return refreshed(r, residenceList, tokenHash, p, intoResidence, func(h household.Residence) int64 { return h.ID })
}

// Contractors adds a page of contractors, as Board does.
func (r *Refresh) Contractors(tokenHash []byte, p Page) func() List[household.Contractor] {
	return refreshed(r, contractorList, tokenHash, p, intoContractor, func(c household.Contractor) int64 { return c.ID })
}

// Documents adds a page of documents, as Board does.
func (r *Refresh) Documents(tokenHash []byte, p Page) func() List[household.Document] {
	return refreshed(r, documentList, tokenHash, p, intoDocument, func(d household.Document) int64 { return d.ID })
}

func refreshed[T any](r *Refresh, q Query, tokenHash []byte, p Page, into func(*T) []any, id func(T) int64) func() List[T] {
	g := &gather[T]{limit: p.limit(), into: into, id: id}
	r.readings = append(r.readings, reading{q, g.args(tokenHash, p), g.scan})
	r.resets = append(r.resets, g.reset)
	return g.done
}

// ReadLists reads the lists by themselves: one turn for all of them.
func (db *DB) ReadLists(ctx context.Context, r *Refresh) error {
	if r.empty() {
		return nil
	}
	return db.pipeline(ctx, r.reset, r.readings...)
}

// refreshing runs a write with what is read in its turn. A list that cannot be
// read must not cost anybody a write. If the server refused the list, it has
// rolled the transaction back as a whole, and the write is made without lists;
// if only its rows could not be read, the write has committed and stands. Where
// it is unknown which of the two it is, the write must not be sent again.
func (db *DB) refreshing(ctx context.Context, w reading, reset func()) error {
	r := w.query.refresh
	err := db.pipeline(ctx, func() { reset(); r.reset() }, append([]reading{w}, r.readings...)...)
	var later *laterError
	switch {
	case !errors.As(err, &later):
		return err
	case later.committed:
		r.dropped = true
		return nil
	case errors.Is(err, ErrRolledBack):
		r.dropped = true
		return db.each(ctx, w.query, w.args, reset, w.scan)
	default:
		return err
	}
}
