package api

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

const (
	// refillPause gathers the refills of writes that follow one another closely.
	refillPause = 20 * time.Millisecond
	// refillBatch is how many lists one turn reads at most, refillQueue how many
	// may wait. What comes beyond it is dropped: its readers ask for themselves.
	refillBatch, refillQueue = 16, 64
	// refillTimeout bounds one batch.
	refillTimeout = 5 * time.Second
)

// refills are lists that a write has made obsolete without filling them: too
// large for its turn, or changed by another write meanwhile. They are read in the
// background, so that their readers need not.
type refills struct{ waiting chan refillJob }

type refillJob struct {
	list   cache.List
	reader cache.Reader
}

func newRefills() refills { return refills{make(chan refillJob, refillQueue)} }

// offer does not wait: under load refills are dropped.
func (r refills) offer(s *Server, list cache.List, readers []cache.Reader) {
	for _, one := range readers {
		select {
		case r.waiting <- refillJob{list, one}:
		default:
			s.cache.CountRefill(cache.RefillDropped)
		}
	}
}

// refill reads what waits, batch after batch, until ctx ends.
func (s *Server) refill(ctx context.Context) {
	for {
		var batch []refillJob
		select {
		case <-ctx.Done():
			return
		case one := <-s.refills.waiting:
			batch = append(batch, one)
		}
		pause := time.NewTimer(refillPause)
	gather:
		for len(batch) < refillBatch {
			select {
			case one := <-s.refills.waiting:
				batch = append(batch, one)
			case <-pause.C:
				break gather
			case <-ctx.Done():
				break gather
			}
		}
		pause.Stop()
		s.fillAgain(ctx, batch)
	}
}

// errOthersList means that a reader's list is of other residences than the reader saw.
var errOthersList = errors.New("the reader now sees different residences")

// fillAgain reads the lists of a batch in one turn. Each is a flight that a
// reader of the same versions joins; and where a reader's own flight is under way,
// it is joined here.
func (s *Server) fillAgain(ctx context.Context, batch []refillJob) {
	ctx, cancel := context.WithTimeout(ctx, refillTimeout)
	defer cancel()
	from, now := &store.Refresh{}, s.now()
	read := sync.OnceValue(func() error { return s.db.ReadLists(ctx, from) })
	seen := map[cache.Copied]bool{}
	var flights []func()
	for _, job := range batch {
		who := cache.Copied{List: job.list, UserID: job.reader.UserID}
		if seen[who] {
			continue
		}
		seen[who] = true
		r := s.cache.Read(ctx, cache.Question{Token: job.reader.Token, List: job.list, Background: true})
		if r.ListVerdict != cache.Miss || r.UserID != job.reader.UserID {
			continue // somebody has filled it, or a write is under way, which will
		}
		answer := s.reading(from, job.list, job.reader.Token, now)
		flights = append(flights, func() {
			defer s.droppedByPanic(ctx)
			led := false
			_, err := s.cache.Load(ctx, r, func(context.Context) (cache.Answer, error) {
				led = true
				if err := read(); err != nil {
					return cache.Answer{}, err
				}
				a, err := answer()
				if err == nil && !job.reader.Sees(a.ResidenceIDs) {
					err = errOthersList
				}
				a.User = household.User{ID: job.reader.UserID}
				return a, err
			})
			switch {
			case err == nil && led:
				s.cache.CountRefill(cache.RefillDone)
			case err == nil:
				s.cache.CountRefill(cache.RefillJoined)
			default:
				s.cache.CountRefill(cache.RefillDropped)
				if !errors.Is(err, errOthersList) && ctx.Err() == nil {
					s.log.LogAttrs(ctx, slog.LevelWarn, "a list could not be filled after a write; its next read fills it", slog.Any("error", err))
				}
			}
		})
	}
	var flying sync.WaitGroup
	for _, fly := range flights {
		flying.Go(fly)
	}
	flying.Wait()
}

// droppedByPanic is deferred by a refill. A list that cannot be built must not end
// the process: a reader who asks for it gets the 500 of a request.
func (s *Server) droppedByPanic(ctx context.Context) {
	cause := recover()
	if cause == nil {
		return
	}
	s.cache.CountRefill(cache.RefillDropped)
	p := asPanicError(cause)
	s.log.LogAttrs(ctx, slog.LevelError, "a list could not be filled after a write; its next read fills it",
		slog.Any("error", p), slog.String("stack", string(p.stack)))
}
