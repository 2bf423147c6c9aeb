package bench

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/honeydue/honeydue/internal/household"
)

// What does not show in the first minutes of a server is measured in ways of
// its own.
const (
	fillAtOnce  = 8
	floodAtOnce = 16
	lruTick     = 2 * time.Second         // Redis tells which key is colder in whole seconds
	leaseLapses = 2500 * time.Millisecond // a lease that could not be renewed has ended by then
)

// Replay is people who come back again and again, each independently of the
// others, on a clock that runs faster than theirs.
type Replay struct {
	Account bool // they ask who they are, and not for the board
	Users   []User
	Gap     time.Duration // mean, between two requests of one user
	Settle  time.Duration // what comes before is not counted: everybody is new then
	Length  time.Duration // counted
	Seed    uint64
}

// Replay starts the server and replays r.
func (s AblationServer) Replay(ctx context.Context, r Replay, into *Samples) error {
	schedule, err := Poisson(float64(len(r.Users))/r.Gap.Seconds(), r.Settle+r.Length, r.Seed)
	if err != nil {
		return err
	}
	if err := s.Start(ctx, into); err != nil {
		return err
	}
	route := s.Mix.foremost()
	if r.Account {
		route = MixRoute{ID: "me", Path: accountPath}
	}
	s.Hitter.Attack(ctx, Attack{
		Schedule: schedule,
		Shots: func(seq uint64) Shot {
			return route.shot(r.Users[scatter(seq)%uint64(len(r.Users))])
		},
		Observe: func(sample Sample) {
			if schedule.At(sample.Seq) < r.Settle {
				return
			}
			into.answer(OpeningMS, "", sample, s.Hitter.timeout)
			into.asks(OpeningAsks, sample)
		},
	})
	return nil
}

// Crowd is the people of FullRedis.
type Crowd struct {
	Idle  []User // were seen once, and not since
	Busy  []User // were seen a moment before Redis was full
	Fresh []User // came after that
}

// FullRedis starts the server, fills the cache with what the idle and the busy
// users see, calls full, which leaves Redis no more memory than it has in use,
// lets the fresh ones come, and then asks as all of them for the board.
func (s AblationServer) FullRedis(ctx context.Context, c Crowd, full func(context.Context) error, into *Samples) error {
	if err := s.Start(ctx, into); err != nil {
		return err
	}
	for _, group := range [][]User{c.Idle, c.Busy} {
		s.asAll(ctx, fillAtOnce, group, s.Mix.Routes()...)
		wait(ctx, lruTick)
	}
	if err := full(ctx); err != nil || ended(ctx) {
		return err
	}
	board := s.Mix.foremost()
	s.asAll(ctx, fillAtOnce, c.Fresh, board)
	wait(ctx, leaseLapses)
	for _, group := range []struct {
		users      []User
		took, asks Measure
	}{{c.Fresh, FullNewMS, FullNewAsks}, {c.Busy, FullBusyMS, FullBusyAsks}, {c.Idle, FullIdleMS, FullIdleAsks}} {
		for _, u := range group.users {
			sample := s.ask(ctx, board, u)
			if ended(ctx) {
				return nil
			}
			into.answer(group.took, "", sample, s.Hitter.timeout)
			into.asks(group.asks, sample)
		}
	}
	return nil
}

// Flood asks once as each user who he is, some at a time; the pod then remembers
// as many of them as it may. failed is how many were not answered.
func (s AblationServer) Flood(ctx context.Context, users []User) (failed int) {
	return s.asAll(ctx, floodAtOnce, users, MixRoute{ID: "me", Path: accountPath})
}

// asAll asks for each route as each user, so many users at a time, until ctx ends.
func (s AblationServer) asAll(ctx context.Context, atOnce int, users []User, routes ...MixRoute) (failed int) {
	var all atomic.Int64
	_ = each(ctx, atOnce, len(users), func(ctx context.Context, i int) error { // an error is the end of ctx, which the callers see
		for _, r := range routes {
			if s.ask(ctx, r, users[i]).Failed() {
				all.Add(1)
			}
		}
		return nil
	}, nil)
	return int(all.Load())
}

// Writes starts the server, shows each user his board, waits for as long as
// forget, and then starts a task of his: the server has to know where it lies.
func (s AblationServer) Writes(ctx context.Context, users []User, forget time.Duration, took, turns Measure, into *Samples) error {
	if err := s.Start(ctx, into); err != nil {
		return err
	}
	board := s.Mix.foremost()
	tasks := make([]int64, len(users))
	for i, u := range users {
		var err error
		if tasks[i], err = s.taskOf(ctx, board, u); err != nil {
			if ended(ctx) {
				return nil
			}
			return err
		}
	}
	wait(ctx, forget)
	for i, u := range users {
		if tasks[i] == 0 {
			continue
		}
		sample := s.Hitter.Once(ctx, Shot{Route: "task_start", Method: http.MethodPost, Path: fmt.Sprintf("/api/tasks/%d/start/", tasks[i]), User: u})
		if ended(ctx) {
			return nil
		}
		into.answer(took, turns, sample, s.Hitter.timeout)
	}
	return nil
}

// taskOf is a task on the user's board that is not completed; 0 for none.
func (s AblationServer) taskOf(ctx context.Context, board MixRoute, u User) (int64, error) {
	var seen household.Board
	if err := s.Hitter.call(ctx, http.MethodGet, board.Path, u.Token, nil, &seen); err != nil {
		return 0, err
	}
	for _, c := range seen.Columns {
		if len(c.Tasks) > 0 && c.Name != household.ColumnCompleted {
			return c.Tasks[0].ID, nil
		}
	}
	return 0, nil
}
