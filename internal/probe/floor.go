package probe

import (
	"context"
	"slices"
	"time"
)

// FloorSamples is how many empty queries the floor is the least of.
const FloorSamples = 15

// measureFloor returns the least of FloorSamples round trips and the jitter, their median less it. ask
// makes one round trip that asks the server for nothing.
func measureFloor(ctx context.Context, ask func(context.Context) error) (floor, jitter time.Duration, err error) {
	var samples []time.Duration
	for range FloorSamples {
		began := time.Now()
		if err := ask(ctx); err != nil {
			return 0, 0, err
		}
		samples = append(samples, time.Since(began))
	}
	floor = slices.Min(samples)
	return floor, median(samples) - floor, nil
}
