package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// spareWorkers is how many workers may wait for requests to be due; one more that
// comes free ends, so that a burst leaves no more behind. What the load needs at
// once is not bounded by it. It is more than a steady load's need goes up and down
// by: with a thousand under way, about three times their square root.
const spareWorkers = 128

// enoughObserving is how many workers may wait for their answer to be entered before
// no more are started: those come free without the server, and what keeps them is
// this process, which more workers would only slow further and fill.
const enoughObserving = 64

// crew sends the requests of an attack. Each worker takes the next number of the
// schedule, waits until that request is due, and sends it, so that no request is
// handed from one goroutine to another. The last who waits starts one more before
// it sends: there is always somebody for the next request, however many of those
// before it have no answer yet. A bound on the workers would make requests wait for
// a server that stalls, where nobody measures them.
type crew struct {
	sender   sender
	verdicts *verdicts
	attack   Attack
	number   uint32
	began    time.Time
	stop     <-chan struct{}
	ctx      context.Context //nolint:containedctx // of the requests under way, which outlive the attack's
	next     atomic.Uint64   // the first request that nobody has taken
	waiting  atomic.Int64    // workers that have taken a request that is not due, or are about to
	workers  sync.WaitGroup
	entering atomic.Int64 // workers whose answer is being observed, or waits for that
	observed sync.Mutex   // holds ran and the calls of Observe and Tick
	ran      Ran
}

func newCrew(s sender, a Attack, number uint32, v *verdicts) *crew {
	return &crew{sender: s, verdicts: v, attack: a, number: number, ran: Ran{Attack: number, Planned: a.Schedule.Count()}}
}

// run sends everything and returns when the last request has ended.
func (c *crew) run(ctx context.Context) Ran {
	c.stop, c.ctx = ctx.Done(), context.WithoutCancel(ctx)
	c.began = time.Now()
	c.start()
	ended := make(chan struct{})
	go func() {
		c.workers.Wait()
		close(ended)
	}()
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	for {
		select {
		case <-ended:
			return c.ran
		case <-seconds.C:
			c.tick()
		}
	}
}

func (c *crew) tick() {
	if c.attack.Tick == nil {
		return
	}
	c.observed.Lock()
	defer c.observed.Unlock()
	c.attack.Tick(time.Since(c.began))
}

// start adds a worker.
func (c *crew) start() {
	c.waiting.Add(1)
	c.workers.Go(c.work)
}

// work sends one request after the other, as they come due.
func (c *crew) work() {
	var mine call
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		seq := c.next.Add(1) - 1
		if seq >= c.ran.Planned {
			return
		}
		mine.begin(c.number, seq, c.attack.Shots(seq))
		c.sender.prepare(&mine)
		due := c.began.Add(c.attack.Schedule.At(seq))
		if !c.await(due, timer) {
			return
		}
		if c.waiting.Add(-1) == 0 && c.entering.Load() < enoughObserving {
			c.start()
		}
		c.send(&mine, due)
		if c.waiting.Add(1) > spareWorkers {
			c.waiting.Add(-1)
			return
		}
	}
}

// await waits until a moment; false: the attack was stopped before.
func (c *crew) await(due time.Time, timer *time.Timer) bool {
	wait := time.Until(due)
	if wait <= 0 {
		select {
		case <-c.stop:
			return false
		default:
			return true
		}
	}
	timer.Reset(wait)
	select {
	case <-timer.C:
		return true
	case <-c.stop:
		return false
	}
}

// send sends a request that is due and has it observed.
func (c *crew) send(mine *call, due time.Time) {
	mine.began = time.Now()
	c.sender.send(c.ctx, mine)
	mine.ended = time.Now()
	sample := mine.sample(due, c.verdicts)
	c.entering.Add(1)
	defer c.entering.Add(-1)
	c.observed.Lock()
	defer c.observed.Unlock()
	c.ran.Sent++
	c.ran.Span = max(c.ran.Span, mine.began.Sub(c.began))
	c.ran.Elapsed = max(c.ran.Elapsed, mine.ended.Sub(c.began))
	c.attack.Observe(sample)
}
