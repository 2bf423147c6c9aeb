package bench

import (
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	// checkpointEvery is how many arrivals lie between two moments that are kept:
	// an eighth of a byte for each request, and at most so many steps to find one.
	checkpointEvery = 64
	// maxPoisson is the most requests that a Poisson schedule may hold: walking
	// them takes about 20 ns each before the run.
	maxPoisson = 100_000_000
)

// arrivals are the moments of a Poisson process. The gap before arrival i is a
// pure function of the seed and i (exponential, by inversion), so the moments
// are the same in every run.
type arrivals struct {
	seed        uint64
	mean        float64         // of a gap, in ns
	checkpoints []time.Duration // the moment of each checkpointEvery-th arrival
}

// Poisson is the schedule of independent arrivals at a mean rate (requests per
// second), as many users who know nothing of each other make them. The same
// seed gives the same moments, and with them the same number of requests.
func Poisson(rate float64, over time.Duration, seed uint64) (Schedule, error) {
	p := Piece{From: rate, To: rate, Over: over}
	if err := p.validate(); err != nil {
		return Schedule{}, err
	}
	if rate*over.Seconds() > maxPoisson {
		return Schedule{}, fmt.Errorf("a Poisson schedule of more than %d requests", maxPoisson)
	}
	a := &arrivals{seed: seed, mean: float64(time.Second) / rate}
	count, at := uint64(0), a.gap(0)
	for ; at < over; count++ {
		if count%checkpointEvery == 0 {
			a.checkpoints = append(a.checkpoints, at)
		}
		at += a.gap(count + 1)
	}
	if count == 0 {
		return Schedule{}, errors.New("the seed gives no request in so short a time")
	}
	return Schedule{
		pieces: []placed{{Piece: p, count: count, arrivals: a}},
		count:  count, whole: int(count), over: over,
	}, nil
}

// at is the moment of arrival n, past the last checkpoint too.
func (a *arrivals) at(n uint64) time.Duration {
	kept := min(n/checkpointEvery, uint64(len(a.checkpoints)-1)) //nolint:gosec // there is one at least
	at := a.checkpoints[kept]
	for i := kept*checkpointEvery + 1; i <= n; i++ {
		at += a.gap(i)
	}
	return at
}

// gap is the time from arrival n-1 to arrival n. Whole nanoseconds, so that
// sums are exact in whatever order they are made.
func (a *arrivals) gap(n uint64) time.Duration {
	// 53 random bits and a half: a share of ]0, 1[.
	u := (float64(scatter(scatter(a.seed)^n)>>11) + 0.5) / (1 << 53)
	return time.Duration(math.Round(-math.Log(u) * a.mean))
}
