package loadtestcmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/honeydue/honeydue/internal/bench"
	"github.com/honeydue/honeydue/internal/cli/exit"
	"github.com/honeydue/honeydue/internal/cli/term"
	"github.com/honeydue/honeydue/internal/config"
	"github.com/honeydue/honeydue/internal/lab"
	"github.com/honeydue/honeydue/internal/link"
)

// ablating is an ablation under way.
type ablating struct {
	app      command
	options  *loadtestOptions
	flood    int
	starts   int // of each server
	lab      *lab.Lab
	env      lab.Env
	mix      bench.Mix
	users    []bench.User // not used yet
	progress *term.Progress
	out      bench.Ablation
}

// take gives n users that nobody was given before.
func (x *ablating) take(n int) []bench.User {
	own := x.users[:n]
	x.users = x.users[n:]
	return own
}

// ablatedServer is a server whose settings are the tuned ones, whatever this process's environment says.
type ablatedServer struct {
	*labServer
	tuned map[string]string
}

func (x *ablating) newServer() (*ablatedServer, error) {
	s, err := x.app.newLabServer(x.options, x.env)
	if err != nil {
		return nil, err
	}
	for _, v := range config.Settings(nil) {
		if _, given := s.env[v.Env]; !given && (v.Group == "cache" || v.Group == "experiment" || strings.HasPrefix(v.Env, "DB_")) {
			s.env[v.Env] = ""
		}
	}
	return &ablatedServer{labServer: s, tuned: s.env}, nil
}

// with sets the variables of the next start.
func (s *ablatedServer) with(set map[string]string) {
	s.env = maps.Clone(s.tuned)
	maps.Copy(s.env, set)
}

// at is the server as the measurement sees it.
func (x *ablating) at(s *ablatedServer) bench.AblationServer {
	return bench.AblationServer{Hitter: s.hitter, Mix: x.mix, Restart: s.restart, Link: x.counts}
}

// counts is what has gone over both ways to the database: whichever of them the server takes.
func (x *ablating) counts() link.Counts {
	p, d := x.lab.Pooler().Counts(), x.lab.Direct().Counts()
	return link.Counts{Dials: p.Dials + d.Dials, Turns: p.Turns + d.Turns}
}

// run measures the chosen decisions. An error is of the lab or of this machine; a server that does not start is a
// failure in the report.
func (x *ablating) run(ctx context.Context, o *ablateOptions) error {
	rounds, err := x.rounds(ctx, o)
	if err != nil {
		return err
	}
	for _, d := range o.chosen {
		switch {
		case d.special == nil:
			x.row(d, bench.Ablate(rounds[d.name], rounds[tunedServer], d.measures...))
		case ctx.Err() != nil:
			x.row(d, []bench.AblatedFigure{})
			x.out.NotMeasured = append(x.out.NotMeasured, d.name)
		default:
			if err := d.special(x, ctx, d); err != nil {
				return err
			}
			if ctx.Err() != nil {
				x.out.NotMeasured = append(x.out.NotMeasured, d.name)
			}
		}
	}
	if o.has(everything) {
		x.paths(rounds[everything], rounds[tunedServer])
	}
	return nil
}

// row adds a decision to the report.
func (x *ablating) row(d ablation, figures []bench.AblatedFigure) {
	x.out.Rows = append(x.out.Rows, bench.Ablated{Decision: d.name, Title: d.title, Old: d.old, Tuned: d.tuned, Method: d.method, Figures: figures})
}

// tunedServer is the variant that everything else is compared with.
const tunedServer = "tuned"

// rounds starts the tuned server and those of the chosen decisions in turns, as often as there are rounds.
func (x *ablating) rounds(ctx context.Context, o *ablateOptions) (_ map[string]*bench.Samples, err error) {
	variants := []ablation{{name: tunedServer, set: fixed()}}
	for _, d := range o.chosen {
		if d.special == nil {
			variants = append(variants, d)
		}
	}
	samples := map[string]*bench.Samples{}
	for _, v := range variants {
		samples[v.name] = bench.NewSamples()
	}
	if len(variants) == 1 {
		return samples, nil
	}
	s, err := x.newServer()
	if err != nil {
		return nil, err
	}
	defer func() { err = exit.Also(err, s.close()) }()
	failed := map[string]bool{}
	for round := range o.rounds {
		for _, v := range variants {
			if ctx.Err() != nil || failed[v.name] {
				continue
			}
			x.progress.Describe(fmt.Sprintf("ablate: round %d of %d, %s", round+1, o.rounds, v.name))
			s.with(v.set(x.env))
			if err := x.at(s).Round(ctx, x.take(bench.AblationRoundUsers), samples[v.name]); err != nil && ctx.Err() == nil {
				failed[v.name] = true
				x.failed(v.name, err)
			}
			x.progress.Add(1)
		}
	}
	if ctx.Err() != nil {
		for _, v := range variants {
			x.out.NotMeasured = append(x.out.NotMeasured, v.name)
		}
	}
	return samples, nil
}

