package dial

import (
	"context"
	"time"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// MeasureFloor asks the server for nothing, so many times and one after the other, and returns what each took. After the
// first that fails there are no more. The caller bounds each.
func MeasureFloor(ctx context.Context, times int, ask func(context.Context) error) (samples []time.Duration, err error) {
	ends := time.Now().Add(facts.FloorShare)
	for len(samples) < times && time.Now().Before(ends) {
		began := time.Now()
		next := time.After(facts.SamplePause)
		if err := ask(ctx); err != nil {
			return samples, err
		}
		samples = append(samples, time.Since(began))
		select {
		case <-ctx.Done():
		case <-next:
		}
	}
	return samples, nil
}
