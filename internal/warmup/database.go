package warmup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/honeydue/honeydue/internal/link"
	"github.com/honeydue/honeydue/internal/store"
)

// errNoDatabase is why the steps after a failed one do nothing.
const errNoDatabase = skip("The database could not be opened.")

// wake connects once and asks for one answer: a database that had gone to sleep starts now. A second
// connection shows what connecting takes once it is awake.
func (w *warmer) wake(ctx context.Context, s *Step) error {
	s.Measure = "connect and SELECT"
	dials := &link.Dials{}
	single := w.config.Database
	single.MaxConns, single.MinIdleConns, single.Dials = 1, 1, dials
	for _, took := range []*float64{&s.BeforeMS, &s.AfterMS} {
		db, err := store.Open(ctx, single)
		if err != nil {
			w.refused = errors.Is(err, store.ErrRefused)
			return err
		}
		*took = ms(db.Proof().Took)
		s.Detail = proofText(db.Proof())
		db.Close()
	}
	s.Count, s.DBTurns = dials.Count(), dials.Total()+dials.Count()
	return nil
}

func proofText(p store.Proof) string {
	way := "without a pooler"
	if p.ThroughPooler {
		way = "through a pooler"
	}
	return fmt.Sprintf("The database answers %s; connecting takes %d turns.", way, p.Turns)
}

// open opens the app's whole pool as a pod does at its start, twice: the first time the pooler has to
// open server connections of its own, which it keeps; the second is what the next pod meets. The second
// pool serves the later steps.
func (w *warmer) open(ctx context.Context, s *Step) error {
	if w.refused {
		return errNoDatabase
	}
	dials := &link.Dials{}
	c := w.config.Database
	c.Dials = dials
	for _, took := range []*float64{&s.BeforeMS, &s.AfterMS} {
		w.close()
		db, err := store.Open(ctx, c)
		if err != nil {
			return err
		}
		w.db = db
		s.Count, *took = int64(db.Proof().Conns), ms(db.Proof().Took)
	}
	s.DBTurns = dials.Total() + dials.Count()
	s.Measure = fmt.Sprintf("opening %d connections at once, with a statement on each", s.Count)
	s.Detail = fmt.Sprintf("%d turns on the critical path.", w.db.Proof().Turns)
	return nil
}

// statements runs every hot statement on every connection, twice, for the users with the most and with
// a usual amount of data: the first run pays for the catalogue and the plan in a fresh backend.
func (w *warmer) statements(ctx context.Context, s *Step) error {
	s.Measure = "the hot statements in a row, on the slowest connection"
	if w.db == nil {
		return errNoDatabase
	}
	before := w.db.Dials().Total()
	subjects, err := w.db.Subjects(ctx)
	if err != nil {
		return err
	}
	hot := slices.DeleteFunc(store.Catalogue(), func(q store.Query) bool { return !q.Hot || q.Write })
	for _, took := range []*float64{&s.BeforeMS, &s.AfterMS} {
		for _, subject := range subjects {
			rans, err := w.db.OnEachIdle(ctx, hot, func(q store.Query) []any { return q.Sample(subject) })
			if err != nil {
				return err
			}
			s.Count = int64(len(rans))
			*took += ms(longest(rans))
		}
	}
	s.DBTurns = w.db.Dials().Total() - before
	s.Detail = fmt.Sprintf("%d statements for %d users on each of %d connections, twice.", len(hot), len(subjects), s.Count)
	return nil
}

func longest(rans []store.Ran) time.Duration {
	var out time.Duration
	for _, r := range rans {
		out = max(out, r.Took)
	}
	return out
}
