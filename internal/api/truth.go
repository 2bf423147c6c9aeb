package api

import (
	"context"
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

// Truth is a list in the form of which copies are kept, as the database has it
// for the token's user at the instant now: the text that a copy made then
// holds, from the code that fills the copies. It takes one turn and changes
// nothing. No such token is store.ErrNotFound.
func Truth(ctx context.Context, db *store.DB, list cache.List, tokenHash []byte, now time.Time) ([]byte, error) {
	switch list {
	case cache.Tasks:
		return textOf(boardAt(ctx, db, tokenHash, now, household.DueSoonDays))
	case cache.Residences:
		return textOf(paged(db.Residences(ctx, tokenHash, firstPage())))
	case cache.Contractors:
		return textOf(paged(db.Contractors(ctx, tokenHash, firstPage())))
	case cache.Documents:
		return textOf(paged(db.Documents(ctx, tokenHash, firstPage())))
	default:
		return nil, fmt.Errorf("list %q is not cached", list)
	}
}

// Text is what a copy holds, as Truth gives it.
func Text(copied []byte) ([]byte, error) { return decompress(string(copied)) }

func firstPage() store.Page { return store.Page{Limit: store.DefaultPage} }

func textOf[B any](a hotAnswer[B], err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return marshal(a.body)
}

// boardAt is the board of the token's user.
func boardAt(ctx context.Context, db *store.DB, tokenHash []byte, now time.Time, dueSoonDays int) (hotAnswer[household.Board], error) {
	user, rows, err := db.Board(ctx, tokenHash, now, dueSoonDays)
	if err != nil {
		return hotAnswer[household.Board]{}, err
	}
	return boardOf(user, rows, now, dueSoonDays), nil
}

func boardOf(user household.User, rows store.BoardRows, now time.Time, dueSoonDays int) hotAnswer[household.Board] {
	return hotAnswer[household.Board]{
		user: user, residenceIDs: rows.ResidenceIDs(),
		body: household.BuildBoard(household.BoardInput{
			Homes: rows.Homes, Cards: rows.Cards, Counts: rows.Counts, Now: now, DueSoonDays: dueSoonDays,
		}),
		validUntil: household.BoardValidUntil(rows.Homes, rows.OldestCompleted, now),
		remake:     remakeOf(rows.Homes, rows.OldestCompleted),
	}
}

// paged is one of the three lists that are pages of the store's.
func paged[T any](user household.User, l store.List[T], err error) (hotAnswer[List[T]], error) {
	return pageOf(user, l), err
}

func pageOf[T any](user household.User, l store.List[T]) hotAnswer[List[T]] {
	return hotAnswer[List[T]]{user: user, residenceIDs: l.ResidenceIDs, body: page(l)}
}
