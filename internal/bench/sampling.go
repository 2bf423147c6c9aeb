package bench

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/honeydue/honeydue/internal/bench/stats"
	"github.com/honeydue/honeydue/internal/store"
)

// instant is what all sources said at one moment; nil for one that did not answer.
type instant struct {
	at    time.Duration // from the start of the phase
	ended int64         // requests of the phase that had ended

	server     *serverPage
	pools      *store.Pools
	statements *store.StatementTotals
	redis      *redisAccount
}

// redisAccount is what INFO says, NaN where it says nothing.
type redisAccount struct{ hits, misses, evicted, memory, clients float64 }

// sampling is one phase as a Sampler sees it. A nil one sees nothing.
type sampling struct {
	sampler  *Sampler
	began    time.Time
	ended    atomic.Int64
	instants []instant
	missed   []Unseen // by source, in the sampler's order
	cost     SamplingCost
	turns    int64 // of the sampler, before
	stop     chan struct{}
	stopped  chan struct{}
}

// begin takes the first reading, before the first request of a phase: what is
// counted later is counted from here. It is nil where there is nothing to read.
func (s *Sampler) begin(ctx context.Context) *sampling {
	if s == nil || len(s.sources) == 0 || ctx.Err() != nil {
		return nil
	}
	w := &sampling{
		sampler: s, missed: make([]Unseen, len(s.sources)), turns: s.turns(),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	w.read(ctx)
	return w
}

// answered counts a request that has ended.
func (w *sampling) answered() {
	if w != nil {
		w.ended.Add(1)
	}
}

// run reads again and again until end. began is the start of the phase, planned
// its length.
func (w *sampling) run(ctx context.Context, began time.Time, planned time.Duration) {
	if w == nil {
		return
	}
	w.began = began
	interval := sliceLength
	for planned/interval >= maxSlices {
		interval *= 2
	}
	go func() { // ends with end, which waits for it
		defer close(w.stopped)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-tick.C:
				w.read(ctx)
			}
		}
	}()
}

// end takes the last reading, after the last answer, and returns what was seen
// and what was not.
func (w *sampling) end(ctx context.Context) (*ServerTimeline, []Unseen) {
	if w == nil {
		return nil, nil
	}
	close(w.stop)
	<-w.stopped
	w.read(ctx)
	w.cost.Turns = w.sampler.turns() - w.turns
	w.cost.MS = round(w.cost.MS)
	var unseen []Unseen
	for _, m := range w.missed {
		if m.Missed > 0 {
			m.Readings = len(w.instants)
			unseen = append(unseen, m)
		}
	}
	if foreign(w.instants) {
		unseen = append(unseen, Unseen{What: "the server's pool and caches", Because: "its metrics page is not that of honeydue serve"})
	}
	return serverTimeline(w.instants, w.cost), unseen
}

// read takes one reading. What is left of it when the run is cut short is still
// read: each answer has its own deadline.
func (w *sampling) read(ctx context.Context) {
	i := instant{ended: w.ended.Load()}
	began := time.Now()
	if !w.began.IsZero() {
		i.at = began.Sub(w.began)
	}
	for n, err := range w.sampler.read(context.WithoutCancel(ctx), &i) {
		if err == nil {
			continue
		}
		if m := &w.missed[n]; m.Missed == 0 {
			m.What, m.Because = w.sampler.sources[n].what, because(err)
		}
		w.missed[n].Missed++
	}
	w.cost.Readings++
	w.cost.MS += stats.MS(time.Since(began))
	w.instants = append(w.instants, i)
}

func foreign(instants []instant) bool {
	for _, i := range instants {
		if i.server != nil && !i.server.honeydue {
			return true
		}
	}
	return false
}
