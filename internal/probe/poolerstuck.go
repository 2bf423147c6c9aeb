package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// stuckAfter is when the console is asked why no statement comes back: connecting takes eight round trips at most, 0.9 s
// over an ocean, and a client that waits is given up after queryTimeout.
const stuckAfter = time.Second

// stuckPool is what the console says of the app's pool while a client waits in it.
type stuckPool struct {
	known                  bool
	paused, databasePaused bool
	stateKnown             bool // SHOW STATE was answered
	// unlisted is set where SHOW DATABASES does not name the database. PgBouncer 1.18 leaves out one of its wildcard (*) that
	// had no client at its last maintenance, although clients wait in it by now.
	unlisted                 bool
	waiting, active, servers int64 // servers of any state
}

// hopeless reports whether whoever waits is given nothing: the pool is paused, or it has no server connection and opens
// none.
func (s stuckPool) hopeless() bool {
	return s.paused || s.databasePaused || s.known && s.waiting > 0 && s.servers == 0
}

// lookWhileStuck asks for the pool while a client waits. What is paused as a whole is named by SHOW STATE only, which
// PgBouncer has since 1.19; SHOW DATABASES names a database that was paused by itself.
func (p *poolsConsole) lookWhileStuck(ctx context.Context, f *poolerFacts) {
	rows, err := p.show(ctx, "POOLS")
	if err != nil {
		return
	}
	out := &f.stuck
	out.known = true
	for _, r := range p.console.Of(rows, "database") {
		out.waiting += r.Number("cl_waiting")
		out.active += r.Number("sv_active")
		for column := range r {
			if strings.HasPrefix(column, "sv_") {
				out.servers += r.Number(column)
			}
		}
	}
	if listed, err := p.readDatabase(ctx, f); err == nil {
		out.unlisted = !listed
		out.databasePaused = listed && f.database.Number("paused") == 1
	}
	if rows, err := p.show(ctx, "STATE"); err == nil {
		out.stateKnown = true
		for _, r := range rows {
			out.paused = out.paused || r["key"] == "paused" && r["value"] == "yes"
		}
	}
}

// A pool that is held, and who holds it.
const holders = `psql "$DATABASE_DIRECT_URL" -c "SELECT pid, application_name, state, now() - xact_start AS age FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL ORDER BY 4 DESC"`

// stuck is why the pooler gives no server connection, as far as its console shows, and the remedy.
func (o *observation) stuck() hit {
	c := o.ways.console
	if c == nil || c.failed != nil || !c.stuck.known {
		return hit{
			evidence: " Set PGBOUNCER_ADMIN_URL: the console shows whether it is paused or its pool is full.",
			remedy: `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW DATABASES' -c 'SHOW POOLS'   # if paused is 1, or there are no servers (sv_) at all: psql "$PGBOUNCER_ADMIN_URL" -c RESUME` + "\n" +
				holders + `   # if sv_active equals pool_size: end these, or raise default_pool_size`,
		}
	}
	s := c.stuck
	size, by := c.declaredSize()
	full := slices.IndexFunc(c.serverLimits(), poolerLimit.reached)
	switch {
	case s.databasePaused:
		return hit{
			evidence: " SHOW DATABASES: the database is paused.",
			remedy:   fmt.Sprintf(`psql "$PGBOUNCER_ADMIN_URL" -c 'RESUME %s'`, o.ways.database),
		}
	case s.paused:
		return hit{evidence: " SHOW STATE: PgBouncer is paused.", remedy: resume}
	case c.sizeZero() && s.active == 0:
		return hit{
			evidence: fmt.Sprintf(" SHOW DATABASES: %s is %d, which PgBouncer %s treats as one connection, and as none after that one was closed; %d clients wait.", by, size, c.version, s.waiting),
			remedy:   c.resize(tunedPoolSize),
		}
	case c.poolSize > 0 && s.active >= c.poolSize:
		return hit{
			evidence: fmt.Sprintf(" SHOW POOLS: the pool is full: %d of %d server connections are busy, and %d clients wait.", s.active, c.poolSize, s.waiting),
			remedy:   holders + "   # they hold the pool: end them with pg_terminate_backend(pid)" + c.largerPool(),
		}
	case s.servers == 0 && s.waiting > 0 && s.unlisted:
		return hit{
			evidence: fmt.Sprintf(" SHOW POOLS: %d clients wait, and PgBouncer has no server connection and opens none: most likely it is paused, or the database is, which SHOW DATABASES does not list.", s.waiting),
			remedy:   resume + fmt.Sprintf(` -c 'RESUME %s'   # the one that was not paused reports that; if neither was, PgBouncer cannot log in to Postgres: see its log`, o.ways.database),
		}
	case full >= 0:
		l := c.serverLimits()[full]
		return hit{
			evidence: fmt.Sprintf(" %s is reached: %d of %d connections to the database are open, %d of them for this pool, and %d clients wait.", l.setting, l.used, l.limit, s.servers, s.waiting),
			remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW POOLS' -c 'SHOW SERVERS'   # which pools hold them? Then raise ` + l.setting + ` in pgbouncer.ini and RELOAD`,
		}
	case s.servers == 0 && s.waiting > 0 && s.stateKnown:
		return hit{
			evidence: fmt.Sprintf(" SHOW POOLS: %d clients wait, and PgBouncer has no server connection and opens none, although it is not paused (SHOW STATE): it cannot log in to Postgres, or waits before it tries again.", s.waiting),
			remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW CONFIG'   # its log shows why; it tries again every server_login_retry seconds`,
		}
	case s.servers == 0 && s.waiting > 0:
		return hit{
			evidence: fmt.Sprintf(" SHOW POOLS: %d clients wait, and PgBouncer has no server connection and opens none: most likely it is paused.", s.waiting),
			remedy:   resume + "   # if it was not paused, it cannot log in to Postgres: see its log; it tries again every server_login_retry seconds",
		}
	}
	return hit{
		evidence: fmt.Sprintf(" SHOW POOLS: %d clients wait, and %d of its %d server connections are busy; it is not paused and may open %s.", s.waiting, s.active, s.servers, c.mayHave()),
		remedy:   `psql "$PGBOUNCER_ADMIN_URL" -c 'SHOW SERVERS'   # state login: it cannot reach Postgres or log in; its log shows why`,
	}
}

const resume = `psql "$PGBOUNCER_ADMIN_URL" -c RESUME`

// largerPool doubles the pool.
func (f *poolerFacts) largerPool() string {
	if _, by := f.declaredSize(); by != defaultPoolSize {
		return fmt.Sprintf("; or raise the %s in pgbouncer.ini and RELOAD", by)
	}
	return fmt.Sprintf(`; or: psql "$PGBOUNCER_ADMIN_URL" -c 'SET default_pool_size = %d'`, 2*f.poolSize)
}
