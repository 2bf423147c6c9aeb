package check

import (
	"fmt"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

func poolerDrifted(o *facts.Observation) Outcome {
	if why := o.NoConsole(); why != "" {
		if h, seen := closesIdle(o); seen {
			return found(h)
		}
		return notKnown("%s", why)
	}
	c := o.Ways.Console
	var hits []hit
	mode := c.Settings["pool_mode"]
	if c.PoolMode != "" {
		mode = c.PoolMode // the database's own
	}
	if mode != "transaction" {
		hits = append(hits, hit{
			severity: facts.Critical, Remedy: facts.SetPooler("pool_mode", "transaction"),
			Evidence: fmt.Sprintf("pool_mode is %s; the tuned value is transaction: otherwise each client keeps a server connection to itself.", shown(mode)),
		})
	}
	e := o.Pooler.Endpoint
	for _, s := range facts.PoolerSettings() {
		value, ok := c.Settings[s.Name]
		if !ok {
			continue // a version without it
		}
		name, n, remedy := s.Name, c.Settings.Number(s.Name), facts.SetPooler(s.Name, s.Tuned)
		if s.Name == facts.DefaultPoolSize {
			if n, name = c.DeclaredSize(); c.PoolSize == 0 {
				continue // no limit
			}
			value, remedy = fmt.Sprint(n), c.Resize(facts.TunedPoolSize)
			if c.SizeZero() {
				value += fmt.Sprintf(" (one connection in PgBouncer %s)", c.Version)
			}
		}
		if s.Holds(n) {
			continue
		}
		h := hit{Remedy: remedy, about: []string{s.Name}, Evidence: fmt.Sprintf("%s is %s%s; the tuned value is %s%s: %s.", name, value, s.Unit, s.Tuned, s.Unit, s.Why)}
		if s.Ends {
			h.CostMS = e.ConnectMS
			h.Evidence = fmt.Sprintf("%s is %s%s; the tuned value is %s: %s; %s.", name, value, s.Unit, s.Tuned, s.Why, e.Connecting())
		}
		hits = append(hits, h)
	}
	return orPassed(hits, "pool_mode is transaction, and %d other settings have their tuned values.", len(facts.PoolerSettings()))
}

// closesIdle finds client_idle_timeout without the console: an idle connection of the probe was closed, or the running
// server has had its own closed.
func closesIdle(o *facts.Observation) (hit, bool) {
	e := o.Pooler.Endpoint
	h := hit{CostMS: e.ConnectMS, about: []string{facts.IdleSetting}, Remedy: facts.SetPooler(facts.IdleSetting, "0")}
	switch {
	case o.Ways.ClosedFor != "":
		h.Evidence = fmt.Sprintf("%s closed a connection of the probe after at most %.1f s idle (%s); %s.", e.Address, o.Ways.ClosedAfter.Seconds(), o.Ways.ClosedFor, e.Connecting())
	case o.Target != nil && o.Target.Metrics != nil && o.Target.Metrics.Pool.IdleLimitS > 0:
		h.Evidence = fmt.Sprintf("The running server's connections are closed after %.1f s idle (%s); %s.", o.Target.Metrics.Pool.IdleLimitS, facts.IdleSetting, e.Connecting())
	default:
		return hit{}, false
	}
	return h, true
}
