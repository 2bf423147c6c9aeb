package bench

import (
	"slices"
	"time"
)

// keepSlowest is how many of the slowest samples of a phase are kept.
const keepSlowest = 20

// slowest keeps the slowest samples seen, the slowest first, and nothing of the
// others.
type slowest []slowSample

type slowSample struct {
	Sample
	latency time.Duration // as it is judged: a failure counts as at least the timeout
}

func (k *slowest) observe(s Sample, latency time.Duration) {
	at, _ := slices.BinarySearchFunc(*k, latency, func(kept slowSample, latency time.Duration) int {
		if kept.latency >= latency {
			return -1
		}
		return 1
	})
	if at >= keepSlowest {
		return
	}
	*k = slices.Insert(*k, at, slowSample{s, latency})
	if len(*k) > keepSlowest {
		*k = (*k)[:keepSlowest]
	}
}
