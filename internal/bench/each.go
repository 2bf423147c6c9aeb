package bench

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// each calls do for 0..n-1, so many at a time, and ends at the first error or
// with ctx. progress, if set, is called in the goroutine of the caller.
func each(ctx context.Context, atOnce, n int, do func(ctx context.Context, i int) error, progress func(done, all int)) error {
	g, working := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range n {
		if working.Err() != nil {
			break
		}
		g.Go(func() error { return do(working, i) })
		if progress != nil {
			progress(i+1, n)
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// wait is a pause that ends with ctx at the latest.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
