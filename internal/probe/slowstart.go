package probe

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// The sizes of results that are tried, in kB: one that fits into any window, one that the window of a new
// connection takes two flights for, and one that it takes four for (docs/decisions/0014).
const smallKB, mediumKB, largeKB = 1, 30, 100

// idleness is how long a connection rests before the second try: longer than the time after which TCP
// takes its window back, which is Linux's retransmission time-out, the round trip and 200 ms.
const idleness = 2 * time.Second

// leastFloor is the shortest round trip at which extra ones can be told from the noise of a busy machine.
const leastFloor = 10 * time.Millisecond

// transfers are results of several sizes through the app's endpoint.
type transfers struct {
	list   []Transfer
	failed string // why there are none
	rested string // why none was tried after idleness; empty if it was

	hotEnd time.Time
}

// sized is one try: it asks the client for so many kB and gives the time from the first byte of the
// answer to the last. What it takes until the first byte comes, a queue or a slow server included, is no
// part of it.
func sized(ctx context.Context, c *pairClient, kb int) (spread time.Duration, err error) {
	c.w.socket.restart()
	defer c.w.socket.stop()
	err = bound(ctx, queryTimeout, func(ctx context.Context) error {
		var text string
		return c.conn.QueryRow(ctx, "SELECT repeat('x', $1::int4)", pgx.QueryExecModeExec, kb<<10).Scan(&text)
	})
	turns := c.w.socket.all()
	if err != nil || len(turns) == 0 {
		return 0, err
	}
	last := turns[len(turns)-1]
	return last.replied.Sub(last.arrived), nil
}

// hot opens the windows and measures each size on a connection that has just carried as much: a carries
// the medium and the small one, b the large one.
func (t *transfers) hot(ctx context.Context, p *pair) {
	if !p.usable() {
		t.failed = "there are no two connections"
		return
	}
	var large, medium, small time.Duration
	var wg sync.WaitGroup
	errs := make([]error, 2)
	wg.Go(func() { medium, errs[0] = warmed(ctx, p.a, mediumKB) })
	wg.Go(func() { large, errs[1] = warmed(ctx, p.b, largeKB) })
	wg.Wait()
	if errs[0] == nil {
		small, errs[0] = sized(ctx, p.a, smallKB)
	}
	for _, err := range errs {
		if err != nil {
			t.failed = explain(ctx, "", err).Error()
			return
		}
	}
	t.hotEnd = time.Now()
	t.list = []Transfer{{KB: smallKB, HotMS: ms(small)}, {KB: mediumKB, HotMS: ms(medium)}, {KB: largeKB, HotMS: ms(large)}}
}

// warmed carries a size once to open the window and then twice; it gives the shorter spread of the two.
func warmed(ctx context.Context, c *pairClient, kb int) (least time.Duration, err error) {
	for i := range 3 {
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
func (t *transfers) idle(ctx context.Context, p *pair, floor time.Duration) {
	switch {
	case t.failed != "":
		return
	case floor < leastFloor:
		t.rested = fmt.Sprintf("a round trip takes %.1f ms, too little to tell one more from the noise", ms(floor))
		return
	}
	rest := time.Until(t.hotEnd.Add(idleness))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < rest+12*floor {
		t.rested = "there was no time left to let the connections rest"
		return
	}
	timer := time.NewTimer(max(rest, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		t.rested = "the probe was over"
		return
	case <-timer.C:
	}
	for i, c := range []*pairClient{p.a, p.a, p.b} {
		one := &t.list[i]
		spread, err := sized(ctx, c, one.KB)
		if err != nil {
			t.rested = explain(ctx, "", err).Error()
			return
		}
		idle := ms(spread)
		one.IdleMS = &idle
		one.ExtraTurns = max(0, int(math.Round((idle-one.HotMS)/ms(floor))))
	}
}
