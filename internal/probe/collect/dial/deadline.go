package dial

import (
	"context"
	"net"
	"time"
)

// IPOf is nil for what is no address of the network.
func IPOf(a net.Addr) net.IP {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.IP
	}
	return nil
}

// Bound runs f with a deadline of its own within ctx.
func Bound(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f(ctx)
}

// LastLook is the moment for a last look that is to be made at that time: it needs time, too, a quarter of what is left
// and a second at most.
func LastLook(ctx context.Context, at time.Time) time.Time {
	if ends, ok := ctx.Deadline(); ok {
		if last := ends.Add(-min(time.Second, time.Until(ends)/4)); last.Before(at) {
			return last
		}
	}
	return at
}

// Enough reports whether the probe has that much time left.
func Enough(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > d
}
