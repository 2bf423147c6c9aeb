package check

import (
	"fmt"
	"slices"

	"github.com/honeydue/honeydue/internal/probe/facts"
)

// stuck is why the pooler gives no server connection, as far as its console shows, and the remedy.
func stuck(o *facts.Observation) hit {
	c := o.Ways.Console
	if c == nil || c.Failed != nil || !c.Stuck.Known {
		return hit{
			Evidence: " Set PGBOUNCER_ADMIN_URL: the console shows whether it is paused or its pool is full.",
			Remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW DATABASES' -c 'SHOW POOLS'   # if paused is 1, or there are no servers (sv_) at all: psql "$PGBOUNCER_ADMIN_URL" -c RESUME` + "\n" +
				facts.Holders + `   # if sv_active equals pool_size: end these, or raise default_pool_size`,
		}
	}
	s := c.Stuck
	size, by := c.DeclaredSize()
	full := slices.IndexFunc(c.ServerLimits(), facts.PoolerLimit.Reached)
	switch {
	case s.DatabasePaused:
		return hit{
			Evidence: " SHOW DATABASES: the database is paused.",
			Remedy:   fmt.Sprintf(`psql "$PGBOUNCER_ADMIN_URL" -c 'RESUME %s'`, o.Ways.Database),
		}
	case s.Paused:
		return hit{Evidence: " SHOW STATE: PgBouncer is paused.", Remedy: facts.Resume}
	case c.SizeZero() && s.Active == 0:
		return hit{
			Evidence: fmt.Sprintf(" SHOW DATABASES: %s is %d, which PgBouncer %s treats as one connection, and as none after that one was closed; %d clients wait.", by, size, c.Version, s.Waiting),
			Remedy:   c.Resize(facts.TunedPoolSize),
		}
	case c.PoolSize > 0 && s.Active >= c.PoolSize:
		return hit{
			Evidence: fmt.Sprintf(" SHOW POOLS: the pool is full: %d of %d server connections are busy, and %d clients wait.", s.Active, c.PoolSize, s.Waiting),
			Remedy:   facts.Holders + "   # they hold the pool: end them with pg_terminate_backend(pid)" + c.LargerPool(),
		}
	case s.Servers == 0 && s.Waiting > 0 && s.Unlisted:
		return hit{
			Evidence: fmt.Sprintf(" SHOW POOLS: %d clients wait, and PgBouncer has no server connection and opens none: most likely it is paused, or the database is, which SHOW DATABASES does not list.", s.Waiting),
			Remedy:   facts.Resume + fmt.Sprintf(` -c 'RESUME %s'   # the one that was not paused reports that; if neither was, PgBouncer cannot log in to Postgres: see its log`, o.Ways.Database),
		}
	case full >= 0:
		l := c.ServerLimits()[full]
		return hit{
			Evidence: fmt.Sprintf(" %s is reached: %d of %d connections to the database are open, %d of them for this pool, and %d clients wait.", l.Setting, l.Used, l.Limit, s.Servers, s.Waiting),
			Remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW POOLS' -c 'SHOW SERVERS'   # which pools hold them? Then raise ` + l.Setting + ` in pgbouncer.ini and RELOAD`,
		}
	case s.Servers == 0 && s.Waiting > 0 && s.StateKnown:
		return hit{
			Evidence: fmt.Sprintf(" SHOW POOLS: %d clients wait, and PgBouncer has no server connection and opens none, although it is not paused (SHOW STATE): it cannot log in to Postgres, or waits before it tries again.", s.Waiting),
			Remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW CONFIG'   # its log shows why; it tries again every server_login_retry seconds`,
		}
	case s.Servers == 0 && s.Waiting > 0:
		return hit{
			Evidence: fmt.Sprintf(" SHOW POOLS: %d clients wait, and PgBouncer has no server connection and opens none: most likely it is paused.", s.Waiting),
			Remedy:   facts.Resume + "   # if it was not paused, it cannot log in to Postgres: see its log; it tries again every server_login_retry seconds",
		}
	}
	return hit{
		Evidence: fmt.Sprintf(" SHOW POOLS: %d clients wait, and %d of its %d server connections are busy; it is not paused and may open %s.", s.Waiting, s.Active, s.Servers, c.MayHave()),
		Remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW SERVERS'   # state login: it cannot reach Postgres or log in; its log shows why`,
	}
}
