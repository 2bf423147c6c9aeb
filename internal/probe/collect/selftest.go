package collect

import (
	"context"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect/dial"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// testApp runs the self-test on the app's own pool. It holds a server connection for two round trips.
func testApp(ctx context.Context, o *facts.Observation, s *session) {
	switch {
	case !check.Wants(o, "HD-Q19"):
		o.App.NotRun = "no selected check needs it"
	case o.Config.NoAnalyze:
		o.App.NotRun = "no statement is run: --no-analyze"
	case s.db == nil:
		o.App.NotRun = "the app's pool could not be opened"
	default:
		_ = dial.Bound(ctx, facts.QueryTimeout, func(ctx context.Context) error {
			r, err := s.db.SelfTest(ctx)
			o.App.Result, o.App.Refused, o.App.Failed = &r, dial.Explain(ctx, "", r.Err), dial.Explain(ctx, "", err)
			return nil // it is noted
		})
	}
}
