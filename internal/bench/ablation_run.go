package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
	"github.com/honeydue/honeydue/internal/link"
)

// How much one round of an ablation asks. Four rounds give enough warm requests
// for an interval of the p99 (368 at least), and enough starts: see fewestStarts.
const (
	AblationRounds = fewestStarts
	roundCold      = 8
	roundAccounts  = 4
	roundWarm      = 100
	roundWarmRate  = 80.0
	accountPath    = "/api/auth/me/"
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

// Start restarts the server, with no connection to the one before. What is added
// to into from now on was measured after this start.
func (s AblationServer) Start(ctx context.Context, into *Samples) error {
	into.start++
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
	if err := s.Start(ctx, into); err != nil {
		return err
	}
	into.Add(ReadyMS, stats.MS(time.Since(began)))
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
	return s.Hitter.Once(ctx, r.shot(u))
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
			return r.shot(users[seq%uint64(len(users))])
		},
		Observe: func(sample Sample) { into.answer(WarmMS, WarmTurns, sample, s.Hitter.timeout) },
	})
	return nil
}
