package collect

import (
	"context"
	"time"
)

// What comes after the statements takes endTurns round trips one after the other: the transfers after idleness take 12
// (see transfers.idle), and a statement that is still being explained up to four. endLeast is for the last look at the
// servers, which takes a second where there is one (see startWatching).
const (
	endTurns = 16
	endLeast = time.Second
)

// attributionTime is how long the statements may be run: their share, or less if the probe would otherwise not get to
// its end. A statement that runs less often is measured less well; a check that comes too late is unknown.
func attributionTime(ctx context.Context, floor time.Duration) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return attributionShare
	}
	return max(0, min(attributionShare, time.Until(deadline)-endTurns*floor-endLeast))
}

// lastRun is when no statement is begun any more, not even for its first run: where there is not the time for a turn of
// each pair of statement and subject, half of it is left for what comes after them.
func lastRun(ctx context.Context, floor time.Duration, pairs int) time.Time {
	now := time.Now()
	deadline, ok := ctx.Deadline()
	if !ok {
		return now.Add(attributionShare)
	}
	if left := deadline.Sub(now); floor*time.Duration(pairs) > left-endLeast {
		return now.Add(left / 2)
	}
	return deadline
}
