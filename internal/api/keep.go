package api

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/store"
)

// keepLogPeriod is how often a failure of Keep that does not change is logged.
const keepLogPeriod = time.Minute

// Keep passes the change log to the caches, settles what writers left unfinished,
// and fills the lists that writes have made obsolete or that Redis has lost. It runs
// until ctx ends. Without it no list is served from the cache.
func (s *Server) Keep(ctx context.Context) {
	var refilling sync.WaitGroup
	defer refilling.Wait()
	refilling.Go(func() { s.refill(ctx) })
	refilling.Go(func() { s.restore(ctx) })
	log := ChangeLog(s.db)
	log.Emptied = s.restores.offer
	s.cache.Keep(ctx, log, s.keepFailed(ctx))
}

// keepFailed logs the failures of Keep, which come several times a second for
// as long as their cause lasts. Its calls must not overlap.
func (s *Server) keepFailed(ctx context.Context) func(error) {
	var text string
	var logged time.Time
	return func(err error) {
		now := s.now()
		if err.Error() == text && now.Sub(logged) < keepLogPeriod {
			return
		}
		text, logged = err.Error(), now
		s.log.LogAttrs(ctx, slog.LevelWarn, "the caches could not be updated with what has changed; reads go to the database until they are", slog.Any("error", err), slog.String("sqlstate", store.SQLState(err)))
	}
}

// Sweep does once what Keep does again and again, so that the first read of a
// pod may be served from the cache. It costs one turn, and none if another pod
// has just done it.
func (s *Server) Sweep(ctx context.Context) error {
	_, err := s.cache.Sweep(ctx, ChangeLog(s.db))
	return err
}

// ChangeLog is the store's, as the cache needs it.
func ChangeLog(db *store.DB) cache.Source {
	return cache.Source{
		Changes: func(ctx context.Context, cursor string) (cache.Changes, error) {
			log, err := db.ChangesSince(ctx, cursor)
			if err != nil {
				return cache.Changes{}, err
			}
			c := cache.Changes{Cursor: log.Cursor, Everything: log.Lost}
			for _, w := range log.Changes {
				c.Everything = c.Everything || w.Everything
				var scopes []cache.Scope
				for _, id := range w.Residences {
					scopes = append(scopes, touched(w, id)...)
				}
				for _, id := range w.Users {
					scopes = append(scopes, cache.UserScope(id))
				}
				c.Writes = append(c.Writes, cache.Change{WriteID: w.WriteID, Scopes: scopes})
			}
			return c, nil
		},
		Settle: func(ctx context.Context, writeID string) error {
			_, err := db.Settle(ctx, writeID)
			if !errors.Is(err, store.ErrReadOnly) {
				return err
			}
			settled, err := db.Settled(ctx, writeID)
			if err == nil && !settled {
				err = cache.ErrUndecided
			}
			return err
		},
		Prune: func(ctx context.Context, before time.Time) error {
			_, err := db.PruneChanges(ctx, before)
			return err
		},
	}
}

// touched is what a committed write changed of a residence: the scopes that the
// write itself held or released, so that the sweep need not tell them again.
func touched(w store.Change, residence int64) []cache.Scope {
	switch {
	case w.Gone && w.What == "residence":
		return cache.WholeResidence(residence)
	case w.What == "task":
		return []cache.Scope{cache.Tasks.Scope(residence)}
	case w.What == "contractor":
		return []cache.Scope{cache.Contractors.Scope(residence)}
	case w.What == "document":
		return []cache.Scope{cache.Documents.Scope(residence)}
	case w.What == "residence":
		return changedResidence(residence)
	default:
		return cache.WholeResidence(residence)
	}
}
