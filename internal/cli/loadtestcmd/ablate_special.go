package loadtestcmd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/honeydue/honeydue/internal/api"
	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/link"
)

// How much the decisions that are measured in ways of their own ask in one round.
const (
	fullIdle, fullBusy, fullFresh = 60, 30, 30
	replayUsers                   = 40
	writeUsers                    = 3
	// uncapped is a USER_CACHE_SIZE that no flood reaches. The cache reserves nothing for it.
	uncapped = "1000000"
	// idsForgotten is when a cache of residence ids of 1 s has certainly expired.
	idsForgotten = 1300 * time.Millisecond
	// ownDefect is what to do where a server of this very build does not say what it should.
	ownDefect = "This is a defect of honeydue: report it with what 'honeydue version' says."
)

// fullRedis is S4. Redis is started anew before and after each side, which empties it and gives it its limits back.
func (x *ablating) fullRedis(ctx context.Context, d ablation) error {
	old, tuned, err := x.pair(ctx, d, false, func(ctx context.Context, s *ablatedServer, back bool, _ int, into *bench.Samples) error {
		if err := x.emptyRedis(ctx); err != nil {
			return err
		}
		policy, crowd := d.tuned, bench.Crowd{Idle: x.take(fullIdle), Busy: x.take(fullBusy), Fresh: x.take(fullFresh)}
		if back {
			policy = d.old
		}
		s.with(nil)
		err := x.at(s).FullRedis(ctx, crowd, func(ctx context.Context) error {
			_, err := x.lab.FillRedis(ctx, policy)
			return err
		}, into)
		if err != nil || ctx.Err() != nil {
			return err
		}
		refused, _, err := x.lab.RedisRefusals(ctx)
		into.Add(bench.FullRefused, float64(refused))
		return err
	})
	x.row(d, bench.Ablate(old, tuned, bench.FullRefused, bench.FullNewMS, bench.FullNewAsks, bench.FullBusyMS, bench.FullBusyAsks, bench.FullIdleMS, bench.FullIdleAsks))
	if err != nil || ctx.Err() != nil {
		return err
	}
	return x.emptyRedis(ctx)
}

func (x *ablating) emptyRedis(ctx context.Context) error {
	if err := x.lab.StopRedis(ctx); err != nil {
		return err
	}
	return x.lab.StartRedis(ctx)
}

// tokenReplay is S5 on a clock 300 times faster. It counts more than a whole life of a token: everybody was new at once,
// so that a shorter part would meet the tokens as they all end. A token lives as long as the lists, so these get the
// same life.
func (x *ablating) tokenReplay(ctx context.Context, d ablation) error {
	return x.replay(ctx, d, []string{"TOKEN_CACHE_TTL", "BOARD_CACHE_TTL"}, "1s", "12s", bench.Replay{
		Gap: 4 * time.Second, Settle: 12 * time.Second, Length: 18 * time.Second,
	})
}

// userReplay is S6 on a clock 30 times faster.
func (x *ablating) userReplay(ctx context.Context, d ablation) error {
	return x.replay(ctx, d, []string{"USER_CACHE_TTL"}, "1s", "10s", bench.Replay{
		Account: true, Gap: 2 * time.Second, Settle: 10 * time.Second, Length: 15 * time.Second,
	})
}

func (x *ablating) replay(ctx context.Context, d ablation, variables []string, old, tuned string, r bench.Replay) error {
	users := x.take(x.starts * replayUsers)
	withOld, withTuned, err := x.pair(ctx, d, true, func(ctx context.Context, s *ablatedServer, back bool, round int, into *bench.Samples) error {
		value, set := tuned, map[string]string{}
		if back {
			value = old
		}
		for _, v := range variables {
			set[v] = value
		}
		s.with(set)
		r := r                                                                            // the other side has the same users and the same moments
		r.Users, r.Seed = users[round*replayUsers:(round+1)*replayUsers], uint64(round)+1 //nolint:gosec // a round is not negative
		return x.at(s).Replay(ctx, r, into)
	})
	x.row(d, bench.Ablate(withOld, withTuned, bench.OpeningAsks, bench.OpeningMS))
	return err
}

