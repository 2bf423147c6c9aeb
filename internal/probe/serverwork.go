package probe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// A fixed amount of work in equal pieces, timed by the server's own clock, tells a slow server from a far one: neither the
// network nor a queue in the pooler is in it. workRows makes one piece a quarter of a millisecond of a server's core, which is
// far less than an operating system gives a process at a time. The short run is made by every probe; long ones follow
// where something was late, long enough to meet the end of any share of a CPU that a container gets (100 ms is the
// period of cgroups). No piece is begun after mostWork.
const (
	workRows     = 5000
	shortPieces  = 80
	longPieces   = 400
	longRuns     = 2
	mostWork     = 800 * time.Millisecond
	usualPieceMS = 0.25
)

// workSQL gives, after each of $1 pieces, the ms since the statement began, and whether there was work in it. Each piece
// depends on its number, so that none is reused.
const workSQL = `SELECT (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::float8, work.rows > 0
FROM generate_series(0, $1::int4) AS piece, LATERAL (
	SELECT count(*) AS rows FROM generate_series(1, CASE WHEN clock_timestamp() - statement_timestamp() < $3::int4 * interval '1 ms' THEN $2::int4 ELSE 0 * piece END)
) AS work`

// serverWork is what the runs of that work took; failed says why there is none.
type serverWork struct {
	moments []workMoment
	// long is whether these are long runs.
	long   bool
	failed string
	// spentMS is the server's CPU time that went into all runs, the short one included.
	spentMS float64
}

// workMoment is the ms of each piece, by the server's clock and of the probe's own work at the same time.
type workMoment struct{ server, own []float64 }

// wantsWork reports whether the server may be given work.
func (o *observation) wantsWork() bool { return o.wantsDistance() && !o.config.NoAnalyze }

// measureAgain looks once more at the floors of servers that are near (far ones have been looked at for as long as
// the statements took), and at the clock of the one that is nearest to the work, unless that was done on a connection to Postgres
// itself while the statements ran: where they queue there is no time left now.
func (o *observation) measureAgain(ctx context.Context, s *session) {
	var wg sync.WaitGroup
	for _, server := range []*pgClient{s.pooler, s.direct} {
		if server.usable() && server.floor < leastLaneFloor {
			wg.Go(func() { server.measureAgain(ctx) })
		}
	}
	wg.Wait()
	switch server := s.nearest(); {
	case o.config.NoAnalyze:
		o.work.failed = "not run: --no-analyze"
	case !server.usable():
		o.work.failed = "no database answers"
	case !o.work.decided(server.pgServer):
		o.work.measure(ctx, server)
	}
}

// decided reports whether another measurement would show no more: long runs were made, or the short one and all round trips since
// were on time.
func (w *serverWork) decided(s *pgServer) bool {
	return len(w.moments) > 0 && (w.long || s.lateMS() < starvedWaitMS/2)
}

// nearest is Postgres itself, or what leads to it where that can't be asked.
func (o *observation) nearest() *pgServer {
	if o.direct.answered() {
		return o.direct
	}
	return o.pooler
}

// nearest is the connection to it.
func (s *session) nearest() *pgClient {
	if s.direct.answered() {
		return s.direct
	}
	return s.pooler
}

// measure makes the short run and, where it stood still or round trips were late, two long ones. The second is for a machine
// that was busy during the first.
func (w *serverWork) measure(ctx context.Context, s *pgClient) {
	times, err := w.run(ctx, s.conn, shortPieces)
	moments := []workMoment{{server: times}}
	for late := s.lateMS() >= starvedWaitMS/2 || starved(times) || slow(times); err == nil && late && enough(ctx, mostWork+endLeast/5); {
		done, own := make(chan struct{}), make(chan []float64)
		go func() { own <- timeOwnWork(done) }()
		times, err = w.run(ctx, s.conn, longPieces)
		close(done)
		if !w.long {
			moments, w.long = nil, true
		}
		moments = append(moments, workMoment{times, <-own})
		late = (starved(times) || slow(times)) && len(moments) < longRuns
	}
	if err != nil {
		w.failed = explain(ctx, "", err).Error()
	}
	w.moments = slices.DeleteFunc(moments, func(m workMoment) bool { return len(m.server) == 0 })
}

func (w *serverWork) run(ctx context.Context, conn *pgx.Conn, pieces int) (times []float64, err error) {
	times, err = timeWork(ctx, conn, pieces)
	w.spentMS += pausesOf(times).pieceMS * float64(len(times))
	return times, err
}

// lateMS is how much later than the floor what comes at any moment is answered, on average: those who come at random see the
// mean, and of statements that follow one another only the first meets a pause, whose length counts by the time it takes.
func (s *pgServer) lateMS() float64 {
	if s.floor <= 0 || len(s.samples) == 0 {
		return 0
	}
	late, areas, all := 0.0, 0.0, 0.0
	for _, took := range s.samples {
		by := ms(took - s.floor)
		late, areas, all = late+by, areas+by*by/2, all+max(ms(took), ms(samplePause))
	}
	return max(late/float64(len(s.samples)), areas/all)
}

