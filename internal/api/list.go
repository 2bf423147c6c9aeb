package api

import (
	"context"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/honeydue/honeydue/internal/store"
)

// List is one page of things.
type List[T any] struct {
	Items      []T     `json:"items" nullable:"false"`
	NextCursor *string `json:"next_cursor" doc:"pass it as ?cursor= to get the next page; null on the last one"`
}

// Paging is which page of a list is wanted.
type Paging struct {
	Cursor Cursor `query:"cursor" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"100"`
}

func (p Paging) page() store.Page { return store.Page{After: int64(p.Cursor), Limit: p.Limit} }

// Cursor names the last item of the page before. To clients it is opaque.
type Cursor int64

// UnmarshalText reads a next_cursor.
func (c *Cursor) UnmarshalText(b []byte) error {
	n, err := strconv.ParseInt(string(b), 36, 64)
	*c = Cursor(n)
	return err
}

// Schema implements huma.SchemaProvider.
func (Cursor) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9a-z]{1,13}$"}
}

func encodeCursor(after int64) *string {
	if after == 0 {
		return nil
	}
	c := strconv.FormatInt(after, 36)
	return &c
}

type listOutput[T any] struct{ Body List[T] }

// listed turns a hot statement's page into a reply, and lets the cache compare
// the residence ids that it holds with the true ones that came along.
func listed[T any](ctx context.Context, s *Server, l store.List[T], err error) (*listOutput[T], error) {
	if err != nil {
		return nil, err
	}
	s.judgeIDs(ctx, l.ResidenceIDs)
	return &listOutput[T]{Body: List[T]{Items: filled(l.Items), NextCursor: encodeCursor(l.Next)}}, nil
}

// filled makes an empty list [] and not null in JSON.
func filled[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

func (s *Server) judgeIDs(ctx context.Context, truth []int64) {
	if r := exchangeFrom(ctx).reading; r != nil {
		s.cache.Judge(ctx, r, sessionFrom(ctx).user.ID, truth)
	}
}
