package warmup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/store"
)

// share of shared_buffers that prewarm fills at most: more would evict what it has just loaded, and what
// others are using.
const prewarmShare = 0.5

// prewarm loads the indexes of the app's tables and then the tables themselves, the smallest first, with
// pg_prewarm. Done twice, the second pass finds everything in memory and shows what the first one read.
func (w *warmer) prewarm(ctx context.Context, s *Step) error {
	s.Measure = "reading these pages"
	if w.config.DirectURL == "" {
		return skip("DATABASE_DIRECT_URL is not set: pg_prewarm may run longer than a pooler's transaction should.")
	}
	pages, err := store.OpenPrewarmer(ctx, w.config.DirectURL)
	if err != nil {
		return skipped(err)
	}
	defer pages.Close(context.WithoutCancel(ctx))
	for _, took := range []*float64{&s.BeforeMS, &s.AfterMS} {
		began := time.Now()
		var relations int64
		if s.Count, relations, err = pages.Load(ctx, prewarmShare); err != nil {
			return skipped(err)
		}
		*took = ms(time.Since(began))
		s.Detail = fmt.Sprintf("%d pages (%d MB) of %d indexes and tables are in the database's memory.", s.Count, s.Count*8>>10, relations)
	}
	s.DBTurns = 3
	return nil
}

// skipped makes a reason to skip of an extension that cannot be used; any other error stays a failure.
func skipped(err error) error {
	if !errors.Is(err, store.ErrNoPrewarm) {
		return err
	}
	return skip(withHint(err))
}