func timeWork(ctx context.Context, conn *pgx.Conn, pieces int) (times []float64, err error) {
	err = bound(ctx, queryTimeout, func(ctx context.Context) error {
		rows, err := conn.Query(ctx, marked(workSQL), pgx.QueryExecModeExec, pieces, workRows, mostWork.Milliseconds())
		if err != nil {
			return err
		}
		last, at, worked := 0.0, 0.0, false
		_, err = pgx.ForEachRow(rows, []any{&at, &worked}, func() error {
			if last > 0 && worked {
				times = append(times, at-last)
			}
			last = at
			return nil
		})
		return err
	})
	return times, err
}

// timeOwnWork works in equal pieces until done is closed, and returns the ms that each took.
func timeOwnWork(done <-chan struct{}) (times []float64) {
	const rounds = 100_000 // about as long as a piece of the server's
	var sum uint64
	last := time.Now()
	for {
		select {
		case <-done:
			return times
		default:
		}
		for i := range uint64(rounds) {
			sum = sum*31 + i
		}
		now := time.Now()
		if sum != 0 { // which it is: the work must not be optimized away
			times = append(times, ms(now.Sub(last)))
		}
		last = now
	}
}

// pauses are what interrupts work in equal pieces.
type pauses struct {
	pieceMS float64 // one piece without any
	count   int
	// share is the part of the time that was work, longestMS the longest pause.
	share, longestMS float64
	// waitMS is how long what comes at any moment waits for the end of a pause, on average.
	waitMS float64
}

// pauseLeastMS is more than what a piece varies by itself.
const pauseLeastMS = 2

func pausesOf(times []float64) (p pauses) {
	if len(times) == 0 {
		return pauses{share: 1}
	}
	p.pieceMS = median(times)
	all, areas := 0.0, 0.0
	for _, took := range times {
		all += took
		if pause := took - p.pieceMS; pause >= max(pauseLeastMS, 2*p.pieceMS) {
			p.count++
			p.longestMS = max(p.longestMS, pause)
			areas += pause * pause / 2
		}
	}
	p.share, p.waitMS = min(1, p.pieceMS*float64(len(times))/all), areas/all
	return p
}

// A server is starved if it works for half of the time at most, and what comes at any moment waits for it as long as the jitter
// that is a finding, by its own clock and by that of the probe. One that takes slowFactor times as long as usual for a piece is
// slow.
const (
	starvedShare  = 0.5
	starvedWaitMS = jitterLeastMS
	fewestPauses  = 2
	slowFactor    = 10
)

// longestMS is the longest pause of all.
func (w *serverWork) longestMS() (longest float64) {
	for _, m := range w.moments {
		longest = max(longest, pausesOf(m.server).longestMS)
	}
	return longest
}

func slow(times []float64) bool { return pausesOf(times).pieceMS >= slowFactor*usualPieceMS }

func starved(times []float64) bool {
	p := pausesOf(times)
	return p.share <= starvedShare && p.waitMS >= starvedWaitMS
}

// cpuStarved wants the same at every moment: a machine may be busy at one.
func cpuStarved(o *observation) outcome {
	if len(o.work.moments) == 0 {
		return notKnown("A fixed amount of work could not be timed with the server's clock: %s.", orElse(o.work.failed, "there was no time"))
	}
	var all, own []float64
	starving := true
	for _, m := range o.work.moments {
		all, own = append(all, m.server...), append(own, m.own...)
		starving = starving && starved(m.server)
	}
	server, probe := pausesOf(all), pausesOf(own)
	work := server.pieceMS * float64(len(all))
	says := fmt.Sprintf("By the server's own clock, %.0f ms of CPU work took %.0f ms", work, work/server.share)
	late := o.nearest().lateMS()
	stoodStill := starving && server.count >= fewestPauses && late >= starvedWaitMS
	if !stoodStill && !slow(all) {
		return passed("%s.", says)
	}
	if len(own) > 0 && (stoodStill && probe.waitMS >= server.waitMS/2 || slow(all) && probe.pieceMS >= server.pieceMS/2) {
		return notKnown("%s, but the probe's own machine was short of CPU too: it waited %.0f ms on average, the server %.0f ms; a unit of work took it %.1f ms, the server %.1f ms.",
			says, probe.waitMS, server.waitMS, probe.pieceMS, server.pieceMS)
	}
	var hits []hit
	if slow(all) {
		var executing []float64
		for _, h := range o.hot {
			executing = append(executing, h.PlanningMS+h.ExecutionMS)
		}
		hits = append(hits, hit{
			evidence: fmt.Sprintf("By the server's own clock, work that takes %.2f ms on a typical core takes %.1f ms.", usualPieceMS, server.pieceMS),
			costMS:   (1 - usualPieceMS/server.pieceMS) * median(executing),
		})
	}
	if !stoodStill {
		return found(hits...)
	}
	return found(append(hits, hit{
		evidence: fmt.Sprintf("%s: it was paused %s, for up to %.0f ms. A statement that arrives at a random moment waits %.0f ms on average.", says, plural(server.count, "time", "times"), server.longestMS, server.waitMS),
		costMS:   server.waitMS,
	})...)
}