// floodUsers is S7.
func (x *ablating) floodUsers(ctx context.Context, d ablation) error {
	users := x.take(x.flood)
	near := func(m link.Model) error { return x.lab.Pooler().SetModel(m) }
	far := x.lab.Pooler().Model()
	if err := near(link.Model{}); err != nil {
		return err
	}
	old, tuned, err := x.pair(ctx, d, false, func(ctx context.Context, s *ablatedServer, back bool, _ int, into *bench.Samples) error {
		s.with(nil)
		if back {
			s.with(map[string]string{"USER_CACHE_SIZE": uncapped})
		}
		return x.floodOne(ctx, s, users, into)
	})
	x.row(d, bench.Ablate(old, tuned, bench.FloodEntries, bench.FloodHeapMB))
	if back := near(far); err == nil {
		err = back
	}
	return err
}

func (x *ablating) floodOne(ctx context.Context, s *ablatedServer, users []bench.User, into *bench.Samples) error {
	var err error
	if s.admin, err = freeAddr(); err != nil {
		return err
	}
	measured := x.at(s)
	if err := measured.Start(ctx, into); err != nil {
		return err
	}
	// A few first: what every server keeps once it has served is not the flood's.
	failed := measured.Flood(ctx, users[:min(len(users), 100)])
	before, err := s.heapInUse(ctx)
	if err != nil {
		return err
	}
	failed += measured.Flood(ctx, users)
	if failed > 0 && ctx.Err() == nil {
		return exit.Failedf("Give a smaller --flood, or try again when the machine is less busy.",
			"%d of the %d users of the flood were not answered", failed, len(users))
	}
	after, err := s.heapInUse(ctx)
	if err != nil {
		return err
	}
	entries, err := s.cachedUsers(ctx)
	if err != nil {
		return err
	}
	into.Add(bench.FloodEntries, entries)
	into.Add(bench.FloodHeapMB, max(0, after-before)/(1<<20))
	return nil
}

// heapInUse is the bytes of live objects, as pprof's heap profile tells them.
func (s *labServer) heapInUse(ctx context.Context) (float64, error) {
	text, err := s.adminPage(ctx, "/debug/pprof/heap?debug=1&gc=1")
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)$`).FindSubmatch(text)
	if m == nil {
		return 0, exit.Failedf(ownDefect, "the server's heap profile does not contain HeapAlloc")
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// cachedUsers is how many users the server holds in memory.
func (s *labServer) cachedUsers(ctx context.Context) (float64, error) {
	text, err := s.adminPage(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	m, err := api.ParseMetrics(bytes.NewReader(text))
	if err == nil && math.IsNaN(m.CacheUsers) {
		err = exit.Failedf(ownDefect, "the server's metrics do not show how many users it holds")
	}
	return m.CacheUsers, err
}

// adminPage reads a page of the server's admin address.
func (s *labServer) adminPage(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, serverGrace)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the server's admin address: %w", err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		return nil, fmt.Errorf("read from the server's admin address: %w", err)
	}
	return text, nil
}

// residenceIDs is S11, with the lists' copies and without them.
func (x *ablating) residenceIDs(ctx context.Context, d ablation) error {
	old, tuned, err := x.pair(ctx, d, false, func(ctx context.Context, s *ablatedServer, back bool, _ int, into *bench.Samples) error {
		set, own := map[string]string{}, x.take(2*writeUsers)
		if back {
			set["RESIDENCE_IDS_CACHE_TTL"] = "1s"
		}
		s.with(set)
		if err := x.at(s).Writes(ctx, own[:writeUsers], idsForgotten, bench.WriteMS, bench.WriteTurns, into); err != nil {
			return err
		}
		set["BOARD_CACHE_TTL"] = "0"
		s.with(set)
		return x.at(s).Writes(ctx, own[writeUsers:], idsForgotten, bench.BareMS, bench.BareTurns, into)
	})
	x.row(d, bench.Ablate(old, tuned, bench.WriteTurns, bench.WriteMS, bench.BareTurns, bench.BareMS))
	return err
}
