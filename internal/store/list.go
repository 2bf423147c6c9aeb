package store

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/household"
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

// gather collects a list's rows: a residence of the user's and then, unless
// NULL, one item; the homes LEFT JOIN the page, so that an empty page still
// tells the homes.
type gather[T any] struct {
	list  List[T]
	limit int
	into  func(*T) []any
	id    func(T) int64
}

// args are those of a hot list's statement.
func (g *gather[T]) args(tokenHash []byte, p Page) []any {
	return []any{tokenHash, p.After, g.limit + 1}
}

func (g *gather[T]) reset() { g.list = List[T]{Items: []T{}, ResidenceIDs: []int64{}} }

func (g *gather[T]) scan(rows pgx.Rows) error {
	var home int64
	var item T
	places := append([]any{&home}, g.into(&item)...)
	absent := rows.RawValues()[1] == nil
	if absent {
		clear(places[1:]) // a nil place is not read
	}
	if err := rows.Scan(places...); err != nil {
		return err
	}
	g.list.ResidenceIDs = append(g.list.ResidenceIDs, home)
	if !absent {
		g.list.Items = append(g.list.Items, item)
	}
	return nil
}

func (g *gather[T]) done() List[T] {
	l := g.list
	slices.Sort(l.ResidenceIDs)
	l.ResidenceIDs = slices.Compact(l.ResidenceIDs)
	if len(l.Items) > g.limit {
		l.Items = l.Items[:g.limit]
		l.Next = g.id(l.Items[g.limit-1])
	}
	return l
}

// list runs a statement whose arguments are the user, the page's start and its
// length, and whose rows are as gather takes them.
func list[T any](ctx context.Context, db *DB, q Query, userID int64, p Page, into func(*T) []any, id func(T) int64) (List[T], error) {
	g := &gather[T]{limit: p.limit(), into: into, id: id}
	if err := db.each(ctx, q, []any{userID, p.After, g.limit + 1}, g.reset, g.scan); err != nil {
		return List[T]{}, err
	}
	return g.done(), nil
}

// hotList is list for the user behind a token, whom it returns as well.
func hotList[T any](ctx context.Context, db *DB, q Query, tokenHash []byte, p Page, into func(*T) []any, id func(T) int64) (household.User, List[T], error) {
	g := &gather[T]{limit: p.limit(), into: into, id: id}
	u, err := db.forBearer(ctx, tokenHash, q, g.args(tokenHash, p), g.reset, g.scan)
	if err != nil {
		return household.User{}, List[T]{}, err
	}
	return u, g.done(), nil
}