func (x *ablating) failed(variant string, err error) {
	x.out.Failures = append(x.out.Failures, bench.AblationFailure{Variant: variant, Error: x.app.Redact(err.Error())})
}

// paths compares three request paths: before the tuning, with everything turned back, and tuned.
func (x *ablating) paths(old, tuned *bench.Samples) {
	if old.Empty() || tuned.Empty() {
		return
	}
	for _, p := range []struct {
		path       string
		before     float64
		aim        string
		took, each bench.Measure
	}{
		{"first request after a deploy", 2500, "700-900", bench.FirstMS, bench.FirstTurns},
		{"cache-cold authed read", 2500, "500-700", bench.ColdMS, bench.ColdTurns},
		{"cache-warm authed read", 800, "100-200", bench.WarmMS, bench.WarmTurns},
	} {
		x.out.Paths = append(x.out.Paths, bench.AblatedPath{
			Path: p.path, BeforeMS: p.before, Aim: p.aim,
			OldApp: old.Spread(p.took), Tuned: tuned.Spread(p.took), OldAppTurns: old.Spread(p.each), TunedTurns: tuned.Spread(p.each),
		})
	}
}

// measuring is one start of a special measurement, with the decision turned back or without.
type measuring func(ctx context.Context, s *ablatedServer, back bool, round int, into *bench.Samples) error

// pair measures a decision round by round on two servers, one with the decision turned back and one without, one after
// the other or at once. Each has a Redis database of its own. A side that fails ends it.
func (x *ablating) pair(ctx context.Context, d ablation, atOnce bool, measure measuring) (old, tuned *bench.Samples, err error) {
	sides := [2]*bench.Samples{bench.NewSamples(), bench.NewSamples()}
	for round := range x.starts {
		if ctx.Err() != nil {
			break
		}
		x.progress.Describe(fmt.Sprintf("ablate: round %d of %d, %s", round+1, x.starts, d.name))
		failures, broken := x.pairOnce(ctx, atOnce, round, sides, measure)
		x.progress.Add(1)
		failed := false
		for i, failure := range failures {
			if failure != nil && ctx.Err() == nil {
				x.failed(d.name+[]string{"", " (tuned)"}[i], failure)
				failed = true
			}
		}
		if broken != nil || failed {
			return sides[0], sides[1], broken
		}
	}
	return sides[0], sides[1], nil //nolint:nilerr // interrupted: what was measured before is reported
}

// pairOnce is a round of pair. Its failures are those of the measurement on each side, its error is of this machine.
func (x *ablating) pairOnce(ctx context.Context, atOnce bool, round int, sides [2]*bench.Samples, measure measuring) (failures [2]error, err error) {
	one := func(i int) (err error) {
		s, err := x.newServer()
		if err != nil {
			return err
		}
		defer func() { err = exit.Also(err, s.close()) }()
		s.tuned["REDIS_URL"] = redisDatabase(x.env.RedisURL, i+1)
		failures[i] = measure(ctx, s, i == 0, round, sides[i])
		return nil
	}
	var broken [2]error
	done := make(chan struct{}, len(sides))
	for i := range sides {
		go func() {
			broken[i] = one(i)
			done <- struct{}{}
		}()
		if !atOnce {
			<-done
		}
	}
	if atOnce {
		<-done
		<-done
	}
	return failures, errors.Join(broken[:]...)
}

// redisDatabase is the URL of another database of the same Redis.
func redisDatabase(url string, number int) string {
	i := strings.LastIndexByte(url, '/')
	return fmt.Sprintf("%s/%d", url[:i], number)
}
