package cache

import (
	"sync"
	"time"
)

const (
	// breakerFailures in a row open the breaker: one lost packet must not cost
	// every other request its cache.
	breakerFailures = 5
	// breakerPause is how long Redis is left alone before one request tries
	// again. With a 50 ms time-out it bounds what an outage adds to the traffic:
	// one slow request a second.
	breakerPause = time.Second
)

// breaker decides whether to ask Redis. Closed: always. Open: not until
// breakerPause has passed; then a single request tries, and its outcome closes
// the breaker or opens it for another pause.
type breaker struct {
	mu       sync.Mutex
	failures int
	openTill time.Time
	probing  bool
}

// allow reports whether to ask. A caller that was allowed must call done.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < breakerFailures {
		return true
	}
	if b.probing || now.Before(b.openTill) {
		return false
	}
	b.probing = true
	return true
}

// outcome of an attempt, as far as it says something about Redis.
type outcome int

const (
	reached   outcome = iota // Redis answered, if only by an error that others may not get
	unreached                // no answer in time, or one that every request would get
	unknown                  // the caller went away before there was one
)

func (b *breaker) done(now time.Time, o outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch o {
	case reached:
		b.failures = 0
	case unreached:
		b.failures++
		if b.failures >= breakerFailures {
			b.openTill = now.Add(breakerPause)
		}
	case unknown:
	}
}
