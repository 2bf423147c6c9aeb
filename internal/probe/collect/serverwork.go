package collect

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// workSQL gives, after each of $1 pieces, the ms since the statement began, and whether there was work in it. Each piece
// depends on its number, so that none is reused.
const workSQL = `SELECT (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000)::float8, work.rows > 0
FROM generate_series(0, $1::int4) AS piece, LATERAL (
	SELECT count(*) AS rows FROM generate_series(1, CASE WHEN clock_timestamp() - statement_timestamp() < $3::int4 * interval '1 ms' THEN $2::int4 ELSE 0 * piece END)
) AS work`

// wantsWork reports whether the server may be given work.
func wantsWork(o *facts.Observation) bool { return check.WantsDistance(o) && !o.Config.NoAnalyze }

// measureAgain looks once more at the floors of servers that are near (far ones have been looked at for as long as
// the statements took), and at the clock of the one that is nearest to the work, unless that was done on a connection to Postgres
// itself while the statements ran: where they queue there is no time left now.
func measureAgain(ctx context.Context, o *facts.Observation, s *session) {
	var wg sync.WaitGroup
	for _, server := range []*pgClient{s.pooler, s.direct} {
		if server.usable() && server.Floor < leastLaneFloor {
			wg.Go(func() { server.measureAgain(ctx) })
		}
	}
	wg.Wait()
	switch server := s.nearest(); {
	case o.Config.NoAnalyze:
		o.Work.Failed = "not run: --no-analyze"
	case !server.usable():
		o.Work.Failed = "no database answers"
	case !decided(&o.Work, server.PGServer):
		measure(ctx, &o.Work, server)
	}
}

// decided reports whether another measurement would show no more: long runs were made, or the short one and all round trips since
// were on time.
func decided(w *facts.ServerWork, s *facts.PGServer) bool {
	return len(w.Moments) > 0 && (w.Long || s.LateMS() < check.StarvedWaitMS/2)
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
func measure(ctx context.Context, w *facts.ServerWork, s *pgClient) {
	times, err := run(ctx, w, s.conn, facts.ShortPieces)
	moments := []facts.WorkMoment{{Server: times}}
	for late := s.LateMS() >= check.StarvedWaitMS/2 || check.Starved(times) || check.Slow(times); err == nil && late && dial.Enough(ctx, facts.MostWork+endLeast/5); {
		done, own := make(chan struct{}), make(chan []float64)
		go func() { own <- timeOwnWork(done) }()
		times, err = run(ctx, w, s.conn, facts.LongPieces)
		close(done)
		if !w.Long {
			moments, w.Long = nil, true
		}
		moments = append(moments, facts.WorkMoment{Server: times, Own: <-own})
		late = (check.Starved(times) || check.Slow(times)) && len(moments) < facts.LongRuns
	}
	if err != nil {
		w.Failed = dial.Explain(ctx, "", err).Error()
	}
	w.Moments = slices.DeleteFunc(moments, func(m facts.WorkMoment) bool { return len(m.Server) == 0 })
}

func run(ctx context.Context, w *facts.ServerWork, conn *pgx.Conn, pieces int) (times []float64, err error) {
	times, err = timeWork(ctx, conn, pieces)
	w.SpentMS += facts.PausesOf(times).PieceMS * float64(len(times))
	return times, err
}

func timeWork(ctx context.Context, conn *pgx.Conn, pieces int) (times []float64, err error) {
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		rows, err := conn.Query(ctx, marked(workSQL), pgx.QueryExecModeExec, pieces, facts.WorkRows, facts.MostWork.Milliseconds())
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
			times = append(times, facts.MS(now.Sub(last)))
		}
		last = now
	}
}
