package collect

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// A connection rests before the second try for idleTimeouts of TCP's retransmission time-outs, which on Linux are the
// round trip and rtoLeast, and mostIdleness at most: each of them halves the window, and what a large result has opened
// is back at its beginning after three.
const (
	idleTimeouts = 4
	rtoLeast     = 200 * time.Millisecond
	mostIdleness = 2 * time.Second
)

func idleness(floor time.Duration) time.Duration {
	return min(mostIdleness, idleTimeouts*(floor+rtoLeast))
}

// sized is one try: it asks the client for so many kB and gives the time from the first byte of the
// answer to the last. What it takes until the first byte comes, a queue or a slow server included, is no
// part of it.
func sized(ctx context.Context, c *pairClient, kb int) (spread time.Duration, err error) {
	c.w.Socket.Restart()
	defer c.w.Socket.Stop()
	err = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
		var text string
		return c.conn.QueryRow(ctx, "SELECT repeat('x', $1::int4)", pgx.QueryExecModeExec, kb<<10).Scan(&text)
	})
	turns := c.w.Socket.All()
	if err != nil || len(turns) == 0 {
		return 0, err
	}
	last := turns[len(turns)-1]
	return last.Replied.Sub(last.Arrived), nil
}

// begin makes the first half, if there is time for it and for the rest of the probe.
func begin(ctx context.Context, t *facts.Transfers, p *pair, r *reaching) {
	turn := time.Duration(0)
	if p.failed == nil {
		turn = dial.Quickest(facts.Endpoint{Phases: p.a.w.Phases()})
	}
	switch {
	case p.failed != nil:
	case turn == 0 || !dial.Enough(ctx, 20*turn):
		t.Failed = "round trips are too slow for the remaining time"
	default:
		t.Failed = ""
		defer r.large()()
		hot(ctx, t, p)
	}
}

// hot opens the windows and measures each size on a connection that has just carried as much: a carries
// the medium and the small one, b the large one.
func hot(ctx context.Context, t *facts.Transfers, p *pair) {
	if !p.usable() {
		t.Failed = "two connections could not be opened"
		return
	}
	var large, medium, small time.Duration
	var wg sync.WaitGroup
	errs := make([]error, 2)
	wg.Go(func() { medium, errs[0] = warmed(ctx, p.a, facts.MediumKB) })
	wg.Go(func() { large, errs[1] = warmed(ctx, p.b, facts.LargeKB) })
	wg.Wait()
	if errs[0] == nil {
		small, errs[0] = sized(ctx, p.a, facts.SmallKB)
	}
	for _, err := range errs {
		if err != nil {
			t.Failed = dial.Explain(ctx, "", err).Error()
			return
		}
	}
	t.List = []facts.Transfer{{KB: facts.SmallKB, HotMS: facts.MS(small)}, {KB: facts.MediumKB, HotMS: facts.MS(medium)}, {KB: facts.LargeKB, HotMS: facts.MS(large)}}
}

// A result is carried leastCarried times, and up to mostCarried times within carriedWithin where the band looks narrow: a busy
// machine looks like that for a moment.
const (
	leastCarried, mostCarried = 3, 6
	carriedWithin             = 1500 * time.Millisecond
)

// warmed carries a size once to open the window and then several times; it gives the shortest spread of these.
func warmed(ctx context.Context, c *pairClient, kb int) (least time.Duration, err error) {
	began := time.Now()
	for i := range mostCarried {
		if i >= leastCarried && (!(facts.Transfer{KB: kb, HotMS: facts.MS(least)}).Narrow() || time.Since(began) > carriedWithin) {
			break
		}
		spread, err := sized(ctx, c, kb)
		if err != nil {
			return 0, err
		}
		if i == 1 || i > 1 && spread < least {
			least = spread
		}
	}
	return least, nil
}

// idle waits until the connections have rested and measures once more. It gives up where the probe would
// not end in time.
func idle(ctx context.Context, t *facts.Transfers, p *pair, floor time.Duration) {
	switch {
	case t.Failed != "":
		return
	case floor < facts.LeastFloor:
		t.Rested = fmt.Sprintf("a round trip takes %.1f ms, too short to distinguish an extra one from noise", facts.MS(floor))
		return
	}
	t.Idled = idleness(floor)
	rest := time.Until(t.RestsSince.Add(t.Idled))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < rest+12*floor {
		t.Rested = "there was no time left for an idle period"
		return
	}
	timer := time.NewTimer(max(rest, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		t.Rested = "the probe ended"
		return
	case <-timer.C:
	}
	// As in hot, a carries the small one and the medium one, b the large one.
	var both sync.WaitGroup
	errs := make([]error, 2)
	both.Go(func() {
		if errs[0] = again(ctx, &t.List[0], p.a, floor); errs[0] == nil {
			errs[0] = again(ctx, &t.List[1], p.a, floor)
		}
	})
	both.Go(func() { errs[1] = again(ctx, &t.List[2], p.b, floor) })
	both.Wait()
	for _, err := range errs {
		if err != nil {
			t.Rested = dial.Explain(ctx, "", err).Error()
		}
	}
}

// again transfers as much once more and adds what it took.
func again(ctx context.Context, t *facts.Transfer, c *pairClient, floor time.Duration) error {
	spread, err := sized(ctx, c, t.KB)
	if err != nil {
		return err
	}
	idle := facts.MS(spread)
	t.IdleMS = &idle
	t.ExtraTurns = max(0, int(math.Round((idle-t.HotMS)/facts.MS(floor))))
	return nil
}
