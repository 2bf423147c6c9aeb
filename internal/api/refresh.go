package api

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

// refreshBytes bounds the copies, compressed, of which the lists are read in a
// write's turn. A board takes about twice its copy on the wire (12,012 bytes for
// 6,202 with 200 tasks), and what does not fit into the first TCP window of an
// idle connection (13.5 KB) would cost the write a second round trip.
const refreshBytes = 6400

// refresh is the lists that are read in the turn of a write.
type refresh struct {
	from    *store.Refresh
	readers []cache.Reader
	answers []func() (cache.Answer, error)
}

// changedList is the list that a write of these scopes changes, if it is one.
func changedList(scopes []cache.Scope) cache.List {
	var lists []cache.List
	for _, s := range scopes {
		if l := s.List(); !slices.Contains(lists, l) {
			lists = append(lists, l)
		}
	}
	if len(lists) == 2 && slices.Contains(lists, cache.Residences) { // and the board, which hardly anybody waits for then
		return cache.Residences
	}
	if len(lists) != 1 {
		return ""
	}
	return lists[0]
}

// refresh prepares the reading of a changed list for those who have read it
// lately, the writer first, as far as it costs the write no round trip.
func (s *Server) refresh(list cache.List, readers []cache.Reader) refresh {
	f := refresh{from: &store.Refresh{}}
	now, left := s.now(), refreshBytes
	for _, r := range readers {
		if r.Bytes > left {
			continue
		}
		left -= r.Bytes
		f.readers = append(f.readers, r)
		f.answers = append(f.answers, s.reading(f.from, list, r.Token, now))
	}
	return f
}

// reading adds a list, in the form of which copies are kept, to what a write reads.
func (s *Server) reading(from *store.Refresh, list cache.List, token []byte, now time.Time) func() (cache.Answer, error) {
	var nobody household.User // the Reader says whose list it is
	switch list {
	case cache.Tasks:
		rows := from.Board(token, now, household.DueSoonDays)
		return func() (cache.Answer, error) { return answer(s, boardOf(nobody, rows(), now, household.DueSoonDays)) }
	case cache.Residences:
		l := from.Residences(token, firstPage())
		return func() (cache.Answer, error) { return answer(s, pageOf(nobody, l())) }
	case cache.Contractors:
		l := from.Contractors(token, firstPage())
		return func() (cache.Answer, error) { return answer(s, pageOf(nobody, l())) }
	case cache.Documents:
		l := from.Documents(token, firstPage())
		return func() (cache.Answer, error) { return answer(s, pageOf(nobody, l())) }
	default:
		return func() (cache.Answer, error) { return cache.Answer{}, nil }
	}
}

// unbroken turns a panic into an error: the write that has read the list stands.
func unbroken(answer func() (cache.Answer, error)) (a cache.Answer, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = asPanicError(cause)
		}
	}()
	return answer()
}

// lists are what was read, as the cache keeps it.
func (f refresh) lists(ctx context.Context, s *Server) []cache.Refreshed {
	if !f.from.Read() {
		return nil
	}
	var lists []cache.Refreshed
	for i, r := range f.readers {
		a, err := unbroken(f.answers[i])
		if err != nil { // the copy is missed once
			s.log.LogAttrs(ctx, slog.LevelWarn, "a list that a write has changed was not stored", slog.Any("error", err))
			continue
		}
		lists = append(lists, cache.Refreshed{Reader: r, Answer: a})
	}
	return lists
}
