package store

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Page asks for the items whose id comes after After, at most Limit of them.
type Page struct {
	After int64
	Limit int // 0 is DefaultPage; more than MaxPage is MaxPage
}

// Bounds of a page.
const (
	DefaultPage = 100
	MaxPage     = 200
)

func (p Page) limit() int {
	if p.Limit <= 0 {
		return DefaultPage
	}
	return min(p.Limit, MaxPage)
}

// List is one page, in the order of ids.
type List[T any] struct {
	Items []T
	// ResidenceIDs are all residences that the user can see, sorted, whatever
	// the page holds.
	ResidenceIDs []int64
	// Next is the After of the next page, 0 when this is the last.
	Next int64
}

// list runs a statement whose arguments are the user, the page's start and its
// length, and whose rows are a residence of the user's and then, unless NULL,
// one item: the homes LEFT JOIN the page, so that an empty page still tells
// the homes.
func list[T any](ctx context.Context, db *DB, q Query, userID int64, p Page, into func(*T) []any, id func(T) int64) (List[T], error) {
	limit := p.limit()
	l := List[T]{}
	reset := func() { l = List[T]{Items: []T{}, ResidenceIDs: []int64{}} }
	err := db.each(ctx, q, []any{userID, p.After, limit + 1}, reset, func(rows pgx.Rows) error {
		var home int64
		var item T
		places := append([]any{&home}, into(&item)...)
		absent := rows.RawValues()[1] == nil
		if absent {
			clear(places[1:]) // a nil place is not read
		}
		if err := rows.Scan(places...); err != nil {
			return err
		}
		l.ResidenceIDs = append(l.ResidenceIDs, home)
		if !absent {
			l.Items = append(l.Items, item)
		}
		return nil
	})
	if err != nil {
		return List[T]{}, err
	}
	slices.Sort(l.ResidenceIDs)
	l.ResidenceIDs = slices.Compact(l.ResidenceIDs)
	if len(l.Items) > limit {
		l.Items = l.Items[:limit]
		l.Next = id(l.Items[limit-1])
	}
	return l, nil
}
