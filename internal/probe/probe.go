package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/honeydue/honeydue/internal/probe/check"
	"github.com/honeydue/honeydue/internal/probe/collect"
	"github.com/honeydue/honeydue/internal/probe/facts"
)

// Steps is how often a whole probe calls Progress.
const Steps = 5

// Validate refuses codes that do not exist.
func Validate(c facts.Config) error {
	known := check.Codes()
	for _, code := range slices.Concat(c.Only, c.Skip) {
		if !slices.Contains(known, code) {
			return fmt.Errorf("there is no check %q; the codes are %s", code, strings.Join(known, ", "))
		}
	}
	return nil
}

// Run measures and judges within c.Timeout. A server that is down is a finding and no error; an error
// means that there is no report. One in which no check was judged says so: see Result.Unmeasured.
func Run(ctx context.Context, c facts.Config) (facts.Result, error) {
	if err := Validate(c); err != nil {
		return facts.Result{}, err
	}
	if c.URL == "" && c.DirectURL == "" && c.RedisURL == "" && c.TargetURL == "" && c.Cluster == nil {
		return facts.Result{}, facts.ErrNothing
	}
	if c.Timeout <= 0 {
		c.Timeout = facts.DefaultTimeout
	}
	began := time.Now()
	// Taking leave of the servers belongs to the time that was given.
	bounded, cancel := context.WithTimeout(ctx, c.Timeout-min(collect.CloseTimeout, c.Timeout/10))
	defer cancel()

	o := collect.Observe(bounded, c)
	r := result(o)
	r.Checks, r.Findings = check.Judge(check.Registry(), o, c.Only, c.Skip)
	r.Unjudged = check.Unjudged(o, r.Checks)
	r.StartedAt = began.UTC()
	r.DurationMS = facts.MS(time.Since(began))
	r.Interrupted = ctx.Err() != nil
	r.Verdict = check.Verdict(r)
	if err := ctx.Err(); err != nil && len(r.Endpoints) == 0 {
		return r, err
	}
	return r, nil
}
