package api

import (
	"errors"
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
	Cursor Cursor `query:"cursor" doc:"next_cursor of the previous page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"100"`
}

func (p Paging) page() store.Page { return store.Page{After: p.Cursor.after, Limit: p.Limit} }

// Cursor names the last item of the page before. To clients it is opaque. It is
// a struct because huma reads a parameter of a numeric kind as a number, whatever
// methods its type has.
type Cursor struct{ after int64 }

var errCursor = errors.New("must be a next_cursor of this list")

// UnmarshalText reads a next_cursor.
func (c *Cursor) UnmarshalText(b []byte) error {
	n, err := strconv.ParseInt(string(b), 36, 64)
	if err != nil {
		return errCursor // the error of strconv repeats what was sent
	}
	c.after = n
	return nil
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

// page is a store's page as it is sent.
func page[T any](l store.List[T]) List[T] {
	return List[T]{Items: filled(l.Items), NextCursor: encodeCursor(l.Next)}
}

// filled makes an empty list [] and not null in JSON.
func filled[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
