package collect

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// pace keeps the statements of several lanes apart. Each spends a round trip on the way and next to nothing at the
// server: begun at even distances, no two of them meet there, so that none waits for another one of the probe's, and the
// pooler gives them one server connection after the other. What executes for more than half of that distance has
// the network path to itself.
type pace struct {
	gap  time.Duration
	mu   sync.Mutex
	next time.Time
	// way has a place for each lane: what is quick takes one, and what is not takes all of them.
	way   *semaphore.Weighted
	lanes int64
}

func newPace(floor time.Duration, lanes int) *pace {
	if lanes < 2 {
		return &pace{}
	}
	return &pace{gap: floor / time.Duration(lanes), way: semaphore.NewWeighted(int64(lanes)), lanes: int64(lanes)}
}

// enter waits for the statement's turn. The function that it returns ends it.
func (p *pace) enter(ctx context.Context, executes time.Duration) (leave func()) {
	if p.gap == 0 {
		return func() {}
	}
	places := int64(1)
	if executes > p.gap/2 {
		places = p.lanes
	}
	if err := p.way.Acquire(ctx, places); err != nil {
		return func() {} // the probe is over, and so will be the statement
	}
	leave = func() { p.way.Release(places) }
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(p.slot(time.Now()))):
	}
	return leave
}

// slot takes the next moment at which a statement may begin.
func (p *pace) slot(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.next
	if at.Before(now) {
		at = now
	}
	p.next = at.Add(p.gap)
	return at
}

// controlQuery sends empty queries on a connection of its own, one at a time: a statement that asks for one while one is under way
// is given that one's time. Through a pooler the first of them begin transactions, whose other statements make the floor.
type controlQuery struct {
	server *pgClient
	mu     sync.Mutex
	flight *emptied // nil if none is under way
	under  sync.WaitGroup
}

type emptied struct {
	answered chan struct{}
	took     time.Duration // 0 if there was no answer
}

// send returns a function that waits for an empty query and gives its time, 0 if it had no answer; asked is false if none
// could be sent now. The query ends by its own time-out.
func (c *controlQuery) send(ctx context.Context) (took func() (took time.Duration, asked bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.flight
	if e == nil {
		if !c.server.usable() {
			return func() (time.Duration, bool) { return 0, true }
		}
		e = &emptied{answered: make(chan struct{})}
		c.flight = e
		c.under.Go(func() {
			c.ask(ctx, e)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.flight = nil
		})
	}
	select {
	case <-e.answered: // the transaction of an earlier one is being ended
		return func() (time.Duration, bool) { return 0, false }
	default:
	}
	return func() (time.Duration, bool) {
		<-e.answered
		return e.took, true
	}
}

// ask makes one query, and a whole transaction of it while the floor is not complete.
func (c *controlQuery) ask(ctx context.Context, e *emptied) {
	s := c.server
	query, whole := s.empty, s.Pooled && len(s.Samples) < s.floorSamples()
	if whole {
		query = s.begin
	}
	began := time.Now()
	err := query(ctx)
	if err == nil {
		e.took = time.Since(began)
	}
	close(e.answered)
	if err == nil && whole {
		_ = s.end(ctx) // what has no answer is among the samples
	}
}

// wait ends with the last query.
func (c *controlQuery) wait() { c.under.Wait() }
