package bench

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/honeydue/honeydue/internal/household"
	"github.com/honeydue/honeydue/internal/link"
)

// How much one round of an ablation asks. Four rounds give enough warm requests
// for an interval of the p99 (368 at least), and enough starts: see fewestTimes.
const (
	AblationRounds  = fewestTimes
	roundCold       = 8
	roundAccounts   = 4
	roundWarm       = 100
	roundWarmRate   = 80.0
	leaseLapses     = 2500 * time.Millisecond // after which what keeps a lease alive would have renewed it or not
	lruTick         = 2 * time.Second         // Redis tells which key is colder in whole seconds
	floodAtOnce     = 16
	accountPath     = "/api/auth/me/"
	settleUsersOnce = 8
)

// AblationRoundUsers is how many accounts a round needs: none is used twice.
const AblationRoundUsers = 1 + SweepBurst + roundCold + roundAccounts

// AblationServer is a server that can be started anew, with its way to the
// database.
type AblationServer struct {
	Hitter *Hitter
	Mix    Mix
	// Restart starts the server and returns when it is ready.
	Restart func(context.Context) error
	// Link counts what has gone over the way to the database so far.
	Link func() link.Counts
}

// start restarts the server, with no connection to the one before.
func (s AblationServer) start(ctx context.Context) error {
	s.Hitter.Close()
	return s.Restart(ctx)
}

// Round measures one start of the server: the way to /readyz, the first
// request, a burst of users whom no cache knows, such users one by one, and warm
// requests at a steady rate. When ctx ends it returns early, with what was
// measured; an error says that the server did not start.
func (s AblationServer) Round(ctx context.Context, users []User, into *Samples) error {
	if len(users) < AblationRoundUsers {
		return &PlanError{fmt.Sprintf("a round of an ablation needs %d users, and there are %d", AblationRoundUsers, len(users)), "Give more: --users."}
	}
	before, began := s.Link(), time.Now()
	if err := s.start(ctx); err != nil {
		return err
	}
	into.Add(ReadyMS, ms(time.Since(began)))
	ready := s.Link()
	into.Add(StartDials, float64(ready.Dials-before.Dials))
	into.Add(StartTurns, float64(ready.Turns-before.Turns+ready.Dials-before.Dials)) // a dial is a turn of TCP's

	board := s.Mix.foremost()
	first, users := s.ask(ctx, board, users[0]), users[1:]
	dials := s.Link().Dials - ready.Dials
	if ended(ctx) {
		return nil
	}
	into.answer(FirstMS, FirstTurns, first, s.Hitter.timeout)
	into.Add(FirstDials, float64(dials))

	burst, users := s.Hitter.eachAtOnce(ctx, board, users[:SweepBurst]), users[SweepBurst:]
	if ended(ctx) {
		return nil
	}
	slowest := burst[0]
	for _, sample := range burst {
		into.answer(BurstMS, "", sample, s.Hitter.timeout)
		if sample.Latency > slowest.Latency {
			slowest = sample
		}
	}
	into.answer(BurstMaxMS, "", slowest, s.Hitter.timeout)

	cold, users := users[:roundCold], users[roundCold:]
	s.oneByOne(ctx, board, cold, ColdMS, ColdTurns, into)
	s.oneByOne(ctx, MixRoute{ID: "me", Path: accountPath}, users[:roundAccounts], AccountMS, AccountTurns, into)
	return s.warm(ctx, board, cold, into)
}

func (s AblationServer) ask(ctx context.Context, r MixRoute, u User) Sample {
	return s.Hitter.Once(ctx, Shot{Route: r.ID, Path: r.Path, User: u})
}

func (s AblationServer) oneByOne(ctx context.Context, r MixRoute, users []User, took, turns Measure, into *Samples) {
	for _, u := range users {
		sample := s.ask(ctx, r, u)
		if ended(ctx) {
			return
		}
		into.answer(took, turns, sample, s.Hitter.timeout)
	}
}

// warm asks one route as users who have asked it a moment ago, on a schedule.
func (s AblationServer) warm(ctx context.Context, r MixRoute, users []User, into *Samples) error {
	schedule, err := Constant(roundWarmRate, time.Duration(roundWarm/roundWarmRate*float64(time.Second)))
	if err != nil {
		return err
	}
	s.Hitter.Attack(ctx, Attack{
		Schedule: schedule,
		Shots: func(seq uint64) Shot {
			return Shot{Route: r.ID, Path: r.Path, User: users[seq%uint64(len(users))]}
		},
		Observe: func(sample Sample) { into.answer(WarmMS, WarmTurns, sample, s.Hitter.timeout) },
	})
	return nil
}

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
	if err := s.start(ctx); err != nil {
		return err
	}
	route := s.Mix.foremost()
	if r.Account {
		route = MixRoute{ID: "me", Path: accountPath}
	}
	s.Hitter.Attack(ctx, Attack{
		Schedule: schedule,
		Shots: func(seq uint64) Shot {
			return Shot{Route: route.ID, Path: route.Path, User: r.Users[scatter(seq)%uint64(len(r.Users))]}
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
	if err := s.start(ctx); err != nil {
		return err
	}
	for _, group := range [][]User{c.Idle, c.Busy} {
		s.all(ctx, group, func(u User) {
			for _, r := range s.Mix.Routes() {
				s.ask(ctx, r, u)
			}
		})
		wait(ctx, lruTick)
	}
	if err := full(ctx); err != nil || ended(ctx) {
		return err
	}
	board := s.Mix.foremost()
	s.all(ctx, c.Fresh, func(u User) { s.ask(ctx, board, u) })
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
	var mu sync.Mutex
	s.each(ctx, floodAtOnce, users, func(u User) {
		if s.ask(ctx, MixRoute{ID: "me", Path: accountPath}, u).Failed() {
			mu.Lock()
			failed++
			mu.Unlock()
		}
	})
	return failed
}

// Start starts the server, for what is measured in another way.
func (s AblationServer) Start(ctx context.Context) error { return s.start(ctx) }

// Writes starts the server, shows each user his board, waits for as long as
// forget, and then starts a task of his: the server has to know where it lies.
func (s AblationServer) Writes(ctx context.Context, users []User, forget time.Duration, took, turns Measure, into *Samples) error {
	if err := s.start(ctx); err != nil {
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

func (s AblationServer) all(ctx context.Context, users []User, do func(User)) {
	s.each(ctx, settleUsersOnce, users, do)
}

// each does something for every user, so many at a time, until ctx ends.
func (s AblationServer) each(ctx context.Context, atOnce int, users []User, do func(User)) {
	queue := make(chan User)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for u := range queue {
				do(u)
			}
		})
	}
feed:
	for _, u := range users {
		select {
		case queue <- u:
		case <-ctx.Done():
			break feed
		}
	}
	close(queue)
	wg.Wait()
}

// wait is a pause that ends with ctx at the latest.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
