package api

import (
	"context"
	"log/slog"
	"time"

	"github.com/honeydue/honeydue/internal/cache"
	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/store"
)

const (
	// restoreUsers is for how many users lists are filled after Redis was emptied, and
	// restoreSeen how long ago they may have been served.
	restoreUsers = 500
	restoreSeen  = 24 * time.Hour
	// restoreBatch is how many users' lists one turn reads: with 60 tasks a user, some
	// 8 KB each on the wire.
	restoreBatch = 25
	// restorePause is the least time between two batches, so that users who come
	// meanwhile find connections and CPU.
	restorePause = 50 * time.Millisecond
	// restoreBusy is how long a batch waits while the pool is in use by others, before
	// it and all after it are dropped.
	restoreBusy = 5 * time.Second
	// restorePeriod is the least time between two such fillings: a Redis that restarts
	// again and again must not become a load on the database.
	restorePeriod = time.Minute
)

// restores are the requests to fill what Redis has lost: one at a time, and one more.
type restores struct {
	asked chan struct{}
	busy  time.Duration // restoreBusy
	// period is restorePeriod. A request that comes sooner waits for its end.
	period time.Duration
	last   time.Time
}

func newRestores() restores {
	return restores{asked: make(chan struct{}, 1), busy: restoreBusy, period: restorePeriod}
}

func (r *restores) offer() {
	select {
	case r.asked <- struct{}{}:
	default: // one is waiting
	}
}

// restore fills what Redis has lost, whenever it was emptied, until ctx ends.
func (s *Server) restore(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.restores.asked:
		}
		pause(ctx, time.Until(s.restores.last.Add(s.restores.period)))
		if ctx.Err() != nil {
			return
		}
		if now := time.Now(); s.restoreRecent(ctx) > 0 {
			s.restores.last = now
		}
		s.cache.Restored(ctx)
	}
}

// restoreRecent fills the lists of those whom this pod has served lately, in the order
// in which they are likely to come back: the most recent first. It returns how many
// lists it has filled.
func (s *Server) restoreRecent(ctx context.Context) (filled int) {
	users := s.cache.Recent(restoreUsers, restoreSeen)
	began, of := time.Now(), len(users)
	for len(users) > 0 && ctx.Err() == nil && s.notBusy(ctx) {
		n := min(restoreBatch, len(users))
		done, err := s.restoreLists(ctx, users[:n])
		users, filled = users[n:], filled+done
		if err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "lists could not be filled after Redis was emptied; their next reads fill them",
				slog.Any("error", err), slog.Int("users_dropped", len(users)))
			break // the next batch would load a database that does not answer
		}
		pause(ctx, restorePause)
	}
	for _, u := range users {
		for range u.Lists {
			s.cache.CountRefill(cache.RestoredDropped)
		}
	}
	if filled > 0 || len(users) > 0 {
		s.log.LogAttrs(ctx, slog.LevelInfo, "Redis was emptied; the lists of the most recently served users were filled",
			slog.Int("lists", filled), slog.Int("users", of-len(users)), slog.Int("users_dropped", len(users)), slog.Duration("took", time.Since(began)))
	}
	return filled
}

// notBusy waits until at least half of the pool's connections are free; false if that
// takes too long.
func (s *Server) notBusy(ctx context.Context) bool {
	for deadline := time.Now().Add(s.restores.busy); ; {
		if pool := s.db.Stat(); 2*pool.InUse <= pool.Max {
			return true
		}
		if ctx.Err() != nil || !time.Now().Before(deadline) {
			return false
		}
		pause(ctx, restorePause)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// restored is one token's list that is to be filled, or the token alone.
type restored struct {
	reading *cache.Reading
	list    cache.List // empty for the token alone
	bearer  func() (household.User, []int64, bool)
	answer  func() (cache.Answer, error)
}

// restoreLists reads what Redis lacks of the users' lists in one turn, and fills it. A
// token that was logged out meanwhile fills nothing. Redis' versions are read before
// the database, so whatever is written meanwhile refuses the fill.
func (s *Server) restoreLists(ctx context.Context, users []*cache.Recent) (filled int, err error) {
	ctx, cancel := context.WithTimeout(ctx, refillTimeout)
	defer cancel()
	from, now := &store.Refresh{}, s.now()
	var jobs []restored
	for _, u := range users {
		jobs = append(jobs, s.lacking(ctx, from, u, now)...)
	}
	if err := s.db.ReadLists(ctx, from); err != nil {
		for _, job := range jobs {
			if job.list != "" {
				s.cache.CountRefill(cache.RestoredDropped)
			}
		}
		return 0, err
	}
	for _, job := range jobs {
		a, err := unbroken(job.answer)
		user, residences, ok := job.bearer()
		switch {
		case !ok:
			continue // logged out
		case err != nil:
			s.cache.CountRefill(cache.RestoredDropped)
			s.log.LogAttrs(ctx, slog.LevelWarn, "a list could not be filled after Redis was emptied", slog.Any("error", err))
			continue
		case job.list == "":
			a.ResidenceIDs = residences
		}
		a.User = user
		s.cache.Fill(ctx, job.reading, a)
		switch {
		case job.reading.Stored:
			filled++
			s.cache.CountRefill(cache.RestoredDone)
		case job.list != "":
			s.cache.CountRefill(cache.RestoredDropped)
		}
	}
	return filled, nil
}

// lacking adds to from what Redis does not serve of a user's lists, and which of the
// tokens it does not know.
func (s *Server) lacking(ctx context.Context, from *store.Refresh, u *cache.Recent, now time.Time) []restored {
	var jobs []restored
	for i, token := range u.Tokens {
		first := len(jobs)
		add := func(list cache.List) {
			r := s.cache.Read(ctx, cache.Question{Token: token, List: list, Background: true})
			if r.Revoked || r.Token == cache.Bypass || list != "" && r.ListVerdict != cache.Miss || list == "" && r.UserID != 0 {
				return
			}
			job := restored{reading: r, list: list, answer: func() (cache.Answer, error) { return cache.Answer{}, nil }}
			if list != "" {
				job.answer = s.reading(from, list, token, now)
			}
			jobs = append(jobs, job)
		}
		if i > 0 {
			add("") // the lists are the user's, whatever the token
		} else {
			for _, list := range u.Lists {
				add(list)
			}
		}
		if len(jobs) == first {
			continue
		}
		// Each statement has a snapshot of its own: a token that is there for a later one was there for its lists.
		bearer := from.Bearer(token)
		for n := range jobs[first:] {
			jobs[first+n].bearer = bearer
		}
	}
	return jobs
}
